/** The moving itself: rows of all tables into the archive, then out of their tables, each in one statement. */
import type { Transaction } from '../db/database.ts'
import { OperationError } from '../errors.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Table } from './catalog-tables.ts'
import { digestSql } from './digest.ts'
import { BATCH_COLUMN, type BatchTable } from './record.ts'
import { leavesWith, liesAt, type Rows, relation } from './rows.ts'
import { archiveOf } from './tables.ts'

/**
 * The statement that puts the rows into the archive, and says of each table how many rows were read and inserted, and
 * the digest of what was read. Rows are locked, so what is read is what is deleted next; reading them twice by their
 * tids is faster than DELETE … RETURNING, which keeps all of them aside in between, and takes no memory.
 */
export function copySql(rows: ReadonlyMap<Table, Rows>, batchId: bigint): Sql {
  const inserts: Sql[] = []
  const counts: Sql[] = []
  for (const [index, [table, set]] of [...rows].entries()) {
    const names = table.columns.map(({ name }) => name)
    const columns = join(names.map((name) => identifier(name)))
    const place = raw(String(index))
    const reads = leavesWith(table, set).map(
      ({ leaf, tids }) => sql`SELECT ${columns} FROM ${relation(leaf)} AS x WHERE ${liesAt('x', tids)}`,
    )
    const going = join(reads, '\n      UNION ALL ')
    inserts.push(sql`kept_${place} AS (
    INSERT INTO ${relation(archiveOf(table))} (${columns}, ${identifier(BATCH_COLUMN)})
    SELECT going.*, ${batchId}::bigint
    FROM (
      ${going}
    ) AS going
    RETURNING 1 AS one
  )`)
    counts.push(sql`
  SELECT ${place} AS place, COUNT(*) AS read, (SELECT COUNT(*) FROM kept_${place}) AS kept,
         (${digestSql('going', names)})::text AS digest
  FROM (
      ${going}
    ) AS going`)
  }
  return sql`
  WITH ${join(inserts, ',\n  ')}${join(counts, '\n  UNION ALL')}`
}

/**
 * The statement that deletes the rows of all tables. Foreign keys are checked at its end, when all of it is gone, so
 * that it takes no order: neither rings nor keys that restrict are in its way.
 *
 * Rows of a partitioned table are deleted from its leaves by their names: that takes the privilege on these, sets off
 * their row triggers, and not the statement triggers of the table itself.
 */
export function deleteSql(rows: ReadonlyMap<Table, Rows>): Sql {
  const deletes: Sql[] = []
  const counts: Sql[] = []
  for (const [index, [table, set]] of [...rows].entries()) {
    const parts = leavesWith(table, set).map(({ leaf, tids }, part) => {
      const name = raw(`gone_${index}_${part}`)
      deletes.push(sql`${name} AS (
    DELETE FROM ${relation(leaf)} AS x WHERE ${liesAt('x', tids)} RETURNING 1 AS one
  )`)
      return sql`(SELECT COUNT(*) FROM ${name})`
    })
    counts.push(sql`SELECT ${raw(String(index))} AS place, ${join(parts, ' + ')} AS gone`)
  }
  return sql`
  WITH ${join(deletes, ',\n  ')}
  ${join(counts, '\n  UNION ALL ')}`
}

interface Copied {
  readonly place: number
  readonly read: bigint
  readonly kept: bigint
  readonly digest: string
}

/**
 * Moves the rows, and compares what was locked, inserted and deleted.
 *
 * @param rows locked, by table
 * @param batchId of the archive batch; undefined deletes without archive
 * @returns what was moved by table, as it is recorded
 * @throws OperationError (exit 6) naming the tables where a trigger or something else of the database interfered
 */
export async function move(
  tx: Transaction,
  rows: ReadonlyMap<Table, Rows>,
  batchId: bigint | undefined,
): Promise<BatchTable[]> {
  const copied = batchId === undefined ? [] : await tx.rows<Copied>(copySql(rows, batchId))
  const deleted = await tx.rows<{ place: number; gone: bigint }>(deleteSql(rows))
  const wrong: string[] = []
  const moved: BatchTable[] = []
  for (const [place, [table, set]] of [...rows].entries()) {
    const locked = BigInt(set.count)
    const gone = deleted.find((one) => one.place === place)?.gone ?? 0n
    const copy = copied.find((one) => one.place === place)
    const { read, kept } = batchId === undefined ? { read: locked, kept: locked } : (copy ?? { read: 0n, kept: 0n })
    if (gone !== locked || kept !== locked || read !== locked) {
      wrong.push(`${table.schema}.${table.name} (${locked} locked, ${kept} archived, ${gone} deleted)`)
    }
    const columns = table.columns.map(({ name }) => name)
    moved.push({ table: table.name, rows: gone, digest: copy?.digest ?? '0', columns })
  }
  if (wrong.length > 0) throw interfered(wrong)
  return moved
}

function interfered(tables: readonly string[]): OperationError {
  return new OperationError({
    code: 'rows-withheld',
    message: `Not every row went that should have: ${tables.join(', ')}; the batch was rolled back`,
    hint: 'Look for a BEFORE DELETE trigger on the table that returns NULL, or a rule; the rows cannot be archived while it is on',
  })
}

/**
 * Rows of these tables' leaves that were deleted in this transaction so far, as the server counts them, however they
 * were deleted: by cascades and triggers, too. Zero everywhere where `track_counts` is off.
 */
export async function deletedSoFar(tx: Transaction, leaves: readonly number[]): Promise<Map<number, bigint>> {
  const rows = await tx.rows<{ oid: number; deleted: bigint }>(sql`
    SELECT leaf.oid, pg_stat_get_xact_tuples_deleted(leaf.oid) AS deleted
    FROM unnest(${[...leaves]}::oid[]) AS leaf (oid)`)
  return new Map(rows.map(({ oid, deleted }) => [oid, deleted]))
}

/**
 * Compares what the server deleted with what the batch listed: a row that went besides, over a cascade or trigger,
 * would be lost.
 *
 * @throws OperationError (exit 6)
 */
export function refuseUnlisted(
  tables: readonly Table[],
  rows: ReadonlyMap<Table, Rows>,
  before: ReadonlyMap<number, bigint>,
  after: ReadonlyMap<number, bigint>,
): void {
  const unlisted = tables.filter((table) =>
    table.leaves.some(({ oid }) => {
      const deleted = (after.get(oid) ?? 0n) - (before.get(oid) ?? 0n)
      return deleted > BigInt(rows.get(table)?.countIn(oid) ?? 0)
    }),
  )
  if (unlisted.length === 0) return
  throw new OperationError({
    code: 'rows-unlisted',
    message: `Deleting took along rows that were not archived, of ${unlisted.map(({ schema, name }) => `${schema}.${name}`).join(', ')}; the batch was rolled back`,
    hint: 'A trigger of these tables deletes rows by itself; they cannot be archived while it is on',
  })
}
