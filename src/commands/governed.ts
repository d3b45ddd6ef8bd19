/** How every command that moves or deletes data runs: recorded, under leases, at the pace of maintenance. */
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import type { RunResult } from '../db/journal.ts'
import { ExitCode, InterruptedError, type Json, throwIfStopped } from '../errors.ts'
import type { JobOutcome } from '../model/job.ts'
import type { Context } from './command.ts'

export interface GovernedOptions {
  /** Schemas whose data the run may move or delete: it holds the leases of all of them. */
  readonly schemas: readonly string[]
  /** `--run-time` in milliseconds; no end when absent. */
  readonly runTimeMs?: number | undefined
  /** When the command began, by `performance.now()`: what it did before its leases counts, too. */
  readonly began?: number | undefined
  /** What it set out to do, for the journal. */
  readonly plan?: Json
}

/**
 * Runs `work` under the leases of the schemas and a record in the journal. A run that does not get the leases has
 * changed nothing and is not recorded.
 *
 * Give the engines `run.db`: a signal lets its batch in flight finish.
 *
 * @returns the value that the work returned
 * @throws LockedError (exit 8) naming the holder when a lease is held, or the successor when it was lost
 * @throws UsageError (exit 2) when the profile speaks of retention rules that do not exist
 */
export async function governed<T>(
  context: Context,
  options: GovernedOptions,
  work: (run: JobRun) => Promise<RunResult<T>>,
): Promise<T> {
  const config = await context.config()
  const { refuseUnknownRetention } = await import('./retention.ts')
  await refuseUnknownRetention(config)
  const [target, { journalRun }, { leaseName, withLease }, { openPace }] = await Promise.all([
    context.db(),
    import('../db/journal.ts'),
    import('../db/lease.ts'),
    import('../db/pace.ts'),
  ])
  throwIfStopped(context.signal)
  const holder = { command: context.command, ...context.actor }
  const lease = { leaseMs: config.maintenance.leaseMs, signal: context.signal }
  return withLease(target, options.schemas.map(leaseName), holder, lease, (held, signal) => {
    const record = { ...context, ...(options.plan === undefined ? {} : { plan: options.plan }) }
    return journalRun(target, record, async (runId) => {
      const applicationName = `steward:${context.command} #${runId}`
      const db = await target.separate({ applicationName })
      const watch = await target.separate({ poolSize: 1, statementTimeoutMs: 5000 })
      const pace = openPace({
        signal,
        runTimeMs: options.runTimeMs,
        began: countedSince(options),
        ...(options.runTimeMs === undefined ? {} : { runTime: inUnits(options.runTimeMs) }),
        reasons: await reasonsToWait(context, config, watch, applicationName, signal),
        say: context.ui.note,
      })
      try {
        return await work({
          runId,
          db,
          lease: held,
          pace,
          signal,
          batchMs: config.maintenance.batchMs,
          actor: { ...holder, argv: context.argv, reason: context.globals.reason },
          onProgress: context.ui.progress,
          say: context.ui.note,
        })
      } finally {
        pace.close()
        await Promise.all([db.close(), watch.close()])
      }
    })
  })
}

/** Since when the run time counts: however long planning took, half of it is left to get on. */
export function countedSince({ began, runTimeMs }: Pick<GovernedOptions, 'began' | 'runTimeMs'>): number {
  const now = performance.now()
  return Math.max(began ?? now, now - (runTimeMs ?? Number.POSITIVE_INFINITY) / 2)
}

async function reasonsToWait(
  context: Context,
  config: Config,
  watch: Database,
  applicationName: string,
  signal: AbortSignal,
) {
  const [reasons, { pauseSwitch }] = await Promise.all([
    import('../db/pace-reasons.ts'),
    import('../config/pause.ts'),
  ])
  const { stopFile, replicaLagSeconds } = config.maintenance
  const { replica } = config
  const tell = context.ui.note
  return [
    reasons.stopFile(stopFile),
    reasons.configuredPause(pauseSwitch(config, tell)),
    ...(replicaLagSeconds === 0 ? [] : [reasons.standbyLag(watch, replicaLagSeconds, tell)]),
    ...(replica === undefined || replicaLagSeconds === 0
      ? []
      : [
          reasons.replicaLag({
            primary: watch,
            replica: context.readDb,
            name: replica.host,
            limitSeconds: replicaLagSeconds,
            signal,
            tell,
          }),
        ]),
    reasons.lockWaiters(watch, applicationName),
  ]
}

/** A result of a job, as far as its exit code goes. */
interface Ended {
  readonly outcome: JobOutcome
  readonly failures?: readonly string[]
}

/**
 * The exit code of jobs: 6 when all failed, 7 when some did or some of their items, the signal's own or 9 when work is
 * left, else 0. A job that had failures and ran out of time counts as failed in part: a cron that takes 9 for work that
 * goes on tomorrow would never hear of them.
 *
 * @param signal the stop request of the command, for 130 or 143
 */
export function exitCodeOfJobs(results: readonly Ended[], { reason }: AbortSignal): ExitCode {
  const are = (...outcomes: readonly JobOutcome[]) =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).length
  const failed = are('failed')
  if (failed > 0 && failed === results.length - are('nothing')) return ExitCode.failed
  const cutShort = results.some(({ outcome, failures = [] }) => outcome === 'unfinished' && failures.length > 0)
  if (failed > 0 || are('partial') > 0 || cutShort) return ExitCode.partial
  if (are('interrupted') > 0) return reason instanceof InterruptedError ? reason.exitCode : ExitCode.interrupted
  return are('unfinished') > 0 ? ExitCode.unfinished : ExitCode.ok
}

/** `600000` as `10m`. */
function inUnits(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const
  const [unit, size] = units.find(([, each]) => milliseconds >= each && milliseconds % each === 0) ?? ['ms', 1]
  return `${milliseconds / size}${unit}`
}
