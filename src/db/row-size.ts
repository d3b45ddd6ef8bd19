/** How large the average row of a table is, from the catalog and without reading the table. */
import { sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'
import { sizeUnlessLocked } from './relation-size.ts'

/**
 * Bytes of a row with its share of TOAST and free space, without indexes: an estimate, as good as the last vacuum or
 * analyze. Of a partitioned table, over all its partitions.
 *
 * @returns undefined where nobody has counted the rows yet, or the table is not there
 */
export async function averageRowBytes(db: Queryable, schema: string, table: string): Promise<number | undefined> {
  const { average } = await db.one<{ average: number | null }>(sql`
    WITH RECURSIVE part AS (
      SELECT to_regclass(format('%I.%I', ${schema}::text, ${table}::text))::oid AS oid
      UNION ALL
      SELECT i.inhrelid
      FROM part
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = part.oid
    ),
    leaf AS (
      SELECT
        -- Since PostgreSQL 14, -1 stands for a table that was never vacuumed or analyzed.
        CASE WHEN c.reltuples > 0 THEN c.reltuples ELSE s.n_live_tup END AS rows,
        ${sizeUnlessLocked(sql`pg_table_size(c.oid)`, sql`c.oid`, sql`c.relpages`)} AS bytes
      FROM part
      JOIN pg_catalog.pg_class AS c ON c.oid = part.oid
      LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
      WHERE c.relkind IN ('r', 'm')
    )
    SELECT (SUM(bytes) / NULLIF(SUM(rows), 0))::double precision AS average
    FROM leaf
    WHERE rows > 0`)
  return average ?? undefined
}
