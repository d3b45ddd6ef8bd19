/** What PostgreSQL knows about the rows of each table: the figures that vacuum and analyze decide by. */
import type { Queryable } from '../db/database.ts'
import { sizeUnlessLocked } from '../db/relation-size.ts'
import { sql } from '../model/sql.ts'

export interface TableStatistics {
  readonly schema: string
  readonly table: string
  readonly liveRows: bigint
  readonly deadRows: bigint
  readonly changedSinceAnalyze: bigint
  /** Days since the last manual or automatic vacuum; null when never since statistics were reset. */
  readonly daysSinceVacuum: number | null
  readonly daysSinceAnalyze: number | null
  /** Heap, TOAST and indexes, in bytes. */
  readonly totalBytes: bigint
}

/**
 * Every table that holds rows in these schemas (partitions rather than their parents), largest first.
 * Source: pg_stat_all_tables (PostgreSQL manual, 27.2.19).
 */
export async function tableStatistics(db: Queryable, schemas: readonly string[]): Promise<TableStatistics[]> {
  return db.rows<TableStatistics>(sql`
    SELECT
      n.nspname AS schema,
      c.relname AS "table",
      s.n_live_tup AS "liveRows",
      s.n_dead_tup AS "deadRows",
      s.n_mod_since_analyze AS "changedSinceAnalyze",
      EXTRACT(EPOCH FROM now() - GREATEST(s.last_vacuum, s.last_autovacuum))::double precision / 86400
        AS "daysSinceVacuum",
      EXTRACT(EPOCH FROM now() - GREATEST(s.last_analyze, s.last_autoanalyze))::double precision / 86400
        AS "daysSinceAnalyze",
      ${sizeUnlessLocked(sql`pg_total_relation_size(c.oid)`, sql`c.oid`, sql`c.relpages`)} AS "totalBytes"
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_all_tables s ON s.relid = c.oid
    WHERE c.relkind IN ('r', 'm')
      AND c.relpersistence <> 't'
      AND n.nspname = ANY(${[...schemas]}::text[])
    ORDER BY "totalBytes" DESC, n.nspname, c.relname
  `)
}
