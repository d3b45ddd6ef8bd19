/** How changed rows are shown: what changed for people, the stored row for machines. */
import type { Change } from '../../crud/changes.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { View } from '../../output/view.ts'

const CHANGE_COLUMNS: readonly Column[] = [
  { key: 'field', kind: 'text' },
  { key: 'before', kind: 'json' },
  { key: 'after', kind: 'json' },
]

export function entityColumns(entity: Entity): Column[] {
  return Object.entries(entity.fields).map(([key, field]) => columnOf(key, field))
}

/** One row with its changes below it. */
export function changedRow(entity: Entity, row: Cells, changes: readonly Change[]): View {
  const rows = changes.map(({ field, before, after }): Cells => ({ field, before, after }))
  return {
    shape: 'record',
    columns: entityColumns(entity),
    row,
    related: [{ key: 'changes', columns: CHANGE_COLUMNS, rows }],
  }
}

/** Several rows as a list. */
export function changedRows(entity: Entity, rows: readonly Cells[], shown: readonly string[] = []): View {
  return {
    shape: 'table',
    columns: entityColumns(entity),
    shown: [...new Set([...entity.list.columns, ...shown])],
    rows,
  }
}
