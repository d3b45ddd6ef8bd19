/**
 * The journal: a record of each run that changes something. A run in progress holds an advisory lock on its id; the
 * server releases it however the process ends, so a run without outcome whose lock nobody holds was killed.
 */
import process from 'node:process'
import {
  ExitCode,
  errorCode,
  InterruptedError,
  type Json,
  PartialError,
  StewardError,
  UnfinishedError,
  UsageError,
} from '../errors.ts'
import { raw, type Sql, sql } from '../model/sql.ts'
import type { Database, Queryable } from './database.ts'
import { stringifyJson } from './json.ts'

/** What a run was asked to do, and by whom; a command's Context is one. */
export interface Run {
  readonly command: string
  readonly argv: readonly string[]
  readonly actor: { readonly osUser: string; readonly host: string }
  /** What it set out to do, where that was worked out before. */
  readonly plan?: Json
}

/** What the work of a run returns. */
export interface RunResult<T> {
  readonly value: T
  /** What it did, for the record. */
  readonly counts: Json
  /** 7 and 9 record the run as partly done or unfinished; 0 when absent. */
  readonly exitCode?: ExitCode
  /** Why it ended as it did, when it was not simply done. */
  readonly reason?: string
}

export type Outcome = 'done' | 'partial' | 'unfinished' | 'interrupted' | 'failed' | 'lost'

/** First key of the advisory locks on runs; the second is the run's id. */
const LOCK_CLASS = 0x53_74_77_72

/** The advisory lock's second key: ids beyond 2^31 wrap around, when their namesakes are long over. */
const lockKey = raw('(run_id % 2147483647)::integer')

/**
 * Runs `work` under a record in the journal: begun before, ended after with its outcome, counts and reason.
 *
 * @param work gets the id of the record, by which its batches refer to it
 * @returns what the work returned as its value
 * @throws what the work throws; OperationError with the hint to migrate when Steward's schema is not there
 */
export async function journalRun<T>(
  db: Database,
  run: Run,
  work: (runId: bigint) => Promise<RunResult<T>>,
): Promise<T> {
  try {
    return await db.session((session) => recorded(session, session.pid, db, run, work), {
      direct: true,
      statementTimeoutMs: 0,
    })
  } catch (error) {
    if (!(error instanceof UsageError && error.code === 'direct-connection-needed')) throw error
  }
  // Only a transaction pooler: no lock can be held, and the run is known by its host and process alone. Its end is
  // recorded after a stop request, too.
  const own = await db.separate({ poolSize: 1 })
  try {
    return await recorded(own, null, db, run, work)
  } finally {
    await own.close()
  }
}

/** @param target opens another connection for the end of the record, should the one that began it be gone */
async function recorded<T>(
  db: Queryable,
  backendPid: number | null,
  target: Database,
  run: Run,
  work: (runId: bigint) => Promise<RunResult<T>>,
): Promise<T> {
  await settleLostRuns(db, run.actor.host)
  const runId = await begin(db, backendPid, run)
  let result: RunResult<T>
  try {
    result = await work(runId)
  } catch (error) {
    // The work's own error is the one to hear about, whether or not it can be written down.
    await endAnyway(db, target, runId, endOf(error)).catch(() => {})
    throw error
  }
  const { counts, exitCode = ExitCode.ok, reason = null } = result
  await endAnyway(db, target, runId, { outcome: outcomeOf(exitCode), exitCode, counts, reason })
  return result.value
}

/** One statement, so that the record is never visible without its lock. */
async function begin(db: Queryable, backendPid: number | null, run: Run): Promise<bigint> {
  const lock: Sql = backendPid === null ? sql`NULL` : sql`pg_advisory_lock(${LOCK_CLASS}::integer, ${lockKey})`
  const { run_id } = await db.one<{ run_id: bigint }>(sql`
    WITH run AS (
      INSERT INTO steward.journal (command, arguments, os_user, host, db_user, pid, backend_pid, plan)
      VALUES (${run.command}, ${stringifyJson(run.argv)}::jsonb, ${run.actor.osUser}, ${run.actor.host},
              session_user, ${process.pid}, ${backendPid},
              ${run.plan === undefined ? null : stringifyJson(run.plan)}::jsonb)
      RETURNING run_id
    )
    SELECT run_id, ${lock} AS lock FROM run
  `)
  return run_id
}

interface Ending {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly counts: Json
  readonly reason: string | null
}

/** The connection of a run stands idle for as long as it works: what cuts it does not make the run a lost one. */
async function endAnyway(db: Queryable, target: Database, runId: bigint, ending: Ending): Promise<void> {
  try {
    return await end(db, runId, ending)
  } catch (error) {
    if (!(error instanceof StewardError && error.code === 'connection-lost')) throw error
  }
  const another = await target.separate({ poolSize: 1 })
  try {
    await end(another, runId, ending)
  } finally {
    await another.close()
  }
}

async function end(db: Queryable, runId: bigint, ending: Ending): Promise<void> {
  await db.execute(sql`
    UPDATE steward.journal
    SET ended_at = clock_timestamp(), outcome = ${ending.outcome}, exit_code = ${ending.exitCode},
        counts = ${stringifyJson(ending.counts)}::jsonb, reason = ${ending.reason}
    WHERE run_id = ${runId}
  `)
}

/** Errors of ours hold no values, so their message may be kept; any other is a bug and only named. */
function endOf(error: unknown): Ending {
  if (!(error instanceof StewardError)) {
    return { outcome: 'failed', exitCode: ExitCode.bug, counts: null, reason: 'an unexpected error in Steward' }
  }
  const outcome: Outcome =
    error instanceof InterruptedError
      ? 'interrupted'
      : error instanceof UnfinishedError
        ? 'unfinished'
        : error instanceof PartialError
          ? 'partial'
          : 'failed'
  return { outcome, exitCode: error.exitCode, counts: null, reason: error.message }
}

function outcomeOf(exitCode: ExitCode): Outcome {
  switch (exitCode) {
    case ExitCode.ok:
    case ExitCode.trouble:
      return 'done'
    case ExitCode.partial:
      return 'partial'
    case ExitCode.unfinished:
      return 'unfinished'
    case ExitCode.interrupted:
    case ExitCode.terminated:
      return 'interrupted'
    default:
      return 'failed'
  }
}

/** True in SQL for a run whose backend holds its lock no more. A standby knows no locks of the primary. */
const killed = sql`
  backend_pid IS NOT NULL
  AND NOT pg_is_in_recovery()
  AND NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'advisory'
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND l.classid::bigint = ${LOCK_CLASS}::bigint
      AND l.objid::bigint = ${lockKey}
      AND l.objsubid = 2
  )`

/**
 * The outcome of a run as it is, for those who may only read: a killed run that nobody has settled yet is lost. NULL
 * while it works. A run through a transaction pooler holds no lock: whether it lives, only its host can tell.
 */
export const outcomeNow: Sql = sql`CASE WHEN outcome IS NULL AND ${killed} THEN 'lost' ELSE outcome END`

/** Whether a run without outcome, lock and backend still has its process; undefined where this is another host. */
export function livesHere(run: { readonly host: string; readonly pid: number }, host: string): boolean | undefined {
  return run.host === host ? isAlive(run.pid) : undefined
}

/** Gives killed runs their end, so that none stays running for ever. */
async function settleLostRuns(db: Queryable, host: string): Promise<void> {
  const unlocked = await db.rows<{ run_id: bigint; pid: number }>(sql`
    SELECT run_id, pid
    FROM steward.journal
    WHERE outcome IS NULL AND backend_pid IS NULL AND host = ${host}
  `)
  const dead = unlocked.filter(({ pid }) => !isAlive(pid)).map(({ run_id }) => run_id)
  await db.execute(sql`
    UPDATE steward.journal
    SET ended_at = clock_timestamp(), outcome = 'lost', reason = 'the process was killed or lost its connection'
    WHERE outcome IS NULL AND (run_id = ANY (${dead}::bigint[]) OR ${killed})
  `)
}

/** Signal 0 only asks (POSIX kill); a process of another user answers EPERM. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) !== 'ESRCH'
  }
}
