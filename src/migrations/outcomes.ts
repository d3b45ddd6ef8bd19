/** Running several migrations one after the other, and what became of each. */
import { LockedError, OperationError, StewardError, throwIfStopped } from '../errors.ts'
import type { MigrationRun } from './run.ts'
import type { Step } from './selection.ts'

/** What a migration is when all went well. */
export type Done = 'applied' | 'rolled back' | 'redone'

export interface MigrationOutcome {
  readonly system: string
  readonly name: string
  readonly outcome: Done | 'failed' | 'not run'
  /** Milliseconds; null when it did not run to its end. */
  readonly durationMs: number | null
}

export interface RunResult {
  /** In order of running. */
  readonly outcomes: readonly MigrationOutcome[]
  /** Why it stopped before the end; what was done before stays. */
  readonly failure?: StewardError
}

const LABELS: Readonly<Record<Done, string>> = {
  applied: 'applying migrations',
  'rolled back': 'rolling back migrations',
  redone: 'redoing migrations',
}

/**
 * Runs the steps in order until one fails or the run is stopped.
 *
 * @param done what a step is when it worked
 * @param work runs one step. @returns milliseconds
 */
export async function runSteps(
  { signal, onProgress }: Pick<MigrationRun, 'signal' | 'onProgress'>,
  steps: readonly Step[],
  done: Done,
  work: (step: Step) => Promise<number>,
): Promise<RunResult> {
  const label = LABELS[done]
  const outcomes: MigrationOutcome[] = []
  let failure: StewardError | undefined
  for (const [index, step] of steps.entries()) {
    const of = { system: step.system.system, name: step.migration.name }
    if (failure) {
      outcomes.push({ ...of, outcome: 'not run', durationMs: null })
      continue
    }
    onProgress({ label, done: index, total: steps.length, unit: 'migrations' })
    let started = false
    try {
      throwIfStopped(signal)
      started = true
      outcomes.push({ ...of, outcome: done, durationMs: await work(step) })
    } catch (error) {
      // Anything else is a bug, and main says so.
      if (!(error instanceof StewardError)) throw error
      failure = error
      outcomes.push({ ...of, outcome: started ? 'failed' : 'not run', durationMs: null })
    }
  }
  if (failure) return { outcomes, failure }
  onProgress({ label, done: steps.length, total: steps.length, unit: 'migrations' })
  return { outcomes }
}

/**
 * Throws what stopped a run, saying in its message what stays and what was not run, and in its details what became of
 * every migration.
 */
export function throwFailure({ outcomes, failure }: RunResult): void {
  if (failure === undefined) return
  const did = outcomes.filter(({ outcome }) => outcome !== 'failed' && outcome !== 'not run')
  const left = outcomes.filter(({ outcome }) => outcome === 'not run')
  const message = [
    failure.message,
    ...(did.length === 0
      ? []
      : [`${did.length} before it ${did.length === 1 ? 'stays' : 'stay'} ${did[0]?.outcome}`]),
    ...(left.length === 0 ? [] : [`${left.length} ${left.length === 1 ? 'was' : 'were'} not run`]),
  ].join('; ')
  const options = {
    code: failure.code,
    message,
    hint: failure.hint,
    details: { ...failure.details, migrations: outcomes.map((outcome) => ({ ...outcome })) },
    cause: failure,
  }
  if (failure instanceof LockedError) throw new LockedError(options)
  if (failure instanceof OperationError) throw new OperationError(options)
  throw failure
}
