/** `steward maintain run`: all that is due, for cron. */
import type { JobRun } from '../../db/job-run.ts'
import type { ExitCode } from '../../errors.ts'
import type { Ran } from '../../maintenance/run-jobs.ts'
import type { Backlog, JobResult } from '../../model/job.ts'
import { isForPeople } from '../../output/view.ts'
import { systems } from '../../systems/registry.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { duration, list, text } from '../flags.ts'
import { countedSince, exitCodeOfJobs, governed } from '../governed.ts'
import { backlogsOf } from './backlogs.ts'
import { chosenJobs } from './chosen.ts'
import { type Job, mayBeDue } from './job.ts'
import { jobNames } from './rule-names.ts'
import { planView, runView } from './run-view.ts'

/** A job with what waits for it, or why that cannot be told. */
export interface PlannedJob {
  readonly job: Job
  readonly backlog?: Backlog
  readonly unknown?: string
}

export interface MaintenancePlan {
  readonly jobs: readonly PlannedJob[]
  /** When the run began, by `performance.now()`: looking at what is due is part of its time. */
  readonly began: number
  /** Confirmed beforehand: a run that finds nothing is recorded, too. */
  readonly unattended: boolean
}

export interface MaintenanceRun {
  readonly jobs: readonly Ran[]
  /** Why the file of metrics could not be written. */
  readonly metrics?: string
  readonly exitCode: ExitCode
}

export const run = defineDestroyCommand({
  name: 'run',
  summary: 'Do all maintenance that is due: expire, archive, delete, drop partitions, clean files, vacuum',
  description:
    'Applies the retention rules of all systems in the database, in batches, at a pace that leaves room for others: it waits while a replica is behind, a session waits for its locks, the stop file is there or the profile says maintenance.pause. With --run-time the jobs share the time and it ends between two batches; the next run goes on where it ended. A job that fails is named and does not stop the others. One run at a time works on a schema.\n\n' +
    'Exit codes: 0 done, also when nothing was due; 6 all jobs failed; 7 some failed or something of them; 8 another run holds the lease; 9 the time was over with work left; 130 and 143 a signal ended it after the batch in flight.',
  examples: [
    { command: 'maintain run --dry-run', does: 'What is due, rule by rule; changes nothing' },
    {
      command: 'maintain run --run-time 10m --metrics-file /var/lib/node_exporter/steward.prom --yes',
      does: 'For cron; maintain schedule prints such lines',
    },
    { command: 'maintain run --only archive,agensium --skip agensium/input-files', does: 'Some jobs only' },
  ],
  flags: {
    system: list('<names>', 'systems to work on (default: all that are in the database)', {
      choices: systems.map((entry) => entry.name),
    }),
    only: list('<jobs>', 'these jobs only: names (skyvern/finished-tasks), kinds (archive) or schemas', {
      suggest: jobNames,
    }),
    skip: list('<jobs>', 'all jobs but these', { suggest: jobNames }),
    runTime: duration(
      '<duration>',
      'end after this long, between two batches; jobs share it (exit 9 with work left)',
    ),
    metricsFile: text('<path>', 'write figures for Prometheus into this file at the end'),
  },
  async plan(context, input): Promise<MaintenancePlan> {
    const began = performance.now()
    const jobs = await chosenJobs(context, input)
    const { yes, confirm } = context.globals
    const patience = input.runTime === undefined ? {} : { patienceMs: input.runTime * LOOKING }
    return { jobs: await backlogsOf(context, jobs, patience), began, unattended: yes || confirm !== undefined }
  },
  planView: (plan, _input, { format }) => planView(plan, !isForPeople(format)),
  nothing: ({ jobs, unattended }) =>
    jobs.length === 0
      ? 'There is no job here: no system with retention rules is in this database, or all are off.'
      : unattended || jobs.some(isDue)
        ? undefined
        : 'Nothing is due; nothing to do.',
  action: ({ jobs }) => {
    const due = jobs.filter(isDue)
    return `Run ${due.length.toLocaleString('en')} ${due.length === 1 ? 'job' : 'jobs'} on what is due`
  },
  async apply(context, { runTime, metricsFile }, { jobs, ...planned }): Promise<MaintenanceRun> {
    // What somebody thinks over at a terminal is not.
    const began = planned.unattended ? planned.began : performance.now()
    const measured = async (exitCode: ExitCode, ran: readonly Ran[]): Promise<string | undefined> => {
      if (metricsFile === undefined) return undefined
      const { measure } = await import('./measure.ts')
      return measure(context, metricsFile, jobs, ran, { seconds: (performance.now() - began) / 1000, exitCode })
    }
    try {
      const { jobs: ran, exitCode } = await perform(context, jobs, began, runTime)
      const metrics = await measured(exitCode, ran)
      return { jobs: ran, exitCode: metrics === undefined ? exitCode : worse(exitCode), ...(metrics && { metrics }) }
    } catch (error) {
      const { LockedError, StewardError } = await import('../../errors.ts')
      // The run that holds the lease writes the figures.
      const held = error instanceof LockedError && error.code === 'lease-held'
      if (error instanceof StewardError && !held) {
        const unwritten = await measured(error.exitCode, [])
        if (unwritten !== undefined) context.ui.warn(unwritten)
      }
      throw error
    }
  },
  view: (done, _input, { format }) => runView(done, !isForPeople(format)),
  exitCode: ({ exitCode }) => exitCode,
})

/** Share of the run time for looking at what is due; what was not looked at may be due. */
const LOOKING = 0.25

function isDue({ backlog }: PlannedJob): boolean {
  return mayBeDue(backlog)
}

/** A run whose figures are missing is not whole; one that failed stays what it is. */
function worse(exitCode: ExitCode): ExitCode {
  return exitCode === 0 || exitCode === 9 ? 7 : exitCode
}

async function perform(
  context: Context,
  planned: readonly PlannedJob[],
  began: number,
  runTimeMs: number | undefined,
): Promise<MaintenanceRun> {
  const [{ runJobs, jobsInTurn }, { settleLostJobs, jobSummaries }, { forgetHolds }] = await Promise.all([
    import('../../maintenance/run-jobs.ts'),
    import('../../maintenance/job-record.ts'),
    import('../../db/holds.ts'),
  ])
  const due = planned.filter(isDue)
  const schemas = (due.length > 0 ? due : planned).map(({ job }) => job.schema)
  const plan = {
    jobs: Object.fromEntries(
      due.map(({ job, backlog }) => [job.name, backlog === undefined ? null : String(backlog.rows)]),
    ),
  }
  const timing = { runTimeMs, began }
  return governed(context, { schemas, plan, ...timing }, async (jobRun) => {
    await settleLostJobs(jobRun.db)
    await forgetHolds(jobRun.db, (tx) => jobRun.lease.guard(tx))
    const works = planned.map(({ job, ...rest }) => ({
      name: job.name,
      schema: job.schema,
      due: isDue({ job, ...rest }),
      isDue: async ({ db }: typeof jobRun) => schemas.includes(job.schema) && mayBeDue(await job.backlog(db)),
      apply: (share: typeof jobRun) => applied(context, job, share),
    }))
    const inTurn = jobsInTurn(works, await jobSummaries(jobRun.db))
    const timeLeft = runTimeMs === undefined ? undefined : countedSince(timing) + runTimeMs - performance.now()
    const jobs = await runJobs(inTurn, jobRun, timeLeft)
    const exitCode = exitCodeOfJobs(jobs, context.signal)
    const counts = Object.fromEntries(
      jobs
        .filter(({ outcome }) => outcome !== 'nothing')
        .map(({ job, outcome, rows, bytes }) => [job, { outcome, rows: String(rows), bytes: String(bytes) }]),
    )
    return { value: { jobs, exitCode }, counts, exitCode, ...reasonOf(jobs) }
  })
}

/** Does the job; the stack of an unexpected error is told where somebody asked for it: only its name goes on. */
async function applied(context: Context, job: Job, run: JobRun): Promise<JobResult> {
  try {
    return await job.apply(run.db, run)
  } catch (error) {
    const { StewardError } = await import('../../errors.ts')
    if (context.argv.includes('--debug') && !(error instanceof StewardError)) {
      context.ui.warn(`${job.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    throw error
  }
}

/** Why the run did not do all, in one line for the journal. */
function reasonOf(jobs: readonly Ran[]): { readonly reason?: string } {
  const failed = jobs.filter(({ outcome }) => outcome === 'failed' || outcome === 'partial')
  const left = jobs.filter(({ outcome }) => outcome === 'unfinished' || outcome === 'interrupted')
  const parts = [
    ...(failed.length === 0 ? [] : [`failed: ${failed.map(({ job }) => job).join(', ')}`]),
    ...(left[0] === undefined ? [] : [`${left[0].why}; work is left for ${left.map(({ job }) => job).join(', ')}`]),
  ]
  return parts.length === 0 ? {} : { reason: parts.join('; ') }
}
