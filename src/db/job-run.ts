/** What everything that works in batches is given: who runs, under which lease, at what pace. */
import type { OnProgress } from '../progress.ts'
import type { Actor } from './audit.ts'
import type { Database } from './database.ts'
import type { Lease } from './lease.ts'
import type { Pace } from './pace.ts'

export interface JobRun {
  /** Of the run in the journal; batches refer to it. */
  readonly runId: bigint
  /**
   * The target database through connections of the run's own, which a stop request does not cancel: a batch in flight
   * is finished. `context.db()` would roll it back and refuse the records of the run.
   */
  readonly db: Database
  readonly lease: Lease
  readonly pace: Pace
  /** Aborted on SIGINT, SIGTERM and when the lease is lost: finish the batch in flight, begin no other. */
  readonly signal: AbortSignal
  /** Milliseconds that one batch should take. */
  readonly batchMs: number
  readonly actor: Actor
  readonly onProgress: OnProgress
  /** A line for people, on stderr: why it waits, what it skips. */
  readonly say: (line: string) => void
}
