/**
 * Jobs one after the other, in a time that they share.
 *
 * With `--run-time` each job that has work gets an equal share of what is left of it when its turn comes: a tenth for
 * the first of ten. Who ends early leaves the rest to those behind; what is then still left goes, in equal shares
 * again, to those whose share was too short, for as long as they get on. Every job may do one batch at least. So a job
 * with work for days, or one that new rows keep up with for ever, takes no more than its share from the others; and
 * those that a run was too short for altogether are the first of the next one.
 */
import { performance } from 'node:perf_hooks'
import type { JobRun } from '../db/job-run.ts'
import { type Pace, type Stop, stoppedAs } from '../db/pace.ts'
import {
  ConnectionError,
  InterruptedError,
  LockedError,
  StewardError,
  StoreConnectionError,
  UnfinishedError,
} from '../errors.ts'
import { type JobResult, NO_WORK } from '../model/job.ts'
import { type JobSummary, NOT_REACHED, recordEnd, recordNothing, recordProgress, recordStart } from './job-record.ts'
import { added } from './job-turns.ts'

/** A job as the runner sees it. */
export interface Work {
  readonly name: string
  readonly schema: string
  /** Whether there was something to do when the run was planned. */
  readonly due: boolean
  /** Asks again, after an earlier job of the schema may have made work for it. */
  isDue(run: JobRun): Promise<boolean>
  apply(run: JobRun): Promise<JobResult>
}

export interface Ran extends JobResult {
  readonly job: string
  readonly seconds: number
}

export const NOTHING_DUE = 'nothing was due'

/** Milliseconds between two updates of a job's record, when its batches are shorter. */
const RECORD_EVERY = 500

/**
 * Does the jobs. One that fails is named in its result and does not keep the others back.
 *
 * @param runTimeMs how long the whole run may take from now; no end when absent
 * @returns a result for each job, in their order
 * @throws what ends the whole run: a lost lease, no connection any more
 */
export async function runJobs(
  works: readonly Work[],
  run: JobRun,
  runTimeMs: number | undefined,
): Promise<readonly Ran[]> {
  const deadline = runTimeMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + runTimeMs
  const results = new Map<string, Ran>()
  const busy = new Set<string>()
  let stop: Stop | undefined

  /** @returns whether it has work left and got on */
  async function turn(work: Work, share: number): Promise<boolean> {
    const before = results.get(work.name)
    const ran = await once(work, run, share, before, (stopped) => {
      stop = stopped
    })
    results.set(work.name, ran)
    if (ran.rows > (before?.rows ?? 0n)) busy.add(work.schema)
    return ran.outcome === 'unfinished' && stop === undefined && ran.batches > (before?.batches ?? 0)
  }

  /** The last one has no share: it ends with the run. */
  const shareOf = (left: number) => (left === 1 ? Number.POSITIVE_INFINITY : (deadline - performance.now()) / left)

  let again: Work[] = []
  for (const [index, work] of works.entries()) {
    stop ??= stopOf(run.signal) ?? (performance.now() < deadline ? undefined : timeOver())
    const due = work.due || (stop === undefined && busy.has(work.schema) && (await mayBeDue(work, run)))
    if (!due) results.set(work.name, await nothing(work, run))
    else if (stop !== undefined) results.set(work.name, await notReached(work, run, stop))
    else {
      const left = works.slice(index).filter((each) => each.due || each === work).length
      if (await turn(work, shareOf(left))) again.push(work)
    }
  }
  while (again.length > 0 && stop === undefined && performance.now() < deadline) {
    const round = again
    again = []
    for (const [index, work] of round.entries()) {
      if (stop === undefined && (await turn(work, shareOf(round.length - index)))) again.push(work)
    }
  }
  return works.flatMap(({ name }) => results.get(name) ?? [])
}

/** The jobs in the order of a run, but first those that the last run had no time for, the longest waiting first. */
export function jobsInTurn<W extends { readonly name: string }>(
  works: readonly W[],
  summaries: readonly Pick<JobSummary, 'job' | 'unreached' | 'succeeded_epoch'>[],
): readonly W[] {
  const since = new Map(
    summaries.filter(({ unreached }) => unreached).map((each) => [each.job, each.succeeded_epoch ?? 0]),
  )
  const waiting = works
    .filter(({ name }) => since.has(name))
    .toSorted((one, other) => (since.get(one.name) ?? 0) - (since.get(other.name) ?? 0))
  return [...waiting, ...works.filter(({ name }) => !since.has(name))]
}

/** Whether an earlier job made work for it. What cannot be told may be due: its turn will tell. */
async function mayBeDue(work: Work, run: JobRun): Promise<boolean> {
  try {
    return await work.isDue(run)
  } catch (error) {
    if (endsAll(error)) throw error
    return true
  }
}

/**
 * Without lease or server nothing may or can go on; what was broken off together with a connection, the next can do. A
 * store that cannot be reached is the trouble of the jobs that need it.
 */
function endsAll(error: unknown): boolean {
  if (error instanceof StoreConnectionError) return false
  return (error instanceof LockedError && error.code !== 'lock-timeout') || error instanceof ConnectionError
}

/** One turn of a job, added to what its earlier turns did. */
async function once(
  work: Work,
  run: JobRun,
  shareMs: number,
  before: Ran | undefined,
  onStop: (stop: Stop) => void,
): Promise<Ran> {
  const began = performance.now()
  await recorded(() => recordStart(run.db, run.runId, work.name))
  const progress = watched(work, run, shareMs, before, onStop)
  const end = async (result: JobResult): Promise<Ran> => {
    const seconds = (before?.seconds ?? 0) + (performance.now() - began) / 1000
    const ran = { job: work.name, seconds, ...added(before, result) }
    await recorded(() => recordEnd(run.db, run.runId, work.name, ran))
    return ran
  }
  let result: JobResult
  try {
    result = await work.apply(progress.run)
  } catch (error) {
    const interrupted = error instanceof InterruptedError
    result = {
      outcome: interrupted ? 'interrupted' : 'failed',
      rows: progress.rows(),
      bytes: 0n,
      batches: progress.batches(),
      kept: [],
      failures: interrupted ? [] : [wordsFor(error)],
      why: interrupted ? 'it was interrupted' : 'it failed',
    }
    if (endsAll(error)) {
      await end(result).catch(() => {})
      throw error
    }
  }
  return end(result)
}

/** An error that is none of ours may hold values, so it is only named. */
function wordsFor(error: unknown): string {
  if (error instanceof StewardError) return error.message
  return `a bug in Steward (${error instanceof Error ? error.name : typeof error}); --debug shows where`
}

/** A record whose connection broke is written over another one: it may not cost the jobs behind it their turn. */
async function recorded(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!(error instanceof StewardError && error.code === 'connection-lost')) throw error
    await write()
  }
}

/** The run as one turn of a job sees it: with a share of the time, and a record that is kept after each batch. */
function watched(
  { name }: Work,
  run: JobRun,
  shareMs: number,
  before: Ran | undefined,
  onStop: (stop: Stop) => void,
) {
  const until = performance.now() + shareMs
  let rows = 0n
  let batches = -1
  let recordedAt = performance.now()
  const pace: Pace = {
    async next() {
      batches++
      if (batches > 0 && performance.now() - recordedAt >= RECORD_EVERY) {
        recordedAt = performance.now()
        const done = { rows: rows + (before?.rows ?? 0n), batches: batches + (before?.batches ?? 0) }
        await recorded(() => recordProgress(run.db, run.runId, name, done))
      }
      // One batch at least, however short the share.
      if (batches > 0 && performance.now() >= until) return shareOver(shareMs)
      const stop = await run.pace.next()
      if (stop !== undefined) onStop(stop)
      return stop
    },
  }
  return {
    rows: () => rows,
    batches: () => Math.max(batches, 0),
    run: {
      ...run,
      pace,
      onProgress(progress) {
        if (progress.unit === 'rows' || progress.unit === 'files') rows = BigInt(Math.round(progress.done))
        run.onProgress(progress)
      },
    } satisfies JobRun,
  }
}

function shareOver(shareMs: number): Stop {
  const why = `its share of the run time (${Math.max(1, Math.round(shareMs / 1000))} s) is over`
  return { why, error: new UnfinishedError({ code: 'share-over', message: why }) }
}

function timeOver(): Stop {
  const why = '--run-time is over'
  return { why, error: new UnfinishedError({ code: 'run-time-over', message: why }) }
}

function stopOf({ aborted, reason }: AbortSignal): Stop | undefined {
  if (!aborted) return undefined
  if (reason instanceof StewardError && !(reason instanceof InterruptedError)) throw reason
  const error = reason instanceof InterruptedError ? reason : new InterruptedError('SIGINT')
  return { why: error.exitCode === 143 ? 'SIGTERM' : 'SIGINT', error }
}

async function notReached(work: Work, run: JobRun, stop: Stop): Promise<Ran> {
  const result: JobResult = { ...NO_WORK, outcome: stoppedAs(stop), why: `${stop.why}, ${NOT_REACHED}` }
  await recorded(() => recordStart(run.db, run.runId, work.name))
  await recorded(() => recordEnd(run.db, run.runId, work.name, result))
  return { job: work.name, seconds: 0, ...result }
}

async function nothing(work: Work, run: JobRun): Promise<Ran> {
  await recorded(() => recordNothing(run.db, run.runId, [work.name], NOTHING_DUE))
  return { ...NO_WORK, job: work.name, seconds: 0, outcome: 'nothing', why: NOTHING_DUE }
}
