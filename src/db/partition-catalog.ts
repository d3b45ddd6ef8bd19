/** What the catalog says of the partitions of a table: their bounds, sizes, and whether they are over. */
import { type Sql, sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'
import type { MonthlyTable } from './partitions.ts'
import { sizeUnlessLocked } from './relation-size.ts'

/** Finds the two ends in a bound of one column as `pg_get_expr` prints it; the default partition's has none. */
export const BOUND = "FROM [(]'?(.*?)'?[)] TO [(]'?(.*?)'?[)]"

/** A partition as the catalog has it. */
export interface Partition {
  /** It may lie in another schema than its table. */
  readonly schema: string
  readonly name: string
  /** Its bounds as the server prints them, `-infinity` and `infinity` among them; null for the default partition. */
  readonly since: string | null
  readonly until: string | null
  /** It takes what belongs into no other. */
  readonly isDefault: boolean
  /** It ends at or before the cutoff, and before the current month. */
  readonly isPast: boolean
  /** A DETACH … CONCURRENTLY was begun and not ended: its rows are not seen through the table any more. */
  readonly detachPending: boolean
  /** Partitioned itself. */
  readonly isBranch: boolean
  /** Rows as of the last vacuum or analyze; null when there was none. */
  readonly estimatedRows: bigint | null
  /** With TOAST and indexes. */
  readonly bytes: bigint
}

/**
 * The partitions of a table, the oldest first, the default one last; by their bounds in the catalog and not by their
 * names, since somebody may have made some by hand.
 *
 * @param cutoff the first instant that is too young; `isPast` is about it. The current month (UTC) is never past
 */
export function partitionsBefore(db: Queryable, { schema, table }: MonthlyTable, cutoff: Sql): Promise<Partition[]> {
  return db.rows<Partition>(sql`
    WITH child AS (
      SELECT
        c.oid,
        c.relname,
        c.relkind,
        c.relpages,
        c.reltuples,
        n.nspname,
        i.inhdetachpending,
        pg_get_expr(c.relpartbound, c.oid) AS bound
      FROM pg_catalog.pg_inherits AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE i.inhparent = to_regclass(format('%I.%I', ${schema}::text, ${table}::text))
    ),
    ranged AS (
      SELECT
        child.*,
        CASE ends[1] WHEN 'MINVALUE' THEN '-infinity' ELSE ends[1] END::timestamptz AS since,
        CASE ends[2] WHEN 'MAXVALUE' THEN 'infinity' ELSE ends[2] END::timestamptz AS until
      FROM child
      CROSS JOIN LATERAL regexp_match(child.bound, ${BOUND}) AS ends
    )
    SELECT
      nspname::text AS schema,
      relname::text AS name,
      since::text AS since,
      until::text AS until,
      bound = 'DEFAULT' AS "isDefault",
      COALESCE(
        until <= LEAST(${cutoff}, date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'),
        false
      ) AS "isPast",
      inhdetachpending AS "detachPending",
      relkind = 'p' AS "isBranch",
      CASE WHEN reltuples >= 0 AND relkind <> 'p' THEN reltuples::bigint END AS "estimatedRows",
      CASE relkind
        -- One that is partitioned itself has no file.
        WHEN 'p' THEN (
          SELECT COALESCE(SUM(pg_total_relation_size(tree.relid)), 0)::bigint
          FROM pg_partition_tree(ranged.oid) AS tree
          WHERE tree.isleaf
        )
        ELSE ${sizeUnlessLocked(sql`pg_total_relation_size(ranged.oid)`, sql`ranged.oid`, sql`relpages`)}
      END AS bytes
    FROM ranged
    ORDER BY since NULLS LAST, relname`)
}

/** Why a table is not partitioned by the month of a field. */
export type NotMonthly = 'absent' | 'not-partitioned' | 'otherwise'

/** What keeps a table from being partitioned by range of that field alone; undefined when it is so. */
export async function whyNotMonthly(
  db: Queryable,
  { schema, table, field }: MonthlyTable,
): Promise<NotMonthly | undefined> {
  const found = await db.maybeOne<{ kind: string; strategy: string | null; key: string | null }>(sql`
    SELECT
      c.relkind::text AS kind,
      p.partstrat::text AS strategy,
      -- The name of the only column of the key; NULL for several, and for an expression.
      (
        SELECT a.attname::text
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid
          AND p.partnatts = 1
          AND a.attnum = p.partattrs[0]
          AND a.attnum > 0
      ) AS key
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
    WHERE n.nspname = ${schema}
      AND c.relname = ${table}`)
  if (found === undefined) return 'absent'
  if (found.kind !== 'p') return 'not-partitioned'
  return found.strategy === 'r' && found.key === field ? undefined : 'otherwise'
}
