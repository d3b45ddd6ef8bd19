/**
 * Detaching a partition that is to be dropped while readers and writers go on (PostgreSQL manual, ALTER TABLE, DETACH
 * PARTITION CONCURRENTLY), and finding what a run that was killed in between left.
 */
import { identifier, quoteLiteral, raw, sql } from '../model/sql.ts'
import { foreignKeysIn, foreignKeysTo } from './catalog/foreign-keys.ts'
import type { Database, Queryable, Transaction } from './database.ts'
import { type DropWaits, withPatience } from './drop-locks.ts'
import type { Partition } from './partition-catalog.ts'
import type { MonthlyTable, RelationName } from './partitions.ts'

/** Begins the comment on a table that is detached only in order to be dropped. */
const MARK = 'steward drops it: '

const markOf = ({ schema, table }: Pick<MonthlyTable, 'schema' | 'table'>) =>
  `${MARK}a partition of ${schema}.${table} that is over`

/**
 * Whether DETACH … CONCURRENTLY can be of use: PostgreSQL refuses it where there is a default partition, or another
 * detach is pending, and a table that refers to others, once detached, can only be dropped with those locked, which is
 * worse than what it avoids.
 */
export async function canDetachConcurrently(
  db: Queryable,
  { schema, table }: MonthlyTable,
  partitions: readonly Partition[],
): Promise<boolean> {
  if (partitions.some(({ isDefault, detachPending, isPast }) => isDefault || (detachPending && !isPast))) return false
  if ((await foreignKeysTo(db, schema, table)).length > 0) return false
  return !(await foreignKeysIn(db, schema)).some((key) => key.table === table)
}

/**
 * Detaches without keeping readers and writers of the table out (PostgreSQL manual, ALTER TABLE, DETACH PARTITION).
 * It is marked first, so that one that was left behind by a kill is found (`leftBehind`) and dropped; one whose detach
 * was interrupted shows in the catalog as pending.
 *
 * @throws UsageError `direct-connection-needed` behind a transaction pooler; LockedError with the detach pending
 */
export async function detachConcurrently(
  db: Database,
  monthly: MonthlyTable,
  { schema, name }: Pick<Partition, 'schema' | 'name'>,
  { guard, lockTimeoutMs }: { readonly guard: (tx: Transaction) => Promise<void>; readonly lockTimeoutMs: number },
): Promise<void> {
  const partition = identifier(schema, name)
  const mark = raw(quoteLiteral(markOf(monthly)))
  await db.session(
    async (session) => {
      await db.transaction(
        async (tx) => {
          await guard(tx)
          await tx.execute(sql`COMMENT ON TABLE ${partition} IS ${mark}`)
        },
        { lockTimeoutMs },
      )
      await session.execute(sql`
        ALTER TABLE ${identifier(monthly.schema, monthly.table)} DETACH PARTITION ${partition} CONCURRENTLY`)
    },
    { direct: true, statementTimeoutMs: 0, lockTimeoutMs },
  )
}

/**
 * Takes the mark off partitions that are attached still, and whose detach was not begun: a run was killed, or had to give
 * up, after it marked them. Somebody who detaches one later on, to keep it, is not to lose it.
 */
export async function forgetMarks(
  db: Database,
  { schema, table }: MonthlyTable,
  { guard, lockTimeoutMs }: { readonly guard: (tx: Transaction) => Promise<void>; readonly lockTimeoutMs: number },
): Promise<void> {
  const marked = await db.rows<RelationName>(sql`
    SELECT n.nspname::text AS schema, c.relname::text AS name
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE i.inhparent = to_regclass(format('%I.%I', ${schema}::text, ${table}::text))
      AND NOT i.inhdetachpending
      AND obj_description(c.oid, 'pg_class') = ${markOf({ schema, table })}`)
  for (const { schema: beside, name } of marked) {
    await db.transaction(
      async (tx) => {
        await guard(tx)
        await tx.execute(sql`COMMENT ON TABLE ${identifier(beside, name)} IS NULL`)
      },
      { lockTimeoutMs },
    )
  }
}

/** Tables that were detached in order to be dropped, and were not: partitions of no table any more. */
export function leftBehind(
  db: Queryable,
  { schema, table }: MonthlyTable,
): Promise<{ readonly schema: string; readonly name: string; readonly bytes: bigint }[]> {
  return db.rows(sql`
    SELECT n.nspname::text AS schema, c.relname::text AS name, pg_total_relation_size(c.oid) AS bytes
    FROM pg_catalog.pg_description AS d
    JOIN pg_catalog.pg_class AS c ON c.oid = d.objoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE d.classoid = 'pg_class'::regclass
      AND d.objsubid = 0
      AND d.description = ${markOf({ schema, table })}
      AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
    ORDER BY 1, 2`)
}

/** Drops a table that was left behind, once it is sure that it is. @returns false when it is not any more */
export async function dropLeftBehind(
  tx: Transaction,
  monthly: MonthlyTable,
  { schema, name }: { readonly schema: string; readonly name: string },
  waits: DropWaits,
): Promise<boolean> {
  const found = (await leftBehind(tx, monthly)).some((one) => one.schema === schema && one.name === name)
  if (!found) return false
  await withPatience(tx, waits, async () => {
    await tx.execute(sql`DROP TABLE ${identifier(schema, name)}`)
  })
  return true
}
