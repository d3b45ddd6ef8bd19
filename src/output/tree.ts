/** Views as trees of values, for the formats that nest: JSON, NDJSON, YAML. */
import type { Cells, Column } from '../model/column.ts'
import { rowTree } from './value.ts'
import type { RecordView, Section } from './view.ts'

/** The object with its relations as members: a list, one object, or null. */
export function relatedTree({ columns, row, related }: RecordView): Record<string, unknown> {
  const tree = rowTree(row, columns)
  for (const { key, columns: inner, rows } of related ?? []) tree[key] = treeOfRows(rows, inner)
  return tree
}

/** Rows, one object, or lines of text. */
export function sectionTree(section: Section): unknown {
  if (section.kind === 'notes') return section.lines
  return section.kind === 'record'
    ? rowTree(section.row, section.columns)
    : section.rows.map((row) => rowTree(row, section.columns))
}

function treeOfRows(rows: Cells[] | Cells | null, columns: readonly Column[]): unknown {
  if (rows === null) return null
  return Array.isArray(rows) ? rows.map((row) => rowTree(row, columns)) : rowTree(rows, columns)
}
