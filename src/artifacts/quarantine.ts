/**
 * The quarantine: a folder of each store that orphans are moved to instead of being deleted, by run. Where a file lies in
 * it says where it came from, so that bringing it back needs no other record.
 */

import { type Pace, type Stop, stoppedAs } from '../db/pace.ts'
import { RefusedError, StewardError, UsageError } from '../errors.ts'
import type { JobOutcome } from '../model/job.ts'
import { eachAtOnce, inBatches } from '../model/several.ts'
import type { OnProgress } from '../progress.ts'
import { QUARANTINE, type Store } from '../storage/store.ts'

/** Files that one store is asked about at the same time. */
export const FILES_AT_ONCE = 16
/** Files between two questions whether to go on. */
export const TOGETHER = 1_000
/** Failed files that are named. */
const NAMED = 100

const RUN = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-\d{1,19}$/

/** `20261104T101500Z-142`: when, and the run's number in the journal; in order of time, and never the same twice. */
export function quarantineRun(at: Date, runId: bigint): string {
  return `${at.toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${runId}`
}

/** When a run was; undefined for a text that is no name of one. */
export function instantOfRun(run: string): Date | undefined {
  const found = RUN.exec(run)
  if (!found) return undefined
  const [, year, month, day, hour, minute, second] = found
  const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(at.getTime()) ? undefined : at
}

/** @throws UsageError for a text that is no name of a run: it becomes part of a path */
export function requireRun(run: string): void {
  if (instantOfRun(run) !== undefined) return
  throw new UsageError({
    code: 'no-such-run',
    message: 'That is no run of the quarantine',
    hint: 'steward artifacts undo --list shows them',
  })
}

/** Where a file goes. @param path below the root of its store */
export function quarantinePath(run: string, path: string): string {
  return `${QUARANTINE}/${run}/${path}`
}

export interface QuarantinedRun {
  readonly store: string
  readonly run: string
  readonly at: Date
  readonly files: number
  readonly bytes: number
}

/** What lies in the quarantines, by store and run; oldest first. */
export async function listQuarantine(stores: readonly Store[], signal: AbortSignal): Promise<QuarantinedRun[]> {
  const runs: QuarantinedRun[] = []
  for (const store of stores) {
    let current: { store: string; run: string; at: Date; files: number; bytes: number } | undefined
    for await (const { path, bytes } of store.list(`${QUARANTINE}/`)) {
      if (signal.aborted) throw signal.reason
      const run = path.split('/')[1] ?? ''
      const at = instantOfRun(run)
      // Whatever else somebody put there is left alone.
      if (at === undefined) continue
      if (current?.run !== run) {
        current = { store: store.name, run, at, files: 0, bytes: 0 }
        runs.push(current)
      }
      current.files += 1
      current.bytes += bytes
    }
  }
  return runs.toSorted((one, other) => one.at.getTime() - other.at.getTime())
}

export interface Moves {
  readonly outcome: JobOutcome
  readonly files: number
  readonly bytes: number
  /** Files that were not there any more, or had changed. */
  readonly passed: number
  readonly failures: readonly string[]
  readonly failed: number
  readonly why: string
}

export interface MoveRun {
  readonly pace: Pace
  readonly onProgress: OnProgress
}

/** Brings the files of a run back to where they were; one that has a namesake there by now stays, and is named. */
export async function bringBack(
  stores: readonly Store[],
  run: string,
  { pace, onProgress }: MoveRun,
): Promise<Moves> {
  requireRun(run)
  const tally = new MoveTally()
  const folder = `${QUARANTINE}/${run}/`
  for (const store of stores) {
    const files = inBatches(store.list(folder), TOGETHER)
    for await (const batch of files) {
      const stop = await pace.next()
      if (stop !== undefined) return tally.result(stop)
      await eachAtOnce(batch, FILES_AT_ONCE, async ({ uri, path, bytes }) => {
        const home = path.slice(folder.length)
        await tally.move(store, uri, store.uriOf(home), bytes, home)
      })
      onProgress({ label: `bring back ${run}`, done: tally.files, unit: 'files' })
    }
  }
  return tally.result(undefined)
}

/** Deletes what was moved to the quarantine before an instant. */
export async function emptyQuarantine(
  stores: readonly Store[],
  before: Date,
  { pace, onProgress }: MoveRun,
): Promise<Moves> {
  const tally = new MoveTally()
  for (const store of stores) {
    const old = store.list(`${QUARANTINE}/`)
    for await (const all of inBatches(old, TOGETHER)) {
      const batch = all.filter(({ path }) => {
        const at = instantOfRun(path.split('/')[1] ?? '')
        return at !== undefined && at < before
      })
      if (batch.length === 0) continue
      const stop = await pace.next()
      if (stop !== undefined) return tally.result(stop)
      const removals = await store.remove(batch.map(({ uri }) => uri))
      for (const [index, { path, bytes }] of batch.entries()) {
        const removal = removals[index]
        if (removal?.outcome === 'removed') tally.went(bytes)
        else if (removal?.outcome === 'missing') tally.passed += 1
        else tally.fail(store, path, removal?.reason ?? 'the store gave no answer')
      }
      onProgress({ label: 'empty the quarantine', done: tally.files, unit: 'files' })
    }
  }
  return tally.result(undefined)
}

/** Adds up what was moved. */
export class MoveTally {
  files = 0
  bytes = 0
  passed = 0
  failed = 0
  readonly #failures: string[] = []

  went(bytes: number): void {
    this.files += 1
    this.bytes += bytes
  }

  fail(store: Store, path: string, reason: string): void {
    this.failed += 1
    if (this.#failures.length < NAMED) this.#failures.push(`${store.name} ${path}: ${reason}`)
  }

  /** Moves a file; that it is gone is no failure, that another one is in the way is. */
  async move(store: Store, from: string, to: string, bytes: number, path: string): Promise<void> {
    try {
      await store.move(from, to)
      this.went(bytes)
    } catch (error) {
      if (!(error instanceof StewardError)) throw error
      if (error.exitCode === 4) this.passed += 1
      else this.fail(store, path, error instanceof RefusedError ? `refused: ${error.message}` : error.message)
    }
  }

  result(stop: Stop | undefined): Moves {
    const unnamed = this.failed - this.#failures.length
    const outcome = (): JobOutcome => {
      if (this.failed > 0) return 'partial'
      if (stop !== undefined) return stoppedAs(stop)
      return this.files === 0 ? 'nothing' : 'done'
    }
    return {
      outcome: outcome(),
      files: this.files,
      bytes: this.bytes,
      passed: this.passed,
      failed: this.failed,
      failures: [...this.#failures, ...(unnamed === 0 ? [] : [`${unnamed} more`])],
      why: stop?.why ?? 'nothing is left',
    }
  }
}
