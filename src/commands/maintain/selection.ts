/** What the maintenance verbs share: which tables they are about, and how a plan and its results are shown. */
import { type Config, STEWARD_SCHEMA, schemaOf } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import { ExitCode, InterruptedError, UsageError } from '../../errors.ts'
import type { Item, ItemResult, RunOptions } from '../../maintenance/job.ts'
import type { Selection } from '../../maintenance/selection.ts'
import type { Column } from '../../model/column.ts'
import type { View } from '../../output/view.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { integerOr, list, toggle, variadicArgument } from '../flags.ts'

export const selectionArguments = {
  tables: variadicArgument('tables to work on, needed or not: tasks or skyvern.tasks; all that need it when absent', {
    required: false,
  }),
} as const

export const selectionFlags = {
  system: list('<names>', 'systems to look at (default: all that are in the database)', {
    choices: systems.map((entry) => entry.name),
  }),
  all: toggle('every table, needed or not'),
  dryRun: toggle('show what would be done and why, and stop'),
  lockAttempts: integerOr(5, '<n>', 'attempts to get a lock before a table is given up', { min: 1, max: 1000 }),
} as const

export interface SelectionInput {
  readonly tables: readonly string[]
  readonly system: readonly string[]
  readonly all: boolean
  readonly dryRun: boolean
  readonly lockAttempts: number
}

/** Resolves what the user selected. @throws UsageError when tables are named and `--all` is given too */
export function selectionFrom(config: Config, input: SelectionInput): Selection {
  if (input.all && input.tables.length > 0) {
    throw new UsageError({
      code: 'invalid-input',
      message: '--all and the names of tables contradict each other',
      hint: 'Name tables, or give --all',
    })
  }
  const names = input.system.length > 0 ? input.system : systems.map((entry) => entry.name)
  const schemas = names.map((name) => schemaOf(config, name))
  return {
    schemas: input.system.length > 0 ? schemas : [...schemas, STEWARD_SCHEMA],
    tables: input.tables,
    all: input.all,
  }
}

export interface MaintenanceOutcome {
  readonly dryRun: boolean
  readonly items: readonly Item[]
  /** Absent after a dry run. */
  readonly results?: readonly ItemResult[]
  /** What is said in place of results when there was nothing to do. */
  readonly nothing?: string
  readonly exitCode: ExitCode
}

/** Plans, and applies the plan unless it is a dry run; the run is journalled when it changes something. */
export async function planAndApply<T extends Item>(
  context: Context,
  input: SelectionInput,
  job: {
    readonly label: string
    readonly plan: (db: Database, selection: Selection) => Promise<T[]>
    readonly apply: (db: Database, plan: readonly T[], options: RunOptions) => Promise<ItemResult[]>
    /** Milliseconds for each attempt to get a lock; the configured one when absent. */
    readonly lockTimeoutMs?: number
  },
): Promise<MaintenanceOutcome> {
  const [config, db] = await Promise.all([context.config(), context.db()])
  const items = await job.plan(db, selectionFrom(config, input))
  const due = items.filter((item) => item.action !== 'keep')
  if (input.dryRun) return { dryRun: true, items, exitCode: ExitCode.ok }
  if (due.length === 0) {
    const why = `${items.length} looked at. --dry-run shows why, --all does it all the same.`
    return { dryRun: false, items, results: [], nothing: `Nothing needs it: ${why}`, exitCode: ExitCode.ok }
  }
  const [{ pauseUnless }, { journalRun }] = await Promise.all([
    import('../../maintenance/job.ts'),
    import('../../db/journal.ts'),
  ])
  return journalRun(db, context, async () => {
    const done = await job.apply(db, due, {
      label: job.label,
      onProgress: context.ui.progress,
      signal: context.signal,
      waits: {
        lockTimeoutMs: job.lockTimeoutMs ?? config.lockTimeoutMs,
        attempts: input.lockAttempts,
        pause: pauseUnless(context.signal),
      },
      elapsed: () => performance.now(),
    })
    const count = (outcome: ItemResult['outcome']) => done.filter((each) => each.outcome === outcome).length
    const counts = { done: count('done'), failed: count('failed'), stopped: count('stopped') }
    const exitCode = exitOf(done, context.signal)
    return { value: { dryRun: false, items, results: done, exitCode }, counts, exitCode }
  })
}

const WHERE: readonly Column[] = [
  { key: 'schema', kind: 'text' },
  { key: 'table', kind: 'text' },
]

export const OUTCOME_TONES = { done: 'good', failed: 'bad', stopped: 'idle' } as const

/** The plan of a dry run, or a line an item of what was done. */
export function maintenanceView(outcome: MaintenanceOutcome, { indexes }: { readonly indexes: boolean }): View {
  const where: Column[] = [...WHERE, ...(indexes ? [{ key: 'index', kind: 'text' } as const] : [])]
  if (outcome.results === undefined) {
    return {
      shape: 'table',
      columns: [
        ...where,
        { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
        { key: 'action', kind: 'text' },
        { key: 'reason', kind: 'text' },
      ],
      rows: outcome.items.map((item) => ({ ...item })),
      empty: 'There is no table to work on.',
    }
  }
  const removes: Column[] = indexes
    ? []
    : [
        { key: 'removed', label: 'rows removed', kind: 'bigint', unit: 'count' },
        { key: 'freedBytes', label: 'freed for reuse', kind: 'bigint', unit: 'bytes', summary: 'an estimate' },
      ]
  return {
    shape: 'table',
    columns: [
      ...where,
      { key: 'action', kind: 'text' },
      { key: 'outcome', kind: 'text', tones: OUTCOME_TONES },
      { key: 'seconds', label: 'took', kind: 'float', unit: 'seconds' },
      ...removes,
      { key: 'returnedBytes', label: 'returned to the system', kind: 'bigint', unit: 'bytes' },
      { key: 'reason', kind: 'text' },
      { key: 'error', kind: 'text' },
    ],
    shown: [
      ...where.map((column) => column.key),
      'outcome',
      'seconds',
      ...removes.map((column) => column.key),
      'returnedBytes',
      outcome.results.some((result) => result.error !== undefined) ? 'error' : 'reason',
    ],
    rows: outcome.results.map((result) => ({ removed: null, freedBytes: null, error: null, ...result })),
    empty: outcome.nothing ?? 'Nothing was done.',
  }
}

export function maintenanceExit({ exitCode }: MaintenanceOutcome): ExitCode {
  return exitCode
}

/** 7 when some items failed, 6 when all did, the signal's code when one stopped it with work left. */
export function exitOf(results: readonly ItemResult[], { reason }: AbortSignal): ExitCode {
  const failed = results.filter((result) => result.outcome === 'failed').length
  if (failed > 0) return failed === results.length ? ExitCode.failed : ExitCode.partial
  if (!results.some((result) => result.outcome === 'stopped')) return ExitCode.ok
  return reason instanceof InterruptedError ? reason.exitCode : ExitCode.unfinished
}
