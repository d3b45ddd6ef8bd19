/** `steward artifacts clean`. */
import type { Moves, QuarantinedRun } from '../../artifacts/quarantine.ts'
import type { CleanResult } from '../../artifacts/scope.ts'
import { type ExitCode, UsageError } from '../../errors.ts'
import { counted } from '../../output/counted.ts'
import { systems } from '../../systems/registry.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { duration, integer, variadicArgument } from '../flags.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { rulesAndSystems } from '../maintain/rule-names.ts'
import { type RuleResult, worked } from '../maintain/rule-results.ts'
import { rulesNamed } from '../maintain/rules.ts'
import { type CleanJob, cleanJobs, type Planned, TOMBSTONES } from './clean-jobs.ts'
import { doneSections, planSections } from './clean-view.ts'
import { filedSchemas, placedSystems } from './placed.ts'

export interface PlannedJob {
  readonly job: CleanJob
  readonly plan: Planned
}

export type DoneJob = RuleResult & Partial<CleanResult>

interface Plan {
  readonly jobs: readonly PlannedJob[]
  /** What is old enough to leave the quarantine for good. */
  readonly quarantine: readonly QuarantinedRun[]
  /** Schemas that files belong to. */
  readonly schemas: readonly string[]
}

interface Done {
  readonly results: readonly DoneJob[]
  readonly quarantine: Moves | undefined
  readonly exitCode: ExitCode
}

export const clean = defineDestroyCommand({
  name: 'clean',
  summary: 'Delete files whose time is over, and those whose rows are gone',
  description:
    'Deletes files by the retention rules, with the rows that name them, and the files of rows that were deleted before. A file is marked first, then it goes, then its row; a run that is killed is ended by the next one. A file that several rows name goes with the last of them. What lies outside the configured stores is never touched: it stays marked, is named, and the exit code is 7.',
  examples: [
    { command: 'artifacts clean --dry-run', does: 'What would go, what stays, and why' },
    { command: 'artifacts clean skyvern --run-time 30m --yes', does: 'One system, half an hour at most, for cron' },
    {
      command: 'artifacts clean skyvern/old-artifacts agensium/input-files --limit 1000',
      does: 'Two rules, a thousand files or tasks of each',
    },
  ],
  args: {
    rules: variadicArgument(
      `rules such as skyvern/old-artifacts, <system>/${TOMBSTONES} for files whose rows are gone, or systems; all when absent`,
      {
        required: false,
        suggest: async () => [
          ...(await rulesAndSystems('delete-files')),
          ...systems.map(({ name }) => `${name}/${TOMBSTONES}`),
        ],
      },
    ),
  },
  flags: {
    limit: integer('<n>', 'at most this many files (tasks, where files are found by their prefix) of each rule', {
      min: 1,
    }),
    quarantineOlderThan: duration(
      '<duration>',
      'also delete for good what artifacts verify --remove moved to the quarantine longer ago, e.g. 30d',
    ),
    runTime: duration('<duration>', 'end after this long, between two batches (exit 9 with work left)'),
  },
  async plan(context, { rules, quarantineOlderThan }): Promise<Plan> {
    const [jobs, config, db, systems, { openStores }, { listQuarantine }] = await Promise.all([
      jobsNamed(context, rules),
      context.config(),
      context.db(),
      placedSystems(context),
      import('../../storage/open.ts'),
      import('../../artifacts/quarantine.ts'),
    ])
    const stores = openStores(config.stores, { signal: context.signal })
    try {
      const planned: PlannedJob[] = []
      for (const job of jobs) planned.push({ job, plan: await job.plan(db, stores) })
      refuseWithoutStore(planned, rules)
      const due = planned.filter(isDue)
      if (stores.all.length === 0 && due.length > 0) throw noStore(due)
      const before = quarantineBefore(context, quarantineOlderThan)
      const old = before === undefined ? [] : await listQuarantine(stores.all, context.signal)
      return {
        jobs: planned,
        quarantine: old.filter(({ at }) => before !== undefined && at < before),
        schemas: filedSchemas(systems),
      }
    } finally {
      await stores.close()
    }
  },
  planView: ({ jobs, quarantine }) => ({ shape: 'sections', sections: planSections(jobs, quarantine) }),
  nothing: ({ jobs, quarantine }) =>
    jobs.some(isDue) || quarantine.length > 0 ? undefined : 'No file is due; nothing to do.',
  action: ({ jobs, quarantine }) => {
    const prefixes = sum(jobs, ({ plan }) => (plan.by === 'prefix' ? plan.rows : 0n))
    const files = sum(jobs, ({ plan }) => (plan.by === 'rows' ? plan.files : 0n))
    const parts = [
      ...(files > 0n || (prefixes === 0n && quarantine.length === 0) ? [counted(files, 'file', 'files')] : []),
      ...(prefixes > 0n ? [`the files of ${counted(prefixes, 'task', 'tasks')}`] : []),
    ]
    const old = quarantine.reduce((all, one) => all + BigInt(one.files), 0n)
    if (old > 0n) parts.push(`${counted(old, 'file', 'files')} of the quarantine`)
    return `Delete ${parts.join(' and ')}`
  },
  async apply(context, { limit, runTime, quarantineOlderThan }, { jobs, quarantine, schemas }): Promise<Done> {
    const due = jobs.filter(isDue)
    const [config, { openStores }, { emptyQuarantine }] = await Promise.all([
      context.config(),
      import('../../storage/open.ts'),
      import('../../artifacts/quarantine.ts'),
    ])
    const before = quarantine.length > 0 ? quarantineBefore(context, quarantineOlderThan) : undefined
    const options = {
      schemas: before === undefined ? [...new Set(due.map(({ job }) => job.system.schema))] : schemas,
      runTimeMs: runTime,
      plan: Object.fromEntries(
        due.map(({ job, plan }) => [job.name, { rows: String(plan.rows), files: String(plan.files) }]),
      ),
    }
    return governed(context, options, async (run) => {
      const stores = openStores(config.stores)
      try {
        const results: DoneJob[] = []
        for (const { job, plan: planned } of due) {
          const result = await worked(() => job.apply(run, stores, { limit, planned }))
          results.push({ rule: job.name, ...result })
        }
        const emptied = before === undefined ? undefined : await emptyQuarantine(stores.all, before, run)
        const exitCode = exitCodeOfJobs([...results, ...(emptied ? [emptied] : [])], context.signal)
        const early = results.find(({ outcome }) => outcome === 'unfinished' || outcome === 'interrupted')
        return {
          value: { results, quarantine: emptied, exitCode },
          counts: {
            ...countsOf(results),
            ...(emptied
              ? { quarantine: { outcome: emptied.outcome, files: emptied.files, failed: emptied.failed } }
              : {}),
          },
          exitCode,
          ...(early === undefined ? {} : { reason: early.why }),
        }
      } finally {
        await stores.close()
      }
    })
  },
  view: ({ results, quarantine }) => ({ shape: 'sections', sections: doneSections(results, quarantine) }),
  exitCode: ({ exitCode }) => exitCode,
})

/** @throws UsageError (exit 2) naming each that is none, or is off */
async function jobsNamed(context: Context, names: readonly string[]): Promise<CleanJob[]> {
  const jobs = cleanJobs(await context.config(), await placedSystems(context))
  if (names.length === 0) return jobs
  // Systems without a rule of this action, and tombstones, are no names of rules.
  const own = new Set(
    jobs.flatMap(({ name, rule, system }) => (rule === undefined ? [name, system.system.name] : [])),
  )
  const others = names.filter((name) => !own.has(name))
  if (others.length > 0) await rulesNamed(context, others, 'delete-files')
  return jobs.filter(({ name, system }) => names.includes(name) || names.includes(system.system.name))
}

/** Counted to the same moment in plan and work: names of runs have whole seconds. */
function quarantineBefore(context: Context, olderThan: number | undefined): Date | undefined {
  return olderThan === undefined ? undefined : new Date(context.now().getTime() - olderThan)
}

function isDue({ plan }: PlannedJob): boolean {
  return plan.rows > 0n || (plan.by === 'rows' && plan.marked > 0n)
}

/** @throws UsageError when what was asked for by name cannot be done, since nobody knows where its files are */
function refuseWithoutStore(jobs: readonly PlannedJob[], names: readonly string[]): void {
  const without = jobs.flatMap(({ job, plan }) => {
    const [kept] = plan.by === 'prefix' ? plan.kept : []
    const isNamed = names.includes(job.name) || names.includes(job.system.system.name)
    return kept !== undefined && isNamed ? [{ field: job.name, reason: kept.reason }] : []
  })
  const [first] = without
  if (first === undefined) return
  throw new UsageError({
    code: 'no-store',
    message: `${without.map(({ field }) => field).join(', ')}: ${first.reason}`,
    hint: `Such as stores: {${first.field.split('/')[0]}: s3://bucket/prefix}`,
  })
}

function noStore(due: readonly PlannedJob[]): UsageError {
  return new UsageError({
    code: 'no-store',
    message: `Files are due (${due.map(({ job }) => job.name).join(', ')}), and the profile has no store that they could be in`,
    hint: 'Name their stores under stores, e.g. artifacts: s3://bucket/prefix, or switch the rules off under retention',
  })
}

function countsOf(results: readonly DoneJob[]) {
  return Object.fromEntries(
    results.map(({ rule, outcome, rowsDeleted = 0n, filesRemoved = 0n, filesMissing = 0n, failed = 0n, bytes }) => [
      rule,
      {
        outcome,
        rows: String(rowsDeleted),
        files: String(filesRemoved),
        missing: String(filesMissing),
        failed: String(failed),
        bytes: String(bytes),
      },
    ]),
  )
}

function sum(jobs: readonly PlannedJob[], of: (job: PlannedJob) => bigint): bigint {
  return jobs.reduce((all, one) => all + of(one), 0n)
}
