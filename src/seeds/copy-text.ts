/**
 * Rows in the text format of COPY (PostgreSQL manual, COPY, "Text Format"): columns apart by tabs, `\N` for NULL, a
 * backslash before what would end a column or a row.
 */
import type { SeedRow } from './definition.ts'

/** UTF-16 code units gathered before they are encoded: large enough that the calls per chunk do not count. */
const CHUNK = 128 * 1024

const SPECIAL = /[\\\t\n\r]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/**
 * Encodes rows lazily, some 128 KiB at a time, so that memory stays flat however many there are.
 *
 * The whole chunk is put together as one text and encoded at once: an encoder call for each value costs several
 * times as much as the generation of the value.
 *
 * @param onRows told how many rows are in each chunk before it is handed on
 */
export function* encodeRows(rows: Iterable<SeedRow>, onRows: (count: number) => void): Generator<Buffer> {
  let text = ''
  let count = 0
  for (const row of rows) {
    for (let index = 0; index < row.length; index++) {
      const value = row[index]
      if (index > 0) text += '\t'
      if (typeof value === 'string') text += SPECIAL.test(value) ? escaped(value) : value
      else if (value === null || value === undefined) text += '\\N'
      else text += value
    }
    text += '\n'
    count += 1
    if (text.length >= CHUNK) {
      onRows(count)
      yield Buffer.from(text, 'utf8')
      text = ''
      count = 0
    }
  }
  if (count === 0) return
  onRows(count)
  yield Buffer.from(text, 'utf8')
}

function escaped(value: string): string {
  return value.replace(/[\\\t\n\r]/g, (special) => ESCAPES[special] ?? special)
}
