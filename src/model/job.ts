/**
 * Jobs: what maintenance does, one at a time, as values. `maintain run` asks each what there is to do and does it; the
 * features make them, and know nothing of each other.
 */

export type JobKind =
  | 'expire'
  | 'archive'
  | 'delete'
  | 'purge'
  | 'soft-delete'
  | 'partitions'
  | 'drop-partitions'
  | 'delete-files'
  | 'tombstones'
  | 'export'
  | 'vacuum'

/** What waits for a job, as far as it can be said cheaply. */
export interface Backlog {
  /** Rows (files for `delete-files` by prefix are counted by their task) that are due. */
  readonly rows: bigint
  /** True when `rows` is a lower bound: there are at least so many. */
  readonly atLeast: boolean
  /** Instant that the oldest of them counts from; null when there is none. */
  readonly oldest: Date | null
  /** Their size, estimated from the table's average row; null where it cannot be said. */
  readonly bytes: bigint | null
  /** Rows that became due in the last 24 hours; null where it cannot be said. */
  readonly arrivedInADay: bigint | null
}

/** Rows that a rule would cover and that stay, with the reason: `still referenced by skyvern.x (fk_x)`. */
export interface Kept {
  readonly reason: string
  readonly rows: bigint
}

/** Why a row is kept back that another transaction has locked. */
export const IN_USE = 'in use by another transaction'

export type JobOutcome = 'done' | 'nothing' | 'partial' | 'unfinished' | 'interrupted' | 'failed'

/** What a job did. */
export interface JobResult {
  readonly outcome: JobOutcome
  /** Rows moved, changed or removed, all tables together; files for `delete-files`. */
  readonly rows: bigint
  /** Their bytes, as far as they are known. */
  readonly bytes: bigint
  readonly batches: number
  readonly kept: readonly Kept[]
  /** Items that failed, in words: they are named in the output and make the outcome `partial` or `failed`. */
  readonly failures: readonly string[]
  /** Why it ended: `nothing more is due`, `--run-time of 10m is over`, `SIGTERM`. Always stated. */
  readonly why: string
  /** Bytes that a vacuum freed for new rows, and gave back to the operating system. */
  readonly freedBytes?: bigint
  readonly returnedBytes?: bigint
}

/** What a job did that did nothing, but for the outcome and why. */
export const NO_WORK = { rows: 0n, bytes: 0n, batches: 0, kept: [], failures: [] } as const satisfies Omit<
  JobResult,
  'outcome' | 'why'
>
