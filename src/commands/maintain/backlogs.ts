/** What waits for each job, asked a few at a time. */
import type { Database } from '../../db/database.ts'
import { StewardError } from '../../errors.ts'
import type { Context } from '../command.ts'
import type { Job } from './job.ts'
import type { PlannedJob } from './run.ts'

/** Questions at once: each may take seconds on a large table, and the server has other work. */
const AT_ONCE = 3

/**
 * The backlog of each job, in the same order; where it cannot be told (no privilege, a statement that took too long),
 * why.
 */
export async function backlogsOf(
  context: Context,
  jobs: readonly Job[],
  db?: Database,
): Promise<readonly PlannedJob[]> {
  const from = db ?? (await context.db())
  const found: PlannedJob[] = []
  const waiting = [...jobs.entries()]
  const ask = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, job] = next
      context.ui.progress({ label: `looking at ${job.name}`, done: index, total: jobs.length, unit: 'steps' })
      found[index] = await backlogOfJob(job, from)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  context.ui.endProgress()
  return found
}

async function backlogOfJob(job: Job, db: Database): Promise<PlannedJob> {
  try {
    return { job, backlog: await job.backlog(db) }
  } catch (error) {
    if (!(error instanceof StewardError) || error.exitCode !== 6) throw error
    return { job, unknown: error.message }
  }
}
