/** The record of each job of a run, kept up to date batch by batch, so that a killed run leaves what it had done. */
import type { Queryable } from '../db/database.ts'
import { stringifyJson } from '../db/json.ts'
import type { JobOutcome, JobResult } from '../model/job.ts'
import { sql } from '../model/sql.ts'

/** How far a job has come. */
export interface JobProgress {
  readonly rows: bigint
  readonly batches: number
}

/** Says that a job of the run begins; a second turn of the same run goes on with the same record. */
export async function recordStart(db: Queryable, runId: bigint, job: string): Promise<void> {
  await db.execute(sql`
    INSERT INTO steward.job_runs (run_id, job, started_at)
    VALUES (${runId}, ${job}, clock_timestamp())
    ON CONFLICT (run_id, job) DO UPDATE SET ended_at = NULL, outcome = NULL, reason = NULL`)
}

export async function recordProgress(
  db: Queryable,
  runId: bigint,
  job: string,
  { rows, batches }: JobProgress,
): Promise<void> {
  await db.execute(sql`
    UPDATE steward.job_runs
    SET rows = GREATEST(rows, ${rows}), batches = ${batches}
    WHERE run_id = ${runId} AND job = ${job}`)
}

/** What came of it. Why, and each item that failed, is its reason. */
export async function recordEnd(db: Queryable, runId: bigint, job: string, result: JobResult): Promise<void> {
  const reason = [result.why, ...result.failures.slice(0, MOST_FAILURES)].join('; ')
  const kept = stringifyJson(result.kept.map(({ reason: why, rows }) => ({ reason: why, rows })))
  await db.execute(sql`
    UPDATE steward.job_runs
    SET ended_at = clock_timestamp(), outcome = ${result.outcome}, rows = ${result.rows}, bytes = ${result.bytes},
        batches = ${result.batches}, kept = ${kept}::jsonb, reason = ${reason}
    WHERE run_id = ${runId} AND job = ${job}`)
}

/** Failures that the record names; the output names them all. */
const MOST_FAILURES = 20

/**
 * Says that there was nothing to do for these jobs. Only the last such record of a job is kept: a run every ten minutes
 * would fill the table with them.
 */
export async function recordNothing(
  db: Queryable,
  runId: bigint,
  jobs: readonly string[],
  why: string,
): Promise<void> {
  if (jobs.length === 0) return
  const outcome: JobOutcome = 'nothing'
  await db.execute(sql`
    WITH earlier AS (
      DELETE FROM steward.job_runs WHERE job = ANY (${[...jobs]}::text[]) AND outcome = ${outcome} AND run_id < ${runId}
    )
    INSERT INTO steward.job_runs (run_id, job, started_at, ended_at, outcome, reason)
    SELECT ${runId}::bigint, job, clock_timestamp(), clock_timestamp(), ${outcome}, ${why}
    FROM unnest(${[...jobs]}::text[]) AS job
    ON CONFLICT (run_id, job) DO NOTHING`)
}

/** Gives the jobs of killed runs their end; the journal has settled the runs themselves. */
export async function settleLostJobs(db: Queryable): Promise<void> {
  await db.execute(sql`
    UPDATE steward.job_runs AS j
    SET ended_at = COALESCE(r.ended_at, clock_timestamp()), outcome = 'lost',
        reason = 'the process was killed or lost its connection'
    FROM steward.journal AS r
    WHERE r.run_id = j.run_id
      AND r.outcome IS NOT NULL
      AND j.outcome IS NULL`)
}

/** The last of a job, as the metrics and the overview want it. */
export interface JobSummary {
  readonly job: string
  /** When it last left nothing undone, as ISO 8601; null when never. */
  readonly succeeded_at: string | null
  readonly succeeded_epoch: number | null
  /** Of its last run: */
  readonly started_epoch: number
  readonly outcome: string | null
  readonly seconds: number | null
  readonly rows: bigint
  readonly bytes: bigint
  /** True when the last run did not get to it. */
  readonly unreached: boolean
  /** Seconds since the last success, by the server's clock. */
  readonly since_success: number | null
  /** Rows that it removed or changed in the last seven days, a day; null where it first ran within the last day. */
  readonly removed_a_day: number | null
}

/** Reason of a job that the run had no time for. */
export const NOT_REACHED = 'before its turn'

/** The last run and the last success of each job that ever ran. */
export function jobSummaries(db: Queryable): Promise<JobSummary[]> {
  return db.rows<JobSummary>(sql`
    WITH summary AS (
      SELECT
        job,
        max(ended_at) FILTER (WHERE outcome IN ('done', 'nothing')) AS succeeded_at,
        max(started_at) AS started_at,
        min(started_at) AS first_at,
        sum(rows) FILTER (WHERE started_at >= now() - interval '7 days') AS removed
      FROM steward.job_runs
      GROUP BY job
    )
    SELECT
      s.job,
      s.succeeded_at,
      EXTRACT(epoch FROM s.succeeded_at)::float8 AS succeeded_epoch,
      EXTRACT(epoch FROM j.started_at)::float8 AS started_epoch,
      j.outcome,
      EXTRACT(epoch FROM j.ended_at - j.started_at)::float8 AS seconds,
      j.rows,
      j.bytes,
      COALESCE(j.reason LIKE ${`%${NOT_REACHED}`}, false) AS unreached,
      EXTRACT(epoch FROM now() - s.succeeded_at)::float8 AS since_success,
      CASE
        WHEN s.first_at < now() - interval '1 day'
        THEN COALESCE(s.removed, 0)::float8
             / LEAST(EXTRACT(epoch FROM now() - s.first_at)::float8 / 86400, 7)
      END AS removed_a_day
    FROM summary AS s
    CROSS JOIN LATERAL (
      SELECT *
      FROM steward.job_runs AS l
      WHERE l.job = s.job
      ORDER BY l.started_at DESC, l.run_id DESC
      LIMIT 1
    ) AS j`)
}
