/**
 * Marks of whole batches: rows of `steward.artifact_batches`. What is marked and deleted in one go, nearly all there is,
 * costs one row to be inserted and one to be deleted. Whatever of a batch is left over gets a mark of its own in
 * `steward.artifact_tombstones`, where failures are counted: in the transaction that ends the batch, or, where the run
 * was killed before that, by the next one.
 */
import type { Queryable, Transaction } from '../db/database.ts'
import type { Sql } from '../model/sql.ts'
import { sql } from '../model/sql.ts'
import type { Found, MarkOwner } from './tombstones.ts'

export interface MarkedBatch {
  /** Of `steward.artifact_batches`. */
  readonly id: bigint
  readonly marks: readonly Found[]
  /** The age, and the key, that marking goes on behind. */
  readonly last: { readonly age: string; readonly id: string }
}

/**
 * Marks rows.
 *
 * @param rows SELECT of `id` (text), `uri`, `bytes` and `age` (timestamptz)
 * @returns undefined where there are none
 */
export async function markBatch(
  tx: Transaction,
  { system, schema, entity }: MarkOwner,
  runId: bigint,
  why: string,
  rows: Sql,
): Promise<MarkedBatch | undefined> {
  // Lists as JSON text: one value each, which the built-in parser takes apart, in place of four a row.
  const made = await tx.maybeOne<{
    batch: bigint
    ids: string
    uris: string
    bytes: string
    lastAge: string
    lastId: string
  }>(sql`
    WITH due AS MATERIALIZED (${rows}),
    marked AS (
      INSERT INTO steward.artifact_batches (system, schema_name, entity, run_id, why, ids, uris, bytes)
      SELECT ${system}, ${schema}, ${entity}, ${runId}::bigint, ${why}, array_agg(id), array_agg(uri), array_agg(bytes)
      FROM due
      HAVING COUNT(*) > 0
      RETURNING batch_id, ids, uris, bytes
    )
    SELECT batch_id AS batch, array_to_json(ids)::text AS ids, array_to_json(uris)::text AS uris,
           array_to_json(bytes::text[])::text AS bytes, last.age::text AS "lastAge", last.id AS "lastId"
    FROM marked, (SELECT age, id FROM due ORDER BY age DESC, id DESC LIMIT 1) AS last`)
  if (made === undefined) return undefined
  const uris = textsOf(made.uris)
  const bytes = textsOf(made.bytes)
  return {
    id: made.batch,
    marks: textsOf(made.ids).map((id, index) => {
      const size = bytes[index] ?? null
      return { id: id ?? '', uri: uris[index] ?? '', bytes: size === null ? null : BigInt(size), rowStays: true }
    }),
    last: { age: made.lastAge, id: made.lastId },
  }
}

function textsOf(json: string): readonly (string | null)[] {
  const values: unknown = JSON.parse(json)
  if (!Array.isArray(values)) throw new TypeError('the server sent no list')
  return values.map((value) => (value === null ? null : String(value)))
}

/** Gives some of a batch marks of their own; those that have one keep it. */
export async function markSingly(tx: Transaction, batch: bigint, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx.execute(sql`
    ${insertSingly}
    WHERE b.batch_id = ${batch}::bigint
      AND m.id = ANY (${[...ids]}::text[])
    ON CONFLICT DO NOTHING`)
}

/** Ends the mark of a batch. */
export async function endBatch(tx: Transaction, batch: bigint): Promise<void> {
  await tx.execute(sql`DELETE FROM steward.artifact_batches WHERE batch_id = ${batch}::bigint`)
}

/** Whether runs that were killed have left batches. */
export async function hasBatches(db: Queryable, owner: MarkOwner): Promise<boolean> {
  const { found } = await db.one<{ found: boolean }>(
    sql`SELECT EXISTS (SELECT FROM steward.artifact_batches AS b WHERE ${ownedBy(owner)}) AS found`,
  )
  return found
}

/**
 * Marks all of an owner's batches, or of one, file by file instead.
 *
 * @param batch all when absent
 */
export async function unfoldBatches(tx: Transaction, owner: MarkOwner, batch?: bigint): Promise<void> {
  const which = batch === undefined ? ownedBy(owner) : sql`b.batch_id = ${batch}::bigint`
  await tx.execute(sql`
    ${insertSingly}
    WHERE ${which}
    ON CONFLICT DO NOTHING`)
  await tx.execute(sql`DELETE FROM steward.artifact_batches AS b WHERE ${which}`)
}

const insertSingly = sql`INSERT INTO steward.artifact_tombstones
      (system, schema_name, entity, artifact_id, uri, bytes, recorded_at, why, row_stays, run_id)
    SELECT b.system, b.schema_name, b.entity, m.id, m.uri, m.bytes, b.recorded_at, b.why, true, b.run_id
    FROM steward.artifact_batches AS b, unnest(b.ids, b.uris, b.bytes) AS m (id, uri, bytes)`

function ownedBy({ system, schema, entity }: MarkOwner): Sql {
  return sql`b.system = ${system} AND b.schema_name = ${schema} AND b.entity = ${entity}`
}
