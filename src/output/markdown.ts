/**
 * `-o md`: GitHub-flavoured Markdown (GFM, section 4.10) with the values people read. Nothing from the database can
 * add markup, HTML or cells of its own.
 */
import type { Cells, Column } from '../model/column.ts'
import { alignOf, cellText, labelOf } from './cell.ts'
import { visible, visibleLines } from './escape.ts'
import { chartLines } from './section-chart.ts'
import { ChunkWriter, type Stream } from './streams.ts'
import type { RecordView, Section, SectionsView, TableView, TextView } from './view.ts'

export async function printMarkdown(
  view: TableView | RecordView | SectionsView | TextView,
  stream: Stream,
): Promise<void> {
  const out = new ChunkWriter(stream)
  const title = 'title' in view && view.title !== undefined ? view.title : undefined
  if (title !== undefined) out.add(`# ${inline(title)}\n\n`)
  switch (view.shape) {
    case 'table':
      await addTable(out, view.columns, view.rows, stream, view.empty, view.live)
      break
    case 'record':
      out.add(recordTable(view.columns, view.row, stream))
      for (const { key, columns, rows } of view.related ?? []) {
        out.add(`\n## ${inline(key.replaceAll('_', ' '))}\n\n`)
        if (rows !== null && !Array.isArray(rows)) out.add(recordTable(columns, rows, stream))
        else await addTable(out, columns, rows ?? [], stream, 'none')
      }
      break
    case 'sections':
      for (const [index, section] of view.sections.entries()) {
        if (index > 0) out.add('\n')
        if (section.title !== undefined) out.add(`## ${inline(section.title)}\n\n`)
        await addSection(out, section, stream)
      }
      break
    case 'text':
      out.add(fenced(visibleLines(view.text)))
  }
  await out.flush()
}

async function addSection(out: ChunkWriter, section: Section, stream: Stream): Promise<void> {
  switch (section.kind) {
    case 'record':
      out.add(recordTable(section.columns, section.row, stream))
      return
    case 'notes':
      if (section.lines.length === 0) out.add(`${inline(section.empty ?? 'none')}\n`)
      for (const line of section.lines) out.add(`- ${inline(line)}\n`)
      return
    case 'table': {
      await addTable(out, section.columns, section.rows, stream, section.empty)
      if (!section.chart) return
      const space = { width: 80, unicode: stream.unicode }
      const lines = await chartLines(section.chart, section.columns, section.rows, stream, space)
      if (lines.length > 0) out.add(`\n${fenced(lines.join('\n'))}`)
    }
  }
}

async function addTable(
  out: ChunkWriter,
  columns: readonly Column[],
  rows: Iterable<Cells> | AsyncIterable<Cells>,
  stream: Stream,
  empty = 'No rows',
  live = false,
): Promise<void> {
  let isEmpty = true
  for await (const row of rows) {
    if (isEmpty) {
      out.add(line(columns.map((column) => inline(labelOf(column)))))
      out.add(line(columns.map((column) => (alignOf(column) === 'right' ? '---:' : '---'))))
    }
    const full = out.add(line(columns.map((column) => inline(cellText(row[column.key], column, stream)))))
    if (full) await full
    if (live) await out.flush()
    isEmpty = false
  }
  if (isEmpty) out.add(`${inline(empty)}\n`)
}

function recordTable(columns: readonly Column[], row: Cells, stream: Stream): string {
  const lines = columns.map((column) =>
    line([inline(labelOf(column)), inline(cellText(row[column.key], column, stream))]),
  )
  return line(['field', 'value']) + line(['---', '---']) + lines.join('')
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`
}

/** Text that reads as it is in running Markdown and in a table cell (CommonMark 0.31, section 2.4). */
export function inline(text: string): string {
  return visible(text)
    .replace(/[\\`*[\]|~$]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/^(\s*)(#|[-+](?=\s|$))/, '$1\\$2')
    .replace(/^(\s*\d+)([.)])(?=\s)/, '$1\\$2')
}

/** A code block whose fence is longer than any run of backticks inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}\n`
}
