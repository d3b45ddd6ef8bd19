/** The items of a plan as one job of a maintenance run: at its pace, under its lease. */
import type { JobRun } from '../db/job-run.ts'
import { type Stop, stoppedAs } from '../db/pace.ts'
import type { JobOutcome, JobResult } from '../model/job.ts'
import { type Item, type ItemResult, nameOf, pauseUnless, type RunOptions } from './job.ts'

/** Attempts to get a lock before an item is left for the next run. */
const ATTEMPTS = 5
/** Milliseconds that others may queue behind an attempt (design, "Database conventions"). */
const LONGEST_WAIT = 1000

/** The configured lock timeout, within what maintenance may make others wait. */
export function lockWait(lockTimeoutMs: number): number {
  return lockTimeoutMs === 0 ? LONGEST_WAIT : Math.min(lockTimeoutMs, LONGEST_WAIT)
}

/**
 * Does the items that are due, one after the other.
 *
 * @param apply does some of them; here it gets one at a time
 * @returns also when it was stopped or items failed
 * @throws LockedError (exit 8) when the lease was lost
 */
export async function asJob<T extends Item>(
  items: readonly T[],
  run: JobRun,
  { label, lockTimeoutMs }: { readonly label: string; readonly lockTimeoutMs: number },
  apply: (some: readonly T[], options: RunOptions) => Promise<readonly ItemResult[]>,
): Promise<JobResult> {
  const options: RunOptions = {
    label,
    onProgress: run.onProgress,
    signal: run.signal,
    waits: { lockTimeoutMs: lockWait(lockTimeoutMs), attempts: ATTEMPTS, pause: pauseUnless(run.signal) },
    elapsed: () => performance.now(),
    guard: (transaction) => run.lease.guard(transaction),
  }
  const results: ItemResult[] = []
  let stop: Stop | undefined
  for (const item of items.filter(({ action }) => action !== 'keep')) {
    stop = await run.pace.next()
    if (stop !== undefined) break
    results.push(...(await apply([item], options)))
  }
  return jobResult(results, stop)
}

function jobResult(results: readonly ItemResult[], stop: Stop | undefined): JobResult {
  const sum = (of: (result: ItemResult) => bigint | undefined) =>
    results.reduce((total, result) => total + (of(result) ?? 0n), 0n)
  const done = results.filter(({ outcome }) => outcome === 'done').length
  const failures = results.flatMap((result) =>
    result.error === undefined ? [] : [`${nameOf(result)}: ${result.error}`],
  )
  const freed = results.some(({ freedBytes }) => freedBytes !== undefined)
  return {
    outcome: outcomeOf(done, failures.length, results.length, stop),
    rows: sum(({ removed, moved }) => removed ?? moved),
    bytes: 0n,
    batches: done,
    kept: [],
    failures,
    why: stop?.why ?? 'nothing more is due',
    ...(freed ? { freedBytes: sum(({ freedBytes }) => freedBytes) } : {}),
    ...(freed ? { returnedBytes: sum(({ returnedBytes }) => returnedBytes) } : {}),
  }
}

function outcomeOf(done: number, failed: number, tried: number, stop: Stop | undefined): JobOutcome {
  if (stop !== undefined) return stoppedAs(stop)
  if (failed > 0) return done === 0 ? 'failed' : 'partial'
  if (tried > done) return 'interrupted'
  return done === 0 ? 'nothing' : 'done'
}
