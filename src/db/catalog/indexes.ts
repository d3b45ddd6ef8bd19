import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'

export interface CatalogIndex {
  readonly table: string
  readonly name: string
  readonly method: string
  /** Key columns by name, or expressions, in order, with collation, operator class, DESC and NULLS where not the default. */
  readonly on: readonly string[]
  /** Columns it only carries (INCLUDE). */
  readonly includes: readonly string[]
  readonly unique: boolean
  /** Whether a unique index takes a NULL once only (PostgreSQL 15 on). */
  readonly nullsNotDistinct: boolean
  /** Name of the constraint it backs. */
  readonly constraint: string | null
  /** Predicate of a partial index as `pg_get_expr` prints it. */
  readonly where: string | null
  /** False when a concurrent build is under way or was interrupted. */
  readonly valid: boolean
}

/** Indexes of a schema's tables, those behind constraints too; partitions have those of their table. */
export function indexes(db: Queryable, schema: string): Promise<CatalogIndex[]> {
  return db.rows<CatalogIndex>(sql`
    SELECT c.relname AS "table",
           i.relname AS name,
           am.amname AS method,
           ARRAY(
             -- pg_get_indexdef quotes the names of columns, and is needed for expressions only.
             SELECT coalesce(a.attname::text, pg_get_indexdef(x.indexrelid, k, false))
                    || CASE WHEN x.indcollation[k - 1] NOT IN (0, a.attcollation) THEN ' COLLATE ' || l.collname ELSE '' END
                    || CASE WHEN o.opcdefault THEN '' ELSE ' ' || o.opcname END
                    -- indoption holds two bits a column: 1 descending, 2 nulls first (the default of descending).
                    || CASE x.indoption[k - 1] & 3
                         WHEN 1 THEN ' DESC NULLS LAST'
                         WHEN 2 THEN ' NULLS FIRST'
                         WHEN 3 THEN ' DESC'
                         ELSE ''
                       END
             FROM generate_series(1, x.indnkeyatts) AS k
             LEFT JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k - 1] AND a.attnum > 0
             LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = x.indcollation[k - 1]
             JOIN pg_catalog.pg_opclass AS o ON o.oid = x.indclass[k - 1]
             ORDER BY k
           ) AS "on",
           ARRAY(
             SELECT a.attname::text
             FROM generate_series(x.indnkeyatts + 1, x.indnatts) AS k
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k - 1]
             ORDER BY k
           ) AS includes,
           x.indisunique AS "unique",
           coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false) AS "nullsNotDistinct",
           con.conname AS "constraint",
           pg_get_expr(x.indpred, x.indrelid) AS "where",
           x.indisvalid AND x.indisready AS valid
    FROM pg_catalog.pg_index AS x
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_am AS am ON am.oid = i.relam
    LEFT JOIN pg_catalog.pg_constraint AS con ON con.conindid = i.oid AND con.contype IN ('p', 'u', 'x')
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('r', 'p', 'm')
      AND NOT c.relispartition
    ORDER BY c.relname, i.relname
  `)
}
