/** What was done when, by whom, and why it ended: the journal, and the jobs of its maintenance runs. Reads only. */
import type { Queryable } from '../db/database.ts'
import { livesHere, outcomeNow } from '../db/journal.ts'
import type { Json } from '../errors.ts'
import { type Moment, momentSql } from '../model/moment.ts'
import { allOf, type Sql, sql } from '../model/sql.ts'

export interface PastRun {
  readonly run_id: bigint
  readonly started_at: string
  readonly ended_at: string | null
  /** Seconds until its end, or until now. */
  readonly seconds: number
  readonly command: string
  readonly arguments: readonly string[]
  readonly os_user: string
  readonly host: string
  readonly db_user: string
  readonly pid: number
  /** `running` while it works; `lost` when it was killed. */
  readonly outcome: string
  readonly exit_code: number | null
  readonly plan: Json
  readonly counts: Json
  readonly reason: string | null
}

export interface PastJob {
  readonly run_id: bigint
  readonly job: string
  readonly started_at: string
  readonly ended_at: string | null
  readonly seconds: number
  readonly outcome: string
  readonly rows: bigint
  readonly bytes: bigint
  readonly batches: bigint
  readonly kept: Json
  readonly reason: string | null
}

export interface Window {
  readonly since?: Moment | undefined
  /** Only what did not end well: partial, failed, lost. */
  readonly failed: boolean
  readonly limit: number
}

const KILLED = 'the process was killed or lost its connection'

const BAD = sql`IN ('partial', 'failed', 'lost')`

/** The last runs, the newest first. @param host name of this machine, to tell which processes live */
export async function pastRuns(db: Queryable, host: string, { since, failed, limit }: Window): Promise<PastRun[]> {
  const conditions = [
    ...(since === undefined ? [] : [sql`started_at >= ${momentSql(since)}`]),
    ...(failed ? [sql`(${outcomeNow} ${BAD} OR (outcome IS NULL AND backend_pid IS NULL))`] : []),
  ]
  const runs = await runsWhere(db, host, allOf(conditions), limit)
  return failed ? runs.filter(({ outcome }) => outcome !== 'running') : runs
}

/** One run; undefined when the journal has none of this number. */
export async function pastRun(db: Queryable, host: string, runId: bigint): Promise<PastRun | undefined> {
  const [run] = await runsWhere(db, host, sql`run_id = ${runId}`, 1)
  return run
}

async function runsWhere(db: Queryable, host: string, condition: Sql, limit: number): Promise<PastRun[]> {
  const runs = await db.rows<PastRun & { readonly now: string | null; readonly unlocked: boolean }>(sql`
    SELECT
      run_id, started_at, ended_at, command, arguments, os_user, host, db_user, pid, exit_code, plan, counts, reason,
      EXTRACT(epoch FROM COALESCE(ended_at, clock_timestamp()) - started_at)::float8 AS seconds,
      ${outcomeNow} AS now,
      backend_pid IS NULL AS unlocked
    FROM steward.journal
    WHERE ${condition}
    ORDER BY started_at DESC, run_id DESC
    LIMIT ${limit}`)
  return runs.map(({ now, unlocked, ...run }) => {
    const outcome = now ?? (unlocked && livesHere(run, host) === false ? 'lost' : 'running')
    return { ...run, outcome, reason: run.reason ?? (outcome === 'lost' ? KILLED : null) }
  })
}

/** What a job did in its last runs, the newest first. */
export function pastRunsOfJob(db: Queryable, job: string, { since, failed, limit }: Window): Promise<PastJob[]> {
  const conditions = [
    sql`job = ${job}`,
    ...(since === undefined ? [] : [sql`started_at >= ${momentSql(since)}`]),
    ...(failed ? [sql`outcome ${BAD}`] : []),
  ]
  return jobsWhere(db, allOf(conditions), sql`started_at DESC, run_id DESC LIMIT ${limit}`)
}

/** The jobs of one run, in the order in which they began. */
export function jobsOfRun(db: Queryable, runId: bigint): Promise<PastJob[]> {
  return jobsWhere(db, sql`run_id = ${runId}`, sql`started_at, job`)
}

/** A job that is open is lost when its run is over or was killed, whoever has settled it. */
function jobsWhere(db: Queryable, condition: Sql, order: Sql): Promise<PastJob[]> {
  return db.rows<PastJob>(sql`
    SELECT *
    FROM (
      SELECT
        j.run_id, j.job, j.started_at, COALESCE(j.ended_at, r.ended_at) AS ended_at, j.rows, j.bytes, j.batches, j.kept,
        EXTRACT(epoch FROM COALESCE(j.ended_at, r.ended_at, clock_timestamp()) - j.started_at)::float8 AS seconds,
        COALESCE(j.outcome, CASE WHEN r.outcome IS NULL THEN 'running' ELSE 'lost' END) AS outcome,
        COALESCE(j.reason, CASE WHEN r.outcome IS NOT NULL THEN ${KILLED} END) AS reason
      FROM steward.job_runs AS j
      JOIN (
        SELECT run_id, ended_at, ${outcomeNow} AS outcome FROM steward.journal
      ) AS r USING (run_id)
    ) AS jobs
    WHERE ${condition}
    ORDER BY ${order}`)
}

/** The jobs that ever ran, for a hint. */
export async function knownJobs(db: Queryable): Promise<readonly string[]> {
  const rows = await db.rows<{ job: string }>(sql`SELECT DISTINCT job FROM steward.job_runs ORDER BY job`)
  return rows.map(({ job }) => job)
}
