/**
 * Rows from a file or from stdin: CSV, NDJSON, or JSON (an array, or objects one after the other), streamed, each with
 * the line it begins on. What cannot be read as a row is passed on with its problem, so that it is reported with the
 * others.
 */
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { parseJson } from '../db/json.ts'
import { type Problem, RefusedError } from '../errors.ts'
import { isTooDeep, MOST_LEVELS } from './json.ts'
import { splitJson } from './json-split.ts'
import type { Form } from './typed.ts'

export type SourceFormat = 'csv' | 'ndjson' | 'json'

export interface SourceRow {
  readonly line: number
  readonly form: Exclude<Form, 'text'>
  /** Values by field name; empty when the text was unreadable. */
  readonly values: Readonly<Record<string, unknown>>
  /** What stood there, for the file of rejects. */
  readonly raw: unknown
  readonly problem?: string
}

export interface SourceOptions {
  /** File name for messages and, by its ending, the format. */
  readonly name: string
  /** Found from the ending or the first character when absent. */
  readonly format?: SourceFormat | undefined
  /** The problems of the names in a CSV header: the whole file is refused for them, not each of its lines. */
  readonly checkNames: (names: readonly string[]) => readonly Problem[]
}

/**
 * Reads rows.
 *
 * @throws RefusedError (exit 5) for a file that is not UTF-8, or whose CSV header names no fields
 */
export async function* readSource(
  stream: Readable,
  options: SourceOptions,
): AsyncGenerator<SourceRow, void, undefined> {
  const { first, chunks } = await peeked(decoded(stream, options.name))
  const format = options.format ?? formatOf(options.name, first)
  if (format === 'csv') yield* csvRows(chunks, options)
  else if (format === 'ndjson') yield* jsonLines(chunks)
  else yield* jsonValues(chunks)
}

/** By the ending of the name, else by how the text begins. */
function formatOf(name: string, first: string): SourceFormat {
  if (/\.(ndjson|jsonl)$/i.test(name)) return 'ndjson'
  if (/\.json$/i.test(name)) return 'json'
  if (/\.csv$/i.test(name)) return 'csv'
  const text = first.trimStart()
  if (text.startsWith('[')) return 'json'
  if (!text.startsWith('{')) return 'csv'
  // One whole object on the first line: NDJSON, where a bad line does not spoil the next one.
  const [line = ''] = text.split('\n', 1)
  try {
    JSON.parse(line)
    return 'ndjson'
  } catch {
    return text.includes('\n') && line.trimEnd().endsWith('}') ? 'ndjson' : 'json'
  }
}

async function* jsonLines(chunks: AsyncIterable<string>): AsyncGenerator<SourceRow> {
  let line = 0
  for await (const text of lines(chunks)) {
    line++
    if (text.trim() !== '') yield jsonRow(text, line)
  }
}

async function* jsonValues(chunks: AsyncIterable<string>): AsyncGenerator<SourceRow> {
  for await (const { text, line, broken } of splitJson(chunks)) {
    yield broken === undefined ? jsonRow(text, line) : unreadable(line, text, `the file ${broken}`)
  }
}

function jsonRow(text: string, line: number): SourceRow {
  let value: unknown
  try {
    value = parseJson(text)
  } catch {
    return unreadable(line, text, 'is not valid JSON')
  }
  if (isTooDeep(value)) return unreadable(line, text, `is nested deeper than ${MOST_LEVELS} levels`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return unreadable(line, value, 'is not a JSON object')
  }
  return { line, form: 'json', values: { ...value }, raw: value }
}

function unreadable(line: number, raw: unknown, problem: string): SourceRow {
  return { line, form: 'json', values: {}, raw, problem }
}

/**
 * CSV as `COPY … FORMAT csv` writes it (PostgreSQL manual, COPY): a header, quotes doubled, an empty unquoted cell is
 * NULL and `""` an empty text. Where the text stops being CSV, every row before that place still counts.
 */
async function* csvRows(chunks: AsyncIterable<string>, options: SourceOptions): AsyncGenerator<SourceRow> {
  const { CsvError } = await import('csv-parse')
  let header: string[] | undefined
  let line = 1
  try {
    for await (const { cells, lines } of csvRecords(chunks, /\.tsv$/i.test(options.name) ? '\t' : ',')) {
      const begins = line
      line = lines + 1
      if (header === undefined) header = checkedHeader(cells, options)
      else yield csvRow(header, cells, begins)
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    yield unreadable(line, null, 'is not valid CSV from here on (a quote is out of place)')
  }
}

/** Null for an empty cell without quotes. */
type CsvCells = readonly (string | null)[]

interface CsvRecord {
  readonly cells: CsvCells
  /** Lines of the text up to the end of the record. */
  readonly lines: number
}

/**
 * The records of CSV text, all of them up to the place that is none; there it throws a CsvError. A parser that is read
 * as a stream would take the records it holds with it.
 */
async function* csvRecords(chunks: AsyncIterable<string>, delimiter: string): AsyncGenerator<CsvRecord> {
  const { parse } = await import('csv-parse')
  const records: CsvRecord[] = []
  const parser = parse({
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
    on_record: (cells: CsvCells, { lines }) => {
      records.push({ cells, lines })
      return null
    },
  })
  // Each error is also what the write or the end that met it answers.
  parser.on('error', () => {}).resume()
  for await (const chunk of chunks) {
    const error = await new Promise((resolve) => parser.write(chunk, resolve))
    yield* records.splice(0)
    if (error) throw error
  }
  const error = await finished(parser.end()).catch((reason: unknown) => reason)
  yield* records.splice(0)
  if (error) throw error
}

function csvRow(header: readonly string[], record: CsvCells, line: number): SourceRow {
  const values = Object.fromEntries(header.map((name, index) => [name, record[index] ?? null]))
  if (record.length === header.length) return { line, form: 'csv', values, raw: values }
  const problem = `has ${record.length} cells, the header ${header.length}`
  return { line, form: 'csv', values: {}, raw: record, problem }
}

function checkedHeader(record: CsvCells, { name, checkNames }: SourceOptions): string[] {
  const names = record.map((cell) => (cell ?? '').trim())
  const repeated = names.filter((cell, index) => names.indexOf(cell) !== index)
  const refused = checkNames(names)
  const problems = [
    ...refused,
    ...[...new Set(repeated)].map((cell) => ({ where: cell, reason: 'stands in the header twice' })),
  ]
  if (problems.length === 0) return names
  const ignorable = [...new Set(refused.flatMap(({ where }) => (where && names.includes(where) ? [where] : [])))]
  throw new RefusedError({
    code: 'invalid-header',
    message: `The header of ${name} names ${problems.length === 1 ? 'a column' : 'columns'} that cannot be imported`,
    hint: `Correct the header${ignorable.length === 0 ? '' : `, or leave these out with --ignore ${ignorable.join(',')}`}`,
    problems,
  })
}

async function* decoded(stream: Readable, name: string): AsyncGenerator<string> {
  // `fatal` refuses what is not UTF-8; the byte order mark is dropped.
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of stream) {
      const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      if (text !== '') yield text
    }
    const rest = decoder.decode()
    if (rest !== '') yield rest
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new RefusedError({
      code: 'not-utf8',
      message: `${name} is not UTF-8 text`,
      hint: 'Convert it first, e.g. with iconv -t UTF-8',
    })
  }
}

async function* lines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  if (rest !== '') yield rest
}

/** The beginning of a stream, and the whole stream still to read. */
async function peeked(
  chunks: AsyncGenerator<string>,
): Promise<{ readonly first: string; readonly chunks: AsyncIterable<string> }> {
  let first = ''
  while (first.trim() === '' || (first.length < 4096 && !first.includes('\n'))) {
    const next = await chunks.next()
    if (next.done) break
    first += next.value
  }
  async function* again() {
    if (first !== '') yield first
    yield* chunks
  }
  return { first, chunks: again() }
}
