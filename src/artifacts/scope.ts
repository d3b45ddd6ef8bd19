/** What cleaning is given, and what it tells. */
import type { Database } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import type { JobResult, Kept } from '../model/job.ts'
import type { Store } from '../storage/store.ts'
import type { PlacedSystem } from './holders.ts'

/** The stores of a profile, as far as cleaning asks them. */
export interface StoreSet {
  readonly all: readonly Store[]
  holding(uri: string): Store | undefined
}

/**
 * Moments between two steps that a crash may fall on, told so that tests can make it fall there: before and after marks
 * are committed, before and after files are removed (rows deleted, not committed), before and after that is committed.
 */
export type Boundary = 'marking' | 'marked' | 'removing' | 'removed' | 'committing' | 'committed'

export interface Cleaning {
  readonly db: Database
  readonly run: JobRun
  readonly stores: StoreSet
  /** Every system of the database: rows of one may stand for a file of another. */
  readonly systems: readonly PlacedSystem[]
  /** Rows that a batch takes: to begin with, and at least and at most. */
  readonly batch?: { readonly first: number; readonly least: number; readonly most: number }
  /** Rows that stay, as a plan has just counted them; counted anew when absent. */
  readonly kept?: readonly Kept[] | undefined
  /** At most so many files, or tasks by prefix. */
  readonly limit?: number | undefined
  readonly at?: ((boundary: Boundary) => void | Promise<void>) | undefined
}

/** What cleaning did, besides what every job tells. */
export interface CleanResult extends JobResult {
  /** Rows that went, those on foreign keys not counted. */
  readonly rowsDeleted: bigint
  readonly filesRemoved: bigint
  /** Files that were gone before. */
  readonly filesMissing: bigint
  /** Rows that went, or were gone, whose file stayed since another row stands for it. */
  readonly filesShared: bigint
  /** Marks taken back: the row is not due any more, or stands for another file by now. */
  readonly marksLifted: bigint
  readonly failed: bigint
}
