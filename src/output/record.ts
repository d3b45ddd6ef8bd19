/** One thing with its properties, for people: a name and a value a line. */
import type { Cells, Column } from '../model/column.ts'
import { cellText, colorOf, labelOf } from './cell.ts'
import { visibleLines } from './escape.ts'
import { formatRelative } from './format.ts'
import type { Stream } from './streams.ts'
import { jsonText } from './value.ts'
import { pad, prepareToMeasure, widthOf, wrap } from './width.ts'

const GAP = 2

/**
 * The lines of a record. On a terminal long values continue under their beginning and json is indented; in a pipe
 * every value stays on its line.
 *
 * @param now times are also told relative to it
 */
export async function recordLines(
  columns: readonly Column[],
  row: Cells,
  stream: Stream,
  now: Date,
): Promise<string[]> {
  await prepareToMeasure(columns.map((column) => cellText(row[column.key], column, stream)))
  const left = columns.reduce((widest, column) => Math.max(widest, widthOf(labelOf(column))), 0) + GAP
  const room = stream.isTTY ? Math.max(10, stream.width - left) : undefined
  return columns.flatMap((column) => {
    const value = row[column.key]
    const color = colorOf(value, column, stream.paint)
    const [first = '', ...others] = valueLines(value, column, stream, room)
    const ago = column.kind === 'timestamp' && typeof value === 'string' ? formatRelative(value, now) : undefined
    const aside = ago === undefined ? '' : stream.paint.dim(` (${ago})`)
    return [
      `${stream.paint.dim(pad(labelOf(column), left, 'left'))}${color(first)}${aside}`.trimEnd(),
      ...others.map((line) => `${' '.repeat(left)}${color(line)}`),
    ]
  })
}

function valueLines(value: unknown, column: Column, stream: Stream, room: number | undefined): string[] {
  const text = cellText(value, column, stream)
  if (room === undefined || widthOf(text) <= room) return [text]
  if (column.kind === 'json' && typeof value === 'object') {
    return visibleLines(jsonText(value, 2))
      .split('\n')
      .flatMap((line) => wrapIndented(line, room))
  }
  return wrap(text, room)
}

/** Continues a line under its own beginning. */
function wrapIndented(line: string, room: number): string[] {
  const indent = ' '.repeat(Math.min(line.length - line.trimStart().length, room - 10))
  return wrap(line.trimStart(), room - indent.length).map((part) => indent + part)
}
