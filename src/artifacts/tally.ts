/** Adding up what batches did, and saying it as a job's result. */
import { type Stop, stoppedAs } from '../db/pace.ts'
import type { JobOutcome, Kept } from '../model/job.ts'
import type { BatchOutcome } from './clean-batch.ts'
import type { CleanResult } from './scope.ts'

/** Failed items that are named; the others are counted. */
const NAMED = 100
/** Batches in a row in which a store gave no answer; after that it is not asked again. */
const SILENT_BATCHES = 2

export class Tally {
  rows = 0
  removed = 0
  missing = 0
  shared = 0
  lifted = 0
  failed = 0
  batches = 0
  bytes = 0n
  /** Things that a limit counts: marks, or tasks whose files go. */
  handled = 0
  readonly kept = new Map<string, number>()
  readonly #failures: string[] = []
  readonly #silent = new Map<string, number>()
  readonly #noun: string

  /** @param noun of what failed items are called: `artifact` */
  constructor(noun: string) {
    this.#noun = noun
  }

  add(outcome: BatchOutcome, handled: number): void {
    this.batches += 1
    this.handled += handled
    this.rows += outcome.rows
    this.removed += outcome.removed.length
    this.bytes += outcome.removed.reduce((sum, { bytes }) => sum + (bytes ?? 0n), 0n)
    this.missing += outcome.missing
    this.shared += outcome.shared
    this.lifted += outcome.lifted
    for (const [reason, rows] of outcome.kept) this.keep(reason, rows)
    for (const { id, reason } of outcome.failed) this.fail(id, reason)
    this.heard(outcome.silent, outcome.removed.length > 0)
  }

  keep(reason: string, rows: number): void {
    if (rows > 0) this.kept.set(reason, (this.kept.get(reason) ?? 0) + rows)
  }

  fail(id: string, reason: string): void {
    this.failed += 1
    if (this.#failures.length < NAMED) this.#failures.push(`${this.#noun} ${id}: ${reason}`)
  }

  heard(silent: readonly { readonly store: string }[], answered: boolean): void {
    if (silent.length === 0 && answered) this.#silent.clear()
    for (const { store } of silent) this.#silent.set(store, (this.#silent.get(store) ?? 0) + 1)
  }

  /** The store that does not answer, when it is no use to go on. */
  get silentStore(): string | undefined {
    return [...this.#silent].find(([, times]) => times >= SILENT_BATCHES)?.[0]
  }

  result(stop: Pick<Stop, 'why' | 'error'> | undefined, limit: number | undefined): CleanResult {
    const unnamed = this.failed - this.#failures.length
    const silent = this.silentStore
    return {
      outcome: this.#outcome(stop),
      rows: BigInt(this.removed),
      bytes: this.bytes,
      batches: this.batches,
      kept: [...this.kept].map(([reason, rows]): Kept => ({ reason, rows: BigInt(rows) })),
      failures: [...this.#failures, ...(unnamed === 0 ? [] : [`${unnamed} more`])],
      why:
        stop?.why ??
        (silent === undefined
          ? limit !== undefined && this.handled >= limit
            ? `--limit ${limit}`
            : 'nothing more is due'
          : `store ${silent} does not answer`),
      rowsDeleted: BigInt(this.rows),
      filesRemoved: BigInt(this.removed),
      filesMissing: BigInt(this.missing),
      filesShared: BigInt(this.shared),
      marksLifted: BigInt(this.lifted),
      failed: BigInt(this.failed),
    }
  }

  #outcome(stop: Pick<Stop, 'error'> | undefined): JobOutcome {
    const did = this.rows + this.removed + this.missing + this.shared + this.lifted
    // Files that stay marked are exit 7, whatever else came of it: also where the time was over, too.
    if (this.failed > 0) return 'partial'
    if (stop !== undefined) return stoppedAs(stop)
    return did === 0 ? 'nothing' : 'done'
  }
}
