/** Partitions that are made and dropped: the plan, and a line each of what was done. */
import type { Cells, Column } from '../../model/column.ts'
import type { Section, View } from '../../output/view.ts'
import type { PartitionsDone, PartitionsPlan } from './partitions.ts'
import { OUTCOME_TONES } from './selection.ts'

const PLACE: readonly Column[] = [
  { key: 'schema', kind: 'text' },
  { key: 'table', kind: 'text' },
  { key: 'partition', kind: 'text' },
]

export function partitionsPlanView({ months, drops }: PartitionsPlan): View {
  const dropping = drops.flatMap(({ plan }) => plan.items)
  const named = new Set(dropping.map(({ schema, partition }) => `${schema}.${partition}`))
  const making: Cells[] = months
    .map((item) => ({
      ...item,
      partition: item.partition ?? item.table,
      since: null,
      until: null,
      estimated: false,
    }))
    // Where both look at a partition, what retention has to say of it is the news.
    .filter(({ schema, partition, action }) => action !== 'keep' || !named.has(`${schema}.${partition}`))
  const rowsOtherwise = drops.flatMap(({ rule, plan }) =>
    plan.otherwise === undefined
      ? []
      : [
          {
            schema: rule.schema,
            table: plan.table.table,
            partition: plan.table.table,
            action: 'delete',
            reason: `not partitioned by ${plan.table.field}: what is over goes row by row`,
          },
        ],
  )
  return {
    shape: 'table',
    columns: [
      ...PLACE,
      { key: 'since', label: 'from', kind: 'text' },
      { key: 'until', label: 'to', kind: 'text' },
      { key: 'rows', kind: 'bigint', unit: 'count' },
      { key: 'estimated', kind: 'boolean' },
      { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      { key: 'action', kind: 'text' },
      { key: 'reason', kind: 'text' },
    ],
    shown:
      drops.length === 0
        ? ['schema', 'partition', 'rows', 'bytes', 'action', 'reason']
        : ['schema', 'partition', 'since', 'until', 'rows', 'bytes', 'action', 'reason'],
    rows: [...making, ...dropping.map((item): Cells => ({ ...item })), ...rowsOtherwise],
  }
}

export function partitionsResultView({ results, kept }: PartitionsDone, { drop }: { readonly drop: boolean }): View {
  const columns: Column[] = [
    ...PLACE,
    { key: 'action', kind: 'text' },
    { key: 'outcome', kind: 'text', tones: OUTCOME_TONES },
    { key: 'seconds', label: 'took', kind: 'float', unit: 'seconds' },
    { key: 'moved', label: 'rows moved', kind: 'bigint', unit: 'count' },
    { key: 'removed', label: 'rows removed', kind: 'bigint', unit: 'count' },
    { key: 'returnedBytes', label: 'returned to the system', kind: 'bigint', unit: 'bytes' },
    { key: 'error', kind: 'text' },
  ]
  const shown = [
    ...['schema', 'partition', ...(drop ? ['action'] : []), 'outcome', 'seconds'],
    ...(results.some(({ action }) => action === 'create') ? ['moved'] : []),
    ...(drop ? ['removed', 'returnedBytes'] : []),
    ...(results.some(({ error }) => error !== undefined) ? ['error'] : []),
  ]
  const rows = results.map((result) => ({ moved: null, removed: null, error: null, ...result }))
  const table = { columns, shown, rows, empty: 'Nothing was done.' }
  if (!drop) return { shape: 'table', ...table }
  const sections: Section[] = [{ kind: 'table', key: 'partitions', ...table }]
  if (kept.length > 0) {
    sections.push({
      kind: 'table',
      key: 'kept',
      title: 'Kept back',
      columns: [
        { key: 'rows', kind: 'bigint', unit: 'count' },
        { key: 'reason', kind: 'text' },
      ],
      rows: kept.map((one) => ({ ...one })),
    })
  }
  return { shape: 'sections', sections }
}
