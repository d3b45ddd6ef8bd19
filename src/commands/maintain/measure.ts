/** The file of metrics of a maintenance run. */
import { resolve } from 'node:path'
import { StewardError } from '../../errors.ts'
import type { JobFigures } from '../../maintenance/metrics.ts'
import type { Ran } from '../../maintenance/run-jobs.ts'
import type { Context } from '../command.ts'
import { backlogsOf } from './backlogs.ts'
import type { PlannedJob } from './run.ts'

/**
 * Writes the figures of all these jobs, whatever came of the run.
 *
 * @param planned with what was due before the run
 * @param ran what the run did; empty when it failed as a whole
 * @returns why it could not be written; undefined when it was
 */
export async function measure(
  context: Context,
  path: string,
  planned: readonly PlannedJob[],
  ran: readonly Ran[],
  { seconds, exitCode }: { readonly seconds: number; readonly exitCode: number },
): Promise<string | undefined> {
  const [{ metricsText, writeMetrics }, config, db] = await Promise.all([
    import('../../maintenance/metrics.ts'),
    context.config(),
    context.db(),
  ])
  try {
    const text = await metricsText({
      profile: config.profile,
      database: db.database,
      endedAt: context.now(),
      seconds,
      exitCode,
      jobs: await figuresOf(context, planned, ran),
    })
    await writeMetrics(resolve(context.cwd, path), text)
    return undefined
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    return error.message
  }
}

/** What is left is asked again where a job did something, unless a signal wants an end. */
async function figuresOf(
  context: Context,
  planned: readonly PlannedJob[],
  ran: readonly Ran[],
): Promise<readonly JobFigures[]> {
  const [{ jobSummaries }, target] = await Promise.all([import('../../maintenance/job-record.ts'), context.db()])
  // The run may have been stopped, and its figures are due all the same.
  const db = await target.separate({ poolSize: 3, statementTimeoutMs: 10_000 }).catch(() => undefined)
  if (db === undefined) return planned.map(({ job, backlog }) => ({ job: job.name, kind: job.kind, backlog }))
  try {
    const changed = new Set(ran.filter(({ rows }) => rows > 0n).map(({ job }) => job))
    const toAsk = context.signal.aborted
      ? []
      : planned.filter(({ job }) => changed.has(job.name)).map(({ job }) => job)
    const asked = new Map((await backlogsOf(context, toAsk, { db })).map((each) => [each.job.name, each]))
    const summaries = new Map((await jobSummaries(db).catch(() => [])).map((summary) => [summary.job, summary]))
    return planned.map((each) => {
      const { job } = each
      const { backlog } = changed.has(job.name) ? (asked.get(job.name) ?? { backlog: undefined }) : each
      return { job: job.name, kind: job.kind, summary: summaries.get(job.name), backlog }
    })
  } finally {
    await db.close()
  }
}
