/** `steward maintain partitions`. */
import { schemaOf } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import { ExitCode } from '../../errors.ts'
import type { DropPlan } from '../../maintenance/drop-partitions.ts'
import type { ItemResult, RunOptions } from '../../maintenance/job.ts'
import type { MonthItem } from '../../maintenance/partitions.ts'
import type { RuleScope } from '../../model/due.ts'
import type { JobResult, Kept } from '../../model/job.ts'
import { isForPeople } from '../../output/view.ts'
import { systems } from '../../systems/registry.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { duration, integer, toggle } from '../flags.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { partitionedTablesOf } from './partitioned.ts'
import { partitionsPlanView, partitionsResultView } from './partitions-view.ts'
import { ruleName, rulesInForce } from './rules.ts'
import { exitOf, selectionFlags } from './selection.ts'

export interface PartitionsPlan {
  readonly months: readonly MonthItem[]
  /** With `--drop`: one for each table with a rule that drops its months. */
  readonly drops: readonly { readonly rule: RuleScope; readonly plan: DropPlan }[]
}

export interface PartitionsDone {
  readonly results: readonly ItemResult[]
  readonly kept: readonly Kept[]
  readonly exitCode: ExitCode
}

const NOT_PARTITIONED = 'No table of these systems is partitioned by month.'

export const partitions = defineDestroyCommand({
  name: 'partitions',
  summary: 'Make the monthly partitions of logs ahead of time, and drop those past their retention',
  description:
    'Makes the partitions of this month and the next ones, and moves rows that lie in the default partition into partitions of their own. With --drop, also drops the months that the retention rules are over with, archived first where a rule says so. Each month is one transaction that waits for locks only briefly; a run that is stopped leaves whole months. Run it once a month at least.',
  examples: [
    {
      command: 'maintain partitions --dry-run',
      does: 'See which months are missing, and what lies in the default partition',
    },
    { command: 'maintain partitions --ahead 12', does: 'A year ahead' },
    { command: 'maintain partitions --drop --dry-run', does: 'Every partition, what becomes of it, and why' },
    { command: 'maintain partitions --drop --run-time 10m --yes', does: 'For cron; outside production' },
  ],
  flags: {
    system: selectionFlags.system,
    ahead: integer('<n>', 'months ahead of the current one (default: as each table declares, 3)', {
      min: 0,
      max: 120,
    }),
    drop: toggle('drop the months that retention rules are over with'),
    runTime: duration('<duration>', 'with --drop: end after this long, between two partitions (exit 9)'),
    lockAttempts: selectionFlags.lockAttempts,
  },
  asks: ({ drop }) => drop,
  plan: (context, input) => planned(context, input),
  planView: (plan, _input, { format }) =>
    // People were told already that there is nothing.
    plan.months.length + plan.drops.length === 0 && isForPeople(format)
      ? { shape: 'silent' }
      : partitionsPlanView(plan),
  nothing({ months, drops }) {
    if (months.length === 0 && drops.length === 0) return NOT_PARTITIONED
    const due = [...months, ...drops.flatMap(({ plan }) => plan.items)].some(({ action }) => action !== 'keep')
    if (due || drops.some(({ plan }) => plan.otherwise === 'not-partitioned')) return undefined
    return drops.length === 0
      ? 'No partition is missing; the plan (--dry-run) shows those that are there.'
      : 'No partition is missing, and none is to be dropped; the plan (--dry-run) shows those that are there.'
  },
  action({ drops }) {
    const items = drops.flatMap(({ plan }) => plan.items.filter(({ action }) => action === 'drop'))
    const rows = items.reduce((sum, { rows: some }) => sum + some, 0n)
    const whole = items.filter(({ way }) => way !== 'rows').length
    const about = items.some(({ estimated }) => estimated) ? 'about ' : ''
    return `Drop ${whole} ${whole === 1 ? 'partition' : 'partitions'} with ${about}${rows.toLocaleString('en')} rows`
  },
  apply: (context, input, plan) => applied(context, input, plan),
  view: partitionsResultView,
  exitCode: ({ exitCode }) => exitCode,
})

interface Input {
  readonly system: readonly string[]
  readonly ahead: number | undefined
  readonly drop: boolean
  readonly runTime: number | undefined
  readonly lockAttempts: number
}

async function planned(context: Context, { system, ahead, drop }: Input): Promise<PartitionsPlan> {
  const [config, db, { planPartitions }] = await Promise.all([
    context.config(),
    context.db(),
    import('../../maintenance/partitions.ts'),
  ])
  const wanted = systems.filter(({ name }) => system.length === 0 || system.includes(name))
  const loaded = await Promise.all(wanted.map((entry) => entry.load()))
  const placed = loaded.map((one) => ({ system: one, schema: schemaOf(config, one.name) }))
  const all = await planPartitions(
    db,
    placed.flatMap((one) => partitionedTablesOf(one, ahead)),
  )
  // What nobody asked for and is not there is no news.
  const months = system.length > 0 ? all : all.filter(({ month }) => month !== undefined)
  if (!drop) return { months, drops: [] }
  const { planDrops } = await import('../../maintenance/drop-partitions.ts')
  const drops: { rule: RuleScope; plan: DropPlan }[] = []
  for (const rule of rulesInForce(config, placed, 'drop-partitions')) {
    const plan = await planDrops(db, rule)
    if (plan.otherwise !== 'absent') drops.push({ rule, plan })
  }
  return { months, drops }
}

async function applied(context: Context, input: Input, { months, drops }: PartitionsPlan): Promise<PartitionsDone> {
  const due = months.filter(({ action }) => action !== 'keep')
  const [config, { applyPartitions }, { pauseUnless }, { lockWait }] = await Promise.all([
    context.config(),
    import('../../maintenance/partitions.ts'),
    import('../../maintenance/job.ts'),
    import('../../maintenance/as-job.ts'),
  ])
  const options = (signal: AbortSignal): RunOptions => ({
    label: 'partition',
    onProgress: context.ui.progress,
    signal,
    waits: {
      lockTimeoutMs: lockWait(config.lockTimeoutMs),
      attempts: input.lockAttempts,
      pause: pauseUnless(signal),
    },
    elapsed: () => performance.now(),
  })
  const make = (db: Database, more: Partial<RunOptions> = {}) =>
    applyPartitions(db, due, { ...options(context.signal), ...more })
  if (!input.drop) {
    const [{ journalRun }, db] = await Promise.all([import('../../db/journal.ts'), context.db()])
    return journalRun(db, context, async () => {
      const results = await make(db)
      const exitCode = exitOf(results, context.signal)
      return { value: { results, kept: [], exitCode }, counts: countsOf(results), exitCode }
    })
  }
  const { dropDue } = await import('./drop.ts')
  const schemas = [...due, ...drops.map(({ rule }) => rule)].map(({ schema }) => schema)
  return governed(context, { schemas, runTimeMs: input.runTime, plan: planOf(drops) }, async (run) => {
    const results = await make(run.db, { guard: (transaction) => run.lease.guard(transaction) })
    const jobs: JobResult[] = []
    for (const { rule, plan } of drops) {
      const dropped = await dropDue(run.db, rule, plan, run, options(run.signal).waits)
      results.push(...dropped.results)
      jobs.push(dropped.job)
    }
    const made = exitOf(results.slice(0, due.length), context.signal)
    const exitCode = made === ExitCode.ok ? exitCodeOfJobs(jobs, context.signal) : made
    const early = jobs.find(({ outcome }) => outcome === 'unfinished' || outcome === 'interrupted')
    const kept = jobs.flatMap((job) => job.kept)
    const reason = early === undefined ? {} : { reason: early.why }
    return { value: { results, kept, exitCode }, counts: countsOf(results), exitCode, ...reason }
  })
}

function planOf(drops: PartitionsPlan['drops']) {
  return Object.fromEntries(
    drops.map(({ rule, plan }) => [
      ruleName(rule),
      plan.items.filter(({ action }) => action === 'drop').map(({ partition }) => partition),
    ]),
  )
}

function countsOf(results: readonly ItemResult[]) {
  const count = (outcome: ItemResult['outcome']) => results.filter((each) => each.outcome === outcome).length
  return { done: count('done'), failed: count('failed'), stopped: count('stopped') }
}
