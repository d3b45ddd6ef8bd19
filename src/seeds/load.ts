/** Loading parts of seed data with COPY. */
import { pipeline } from 'node:stream/promises'
import type { Transaction } from '../db/database.ts'
import { ensureMonths } from '../db/partitions.ts'
import { throwIfStopped } from '../errors.ts'
import { quoteIdentifier, sql } from '../model/sql.ts'
import { DAY } from './calendar.ts'
import { encodeRows } from './copy-text.ts'
import type { SeedDefinition, SeedPart } from './definition.ts'
import { tableSql } from './tables.ts'

/**
 * Loads the tables of one part, each with one COPY. Rows are made while they are sent, and no faster than the server
 * takes them.
 *
 * @param onRows told of each chunk that is on its way
 */
export async function loadPart(
  tx: Transaction,
  schema: string,
  part: SeedPart,
  signal: AbortSignal,
  onRows: (table: string, rows: number) => void,
): Promise<void> {
  for (const { table, rows } of part.loads) {
    throwIfStopped(signal)
    const columns = table.columns.map(quoteIdentifier).join(', ')
    const target = `${quoteIdentifier(schema)}.${quoteIdentifier(table.table)} (${columns})`
    const chunks = encodeRows(rows(), (count) => onRows(table.table, count))
    await pipeline(stoppable(chunks, signal), tx.copyIn(target, 'FORMAT text'))
  }
}

/** Makes the monthly partitions that the rows will lie in, so that none ends up in the default one. */
export async function makePartitions(
  tx: Transaction,
  schema: string,
  definition: SeedDefinition,
  until: number,
): Promise<void> {
  for (const { table, partitionedBy } of definition.tables) {
    if (partitionedBy === undefined) continue
    const { field, days } = partitionedBy
    const [first, end] = [until - days * DAY, until].map((micros) => new Date(micros / 1000))
    if (first && end) await ensureMonths(tx, { schema, table, field }, first, end)
  }
}

/** ANALYZE of every table (PostgreSQL manual, ANALYZE): the planner must not take a full table for an empty one. */
export async function analyze(tx: Transaction, schema: string, definition: SeedDefinition): Promise<void> {
  for (const table of definition.tables) await tx.execute(sql`ANALYZE ${tableSql(schema, table)}`)
}

function* stoppable(chunks: Iterable<Buffer>, signal: AbortSignal): Generator<Buffer> {
  for (const chunk of chunks) {
    throwIfStopped(signal)
    yield chunk
  }
}
