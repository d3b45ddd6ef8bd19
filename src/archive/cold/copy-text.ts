/**
 * Reading the text format of COPY as the server writes it (PostgreSQL manual, COPY, "Text Format"): a row a line, tabs
 * between columns, `\N` for NULL, a backslash before what would end a column or a row.
 *
 * Bytes are carried as Latin-1 strings, one character a byte: splitting and searching run at the speed of the engine,
 * nothing is decoded that nobody asked for, and invalid UTF-8 survives.
 */
import { OperationError } from '../../errors.ts'

/** A value as its bytes in Latin-1; null is NULL. */
export type Field = string | null

/** Bytes that a row may have here; a string of the engine ends at twice as many. */
const LONGEST_ROW = 256 * 1024 * 1024

const ESCAPED = /\\([\s\S]?)/g
const UNESCAPED: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** The text is none that the server writes, or was cut: the file is damaged. */
export class MalformedCopy extends Error {}

/**
 * Whole lines of a stream, as many at once as a chunk holds, without the line ends.
 *
 * @throws MalformedCopy when the text ends within a line; OperationError when a row is too long to be handled
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  let rest: string[] = []
  let length = 0
  for await (const chunk of chunks) {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    const end = text.lastIndexOf('\n')
    if (end === -1) {
      rest.push(text)
      length += text.length
      if (length > LONGEST_ROW) throw tooLong()
      continue
    }
    const whole = rest.join('') + text.slice(0, end)
    rest = [text.slice(end + 1)]
    length = text.length - end - 1
    yield whole.split('\n')
  }
  if (length > 0) throw new MalformedCopy('the text ends within a row')
}

/**
 * The values of a line.
 *
 * @throws MalformedCopy when it has not `count` columns, or an escape that the server never writes
 */
export function fieldsOf(line: string, count: number): Field[] {
  const parts = line.split('\t')
  if (parts.length !== count) throw new MalformedCopy('a row has another number of columns')
  if (!line.includes('\\')) return parts
  return parts.map((part) => {
    if (part === '\\N') return null
    return part.includes('\\') ? part.replace(ESCAPED, unescaped) : part
  })
}

function unescaped(_whole: string, character: string): string {
  const value = UNESCAPED[character]
  if (value === undefined) throw new MalformedCopy('a row has an escape that COPY does not write')
  return value
}

function tooLong(): OperationError {
  return new OperationError({
    code: 'row-too-long',
    message: `A row is longer than ${LONGEST_ROW / 1024 / 1024} MiB as text, which a cold file cannot hold`,
    hint: 'Leave its batch in the archive tables',
  })
}
