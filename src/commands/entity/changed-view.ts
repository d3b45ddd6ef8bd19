/** How changed rows are shown: what changed for people, the stored row for machines. */
import type { Change } from '../../crud/changes.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { View } from '../../output/view.ts'
import type { Context } from '../command.ts'
import { spoken } from './entity-scope.ts'

export function entityColumns(entity: Entity): Column[] {
  return Object.entries(entity.fields).map(([key, field]) => columnOf(key, field))
}

/** One row: for people what changed in it, for machines the row with its changes. */
export function changedRow(entity: Entity, row: Cells, changes: readonly Change[], context: Context): View {
  const forPeople = context.format === 'table' || context.format === 'md'
  const rows = changes.map(({ field, before, after }): Cells => ({ field, before, after }))
  if (!forPeople || changes.length === 0 || context.globals.fields !== undefined) {
    const columns = changeColumns('json')
    return { shape: 'record', columns: entityColumns(entity), row, related: [{ key: 'changes', columns, rows }] }
  }
  return {
    shape: 'table',
    title: `${spoken(entity.name)} ${String(row[entity.primaryKey])}`,
    columns: changeColumns('text'),
    rows: changes.map(({ field, texts: [before, after] }) => ({ field, before, after })),
  }
}

/** Several rows as a list. */
export function changedRows(entity: Entity, rows: readonly Cells[]): View {
  return { shape: 'table', columns: entityColumns(entity), shown: entity.list.columns, rows }
}

function changeColumns(kind: 'json' | 'text'): Column[] {
  return [
    { key: 'field', kind: 'text' },
    { key: 'before', kind },
    { key: 'after', kind },
  ]
}
