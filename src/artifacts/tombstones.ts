/**
 * Marks of single files: rows of `steward.artifact_tombstones`. A mark is made before a file is touched and goes when the
 * file and its row are gone, so that a run that was killed is finished by the next one. `row_stays` says that the row
 * is still there; without it the row went first (`task delete`), and only the file is left to do.
 */
import type { Queryable, Transaction } from '../db/database.ts'
import type { Sql } from '../model/sql.ts'
import { sql } from '../model/sql.ts'

/** A file that is due. */
export interface Marked {
  /** Primary key of the row, as text. */
  readonly id: string
  readonly uri: string
  readonly bytes: bigint | null
}

/** Whose marks: one entity's. */
export interface MarkOwner {
  readonly system: string
  readonly schema: string
  readonly entity: string
}

/** Characters of an error that are kept. */
const LONGEST_ERROR = 500

function ownedBy({ system, schema, entity }: MarkOwner): Sql {
  return sql`t.system = ${system} AND t.schema_name = ${schema} AND t.entity = ${entity}`
}

/**
 * Condition that a row has no mark of its own.
 *
 * With OFFSET, PostgreSQL looks each row up in the key of marks. As a join it would take the three constants for rare,
 * expect one mark, and go through all of them for each row.
 *
 * @param id expression of the row's key as text
 */
export function isUnmarked(owner: MarkOwner, id: Sql): Sql {
  return sql`NOT EXISTS (
        SELECT
        FROM steward.artifact_tombstones AS t
        WHERE ${ownedBy(owner)}
          AND t.artifact_id = ${id}
        OFFSET 0
      )`
}

/** Whether rows that are there have marks of their own. */
export async function hasMarks(db: Queryable, owner: MarkOwner): Promise<boolean> {
  const { found } = await db.one<{ found: boolean }>(sql`
    SELECT EXISTS (
      SELECT FROM steward.artifact_tombstones AS t WHERE ${ownedBy(owner)} AND t.row_stays
    ) AS found`)
  return found
}

/** A mark as it is found by a later run. */
export interface Found extends Marked {
  readonly rowStays: boolean
}

/**
 * Marks in the order of their ids, which is the primary key's.
 *
 * @param tried false for those that nobody tried yet, true for those that failed before
 * @param before server's time: marks that were tried since are left out, so that a run tries each once
 */
export function marksAfter(
  db: Queryable,
  owner: MarkOwner,
  options: {
    readonly rowStays: boolean
    readonly tried: boolean
    readonly before: string
    readonly after: string
    readonly limit: number
  },
): Promise<Found[]> {
  const { rowStays, tried, before, after, limit } = options
  return db.rows<Found>(sql`
    SELECT t.artifact_id AS id, t.uri, t.bytes, t.row_stays AS "rowStays"
    FROM steward.artifact_tombstones AS t
    WHERE ${ownedBy(owner)}
      AND t.artifact_id > ${after}
      AND t.row_stays = ${rowStays}
      AND ${tried ? sql`t.attempts > 0` : sql`t.attempts = 0`}
      AND (t.tried_at IS NULL OR t.tried_at < ${before}::timestamptz)
    ORDER BY t.artifact_id
    LIMIT ${limit}::bigint`)
}

/** Marks that are still there, locked; those that another session has in hand are left out. */
export function lockMarks(tx: Transaction, owner: MarkOwner, ids: readonly string[]): Promise<Found[]> {
  return tx.rows<Found>(sql`
    SELECT t.artifact_id AS id, t.uri, t.bytes, t.row_stays AS "rowStays"
    FROM steward.artifact_tombstones AS t
    WHERE ${ownedBy(owner)}
      AND t.artifact_id = ANY (${[...ids]}::text[])
    FOR UPDATE SKIP LOCKED`)
}

/** Removes marks whose rows, or which themselves, the transaction has locked: nobody else changes them. */
export async function removeMarks(tx: Transaction, owner: MarkOwner, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx.execute(sql`
    DELETE FROM steward.artifact_tombstones AS t
    WHERE t.artifact_id = ANY (${[...ids]}::text[])
      AND ${ownedBy(owner)}`)
}

/** Records that files could not be deleted, and why. */
export async function recordFailures(
  tx: Transaction,
  owner: MarkOwner,
  runId: bigint,
  failures: readonly { readonly id: string; readonly reason: string }[],
): Promise<void> {
  if (failures.length === 0) return
  await tx.execute(sql`
    UPDATE steward.artifact_tombstones AS t
    SET attempts = t.attempts + 1, tried_at = clock_timestamp(), last_error = f.reason, run_id = ${runId}
    FROM unnest(
      ${failures.map(({ id }) => id)}::text[],
      ${failures.map(({ reason }) => reason.slice(0, LONGEST_ERROR))}::text[]
    ) AS f (id, reason)
    WHERE ${ownedBy(owner)}
      AND t.artifact_id = f.id`)
}
