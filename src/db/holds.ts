/** Holds as Steward records them (`model/holds.ts`): whether they can be asked for, whole months, and their end. */
import { STEWARD_SCHEMA } from '../config/config.ts'
import { sql } from '../model/sql.ts'
import type { Database, Queryable, Transaction } from './database.ts'
import type { Partition } from './partition-catalog.ts'
import type { MonthlyTable } from './partitions.ts'

/** Holds that one transaction forgets. */
const FORGOTTEN = 50_000

/**
 * Whether rows may be held. Not so where the table of holds is not there yet, and for a role that may not read it and
 * could move nothing either, for want of a lease: to such a role rows are due as if nobody held them. A role that may
 * take a lease and not read holds is refused by the server.
 */
export async function mayBeHeld(db: Queryable): Promise<boolean> {
  const found = await db.maybeOne<{ readable: boolean; movable: boolean }>(sql`
    SELECT
      has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(holds.oid, 'SELECT') AS readable,
      has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(leases.oid, 'UPDATE') AS movable
    FROM pg_catalog.pg_namespace AS n
    JOIN pg_catalog.pg_class AS holds ON holds.relnamespace = n.oid AND holds.relname = 'retention_holds'
    JOIN pg_catalog.pg_class AS leases ON leases.relnamespace = n.oid AND leases.relname = 'leases'
    WHERE n.nspname = ${STEWARD_SCHEMA}`)
  return found !== undefined && (found.readable || found.movable)
}

/** What to say of rows that are held: `held until 2026-12-22 after a restore`. @param until as the server prints it */
export function heldReason(until: string): string {
  return `held until ${until.slice(0, 10)} after a restore`
}

/**
 * Partitions with a row that is held, and until when the last one is, as the server prints it. Told by the holds and the
 * partitions' bounds: no partition is read.
 */
export async function heldPartitions(
  db: Queryable,
  { schema, table, field }: MonthlyTable,
  partitions: readonly Pick<Partition, 'schema' | 'name' | 'since' | 'until'>[],
): Promise<(partition: Pick<Partition, 'schema' | 'name'>) => string | undefined> {
  const bounded = partitions.filter(({ since, until }) => since !== null && until !== null)
  if (bounded.length === 0 || !(await mayBeHeld(db))) return () => undefined
  const held = await db.rows<{ place: bigint; until: string }>(sql`
    WITH place AS (
      SELECT array_position(k.conkey, a.attnum)::integer - 1 AS in_key
      FROM pg_catalog.pg_constraint AS k
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attname = ${field}
      WHERE k.contype = 'p'
        AND k.conrelid = to_regclass(format('%I.%I', ${schema}::text, ${table}::text))
    ),
    -- By itself, so that no key of another table is taken for an instant.
    own AS MATERIALIZED (
      SELECT hold.row_key ->> place.in_key AS instant, hold.until
      FROM steward.retention_holds AS hold
      CROSS JOIN place
      WHERE hold.schema_name = ${schema}
        AND hold.table_name = ${table}
        AND hold.until > now()
    )
    SELECT bound.place, MAX(own.until)::text AS until
    FROM unnest(
      ${bounded.map(({ since }) => since)}::timestamptz[],
      ${bounded.map(({ until }) => until)}::timestamptz[]
    ) WITH ORDINALITY AS bound (since, until, place)
    JOIN own ON own.instant::timestamptz >= bound.since AND own.instant::timestamptz < bound.until
    GROUP BY bound.place`)
  const nameOf = (one: Pick<Partition, 'schema' | 'name'> | undefined) => JSON.stringify([one?.schema, one?.name])
  const untils = new Map(held.map(({ place, until }) => [nameOf(bounded[Number(place) - 1]), until]))
  return (partition) => untils.get(nameOf(partition))
}

/**
 * Removes the holds that have run out, some at a time.
 *
 * @param guard of the lease under which it happens
 * @returns how many there were
 */
export async function forgetHolds(db: Database, guard: (tx: Transaction) => Promise<void>): Promise<number> {
  if (!(await mayBeHeld(db))) return 0
  for (let all = 0; ; ) {
    const forgotten = await db.transaction(async (tx) => {
      await guard(tx)
      return tx.execute(sql`
        DELETE FROM steward.retention_holds
        WHERE ctid = ANY (ARRAY(
          SELECT ctid
          FROM steward.retention_holds
          WHERE until <= now()
          LIMIT ${FORGOTTEN}
        ))`)
    })
    all += forgotten
    if (forgotten < FORGOTTEN) return all
  }
}
