/** `-o yaml`: one document (YAML 1.2); a list is written as its rows arrive. */
import type { ScalarTag, Tags } from 'yaml'
import { isUnsafe, quoted } from './escape.ts'
import { documentOf } from './json.ts'
import { ChunkWriter, type Stream } from './streams.ts'
import { exactDigits, rowTree } from './value.ts'
import type { RecordView, SectionsView, TableView, TextView } from './view.ts'

export async function printYaml(
  view: TableView | RecordView | SectionsView | TextView,
  stream: Stream,
): Promise<void> {
  const { stringify } = await import('yaml')
  const options = {
    // A value stays on its line, and equal rows are not the same row.
    lineWidth: 0,
    aliasDuplicateObjects: false,
    // Quotes texts that only YAML 1.1 readers take for something else: no, on, times.
    compat: 'yaml-1.1',
    // Ours first: the first tag that knows a value writes it.
    customTags: (standard: Tags) => [...TAGS, ...standard],
  } as const
  if (view.shape !== 'table') {
    await stream.write(stringify(documentOf(view), options))
    return
  }
  const out = new ChunkWriter(stream)
  let isEmpty = true
  for await (const row of view.rows) {
    const full = out.add(stringify([rowTree(row, view.columns)], options))
    if (full) await full
    if (view.live) await out.flush()
    isEmpty = false
  }
  if (isEmpty) out.add('[]\n')
  await out.flush()
}

/** Numbers by their digits, NaN and the infinities as in JSON, and no control character left raw. */
const TAGS: ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:float',
    default: true,
    identify: (value) => typeof value === 'object' && exactDigits(value) !== undefined,
    resolve: (text) => text,
    stringify: ({ value }) => exactDigits(value) ?? String(value),
  },
  {
    tag: 'tag:yaml.org,2002:str',
    default: true,
    identify: (value) => typeof value === 'string' && /[^\n]/.test(value) && isUnsafe(value.replaceAll('\n', '')),
    resolve: (text) => text,
    stringify: ({ value }) => quoted(String(value)),
  },
]
