/** `-o json`: one document, indented by two; a list is an array written as its rows arrive. */
import { ChunkWriter, type Stream } from './streams.ts'
import { relatedTree, sectionTree } from './tree.ts'
import { jsonText, rowTree } from './value.ts'
import type { RecordView, SectionsView, TableView, TextView } from './view.ts'

export async function printJson(
  view: TableView | RecordView | SectionsView | TextView,
  stream: Stream,
): Promise<void> {
  if (view.shape === 'table') return printArray(view, stream)
  await stream.write(`${jsonText(documentOf(view), 2)}\n`)
}

/** The value of a view that is one document. */
export function documentOf(view: RecordView | SectionsView | TextView): unknown {
  switch (view.shape) {
    case 'record':
      return relatedTree(view)
    case 'sections':
      return Object.fromEntries(view.sections.map((section) => [section.key, sectionTree(section)]))
    case 'text':
      return view.value === undefined ? view.text : view.value
  }
}

/**
 * The array is whole after every normal end, also without rows. When the rows break off with an error it stays open,
 * so that no parser takes it for all of them.
 */
async function printArray({ columns, rows, live = false }: TableView, stream: Stream): Promise<void> {
  const out = new ChunkWriter(stream)
  let isFirst = true
  for await (const row of rows) {
    const full = out.add(`${isFirst ? '[\n  ' : ',\n  '}${jsonText(rowTree(row, columns), 2, 2)}`)
    if (full) await full
    if (live) await out.flush()
    isFirst = false
  }
  out.add(isFirst ? '[]\n' : '\n]\n')
  await out.flush()
}
