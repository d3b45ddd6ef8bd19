/**
 * Exports through COPY, formatted by the server: the fastest way out of PostgreSQL. What arrives is passed on as it
 * is, so memory stays flat whatever the number of rows.
 */
import type { Database, Transaction } from '../db/database.ts'
import { throwIfStopped } from '../errors.ts'
import type { Field } from '../model/field.ts'
import { identifier, join, type Sql, sql } from '../model/sql.ts'
import type { OnProgress } from '../progress.ts'
import { whereFrom } from './filter-sql.ts'
import type { Filter } from './filters.ts'
import { inlined } from './inline.ts'
import { type RowCounter, rowCounter } from './row-counter.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { fromTransaction } from './stream.ts'

export type ExportFormat = 'csv' | 'ndjson'

export interface ExportOptions {
  readonly format: ExportFormat
  /** Fields in this order; see `visibleFields`. */
  readonly fields: readonly string[]
  readonly filters: readonly Filter[]
  readonly onProgress: OnProgress
  readonly signal: AbortSignal
}

export interface Exported {
  readonly rows: number
  readonly bytes: number
}

/**
 * `FORMAT csv` tells NULL (nothing) from the empty text (`""`). For NDJSON it carries one JSON text a row: with a quote
 * and a delimiter that JSON always escapes, nothing is ever quoted and the bytes need no decoding, while COPY's text
 * format would double every backslash.
 */
const COPY_OPTIONS: Readonly<Record<ExportFormat, string>> = {
  csv: 'FORMAT csv, HEADER true',
  ndjson: String.raw`FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'`,
}

/** Bytes passed on at a time. */
const CHUNK_BYTES = 262_144

/**
 * The rows that meet the filters, as bytes in their final form.
 *
 * @returns the bytes, and after the last of them how many rows and bytes there were
 */
export async function* exportBytes(
  db: Database,
  scope: Scope,
  options: ExportOptions,
): AsyncGenerator<Buffer, Exported, undefined> {
  const counter = rowCounter(options.format)
  let bytes = 0
  // A big table takes longer than any statement ought to; the signal still ends it between chunks.
  const chunks = fromTransaction(db, (transaction) => copied(transaction, scope, options), { statementTimeoutMs: 0 })
  for await (const chunk of chunks) {
    throwIfStopped(options.signal)
    bytes += chunk.length
    report(options, scope, counter, chunk)
    yield chunk
  }
  return { rows: counter.rows, bytes }
}

/** The SELECT behind an export, values still bound. */
function exportStatement(scope: Scope, options: Pick<ExportOptions, 'format' | 'fields' | 'filters'>): Sql {
  const { format, fields, filters } = options
  const selected = fields.map((key) =>
    format === 'csv' ? csvColumn(key, fieldOf(scope.entity, key)) : jsonColumn(key, fieldOf(scope.entity, key)),
  )
  const rows = sql`SELECT ${join(selected)}
FROM ${tableOf(scope)}
WHERE ${whereFrom(scope, filters)}`
  return format === 'csv' ? rows : sql`SELECT row_to_json(exported) FROM (${rows}) AS exported`
}

async function* copied(transaction: Transaction, scope: Scope, options: ExportOptions): AsyncGenerator<Buffer> {
  // Instants are written by the server: these settings, local to the transaction, make them ISO 8601 in UTC.
  await transaction.execute(
    sql`SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true)`,
  )
  const statement = inlined(exportStatement(scope, options))
  // The server sends a message a row and the driver a few of them at a time: too little for a write each.
  let parts: Buffer[] = []
  let size = 0
  for await (const part of transaction.copyOut(statement, COPY_OPTIONS[options.format])) {
    parts.push(part)
    size += part.length
    if (size < CHUNK_BYTES) continue
    yield Buffer.concat(parts, size)
    parts = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(parts, size)
}

/** A column as row_to_json takes it, which writes all kinds as `list` does but instants (`+00:00`). */
function jsonColumn(key: string, field: Field): Sql {
  return field.kind === 'timestamp' ? csvColumn(key, field) : identifier(key)
}

/** A column in the text that other tools read: ISO 8601 with `T` and `Z`, true and false, arrays as JSON. */
function csvColumn(key: string, field: Field): Sql {
  const column = identifier(key)
  switch (field.kind) {
    case 'timestamp':
      // Half the cost of to_char; only the zone contains '+00', since the session is in UTC.
      return sql`replace(replace(${column}::text, ' ', 'T'), '+00', 'Z') AS ${column}`
    case 'boolean':
      return sql`${column}::text AS ${column}`
    case 'textArray':
      return sql`array_to_json(${column}) AS ${column}`
    default:
      return column
  }
}

function report({ onProgress }: ExportOptions, { entity }: Scope, counter: RowCounter, chunk: Buffer): void {
  counter.add(chunk)
  onProgress({ label: `exporting ${entity.plural}`, done: counter.rows, unit: 'rows' })
}
