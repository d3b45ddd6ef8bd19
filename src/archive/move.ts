/** The moving itself: one statement that takes the rows of all tables out and puts them into the archive. */
import type { Transaction } from '../db/database.ts'
import { OperationError } from '../errors.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Table } from './catalog.ts'
import { digestSql } from './digest.ts'
import { BATCH_COLUMN, type BatchTable } from './record.ts'
import { leavesWith, type Rows, relation } from './rows.ts'
import { archiveOf } from './tables.ts'

interface Moved {
  readonly place: number
  readonly gone: bigint
  readonly kept: bigint
  readonly digest: string
}

/**
 * The statement. Foreign keys are checked at its end, when all of it is gone, so that it takes no order; every table is
 * counted on both sides.
 *
 * @param batchId of the archive batch; undefined deletes without archive
 */
export function moveSql(rows: ReadonlyMap<Table, Rows>, batchId: bigint | undefined): Sql {
  const expressions: Sql[] = []
  const counts: Sql[] = []
  for (const [index, [table, set]] of [...rows].entries()) {
    const columns = table.columns.map(({ name }) => identifier(name))
    const leaves = leavesWith(table, set)
    const gone = raw(`gone_${index}`)
    const returning = batchId === undefined ? raw('1 AS one') : join(columns)
    const deletes = leaves.map(
      ({ leaf, tids }) => sql`DELETE FROM ${relation(leaf)} WHERE ctid = ANY (${tids}::tid[]) RETURNING ${returning}`,
    )
    const [only] = deletes
    if (deletes.length === 1 && only) expressions.push(sql`${gone} AS (${only})`)
    else {
      for (const [part, statement] of deletes.entries())
        expressions.push(sql`${gone}_${raw(String(part))} AS (${statement})`)
      const parts = deletes.map((_, part) => sql`SELECT * FROM ${gone}_${raw(String(part))}`)
      expressions.push(sql`${gone} AS (${join(parts, ' UNION ALL ')})`)
    }
    const place = raw(String(index))
    if (batchId === undefined) {
      counts.push(sql`SELECT ${place} AS place, COUNT(*) AS gone, COUNT(*) AS kept, '0' AS digest FROM ${gone}`)
      continue
    }
    const archive = archiveOf(table)
    const list = join([...columns, identifier(BATCH_COLUMN)])
    expressions.push(sql`kept_${place} AS (
    INSERT INTO ${relation(archive)} (${list})
    SELECT ${join(columns)}, ${batchId}::bigint
    FROM ${gone}
    RETURNING 1 AS one
  )`)
    const names = table.columns.map(({ name }) => name)
    counts.push(
      sql`SELECT ${place} AS place, COUNT(*) AS gone, (SELECT COUNT(*) FROM kept_${place}) AS kept, (${digestSql(`gone_${index}`, names)})::text AS digest FROM ${gone}`,
    )
  }
  return sql`
  WITH ${join(expressions, ',\n  ')}
  ${join(counts, '\n  UNION ALL ')}`
}

/**
 * Moves the rows, and compares what was locked, deleted and inserted.
 *
 * @returns what was moved by table, as it is recorded
 * @throws OperationError (exit 6) naming the tables where a trigger or something else of the database interfered
 */
export async function move(
  tx: Transaction,
  rows: ReadonlyMap<Table, Rows>,
  batchId: bigint | undefined,
): Promise<BatchTable[]> {
  const answers = await tx.rows<Moved>(moveSql(rows, batchId))
  const wrong: string[] = []
  const moved: BatchTable[] = []
  for (const [place, [table, set]] of [...rows].entries()) {
    const answer = answers.find((one) => one.place === place)
    const { gone = 0n, kept = 0n, digest = '0' } = answer ?? {}
    const locked = BigInt(set.count)
    if (gone !== locked || kept !== gone) {
      wrong.push(`${table.schema}.${table.name} (${locked} locked, ${gone} deleted, ${kept} archived)`)
    }
    moved.push({ table: table.name, rows: gone, digest, columns: table.columns.map(({ name }) => name) })
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
