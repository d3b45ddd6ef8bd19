/** What the batches' records say once rows have left them, and whether the rest is still what it was. */
import type { Transaction } from '../db/database.ts'
import { identifier, sql } from '../model/sql.ts'
import { digestSql } from './digest.ts'
import { BATCH_COLUMN } from './record.ts'
import { archiveOf, type RestoreCatalog } from './restore-catalog.ts'
import { damaged } from './restore-groups.ts'
import type { Left } from './restore-move.ts'

/** Remainders of a batch's table up to this size are compared each time; larger ones are left to `archive verify`. */
const COMPARED_ROWS = 100_000n

export interface Subtracted {
  /** Batches of which nothing is left. */
  readonly emptied: readonly bigint[]
  /** Batches whose rest is not what it should be; none unless that was accepted. */
  readonly damaged: readonly bigint[]
}

/**
 * Takes rows off the records of their batches.
 *
 * @param accept go on where what is left is not what it should be: its record still says so afterwards, unless nothing
 *   is left
 * @throws OperationError `archive-damaged` when what is left is not what it should be, unless that is accepted
 */
export async function subtract(
  tx: Transaction,
  catalog: RestoreCatalog,
  left: readonly Left[],
  accept: boolean,
): Promise<Subtracted> {
  const rest = await tx.rows<{ batch: bigint; table: string; rows: bigint; digest: string; columns: string[] }>(sql`
    UPDATE steward.archive_batch_tables AS t
    SET rows = GREATEST(t.rows - gone.rows, 0), digest = t.digest - gone.digest
    FROM unnest(
      ${left.map(({ batch }) => batch)}::bigint[],
      ${left.map(({ table }) => table)}::text[],
      ${left.map(({ rows }) => rows)}::bigint[],
      ${left.map(({ digest }) => digest)}::numeric[]
    ) AS gone (batch_id, table_name, rows, digest)
    WHERE t.batch_id = gone.batch_id
      AND t.table_name = gone.table_name
      AND (t.rows >= gone.rows OR ${accept})
    RETURNING t.batch_id AS batch, t.table_name AS "table", t.rows, t.digest, t.columns`)
  const known = new Set(rest.map(({ batch, table }) => `${batch} ${table}`))
  const unknown = left.find(({ batch, table }) => !known.has(`${batch} ${table}`))
  if (unknown) throw damaged(catalog.schema, unknown.table, unknown.batch)
  const damagedBatches = new Set<bigint>()
  for (const { batch, table, rows, digest, columns } of rest) {
    if (rows > COMPARED_ROWS) continue
    const found = await tx.one<{ rows: bigint; digest: string }>(sql`
      SELECT count(*) AS rows, ${digestSql('a', columns)} AS digest
      FROM ${archiveOf(catalog, table)} AS a
      WHERE a.${identifier(BATCH_COLUMN)} = ${batch}`)
    if (found.rows === rows && found.digest === digest) continue
    if (!accept) throw damaged(catalog.schema, table, batch)
    damagedBatches.add(batch)
    if (found.rows > 0n) continue
    await tx.execute(sql`
      UPDATE steward.archive_batch_tables
      SET rows = 0, digest = 0
      WHERE batch_id = ${batch}
        AND table_name = ${table}`)
  }
  const emptied = await settleState(
    tx,
    left.map(({ batch }) => batch),
  )
  return { emptied, damaged: [...damagedBatches] }
}

async function settleState(tx: Transaction, batches: readonly bigint[]): Promise<readonly bigint[]> {
  const touched = await tx.rows<{ batch: bigint; state: string }>(sql`
    UPDATE steward.archive_batches AS b
    SET
      restored_at = now(),
      state = CASE
        WHEN EXISTS (
          SELECT
          FROM steward.archive_batch_tables AS t
          WHERE t.batch_id = b.batch_id
            AND t.rows > 0
        ) THEN b.state
        ELSE 'restored'
      END
    WHERE b.batch_id = ANY (${[...batches]}::bigint[])
      AND b.state = 'archived'
    RETURNING b.batch_id AS batch, b.state`)
  return touched.filter(({ state }) => state === 'restored').map(({ batch }) => batch)
}
