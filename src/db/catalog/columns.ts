import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'

export interface CatalogColumn {
  readonly table: string
  readonly name: string
  /** As `format_type` prints it. */
  readonly type: string
  readonly nullable: boolean
  /** Default as `pg_get_expr` prints it; the generating expression for a generated column. */
  readonly default: string | null
}

/** Columns of a schema's tables and views in their order. */
export function columns(db: Queryable, schema: string): Promise<CatalogColumn[]> {
  return db.rows<CatalogColumn>(sql`
    SELECT c.relname AS "table",
           a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type,
           NOT a.attnotnull AS nullable,
           pg_get_expr(d.adbin, d.adrelid) AS "default"
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0
      AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
  `)
}
