import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'

export interface CatalogColumn {
  readonly table: string
  readonly name: string
  /** As `format_type` prints it. */
  readonly type: string
  readonly nullable: boolean
  /** Default as `pg_get_expr` prints it; null for an identity or generated column. */
  readonly default: string | null
  /** Of an identity column, whether inserts may give a value (PostgreSQL manual, 5.3). */
  readonly identity: 'always' | 'by default' | null
  /** Expression of a generated column as `pg_get_expr` prints it, ` VIRTUAL` after it where it is not stored (5.4). */
  readonly generated: string | null
}

/** Columns of a schema's tables and views in their order; partitions have those of their table. */
export function columns(db: Queryable, schema: string): Promise<CatalogColumn[]> {
  return db.rows<CatalogColumn>(sql`
    SELECT c.relname AS "table",
           a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type,
           NOT a.attnotnull AS nullable,
           CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
           CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
           CASE a.attgenerated
             WHEN 's' THEN pg_get_expr(d.adbin, d.adrelid)
             WHEN 'v' THEN pg_get_expr(d.adbin, d.adrelid) || ' VIRTUAL'
           END AS generated
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND NOT c.relispartition
      AND a.attnum > 0
      AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
  `)
}
