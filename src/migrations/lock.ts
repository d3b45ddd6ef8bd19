/**
 * One writer at a time: an advisory lock of the database, held by the session that migrates, so that the server
 * itself releases it when the run dies. Knex's own lock row cannot do that; a row that a killed run left behind is
 * released here once nobody can be using it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Json, LockedError, throwIfStopped } from '../errors.ts'
import { identifier, sql } from '../model/sql.ts'
import { LOCK_TABLE, type SystemMigrations } from './source.ts'
import { type Reader, readState } from './state.ts'

/**
 * Key of the advisory lock, in the two-integer form (PostgreSQL manual, 9.28.10). `STEW` in ASCII, then the purpose.
 * Advisory locks belong to a database, so runs against different databases do not meet.
 */
export const MIGRATION_LOCK = { classId: 0x53544557, objectId: 1 } as const

export interface LockOptions {
  /** Milliseconds to wait for another run to finish; 0 fails at once. */
  readonly waitMs: number
  readonly signal: AbortSignal
  /** Told once, when the wait begins. */
  readonly onWait?: (holder: string) => void
}

/** Takes the lock on the pinned session. @throws LockedError naming the holder */
export async function acquireMigrationLock(db: Reader, options: LockOptions): Promise<void> {
  const { classId, objectId } = MIGRATION_LOCK
  const deadline = performance.now() + options.waitMs
  for (let attempt = 0; ; attempt += 1) {
    // Trying instead of waiting keeps lock_timeout out of it and leaves room for the signal.
    const [answer] = await db.rows<{ locked: boolean }>(
      sql`SELECT pg_try_advisory_lock(${classId}::integer, ${objectId}::integer) AS locked`,
    )
    if (answer?.locked === true) return
    if (performance.now() >= deadline) throw await lockedBy(db)
    if (attempt === 0) options.onWait?.(sentence((await holderOf(db)) ?? UNKNOWN))
    // Spread out, so that many waiting runs do not ask in step.
    await sleep(50 + Math.random() * 150)
    throwIfStopped(options.signal)
  }
}

/** Gives the lock back before the connection closes, so that the next run need not wait for the server to notice. */
export async function releaseMigrationLock(db: Reader): Promise<void> {
  const { classId, objectId } = MIGRATION_LOCK
  await db.rows(sql`SELECT pg_advisory_unlock(${classId}::integer, ${objectId}::integer)`)
}

interface Holder {
  readonly pid: number | null
  readonly applicationName: string | null
  /** Address, or `local` for a Unix socket; null when we may not see it. */
  readonly host: string | null
  /** ISO 8601, UTC: since when its session exists, for PostgreSQL keeps no time for a granted lock. */
  readonly since: string | null
}

const UNKNOWN: Holder = { pid: null, applicationName: null, host: null, since: null }

async function holderOf(db: Reader): Promise<Holder | undefined> {
  // objsubid 2 marks the two-integer form. Other roles' host and start are NULL without pg_read_all_stats.
  const [holder] = await db.rows<Holder>(sql`
    SELECT
      l.pid,
      a.application_name AS "applicationName",
      CASE
        WHEN a.backend_start IS NOT NULL THEN coalesce(a.client_hostname, host(a.client_addr), 'local')
      END AS host,
      to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
    FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_database AS d ON d.oid = l.database
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory'
      AND l.classid = ${MIGRATION_LOCK.classId}::oid
      AND l.objid = ${MIGRATION_LOCK.objectId}::oid
      AND l.objsubid = 2
      AND l.granted
      AND d.datname = current_database()
    LIMIT 1`)
  return holder
}

async function lockedBy(db: Reader): Promise<LockedError> {
  const holder = (await holderOf(db)) ?? UNKNOWN
  return new LockedError({
    code: 'migration-locked',
    message: `Another run is migrating this database: ${sentence(holder)}`,
    hint: 'Wait for it to finish and run the same command again',
    details: { holder: { ...holder } satisfies Json },
  })
}

function sentence({ pid, applicationName, host, since }: Holder): string {
  const parts = [
    pid === null ? 'a session that has just ended' : `pid ${pid}`,
    applicationName ? `(${applicationName})` : '',
    host === null ? '' : host === 'local' ? 'on a local socket' : `from ${host}`,
    since === null ? '' : `since ${since}`,
  ]
  return parts.filter((part) => part !== '').join(' ')
}

/**
 * Releases Knex's lock row of one system when a killed run left it set. Must be called while holding the advisory
 * lock.
 *
 * @returns what was done, as a sentence, or undefined when the row was free
 * @throws LockedError when some other session, not Steward's, is using the row at this moment
 */
export async function healLockRow(db: Reader, system: SystemMigrations): Promise<string | undefined> {
  if (!(await readState(db, system)).lockTableExists) return undefined
  const table = identifier(system.schema, LOCK_TABLE)
  const stuck = await db.rows(sql`SELECT 1 AS set FROM ${table} WHERE is_locked <> 0 LIMIT 1`)
  if (stuck.length === 0) return undefined
  const [user] = await db.rows<{ pid: number; applicationName: string | null }>(sql`
    SELECT l.pid, a.application_name AS "applicationName"
    FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND c.relname = ${LOCK_TABLE}
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = ${system.schema}
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'relation'
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND l.pid <> pg_backend_pid()
    LIMIT 1`)
  if (user) {
    throw new LockedError({
      code: 'migration-locked',
      message: `Knex's lock on ${system.schema} is in use by ${sentence({ ...UNKNOWN, ...user })}`,
      hint: 'Wait for that session to finish and run the same command again',
      details: { holder: { ...user } },
    })
  }
  await db.rows(sql`UPDATE ${table} SET is_locked = 0 WHERE is_locked <> 0`)
  return `${system.system}: released the migration lock that a killed run left behind`
}
