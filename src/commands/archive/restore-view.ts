/** How plans and results of `archive restore` are shown. */
import type { RefusedBatch, Restored } from '../../archive/restore.ts'
import type { RestorePlan } from '../../archive/restore-plan.ts'
import type { TableCount, WaitingCount } from '../../archive/restore-tally.ts'
import type { Column } from '../../model/column.ts'
import type { Section, View } from '../../output/view.ts'

const TABLE: readonly Column[] = [
  { key: 'schema', kind: 'text' },
  { key: 'table', kind: 'text' },
]

export function restorePlanView({
  plans,
  dryRun,
}: {
  readonly plans: readonly RestorePlan[]
  readonly dryRun: boolean
}): View {
  const problems = plans.flatMap((plan) => plan.problems)
  const cold = plans.flatMap((plan) => plan.cold.map((batch) => ({ batch, schema: plan.schema })))
  const sections: Section[] = [
    tablesSection(
      plans.flatMap(({ tables }) => tables),
      dryRun ? 'to restore' : 'restored',
    ),
    ...waitingSection(plans.flatMap(({ waiting }) => waiting)),
  ]
  if (dryRun) sections.push(...indexesSection(plans.flatMap(({ indexes }) => indexes)))
  if (cold.length > 0) {
    sections.push({
      kind: 'table',
      key: 'cold',
      title: 'Loaded from files first; their rows are not counted above',
      columns: [
        { key: 'batch', kind: 'bigint' },
        { key: 'schema', kind: 'text' },
      ],
      rows: cold,
    })
  }
  if (problems.length > 0) {
    sections.push({
      kind: 'table',
      key: 'problems',
      title: 'In the way: nothing is restored as long as this is so',
      columns: [
        { key: 'where', kind: 'text' },
        { key: 'reason', kind: 'text' },
      ],
      rows: problems.map(({ where = null, reason }) => ({ where, reason })),
    })
  }
  return { shape: 'sections', sections }
}

export function restoredView(results: readonly Restored[]): View {
  const sum = (of: (result: Restored) => bigint) => results.reduce((total, result) => total + of(result), 0n)
  const stopped = results.find((result) => result.stopped)?.stopped
  return {
    shape: 'sections',
    sections: [
      tablesSection(
        results.flatMap(({ tables }) => tables),
        'restored',
      ),
      ...waitingSection(results.flatMap(({ waiting }) => waiting)),
      ...refusedSection(results.flatMap(({ refused }) => refused)),
      ...damagedSection(results.flatMap(({ damaged }) => damaged)),
      ...projectedSection(results.flatMap(({ projected }) => projected)),
      {
        kind: 'record',
        key: 'run',
        columns: [
          { key: 'rows', kind: 'bigint', unit: 'count' },
          { key: 'references', label: 'references put back', kind: 'bigint', unit: 'count' },
          { key: 'outdated', label: 'references that changed since', kind: 'bigint', unit: 'count' },
          { key: 'emptied', label: 'batches restored whole', kind: 'bigint', unit: 'count' },
          { key: 'held', label: 'rows held from retention', kind: 'bigint', unit: 'count' },
          { key: 'held_until', label: 'until', kind: 'timestamp' },
          { key: 'why', label: 'ended because', kind: 'text' },
        ],
        row: {
          rows: sum(({ tables }) => tables.reduce((total, { rows }) => total + rows, 0n)),
          references: sum(({ references }) => BigInt(references.put)),
          outdated: sum(({ references }) => BigInt(references.outdated)),
          emptied: sum(({ emptied }) => BigInt(emptied.length)),
          held: sum(({ held }) => BigInt(held.rows)),
          held_until: results.findLast(({ held }) => held.until !== undefined)?.held.until ?? null,
          why: stopped?.why ?? 'all that was asked for was looked at',
        },
      },
    ],
  }
}

function indexesSection(statements: readonly string[]): Section[] {
  if (statements.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'indexes',
      title: 'Indexes that would help to find aggregates by key; without them these archive tables are read whole',
      columns: [{ key: 'statement', kind: 'text' }],
      rows: statements.map((statement) => ({ statement })),
    },
  ]
}

function refusedSection(refused: readonly RefusedBatch[]): Section[] {
  if (refused.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'refused',
      title: 'Refused: what is left of these batches stays in the archive',
      columns: [
        { key: 'batch', kind: 'bigint' },
        { key: 'reason', kind: 'text' },
      ],
      rows: refused.flatMap(({ batch, error: { message, problems } }) =>
        problems.length === 0
          ? [{ batch, reason: message }]
          : problems.map(({ where, reason }) => ({ batch, reason: [where, reason].filter(Boolean).join(': ') })),
      ),
    },
  ]
}

function damagedSection(damaged: readonly bigint[]): Section[] {
  if (damaged.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'damaged',
      title: 'Restored as they lay in the archive, which is not what was archived',
      columns: [{ key: 'batch', kind: 'bigint' }],
      rows: damaged.map((batch) => ({ batch })),
    },
  ]
}

function projectedSection(columns: readonly string[]): Section[] {
  if (columns.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'projected',
      title: 'Made by triggers of rows that are not all back: other than archived until they are',
      columns: [{ key: 'column', kind: 'text' }],
      rows: columns.map((column) => ({ column })),
    },
  ]
}

function tablesSection(tables: readonly TableCount[], heading: string): Section {
  return {
    kind: 'table',
    key: 'tables',
    columns: [
      ...TABLE,
      { key: 'rows', label: heading, kind: 'bigint', unit: 'count' },
      { key: 'there', label: 'there already', kind: 'bigint', unit: 'count' },
      { key: 'waiting', kind: 'bigint', unit: 'count' },
    ],
    rows: tables.map((table) => ({ ...table })),
    empty: 'Nothing of it is in the archive tables; nothing to restore.',
  }
}

function waitingSection(waiting: readonly WaitingCount[]): Section[] {
  if (waiting.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'waiting',
      title: 'Stay in the archive until the row is there that they refer to (--with-parents brings archived ones)',
      columns: [
        ...TABLE,
        { key: 'rows', kind: 'bigint', unit: 'count' },
        { key: 'reason', label: 'waits for', kind: 'text' },
      ],
      rows: waiting.map((one) => ({ ...one })),
    },
  ]
}
