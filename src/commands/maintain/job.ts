/** Jobs as `maintain run` sees them: made by one file a kind in `jobs/`, done by the features. */
import type { Config } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import type { Backlog, JobKind, JobResult } from '../../model/job.ts'
import type { System } from '../../model/system.ts'

export interface Job {
  /** `skyvern/finished-tasks`, `skyvern/partitions`, `vacuum`: unique in a run, and the same in every run. */
  readonly name: string
  readonly kind: JobKind
  /** Schema whose lease it works under. */
  readonly schema: string
  readonly summary: string
  /** Age from which it works, as an interval; absent for jobs that are about no age. */
  readonly olderThan?: string
  /** Reads only, and is quick on any size: counting stops somewhere. */
  readonly backlog: (db: Database) => Promise<Backlog>
  /** Does what is due, in batches; returns, also when stopped, and throws only what ends the whole run. */
  readonly apply: (db: Database, run: JobRun) => Promise<JobResult>
}

/**
 * Whether a job is to be run: what could not be told, or not be counted, may be due, and so are partitions that are over
 * without a row in them.
 */
export function mayBeDue(backlog: Backlog | undefined): boolean {
  return backlog === undefined || backlog.rows > 0n || backlog.atLeast || (backlog.bytes ?? 0n) > 0n
}

/** A system whose tables are in the database. */
export interface PlacedSystem {
  readonly system: System
  readonly schema: string
  /** Nobody can hold rows from retention, or this role may not see who does. */
  readonly withoutHolds?: boolean
}

/** Makes the jobs of one kind for the systems at hand; rules that are off make none. */
export type JobSource = (config: Config, systems: readonly PlacedSystem[]) => Promise<readonly Job[]>
