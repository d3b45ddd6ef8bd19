/**
 * What PostgreSQL knows about each index, with an estimate of its bloat: how much of its size a fresh build would not
 * need. An estimate from statistics, not a measurement, and it says so wherever it is shown.
 */
import type { Queryable } from '../db/database.ts'
import { sizeUnlessLocked } from '../db/relation-size.ts'
import { sql } from '../model/sql.ts'

export interface IndexStatistics {
  readonly schema: string
  readonly table: string
  readonly index: string
  readonly bytes: bigint
  /** False for what an interrupted concurrent build left behind. */
  readonly valid: boolean
  /** Process id of a backend that is building an index of this table right now; null when none is. */
  readonly builder: number | null
  /** Backs an exclusion constraint: cannot be rebuilt concurrently. */
  readonly exclusion: boolean
  /** Estimated share of the index that a rebuild would free, in percent; null where no estimate is possible. */
  readonly bloatPercent: number | null
}

/**
 * Every index of these schemas, largest first.
 *
 * The estimate covers B-trees whose tables have been analysed. Expected size: one tuple a row, each of a line pointer
 * (4 bytes), a header (8) and the average width of its columns aligned to 8 bytes, on pages of `block_size` less
 * header and special space (40 bytes), filled to the fillfactor (90 % by default; PostgreSQL manual, 65.6 and 64.4).
 * Duplicates are stored once since PostgreSQL 13, so a B-tree may well be smaller than expected: that counts as none.
 */
export async function indexStatistics(db: Queryable, schemas: readonly string[]): Promise<IndexStatistics[]> {
  return db.rows<IndexStatistics>(sql`
    WITH idx AS (
      SELECT
        n.nspname,
        t.relname AS table_name,
        c.relname AS index_name,
        c.oid,
        c.reltuples,
        c.relpages,
        i.indisvalid,
        i.indisexclusion,
        am.amname,
        i.indrelid,
        i.indkey,
        COALESCE((SELECT option_value::numeric
                  FROM pg_options_to_table(c.reloptions)
                  WHERE option_name = 'fillfactor'), 90) / 100 AS fill,
        current_setting('block_size')::numeric AS block
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_class t ON t.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_am am ON am.oid = c.relam
      WHERE c.relkind = 'i'
        AND c.relpersistence <> 't'
        AND n.nspname = ANY(${[...schemas]}::text[])
    ),
    width AS (
      -- Columns of the table by position; expressions (0) have statistics under the index itself.
      SELECT
        idx.oid,
        SUM((1 - s.null_frac) * s.avg_width) AS bytes,
        COUNT(*) = COUNT(s.avg_width) AS known
      FROM idx
      CROSS JOIN LATERAL unnest(idx.indkey::smallint[]) WITH ORDINALITY AS key(attnum, position)
      LEFT JOIN pg_attribute a
        ON a.attrelid = CASE WHEN key.attnum = 0 THEN idx.oid ELSE idx.indrelid END
        AND a.attnum = CASE WHEN key.attnum = 0 THEN key.position ELSE key.attnum END
      LEFT JOIN pg_stats s
        ON s.schemaname = idx.nspname
        AND s.tablename = CASE WHEN key.attnum = 0 THEN idx.index_name ELSE idx.table_name END
        AND s.attname = a.attname
      GROUP BY idx.oid
    )
    SELECT
      idx.nspname AS schema,
      idx.table_name AS "table",
      idx.index_name AS index,
      ${sizeUnlessLocked(sql`pg_relation_size(idx.oid)`, sql`idx.oid`, sql`idx.relpages`)} AS bytes,
      idx.indisvalid AS valid,
      (SELECT MIN(pid) FROM pg_stat_progress_create_index p WHERE p.relid = idx.indrelid) AS builder,
      idx.indisexclusion AS exclusion,
      CASE
        WHEN idx.amname <> 'btree' OR NOT width.known OR idx.reltuples < 0 OR idx.relpages <= 1 THEN NULL
        ELSE GREATEST(0, ROUND((100 * (1 - (
          CEIL(idx.reltuples * (4 + 8 + CEIL(width.bytes / 8) * 8) / ((idx.block - 40) * idx.fill)) + 1
        ) / idx.relpages))::numeric, 1))::double precision
      END AS "bloatPercent"
    FROM idx
    JOIN width ON width.oid = idx.oid
    ORDER BY bytes DESC, idx.nspname, idx.index_name
  `)
}
