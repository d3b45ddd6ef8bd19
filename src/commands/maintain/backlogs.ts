/** What waits for each job, asked a few at a time. */
import type { Database } from '../../db/database.ts'
import { StewardError } from '../../errors.ts'
import type { Context } from '../command.ts'
import type { Job } from './job.ts'
import type { PlannedJob } from './run.ts'

/** Questions at once: each may take seconds on a large table, and the server has other work. */
const AT_ONCE = 3

const TOO_MANY = 'not looked at: those before it took too long'
const UNCOUNTED = 'it could not be counted: its table is locked, or too slow to look through'

/**
 * The backlog of each job, in the same order; where it cannot be told (no privilege, a statement that took too long),
 * why.
 *
 * @param options.db to ask; the command's own when absent
 * @param options.patienceMs after which no further job is asked
 */
export async function backlogsOf(
  context: Context,
  jobs: readonly Job[],
  { db, patienceMs = Number.POSITIVE_INFINITY }: { readonly db?: Database; readonly patienceMs?: number } = {},
): Promise<readonly PlannedJob[]> {
  const from = db ?? (await context.db())
  const until = performance.now() + patienceMs
  const found: PlannedJob[] = []
  const waiting = [...jobs.entries()]
  const ask = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, job] = next
      context.ui.progress({ label: `looking at ${job.name}`, done: index, total: jobs.length, unit: 'steps' })
      found[index] = performance.now() < until ? await backlogOfJob(job, from) : { job, unknown: TOO_MANY }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  context.ui.endProgress()
  return found
}

async function backlogOfJob(job: Job, db: Database): Promise<PlannedJob> {
  try {
    const backlog = await job.backlog(db)
    // At least none says nothing.
    return backlog.atLeast && backlog.rows === 0n ? { job, unknown: UNCOUNTED } : { job, backlog }
  } catch (error) {
    const untold = error instanceof StewardError && ([5, 6].includes(error.exitCode) || error.code === 'lock-timeout')
    if (!untold) throw error
    return { job, unknown: error.message }
  }
}
