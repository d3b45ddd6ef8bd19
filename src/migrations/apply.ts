/** Applies pending migrations, each with its record in one transaction, and says what became of every one. */
import type { Environment } from '../config/config.ts'
import type { Queryable } from '../db/database.ts'
import { readEnvironment, setEnvironment } from '../db/environment.ts'
import { hasOwnTable } from '../db/own-schema.ts'
import { quoteIdentifier, raw } from '../model/sql.ts'
import { type RunResult, runSteps } from './outcomes.ts'
import { type MigrationRun, migrating, type RunOptions } from './run.ts'
import { type Limits, type Step, stepsUp } from './selection.ts'
import type { SystemMigrations } from './source.ts'
import { type Reader, readState } from './state.ts'

export interface ApplyOptions extends RunOptions, Limits {
  /** Steward's own first, then the others. */
  readonly systems: readonly SystemMigrations[]
  /** What this database is for, marked in it once schema steward exists; `development` when absent. */
  readonly environment?: Environment | undefined
  /** Who marks it, `user@host`. */
  readonly markedBy?: string | undefined
}

/**
 * Applies what is pending, in order, and stops at the first failure.
 *
 * @returns the fate of every migration that was pending; trouble with one of them is in `failure`, see `throwFailure`
 * @throws LockedError, UsageError, NotFoundError, OperationError when nothing could be started
 */
export async function applyPending(options: ApplyOptions): Promise<RunResult> {
  // Most runs find nothing to do; they need no lock and disturb nobody.
  if ((await pendingSteps(options.db, options)).length === 0 && !(await isUnmarked(options.db))) {
    return { outcomes: [] }
  }
  return migrating(options, options.systems, async (run) => {
    const steps = await pendingSteps(run.session, options)
    const result = await runSteps(run, steps, 'applied', async ({ system, migration }) => {
      await createSchema(run, system)
      return run.stepper.run(system, migration, 'up')
    })
    await mark(run.session, options).catch((error: unknown) => {
      // With a lost connection both fail, and the migration's failure is the one to report.
      if (!result.failure) throw error
    })
    return result
  })
}

/** True when Steward's tables are there and do not say what the database is for. */
async function isUnmarked(db: Queryable): Promise<boolean> {
  return (await hasOwnTable(db, 'environment')) && (await readEnvironment(db)) === undefined
}

async function mark(
  db: Queryable,
  { environment = 'development', markedBy = 'steward' }: ApplyOptions,
): Promise<void> {
  if (await isUnmarked(db)) await setEnvironment(db, environment, markedBy)
}

/** The migrations that `applyPending` would run now. Reads only; throws what it throws. */
export async function pendingSteps(
  db: Reader,
  options: Pick<ApplyOptions, 'systems' | 'to' | 'count'>,
): Promise<Step[]> {
  const states = []
  for (const system of options.systems) states.push({ system, state: await readState(db, system) })
  return stepsUp(states, options)
}

/** Asked first: IF NOT EXISTS needs the privilege to create schemas even where there is nothing to create. */
async function createSchema({ session }: MigrationRun, system: SystemMigrations): Promise<void> {
  if ((await readState(session, system)).schemaExists) return
  await session.rows(raw(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(system.schema)}`))
}
