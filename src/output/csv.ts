/**
 * `-o csv` and `-o tsv`: a heading line, then a line a row, as the rows arrive.
 *
 * CSV quotes as RFC 4180 has it; lines end in LF, as psql and COPY write them and line tools want them. NULL is
 * empty and the empty text is `""`. TSV is COPY's text format (PostgreSQL manual, COPY): tab, line break and
 * backslash as `\t`, `\n`, `\r`, `\\`, NULL as `\N`. Neither has other escapes, so on a terminal, and only there,
 * control characters are shown as in a table.
 */
import type { Cells, Column } from '../model/column.ts'
import { visibleLines } from './escape.ts'
import { ChunkWriter, type Stream } from './streams.ts'
import { plainText } from './value.ts'
import type { RecordView, TableView } from './view.ts'

export type Separated = 'csv' | 'tsv'

/** Prints the rows, or the one row of a record, whose relations these formats cannot hold. */
export async function printSeparated(view: TableView | RecordView, format: Separated, stream: Stream): Promise<void> {
  const out = new ChunkWriter(stream)
  const dialect = DIALECTS[format]
  const add = (cells: readonly (string | null)[]) => {
    const line = `${cells.map(dialect.cell).join(dialect.separator)}\n`
    return out.add(stream.isTTY ? visibleLines(line) : line)
  }
  add(view.columns.map(({ key }) => key))
  for await (const row of view.shape === 'table' ? view.rows : [view.row]) {
    const full = add(cellsOf(row, view.columns))
    if (full) await full
    if (view.shape === 'table' && view.live) await out.flush()
  }
  await out.flush()
}

function cellsOf(row: Cells, columns: readonly Column[]): (string | null)[] {
  return columns.map((column) => plainText(row[column.key], column))
}

const DIALECTS = {
  csv: { separator: ',', cell: csvCell },
  tsv: { separator: '\t', cell: tsvCell },
} as const

function csvCell(text: string | null): string {
  if (text === null) return ''
  // `\.` alone on a line would end the data for a COPY that reads it.
  return text === '' || text === '\\.' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const TSV_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function tsvCell(text: string | null): string {
  return text === null ? '\\N' : text.replace(/[\\\t\n\r]/g, (character) => TSV_ESCAPES[character] ?? character)
}
