/** `-o ndjson`: one JSON object a line, as the rows arrive. */
import { ChunkWriter, type Stream } from './streams.ts'
import { relatedTree } from './tree.ts'
import { jsonText, rowTree } from './value.ts'
import type { RecordView, TableView, TextView } from './view.ts'

export async function printNdjson(view: TableView | RecordView | TextView, stream: Stream): Promise<void> {
  const out = new ChunkWriter(stream)
  if (view.shape === 'table') {
    for await (const row of view.rows) {
      const full = out.add(`${jsonText(rowTree(row, view.columns))}\n`)
      if (full) await full
      if (view.live) await out.flush()
    }
  } else {
    const value = view.shape === 'record' ? relatedTree(view) : view.value === undefined ? view.text : view.value
    out.add(`${jsonText(value)}\n`)
  }
  await out.flush()
}
