/** How plans and results of `archive restore` are shown. */
import type { Restored } from '../../archive/restore.ts'
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
      {
        kind: 'record',
        key: 'run',
        columns: [
          { key: 'rows', kind: 'bigint', unit: 'count' },
          { key: 'references', label: 'references put back', kind: 'bigint', unit: 'count' },
          { key: 'outdated', label: 'references that changed since', kind: 'bigint', unit: 'count' },
          { key: 'emptied', label: 'batches restored whole', kind: 'bigint', unit: 'count' },
          { key: 'why', label: 'ended because', kind: 'text' },
        ],
        row: {
          rows: sum(({ tables }) => tables.reduce((total, { rows }) => total + rows, 0n)),
          references: sum(({ references }) => BigInt(references.put)),
          outdated: sum(({ references }) => BigInt(references.outdated)),
          emptied: sum(({ emptied }) => BigInt(emptied.length)),
          why: stopped?.why ?? 'all that was asked for was looked at',
        },
      },
    ],
  }
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
