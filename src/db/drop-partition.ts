/**
 * Dropping a partition that is over (PostgreSQL manual, 5.12.2.2): no row is deleted, no index is touched, and all of
 * its space goes back to the operating system at once. What it takes is a moment without anybody on the table.
 */
import { LockedError, RefusedError, StewardError } from '../errors.ts'
import { identifier, join, quoteLiteral, raw, type Sql, sql } from '../model/sql.ts'
import { foreignKeysIn, foreignKeysTo } from './catalog/foreign-keys.ts'
import type { Database, Queryable, Transaction } from './database.ts'
import { heldPartitions, heldReason } from './holds.ts'
import { type Partition, partitionsBefore } from './partition-catalog.ts'
import { defaultPartitionOf, lockPartitions, type MonthlyTable } from './partitions.ts'

/** How long to wait for a moment without anybody. */
export interface DropWaits {
  /** Milliseconds that others queue behind one attempt at most; it begins with less. */
  readonly lockTimeoutMs: number
  readonly attempts: number
  /** Returns after so many milliseconds, or when stopped. */
  readonly pause: (milliseconds: number) => Promise<void>
  /** Asked before each attempt; throws where others have waited for this transaction for long enough. */
  readonly unless?: () => Promise<void>
}

/** Milliseconds of the first attempt: whoever comes meanwhile waits that long behind it. */
const FIRST_TRY_MS = 100

/**
 * Milliseconds of any attempt at most. Less than PostgreSQL waits before it looks for a deadlock (`deadlock_timeout`,
 * 1 s), so that it is always Steward that gives way, and never the platform's transaction that is ended.
 */
const LONGEST_TRY_MS = 800

/**
 * Does what needs an exclusive lock under a savepoint. Where somebody is in the way, what it got is let go of, and
 * tried again after a jittered pause with a little more patience; what the transaction did before stays.
 *
 * @throws LockedError when nobody gave way in all attempts
 */
export async function withPatience(
  tx: Transaction,
  { lockTimeoutMs, attempts, pause, unless }: DropWaits,
  work: (patience: number) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await unless?.()
    const patience = Math.round(Math.min(lockTimeoutMs, LONGEST_TRY_MS, FIRST_TRY_MS * 2 ** (attempt - 1)))
    await tx.execute(raw('SAVEPOINT steward_locks'))
    try {
      await tx.execute(raw(`SET LOCAL lock_timeout = ${patience}`))
      await work(patience)
      await tx.execute(raw('RELEASE SAVEPOINT steward_locks'))
      return
    } catch (error) {
      if (!isInTheWay(error)) throw error
      await tx.execute(raw('ROLLBACK TO SAVEPOINT steward_locks'))
      await tx.execute(raw('RELEASE SAVEPOINT steward_locks'))
      if (attempt >= attempts) throw error
      await pause(patience * attempt * (0.5 + Math.random()))
    }
  }
}

/** Another session was in the way; it left nothing behind but what the savepoint undoes. */
function isInTheWay(error: unknown): boolean {
  if (error instanceof LockedError) return error.code === 'lock-timeout'
  return error instanceof StewardError && (error.code === 'deadlock' || error.code === 'statement-timeout')
}

/**
 * Locks all that the drop of a partition needs for itself, in one statement whose time is bounded as a whole: the
 * table, its default partition, the partition, and the tables that it refers to, whose triggers go along. Were they
 * locked one after the other, those who wait for the first would wait for the sum.
 *
 * @throws LockedError `lock-timeout` naming the oldest transaction in the way, when nobody gave way
 */
export async function lockForDrop(
  tx: Transaction,
  monthly: MonthlyTable,
  partition: Pick<Partition, 'schema' | 'name'>,
  waits: DropWaits,
): Promise<void> {
  const tables = await tablesToLock(tx, monthly, partition)
  const { before } = await tx.one<{ before: string }>(sql`SELECT current_setting('statement_timeout') AS before`)
  try {
    await withPatience(tx, waits, async (patience) => {
      await tx.execute(raw(`SET LOCAL statement_timeout = ${patience}`))
      // First the table, as every query does: whoever holds the partition only, and wants the table, would deadlock.
      const names = tables.map(({ schema, name }) => sql`ONLY ${identifier(schema, name)}`)
      await tx.execute(sql`LOCK TABLE ${join(names)} IN ACCESS EXCLUSIVE MODE`)
      await tx.execute(raw(`SET LOCAL statement_timeout = ${quoteLiteral(before)}`))
    })
  } catch (error) {
    throw isInTheWay(error) ? await inUse(tx, monthly, partition, tables) : error
  }
}

interface RelationName {
  readonly schema: string
  readonly name: string
}

async function tablesToLock(
  tx: Transaction,
  monthly: MonthlyTable,
  partition: RelationName,
): Promise<readonly RelationName[]> {
  const rest = await defaultPartitionOf(tx, monthly)
  const referenced = await tx.rows<RelationName>(sql`
    SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE k.contype = 'f'
      AND k.conrelid = to_regclass(format('%I.%I', ${partition.schema}::text, ${partition.name}::text))
      -- DROP needs no privilege on them, LOCK does.
      AND has_schema_privilege(n.oid, 'USAGE')
      AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
    ORDER BY 1, 2`)
  const all = [{ schema: monthly.schema, name: monthly.table }, ...referenced, ...(rest ? [rest] : []), partition]
  const names = new Map(all.map((each) => [`${each.schema}.${each.name}`, each]))
  return [...names.values()]
}

async function inUse(
  tx: Transaction,
  monthly: MonthlyTable,
  { schema, name }: RelationName,
  tables: readonly RelationName[],
): Promise<LockedError> {
  const [holder] = await tx.rows<{ pid: number; application: string | null; on: string; since: string | null }>(sql`
    SELECT
      l.pid,
      NULLIF(a.application_name, '') AS application,
      wanted.schema || '.' || wanted.name AS "on",
      date_trunc('second', a.xact_start)::text AS since
    FROM unnest(${tables.map((each) => each.schema)}::text[], ${tables.map((each) => each.name)}::text[])
      AS wanted (schema, name)
    JOIN pg_catalog.pg_locks AS l ON l.relation = to_regclass(format('%I.%I', wanted.schema, wanted.name))
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.granted
      AND l.locktype = 'relation'
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND l.pid <> pg_backend_pid()
    ORDER BY a.xact_start NULLS LAST, wanted.name
    LIMIT 1`)
  const application = holder?.application ? ` (${holder.application})` : ''
  const since = holder?.since ? `, in a transaction since ${holder.since}` : ''
  return new LockedError({
    code: 'lock-timeout',
    message:
      holder === undefined
        ? `${monthly.schema}.${monthly.table} was not free for the moment that dropping ${schema}.${name} takes`
        : `${holder.on} is in use by session ${holder.pid}${application}${since}; ${schema}.${name} was not dropped`,
    hint: 'The next run tries again; a long transaction, such as a dump, has to end first',
  })
}

/** Why a partition that is over cannot go; undefined when it can. */
export async function whyKept(
  db: Queryable,
  { schema, table }: MonthlyTable,
  partition: Pick<Partition, 'schema' | 'name'>,
): Promise<string | undefined> {
  for (const key of await foreignKeysTo(db, schema, table)) {
    const pairs = key.columns.map(
      (column, place) => sql`r.${identifier(column)} = p.${identifier(key.referencedColumns[place] ?? '')}`,
    )
    const matches = pairs.reduce((all, pair) => sql`${all} AND ${pair}`)
    const { referenced } = await db.one<{ referenced: boolean }>(sql`
      SELECT EXISTS (
        SELECT
        FROM ${identifier(partition.schema, partition.name)} AS p
        JOIN ${identifier(key.schema, key.table)} AS r ON ${matches}
      ) AS referenced`)
    if (referenced) return `still referenced by ${key.schema}.${key.table} (${key.name})`
  }
  const views = await db.rows<{ name: string }>(sql`
    SELECT DISTINCT format('%s.%s', n.nspname, v.relname) AS name
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class
    JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
    WHERE d.refclassid = 'pg_class'::regclass
      AND d.refobjid = to_regclass(format('%I.%I', ${partition.schema}::text, ${partition.name}::text))
    ORDER BY 1`)
  return views.length === 0 ? undefined : `the view ${views.map(({ name }) => name).join(', ')} is made of it`
}

/**
 * Drops a partition inside the caller's transaction, once it is sure that it is one still and that it is over.
 *
 * A plain DROP needs the table and its default partition for itself, for a moment. Where other tables refer to the
 * table, PostgreSQL wants the partition detached first, and refuses when one of them refers to a row of it.
 *
 * @param cutoff the first instant that is too young for the rule
 * @returns false when it is gone already
 * @throws RefusedError (exit 5) when it is not over, a row of it is held, or rows of other tables refer to it; LockedError
 */
export async function dropPartition(
  tx: Transaction,
  monthly: MonthlyTable,
  { schema, name }: Pick<Partition, 'schema' | 'name'>,
  cutoff: Sql,
  waits: DropWaits,
): Promise<boolean> {
  const parent = identifier(monthly.schema, monthly.table)
  const partition = identifier(schema, name)
  await lockPartitions(tx, monthly)
  const found = (await partitionsBefore(tx, monthly, cutoff)).find(
    (one) => one.schema === schema && one.name === name,
  )
  if (found === undefined) return false
  if (!found.isPast) throw notOver(schema, name)
  const held = (await heldPartitions(tx, monthly, [found]))(found)
  if (held !== undefined) {
    throw new RefusedError({ code: 'partition-held', message: `${schema}.${name} is ${heldReason(held)}` })
  }
  const referenced = (await foreignKeysTo(tx, monthly.schema, monthly.table)).length > 0
  if (!found.detachPending) await lockForDrop(tx, monthly, found, waits)
  await withPatience(tx, waits, async () => {
    if (found.detachPending) await tx.execute(sql`ALTER TABLE ${parent} DETACH PARTITION ${partition} FINALIZE`)
    else if (referenced) await tx.execute(sql`ALTER TABLE ${parent} DETACH PARTITION ${partition}`)
    await tx.execute(sql`DROP TABLE ${partition}`)
  })
  return true
}

function notOver(schema: string, name: string): RefusedError {
  return new RefusedError({
    code: 'partition-not-over',
    message: `${schema}.${name} is not over any more: its bounds or the rule changed meanwhile`,
  })
}

/** Begins the comment on a table that is detached only in order to be dropped. */
const MARK = 'steward drops it: '

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
  const mark = raw(quoteLiteral(`${MARK}a partition of ${monthly.schema}.${monthly.table} that is over`))
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
      AND d.description = ${`${MARK}a partition of ${schema}.${table} that is over`}
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
