/** What every run that migrates shares: one pinned direct session, the advisory lock, a healed lock row. */
import type { Database, Session } from '../db/database.ts'
import { raw, sql } from '../model/sql.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import { acquireMigrationLock, healLockRow, releaseMigrationLock } from './lock.ts'
import { checkSystems, type SystemMigrations } from './source.ts'
import { MAX_LOCK_TIMEOUT, Stepper } from './step.ts'

export interface RunOptions {
  readonly db: Database
  /** Milliseconds for each wait for a lock; default and maximum 1,000. */
  readonly lockTimeoutMs?: number
  /** Milliseconds; none (0) by default, since an index build takes as long as it takes. */
  readonly statementTimeoutMs?: number
  /** Milliseconds to wait for another run that migrates; default 30,000, 0 fails at once. */
  readonly lockWaitMs?: number
  /** Milliseconds in which a migration that did not get its locks is tried again; default 30,000. */
  readonly retryForMs?: number
  /** Asked between migrations; a statement in flight is cancelled through `db`. */
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
  /** Sentences worth telling while it runs: waiting for another run, a lock row released. */
  readonly onNotice?: (notice: string) => void
}

export interface MigrationRun {
  readonly session: Session
  readonly stepper: Stepper
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
}

/** Milliseconds. */
const PATIENCE = 30_000

/**
 * Runs `work` as the only one that migrates this database.
 *
 * @throws LockedError when another run holds the lock for longer than `lockWaitMs`
 * @throws UsageError when the schemas cannot be migrated, or only a pooler is known
 */
export async function migrating<T>(
  options: RunOptions,
  systems: readonly SystemMigrations[],
  work: (run: MigrationRun) => Promise<T>,
): Promise<T> {
  checkSystems(systems)
  const { db, onNotice = () => {}, signal = new AbortController().signal } = options
  return db.session(
    async (session) => {
      await acquireMigrationLock(session, {
        waitMs: options.lockWaitMs ?? PATIENCE,
        signal,
        onWait: (holder) => onNotice(`waiting for another run that migrates: ${holder}`),
      })
      try {
        await prepare(session)
        for (const system of systems) {
          const healed = await healLockRow(session, system)
          if (healed !== undefined) onNotice(healed)
        }
        const stepper = await Stepper.on(session, {
          lockTimeoutMs: options.lockTimeoutMs ?? MAX_LOCK_TIMEOUT,
          retryForMs: options.retryForMs ?? PATIENCE,
          signal,
          onNotice,
        })
        return await work({ session, stepper, signal, onProgress: options.onProgress ?? ignoreProgress })
      } finally {
        // Closing the session releases it too; where the connection is lost the server already has.
        await releaseMigrationLock(session).catch(() => {})
      }
    },
    { direct: true, statementTimeoutMs: options.statementTimeoutMs ?? 0 },
  )
}

async function prepare(session: Session): Promise<void> {
  // Lets the server notice in the middle of a statement that we were killed. Not every platform can.
  await session.rows(raw(`SET client_connection_check_interval = '2s'`)).catch(() => {})
  // The triggers of Steward's migrations touch their own schema only, which Citus cannot know.
  await session.rows(sql`
    SELECT set_config('citus.enable_unsafe_triggers', 'on', false)
    FROM pg_catalog.pg_extension
    WHERE extname = 'citus'`)
}
