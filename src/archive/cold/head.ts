/** Batches as their records say, for those who write, load and check cold files. */
import type { Queryable } from '../../db/database.ts'
import { NotFoundError } from '../../errors.ts'
import { type Sql, sql } from '../../model/sql.ts'
import type { ManifestBatch, ManifestReference } from './manifest.ts'
import type { RecordedTable } from './shape.ts'

export interface ColdHead extends ManifestBatch {
  readonly schema: string
  readonly rootTable: string
  readonly rule: string
  readonly state: 'archived' | 'cold' | 'restored'
  /** Of the manifest; null where no files were ever written. */
  readonly coldUri: string | null
  readonly coldSha256: string | null
}

/** Every digit of an instant, whatever the session's settings: microseconds, UTC. */
const instant = (value: Sql) =>
  sql`CASE WHEN isfinite(${value}) THEN to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE ${value}::text END`

/**
 * @param lock holds the record against every other transaction until this one ends
 * @throws NotFoundError
 */
export async function coldHead(db: Queryable, id: bigint, { lock = false } = {}): Promise<ColdHead> {
  const head = await db.maybeOne<ColdHead>(sql`
    SELECT batch_id AS id, run_id AS "runId", schema_name AS schema, root_table AS "rootTable", rule, roots, state,
           ${instant(sql`archived_at`)} AS "archivedAt",
           ${instant(sql`oldest`)} AS oldest,
           ${instant(sql`newest`)} AS newest,
           cold_uri AS "coldUri", cold_sha256 AS "coldSha256"
    FROM steward.archive_batches
    WHERE batch_id = ${id}
    ${lock ? sql`FOR UPDATE` : sql``}`)
  if (head !== undefined) return head
  throw new NotFoundError({
    code: 'no-such-batch',
    message: `There is no archive batch ${id}`,
    hint: 'steward archive list shows those that there are',
  })
}

export function recordedTables(db: Queryable, id: bigint): Promise<RecordedTable[]> {
  return db.rows<RecordedTable>(sql`
    SELECT table_name AS "table", rows, digest::text AS digest, columns
    FROM steward.archive_batch_tables
    WHERE batch_id = ${id}
    ORDER BY table_name COLLATE "C"`)
}

export function detachedReferences(db: Queryable, id: bigint): Promise<ManifestReference[]> {
  return db.rows<ManifestReference>(sql`
    SELECT constraint_name AS "constraint", schema_name AS schema, table_name AS "table",
           row_key::text AS key, reference::text AS reference
    FROM steward.archive_detached
    WHERE batch_id = ${id}
    ORDER BY constraint_name COLLATE "C", row_key`)
}
