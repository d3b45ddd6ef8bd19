/** Rolls back what was applied, last first; refuses to lose rows unless told to. */
import { OperationError, RefusedError } from '../errors.ts'
import { quoteIdentifier } from '../model/sql.ts'
import { migrationFailure } from './failure.ts'
import { describeLosses, type Loss, measureLoss } from './loss.ts'
import { type RunResult, runSteps } from './outcomes.ts'
import { type MigrationRun, migrating, type RunOptions } from './run.ts'
import { type Limits, type Step, stepsDown } from './selection.ts'
import type { SystemMigrations } from './source.ts'
import { type Reader, readState } from './state.ts'

export interface RollbackOptions extends RunOptions, Limits {
  readonly system: SystemMigrations
  /** Lose rows rather than refuse. */
  readonly force?: boolean | undefined
  /** What was shown and agreed to; anything else is refused. */
  readonly planned?: readonly Step[] | undefined
}

/** What a rollback would do, tried out in a transaction that is then undone. */
export interface Rehearsal {
  readonly steps: readonly Step[]
  readonly losses: readonly Loss[]
  /** Names of those that cannot be tried out, since they run outside a transaction. */
  readonly untried: readonly string[]
}

/**
 * Finds out what would be rolled back and lost. Changes nothing, but for its duration holds the locks that the
 * migrations take.
 *
 * @throws NotFoundError, OperationError as `stepsDown` does; LockedError when a lock cannot be had
 */
export async function rehearseRollback(options: RollbackOptions): Promise<Rehearsal> {
  const early = await stepsOf(options.db, options)
  if (early.length === 0) return { steps: [], losses: [], untried: [] }
  return migrating(options, [options.system], async (run) => rehearse(run, await stepsOf(run.session, options)))
}

/**
 * Rolls back, each migration and its record in one transaction, and stops at the first failure.
 *
 * @returns the fate of every migration; trouble with one of them is in `failure`, see `throwFailure`
 * @throws RefusedError when rows would be lost and `force` is not set; nothing is rolled back then
 * @throws LockedError, NotFoundError, OperationError when nothing could be started
 */
export async function rollBack(options: RollbackOptions): Promise<RunResult> {
  return migrating(options, [options.system], async (run) => {
    const steps = await stepsOf(run.session, options)
    // All of them first, so that none is rolled back when one would lose rows; a single one has its guard.
    if (!options.force && steps.length > 1) refuseLosses((await rehearse(run, steps)).losses)
    return runSteps(run, steps, 'rolled back', ({ system, migration }) =>
      run.stepper.run(system, migration, 'down', options.force ? undefined : guard(run, { system, migration })),
    )
  })
}

/**
 * Rolls the last migration back and applies it again: in one transaction, so that a failure changes nothing, unless
 * the migration runs outside of one.
 *
 * @throws as `rollBack`
 */
export async function redoLast(options: Omit<RollbackOptions, 'count' | 'to'>): Promise<RunResult> {
  return migrating(options, [options.system], async (run) => {
    const steps = await stepsOf(run.session, { ...options, count: 1 })
    return runSteps(run, steps, 'redone', ({ system, migration }) =>
      run.stepper.redo(system, migration, options.force ? undefined : guard(run, { system, migration })),
    )
  })
}

async function stepsOf(db: Reader, options: RollbackOptions): Promise<Step[]> {
  const { system, planned } = options
  const steps = stepsDown({ system, state: await readState(db, system) }, options)
  const names = (of: readonly Step[]) => of.map(({ migration }) => migration.name).join(', ')
  if (planned === undefined || names(planned) === names(steps)) return steps
  throw new OperationError({
    code: 'plan-changed',
    message: `Another run has migrated ${system.system} since the plan was shown; nothing was rolled back`,
    hint: 'Run the command again to see the new plan',
  })
}

/** Thrown to end a transaction whose work is not wanted. */
const UNDO = new Error('rehearsal over')

async function rehearse({ session, stepper }: MigrationRun, steps: readonly Step[]): Promise<Rehearsal> {
  const tried = steps.filter(({ migration }) => migration.transaction)
  const untried = steps.filter(({ migration }) => !migration.transaction).map(({ migration }) => migration.name)
  let losses: Loss[] = []
  let current: Step | undefined
  try {
    await stepper.transaction(async (transaction) => {
      const down = async () => {
        for (const step of tried) {
          current = step
          await step.migration.down(transaction, contextOf(step.system))
        }
        current = undefined
      }
      losses = await measureLoss(session, down, false)
      throw UNDO
    })
  } catch (error) {
    if (error !== UNDO)
      throw current ? await migrationFailure(session, { ...current, direction: 'down' }, error) : error
  }
  return { steps, losses, untried }
}

/** The same check in the transaction that does it, for what was added since. */
function guard({ session }: MigrationRun, { system, migration }: Step) {
  return async (transaction: Parameters<Step['migration']['down']>[0]) => {
    refuseLosses(await measureLoss(session, () => migration.down(transaction, contextOf(system)), true))
  }
}

function contextOf(system: SystemMigrations) {
  return { schema: quoteIdentifier(system.schema), schemaName: system.schema }
}

/** @throws RefusedError when anything would be lost */
export function refuseLosses(losses: readonly Loss[]): void {
  if (losses.length === 0) return
  throw new RefusedError({
    code: 'would-lose-rows',
    message: `Rolling back would lose ${describeLosses(losses)}`,
    hint: 'Export what you need first, then add --force',
    details: { losses: losses.map(({ rows, ...where }) => ({ ...where, rows: String(rows) })) },
  })
}
