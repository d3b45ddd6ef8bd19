/** What waits for maintenance, as the overview shows it. Reads only; what a role may not see is said, not guessed. */
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import type { JobSummary } from '../maintenance/job-record.ts'
import type { Backlog, JobKind } from '../model/job.ts'
import type { Section } from '../output/view.ts'
import type { Context } from './command.ts'
import { JOB_TONES } from './job-tones.ts'
import type { PlacedSystem } from './maintain/job.ts'

export interface RuleBacklog {
  readonly job: string
  readonly system: string
  readonly kind: JobKind
  readonly summary: string
  readonly olderThan: string | null
  /** Absent where it cannot be told. */
  readonly backlog?: Backlog
  /** Why it cannot be told. */
  readonly unknown?: string
  /** ISO 8601; null when never, or when the records cannot be read. */
  readonly lastSuccess: string | null
  readonly lastOutcome: string | null
  /** Whether removal keeps up with arrival, in words. */
  readonly removal: string | null
  readonly growth: number | null
  readonly overdue: boolean
}

/** Milliseconds after which no further rule is looked at: the overview is to be quick on any size. */
const PATIENCE = 5000

/** The backlog of every rule that is on; `systems` are those whose tables are there. */
export async function ruleBacklogs(
  context: Context,
  config: Config,
  db: Database,
  systems: readonly PlacedSystem[],
): Promise<readonly RuleBacklog[]> {
  const [{ jobsOf }, { backlogsOf }, { withHolds }, { removalOf }] = await Promise.all([
    import('./maintain/jobs/index.ts'),
    import('./maintain/backlogs.ts'),
    import('./maintain/rules.ts'),
    import('../maintenance/removal.ts'),
  ])
  const all = await jobsOf(config, await withHolds(db, systems))
  const jobs = all.filter(({ kind }) => kind !== 'partitions' && kind !== 'vacuum')
  const summaries = await summariesIn(context, db)
  const planned = await backlogsOf(context, jobs, { db, patienceMs: PATIENCE })
  return planned.map(({ job, backlog, unknown }) => {
    const known = summaries === null ? null : summaries.get(job.name)
    const removal = backlog && removalOf(backlog, known)
    return {
      job: job.name,
      system: systems.find(({ schema }) => schema === job.schema)?.system.name ?? job.schema,
      kind: job.kind,
      summary: job.summary,
      olderThan: job.olderThan ?? null,
      ...(backlog === undefined ? {} : { backlog }),
      ...(unknown === undefined ? {} : { unknown }),
      lastSuccess: known?.succeeded_at ?? null,
      lastOutcome: known?.outcome ?? null,
      removal: removal?.words ?? null,
      growth: removal?.growth ?? null,
      overdue: removal?.overdue ?? false,
    }
  })
}

/** What the records say of each job; null where there are none to be read. */
async function summariesIn(context: Context, db: Database): Promise<ReadonlyMap<string, JobSummary> | null> {
  const [{ hasOwnTable }, { jobSummaries }, { OperationError }] = await Promise.all([
    import('../db/own-schema.ts'),
    import('../maintenance/job-record.ts'),
    import('../errors.ts'),
  ])
  if (!(await hasOwnTable(db, 'job_runs'))) return null
  try {
    return new Map((await jobSummaries(db)).map((summary) => [summary.job, summary]))
  } catch (error) {
    if (!(error instanceof OperationError && error.code === 'permission-denied')) throw error
    context.ui.warn('This role may not read when maintenance last ran.')
    return null
  }
}

/** Outcomes of a last run that somebody should look into. */
const BAD: readonly string[] = ['failed', 'partial', 'lost']

/** Every rule, one a line. */
export function backlogSection(rules: readonly RuleBacklog[]): Section {
  const rows = rules.map(({ backlog, ...rule }) => ({
    job: rule.job,
    kind: rule.kind,
    rows: backlog?.rows ?? null,
    atLeast: backlog?.atLeast ?? false,
    bytes: backlog?.bytes ?? null,
    oldest: backlog?.oldest?.toISOString() ?? null,
    olderThan: rule.olderThan,
    arrivedInADay: backlog?.arrivedInADay ?? null,
    lastSuccess: rule.lastSuccess,
    lastOutcome: rule.lastOutcome,
    removal: rule.removal,
    growth: rule.growth,
    overdue: rule.overdue,
    unknown: rule.unknown ?? null,
    summary: rule.summary,
  }))
  return {
    kind: 'table',
    key: 'backlog',
    title: 'Retention',
    columns: [
      { key: 'job', label: 'rule', kind: 'text' },
      { key: 'kind', kind: 'text' },
      { key: 'rows', label: 'due', kind: 'bigint', unit: 'count' },
      { key: 'atLeast', label: 'at least', kind: 'boolean' },
      { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      { key: 'oldest', label: 'since', kind: 'timestamp' },
      { key: 'olderThan', label: 'older than', kind: 'text' },
      { key: 'arrivedInADay', label: 'due since a day', kind: 'bigint', unit: 'count' },
      { key: 'lastSuccess', label: 'last success', kind: 'timestamp' },
      { key: 'lastOutcome', label: 'last outcome', kind: 'text', tones: JOB_TONES },
      { key: 'removal', kind: 'text' },
      { key: 'growth', kind: 'integer' },
      { key: 'overdue', kind: 'boolean' },
      { key: 'unknown', label: 'cannot be told', kind: 'text' },
      { key: 'summary', kind: 'text' },
    ],
    shown: [
      'job',
      'rows',
      ...(rows.some(({ atLeast }) => atLeast) ? ['atLeast'] : []),
      'bytes',
      'oldest',
      'lastSuccess',
      // One that succeeded yesterday may fail today.
      ...(rows.some(({ lastOutcome }) => BAD.includes(lastOutcome ?? '')) ? ['lastOutcome'] : []),
      'removal',
      ...(rows.some(({ unknown }) => unknown !== null) ? ['unknown'] : []),
    ],
    rows,
    empty: 'No retention rule is on.',
  }
}

/** A line for each system that has something due, or of which something cannot be told. */
export function backlogInShort(rules: readonly RuleBacklog[]): Section {
  const systems = [...new Set(rules.map(({ system }) => system))]
  const rows = systems.flatMap((system) => {
    const own = rules.filter((rule) => rule.system === system)
    const due = own.filter(({ backlog }) => backlog !== undefined && backlog.rows > 0n)
    const untold = own.filter(({ backlog }) => backlog === undefined).length
    if (due.length === 0 && untold === 0) return []
    const sizes = due.flatMap(({ backlog }) => backlog?.bytes ?? [])
    const oldest = due
      .flatMap(({ backlog }) => backlog?.oldest ?? [])
      .toSorted((one, other) => one.getTime() - other.getTime())[0]
    return {
      system,
      rules: due.length,
      rows: due.reduce((sum, { backlog }) => sum + (backlog?.rows ?? 0n), 0n),
      bytes: sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0n),
      oldest: oldest?.toISOString() ?? null,
      removal: [...inShort(due), ...(untold === 0 ? [] : [`${untold} cannot be told`])].join(', '),
    }
  })
  return {
    kind: 'table',
    key: 'backlog',
    title: 'Due by retention rules',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'rules', kind: 'integer' },
      { key: 'rows', kind: 'bigint', unit: 'count' },
      { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      { key: 'oldest', label: 'since', kind: 'timestamp' },
      { key: 'removal', kind: 'text' },
    ],
    rows,
    empty: 'Nothing.',
  }
}

/** `3 keep up`, `1 falls behind`, `2 never run`. */
function inShort(rules: readonly RuleBacklog[]): string[] {
  const count = (word: RegExp) => rules.filter(({ removal }) => word.test(removal ?? '')).length
  const said = [
    ['falls behind', 'fall behind', count(/^falls behind/)],
    ['fails', 'fail', count(/^fails/)],
    ['never run', 'never run', count(/^never run/)],
    ['catches up', 'catch up', count(/^catches up/)],
    ['keeps up', 'keep up', count(/^keeps up/)],
    ['unknown', 'unknown', rules.filter(({ removal }) => removal === null).length],
  ] as const
  return said.flatMap(([one, many, number]) => (number === 0 ? [] : [`${number} ${number === 1 ? one : many}`]))
}

/** What to do about what is due, or about what is overdue of it; nothing when nothing is. */
export function dueStep(rules: readonly RuleBacklog[]): string[] {
  const overdue = rules.filter((rule) => rule.overdue)
  const due = overdue.length > 0 ? overdue : rules.filter(({ backlog }) => backlog !== undefined && backlog.rows > 0n)
  if (due.length === 0) return []
  const rows = due.reduce((sum, { backlog }) => sum + (backlog?.rows ?? 0n), 0n)
  const at = due.some(({ backlog }) => backlog?.atLeast) ? 'at least ' : ''
  const what = `${at}${rows.toLocaleString('en')} ${rows === 1n ? 'row' : 'rows'} of ${due.length} ${due.length === 1 ? 'rule' : 'rules'}`
  const title = overdue.length > 0 ? 'overdue maintenance' : 'due by retention rules'
  return [`steward maintain run --dry-run   ${title}: ${what}`]
}
