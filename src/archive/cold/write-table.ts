/**
 * The files of one table of a batch, written from one pass over its rows: COPY text and Parquet take each chunk in turn,
 * at the pace of the slowest, and the rows are counted and digested as they pass.
 */
import { createHash, type Hash } from 'node:crypto'
import { PassThrough, type Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { archiveSchemaOf, type ColdFormat } from '../../config/config.ts'
import type { Database, Transaction } from '../../db/database.ts'
import { OperationError, StewardError } from '../../errors.ts'
import { identifier, quoteIdentifier, raw, sql } from '../../model/sql.ts'
import type { Store, Written } from '../../storage/store.ts'
import { TEXT_SETTINGS } from '../digest.ts'
import { BATCH_COLUMN } from '../record.ts'
import { fieldsOf, linesOf } from './copy-text.ts'
import { feed } from './feed.ts'
import type { ManifestFile, ManifestTable } from './manifest.ts'
import { tableFile } from './names.ts'
import { columnsWithSpecialValues, type ParquetColumn, parquetColumns } from './parquet-column.ts'
import { RowDigest } from './row-digest.ts'
import { fingerprint, type RecordedTable, type TableShape, tableShape } from './shape.ts'

export interface TableOptions {
  readonly schema: string
  readonly batchId: bigint
  readonly formats: readonly ColdFormat[]
  /** Folder of the batch, as a path below the root of the store. */
  readonly folder: string
  readonly createdBy: string
  /** Told of the rows as they pass. */
  readonly onRows: (rows: number) => void
}

/**
 * Writes the files of a table.
 *
 * The statement timeout does not hold for the COPY, as little as for pg_dump's: how long it takes is up to the store.
 *
 * @throws OperationError when the rows are not those that were archived; errors of the store and of the database
 */
export function writeTable(
  db: Database,
  store: Store,
  recorded: RecordedTable,
  options: TableOptions,
): Promise<ManifestTable> {
  return db.transaction(
    async (tx) => {
      const shape = await tableShape(tx, options.schema, recorded)
      const parquet = options.formats.includes('parquet') ? await parquetShape(tx, shape, options) : undefined
      const outlets = await outletsFor(store, recorded.table, parquet, options)
      const rows = await pump(copyOut(tx, shape, options), outlets, shape.columns.length, options.onRows)
      if (rows.rows !== recorded.rows || rows.digest !== recorded.digest) throw changed(recorded, rows, options)
      return {
        table: recorded.table,
        rows: rows.rows,
        digest: rows.digest,
        columns: shape.columns.map(({ name, type, generated }, index) => ({
          name,
          type,
          generated,
          parquet: parquet?.[index]?.encoding ?? null,
        })),
        primaryKey: shape.primaryKey,
        fingerprint: fingerprint(shape.columns, shape.primaryKey),
        files: await Promise.all(outlets.map((outlet) => outlet.file())),
      }
    },
    { readOnly: true, isolation: 'repeatable read', settings: TEXT_SETTINGS, statementTimeoutMs: 0 },
  )
}

function copyOut(tx: Transaction, shape: TableShape, { schema, batchId }: TableOptions): Readable {
  const columns = shape.columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  const from = [archiveSchemaOf(schema), shape.table].map(quoteIdentifier).join('.')
  // In the order of the key, equal rows give equal files.
  const order = shape.primaryKey.length > 0 ? `\nORDER BY ${shape.primaryKey.map(quoteIdentifier).join(', ')}` : ''
  const where = `${quoteIdentifier(BATCH_COLUMN)} = ${batchId}`
  return tx.copyOut(`SELECT ${columns}\nFROM ${from}\nWHERE ${where}${order}`, "FORMAT text, ENCODING 'UTF8'")
}

async function parquetShape(tx: Transaction, shape: TableShape, options: TableOptions): Promise<ParquetColumn[]> {
  const from = sql`
    FROM ${identifier(archiveSchemaOf(options.schema), shape.table)} AS r
    WHERE r.${identifier(BATCH_COLUMN)} = ${raw(String(options.batchId))}`
  return parquetColumns(shape.columns, await columnsWithSpecialValues(tx, shape.columns, from))
}

/** A file on its way to the store. */
interface Outlet {
  readonly format: ColdFormat
  /** Takes a chunk of the text with its lines; waits while the store is behind. */
  write(text: Uint8Array, rows: readonly (readonly (string | null)[])[]): Promise<void>
  /** Nothing more comes. */
  end(): Promise<void>
  /** Ends the writing; nothing is left in the store. */
  destroy(error: Error): void
  /** What was written, once it is in the store. @throws what went wrong there */
  file(): Promise<ManifestFile>
}

async function outletsFor(
  store: Store,
  table: string,
  parquet: readonly ParquetColumn[] | undefined,
  { formats, folder, createdBy }: TableOptions,
): Promise<Outlet[]> {
  const start = (format: ColdFormat, stream: Readable) => {
    const name = tableFile(table, format)
    const written = store.write(store.uriOf(`${folder}/${name}`), stream)
    // Both failures are asked for later; until then neither is an unhandled one.
    stream.on('error', () => {})
    written.catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))))
    return { name, written }
  }
  const outlets: Outlet[] = []
  if (formats.includes('copy')) outlets.push(copyOutlet((stream) => start('copy', stream)))
  if (parquet !== undefined) {
    // Loaded when it is needed: the writer is not small.
    const { ParquetFile } = await import('./parquet-file.ts')
    outlets.push(parquetOutlet(new ParquetFile(parquet, createdBy), (stream) => start('parquet', stream)))
  }
  return outlets
}

type Start = (stream: Readable) => { readonly name: string; readonly written: Promise<Written> }

function copyOutlet(start: Start): Outlet {
  const gzip = createGzip()
  const { name, written } = start(gzip)
  const hash: Hash = createHash('sha256')
  let bytes = 0n
  return {
    format: 'copy',
    write(text) {
      hash.update(text)
      bytes += BigInt(text.length)
      return feed(gzip, text)
    },
    async end() {
      gzip.end()
      await written
    },
    destroy: (error) => gzip.destroy(error),
    async file() {
      const text = { bytes, sha256: hash.digest('hex') }
      return { name, format: 'copy', compression: 'gzip', ...sized(await written), text }
    },
  }
}

function parquetOutlet(
  file: {
    add(fields: readonly (string | null)[]): Uint8Array | undefined
    finish(): Uint8Array
  },
  start: Start,
): Outlet {
  const stream = new PassThrough()
  const { name, written } = start(stream)
  return {
    format: 'parquet',
    async write(_text, rows) {
      for (const row of rows) {
        const group = file.add(row)
        if (group !== undefined) await feed(stream, group)
      }
    },
    async end() {
      stream.end(file.finish())
      await written
    },
    destroy: (error) => stream.destroy(error),
    async file() {
      return { name, format: 'parquet', compression: 'none', ...sized(await written), text: null }
    },
  }
}

function sized({ bytes, sha256 }: Written): { readonly bytes: bigint; readonly sha256: string } {
  return { bytes: BigInt(bytes), sha256 }
}

/** Passes the rows to all outlets. When one fails, the others are ended too, and its error is the one that is thrown. */
async function pump(
  source: Readable,
  outlets: readonly Outlet[],
  columns: number,
  onRows: (rows: number) => void,
): Promise<RowDigest> {
  const digest = new RowDigest()
  let text: Uint8Array[] = []
  async function* noted(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      text.push(chunk)
      yield chunk
    }
  }
  const toAll = async (rows: readonly (readonly (string | null)[])[]) => {
    const chunk = Buffer.concat(text)
    text = []
    await Promise.all(outlets.map((outlet) => outlet.write(chunk, rows)))
  }
  try {
    for await (const lines of linesOf(noted())) {
      const rows = lines.map((line) => fieldsOf(line, columns))
      for (const row of rows) digest.add(row)
      await toAll(rows)
      onRows(rows.length)
    }
    await Promise.all(outlets.map((outlet) => outlet.end()))
    return digest
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error))
    for (const outlet of outlets) outlet.destroy(cause)
    // The writers let go of their temporary files before anybody is told.
    const ends = await Promise.allSettled(outlets.map((outlet) => outlet.file()))
    throw cause instanceof StewardError ? cause : (refusalOf(ends) ?? cause)
  }
}

/**
 * The error of the store that ended its stream: whoever writes to the stream may hear first that it is closed, and only
 * that (a `for await` that is left destroys its stream with an AbortError).
 */
function refusalOf(ends: readonly PromiseSettledResult<unknown>[]): StewardError | undefined {
  return ends
    .map((end): unknown => (end.status === 'rejected' ? end.reason : undefined))
    .find((reason) => reason instanceof StewardError)
}

function changed(recorded: RecordedTable, found: RowDigest, { schema, batchId }: TableOptions): OperationError {
  const table = `${archiveSchemaOf(schema)}.${recorded.table}`
  const how =
    found.rows === recorded.rows ? 'their digest differs' : `there are ${found.rows} instead of ${recorded.rows}`
  return new OperationError({
    code: 'archive-changed',
    message: `The rows of batch ${batchId} in ${table} are not those that were archived: ${how}`,
    hint: 'steward archive verify shows what differs; nothing of the batch was let go',
  })
}
