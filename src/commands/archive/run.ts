/** `steward archive run`. */
import type { ExitCode } from '../../errors.ts'
import { type Format, isForPeople } from '../../output/view.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { type RunInput, runArguments, runFlags, selectionsOf } from './run-input.ts'
import { type DoneRule, doneView, type PlannedRule, planView } from './run-view.ts'

interface Done {
  readonly results: readonly DoneRule[]
  readonly exitCode: ExitCode
}

export const run = defineDestroyCommand({
  name: 'run',
  summary: 'Move what is due into the archive, whole aggregates at a time',
  description:
    'Moves the rows that a rule covers, with all rows below them, into the archive tables; a rule that says delete or purge removes them, and is named in full. What a row that stays still refers to is kept back, with the reason. Each batch is one transaction; a run that is stopped or killed leaves every row either where it was or in the archive, and the next one goes on. With --verbose the plan shows the SQL.',
  examples: [
    { command: 'archive run --dry-run', does: 'What would go of all systems, and what is kept back' },
    { command: 'archive run skyvern/finished-tasks --run-time 10m --yes', does: 'One rule, ten minutes at most' },
    {
      command: "archive run --table public.orders --age-of closed_at --older-than '90 days' --only status=closed",
      does: 'A table of yours, with what goes with it by its foreign keys',
    },
  ],
  args: runArguments,
  flags: runFlags,
  async plan(context, input): Promise<readonly PlannedRule[]> {
    const named = await selectionsOf(context, input)
    const [db, { planArchive }] = await Promise.all([context.db(), import('../../archive/plan.ts')])
    // Where it is confirmed beforehand the run goes on at once, and tells itself what went.
    const options = { limit: input.limit, isBrief: context.globals.yes && !isDryRun(input) }
    const planned: PlannedRule[] = []
    for (const { name, selection } of named) planned.push({ name, plan: await planArchive(db, selection, options) })
    return planned
  },
  planView: (planned, input, { format, globals }) =>
    planView(planned, {
      sql: sqlFor(input, format, globals.verbose),
      isForPeople: isForPeople(format),
      named: input.table === undefined ? input.rules : planned.map(({ name }) => name),
    }),
  nothing,
  action: (planned) => {
    const due = planned.reduce((sum, { plan }) => sum + most(plan), 0n)
    const verb = planned.every(({ plan }) => plan.selection.keeps === 'nothing') ? 'Delete' : 'Archive'
    return `${verb} ${due.toLocaleString('en')} ${due === 1n ? 'aggregate' : 'aggregates'}`
  },
  apply,
  view: ({ results }) => doneView(results),
  exitCode: ({ exitCode }) => exitCode,
})

/** The statements are many lines: people get them with --verbose, machines whenever the plan is what they asked for. */
function sqlFor(input: object, format: Format, isVerbose: boolean): 'none' | 'lines' | 'rows' {
  if (isForPeople(format) || !isDryRun(input)) return isVerbose ? 'lines' : 'none'
  return 'rows'
}

/** The flag that every command with a plan has. */
function isDryRun(input: object): boolean {
  return 'dryRun' in input && input.dryRun === true
}

/** Aggregates that may go: what the plan looked at, and those that it did not. */
function most({ due, examined, roots }: PlannedRule['plan']): bigint {
  return BigInt(roots) + (due > BigInt(examined) ? due - BigInt(examined) : 0n)
}

function nothing(planned: readonly PlannedRule[]): string | undefined {
  if (planned.some(({ plan }) => most(plan) > 0n || plan.atLeast)) return undefined
  const kept = planned.flatMap(({ plan }) => plan.kept)
  if (kept.length === 0) return 'Nothing is due; nothing to do.'
  const rows = kept.reduce((sum, one) => sum + one.rows, 0n)
  const why = [...new Set(kept.map(({ reason }) => reason))].slice(0, 3).join('; ')
  return `Nothing can go: ${rows.toLocaleString('en')} due ${rows === 1n ? 'aggregate is' : 'aggregates are'} kept back (${why}).`
}

async function apply(
  context: Context,
  input: RunInput & { readonly [K in 'runTime' | 'batchTime' | 'maxBatch' | 'limit']: number | undefined },
  planned: readonly PlannedRule[],
): Promise<Done> {
  const [{ runArchive }, { worked }] = await Promise.all([
    import('../../archive/run.ts'),
    import('../maintain/rule-results.ts'),
  ])
  const due = planned.filter(({ plan }) => most(plan) > 0n || plan.atLeast)
  const options = {
    schemas: due.map(({ plan }) => plan.selection.schema),
    runTimeMs: input.runTime,
    plan: Object.fromEntries(due.map(({ name, plan }) => [name, planRecord(plan)])),
  }
  return governed(context, options, async (governedRun) => {
    const jobRun = input.batchTime === undefined ? governedRun : { ...governedRun, batchMs: input.batchTime }
    const results: DoneRule[] = []
    for (const { name, plan } of due) {
      const { selection } = plan
      const nothingYet = { roots: 0, tables: [], detached: 0, files: 0 }
      const result = await worked(() =>
        runArchive(jobRun.db, selection, jobRun, { limit: input.limit, mostRows: input.maxBatch }),
      )
      results.push({ ...nothingYet, ...result, rule: name, keeps: selection.keeps })
    }
    const exitCode = exitCodeOfJobs(results, context.signal)
    const early = results.find(({ outcome }) => outcome === 'unfinished' || outcome === 'interrupted')
    return {
      value: { results, exitCode },
      counts: Object.fromEntries(results.map((result) => [result.rule, countsOf(result)])),
      exitCode,
      ...(early === undefined ? {} : { reason: early.why }),
    }
  })
}

function planRecord({ due, atLeast, tables, kept }: PlannedRule['plan']) {
  return {
    due: String(due),
    at_least: atLeast,
    rows: Object.fromEntries(tables.map(({ table, rows }) => [table, rows])),
    kept: Object.fromEntries(kept.map(({ reason, rows }) => [reason, String(rows)])),
  }
}

function countsOf({ outcome, tables, kept, batches, why }: DoneRule) {
  return {
    outcome,
    rows: Object.fromEntries(tables.map(({ table, rows }) => [table, String(rows)])),
    kept: Object.fromEntries(kept.map(({ reason, rows }) => [reason, String(rows)])),
    batches,
    why,
  }
}
