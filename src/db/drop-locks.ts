/**
 * Locks that dropping a partition needs, without standing in anybody's way for long: others queue behind an attempt for
 * less than a second, and go on between two of them.
 */
import { LockedError, StewardError } from '../errors.ts'
import { identifier, join, quoteLiteral, raw, sql } from '../model/sql.ts'
import type { Transaction } from './database.ts'
import { defaultPartitionOf, type MonthlyTable, type RelationName } from './partitions.ts'

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
  partition: RelationName,
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
