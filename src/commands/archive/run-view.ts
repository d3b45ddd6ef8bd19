/** How plans and results of `archive run` are shown. */
import type { ArchivePlan } from '../../archive/plan.ts'
import type { ArchiveResult } from '../../archive/run.ts'
import type { Column } from '../../model/column.ts'
import type { Section, View } from '../../output/view.ts'
import { resultSections } from '../maintain/rule-results.ts'

export interface PlannedRule {
  /** `skyvern/finished-tasks`, or `public.orders`. */
  readonly name: string
  readonly plan: ArchivePlan
}

export interface DoneRule extends ArchiveResult {
  readonly rule: string
  readonly keeps: 'archive' | 'nothing'
}

const RULE: Column = { key: 'rule', kind: 'text' }
const ROWS: Column = { key: 'rows', kind: 'integer', unit: 'count' }

/** Of what a plan is shown. */
export interface Shown {
  /** How the statements are shown. */
  readonly sql: 'none' | 'lines' | 'rows'
  /** Rules that nothing is due of are shown only where they were asked for by name, or no other is. */
  readonly isForPeople: boolean
  readonly named: readonly string[]
}

export function planView(all: readonly PlannedRule[], { sql, isForPeople, named }: Shown): View {
  const matters = all.filter(({ name, plan }) => named.includes(name) || hasSomething(plan))
  const planned = isForPeople && matters.length > 0 ? matters : all
  const sections: (Section | undefined)[] = [
    rulesSection(planned),
    tablesSection(planned),
    section(
      planned,
      'kept',
      'Kept back',
      [
        { key: 'rows', kind: 'bigint', unit: 'count', label: 'aggregates' },
        { key: 'reason', kind: 'text' },
      ],
      ({ kept }) => kept.map((one) => ({ ...one })),
    ),
    section(
      planned,
      'detached',
      'Stay, and lose their reference',
      [{ key: 'table', kind: 'text' }, { key: 'constraint', kind: 'text' }, ROWS],
      ({ detached }) => detached.map((one) => ({ ...one })),
    ),
    indexesSection(planned),
    section(
      planned,
      'problems',
      'In the way of a run',
      [
        { key: 'where', kind: 'text' },
        { key: 'reason', kind: 'text' },
      ],
      ({ problems }) => problems.map(({ where = '', reason }) => ({ where, reason })),
    ),
    boundedSection(planned),
    sqlSection(planned, sql),
  ]
  return { shape: 'sections', sections: sections.filter((one) => one !== undefined) }
}

function hasSomething({ due, kept, problems }: ArchivePlan): boolean {
  return due > 0n || kept.length > 0 || problems.length > 0
}

/** Each index once, whatever it is for. */
function indexesSection(planned: readonly PlannedRule[]): Section | undefined {
  const reasons = new Map<string, { readonly table: string; readonly for: Set<string> }>()
  for (const { table, for: why, statement } of planned.flatMap(({ plan }) => plan.indexes)) {
    const known = reasons.get(statement) ?? { table, for: new Set() }
    reasons.set(statement, { table, for: known.for.add(why) })
  }
  if (reasons.size === 0) return undefined
  return {
    kind: 'table',
    key: 'indexes',
    title: 'Indexes that would help',
    columns: [
      { key: 'table', kind: 'text' },
      { key: 'for', kind: 'text' },
      { key: 'statement', kind: 'text' },
    ],
    shown: ['statement', 'for'],
    rows: [...reasons].map(([statement, one]) => ({ table: one.table, for: [...one.for].join(', '), statement })),
  }
}

function rulesSection(planned: readonly PlannedRule[]): Section {
  return {
    kind: 'table',
    key: 'rules',
    columns: [
      RULE,
      { key: 'due', kind: 'bigint', unit: 'count', label: 'due aggregates' },
      { key: 'due_at_least', kind: 'boolean' },
      { key: 'examined', kind: 'integer', unit: 'count' },
      { key: 'go', kind: 'integer', unit: 'count', label: 'that would go' },
      { key: 'becomes', kind: 'text' },
    ],
    shown: ['rule', 'due', 'go', 'becomes'],
    rows: planned.map(({ name, plan }) => ({
      rule: name,
      due: plan.due,
      due_at_least: plan.atLeast,
      examined: plan.examined,
      go: plan.roots,
      becomes: plan.selection.keeps === 'archive' ? 'archived' : 'deleted',
    })),
    empty: 'No such rule is on for a system of this database.',
  }
}

function tablesSection(planned: readonly PlannedRule[]): Section {
  const isSome = planned.some(({ plan }) => plan.tables.some(({ isEstimate }) => isEstimate))
  return {
    kind: 'table',
    key: 'tables',
    title: 'Rows that would go',
    columns: [
      RULE,
      { key: 'table', kind: 'text' },
      ROWS,
      { key: 'bytes', kind: 'bigint', unit: 'bytes' },
      { key: 'size', kind: 'text', label: 'their size is' },
    ],
    shown: ['rule', 'table', 'rows', 'bytes', ...(isSome ? ['size'] : [])],
    rows: planned.flatMap(({ name, plan }) =>
      plan.tables
        .filter(({ rows }) => rows > 0)
        .map(({ table, rows, bytes, isEstimate }) => ({
          rule: name,
          table,
          rows,
          bytes,
          size: isEstimate ? 'estimated' : 'measured',
        })),
    ),
    empty: 'None.',
  }
}

function section(
  planned: readonly PlannedRule[],
  key: string,
  title: string,
  columns: readonly Column[],
  rowsOf: (plan: ArchivePlan) => readonly Readonly<Record<string, unknown>>[],
): Section | undefined {
  const rows = planned.flatMap(({ name, plan }) => rowsOf(plan).map((row) => ({ rule: name, ...row })))
  if (rows.length === 0) return undefined
  return { kind: 'table', key, title, columns: [RULE, ...columns], rows }
}

function sqlSection(planned: readonly PlannedRule[], how: 'none' | 'lines' | 'rows'): Section | undefined {
  if (how === 'none') return undefined
  if (how === 'rows') {
    const columns: Column[] = [
      { key: 'does', kind: 'text' },
      { key: 'sql', kind: 'text' },
    ]
    return section(planned, 'sql', 'SQL', columns, ({ sql }) => sql.map((one) => ({ ...one })))
  }
  const lines = planned.flatMap(({ name, plan }) =>
    plan.sql.flatMap(({ does, sql }) => [`-- ${name}: ${does}`, ...`${sql};`.split('\n'), '']),
  )
  return lines.length === 0 ? undefined : { kind: 'notes', key: 'sql', title: 'SQL', lines }
}

/** Says where the plan did not look at everything. */
function boundedSection(planned: readonly PlannedRule[]): Section | undefined {
  const lines = planned.flatMap(({ name, plan }) => {
    if (plan.due <= BigInt(plan.examined) && !plan.atLeast) return []
    const due = `${plan.atLeast ? 'at least ' : ''}${plan.due.toLocaleString('en')}`
    return [`${name}: rows are those of the ${plan.examined.toLocaleString('en')} oldest of ${due} due aggregates`]
  })
  return lines.length === 0 ? undefined : { kind: 'notes', key: 'bounded', title: 'Not all was looked at', lines }
}

export function doneView(results: readonly DoneRule[]): View {
  const [rules, ...rest] = resultSections(results, 'rows gone')
  const rows = results.flatMap(({ rule, keeps, tables }) =>
    tables
      .filter((one, index) => one.rows > 0n || index === 0)
      .map(({ table, rows: count }) => ({
        rule,
        table,
        rows: count,
        became: keeps === 'archive' ? 'archived' : 'deleted',
      })),
  )
  const tables: Section = {
    kind: 'table',
    key: 'tables',
    title: 'Rows by table',
    columns: [
      RULE,
      { key: 'table', kind: 'text' },
      { key: 'rows', kind: 'bigint', unit: 'count' },
      { key: 'became', kind: 'text' },
    ],
    rows,
    empty: 'None.',
  }
  return { shape: 'sections', sections: [...(rules ? [rules] : []), tables, ...rest] }
}
