/** Letting go of rows whose cold files were read back and found right. */
import { archiveSchemaOf } from '../../config/config.ts'
import type { Database, Transaction } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import { OperationError } from '../../errors.ts'
import { identifier, join, sql } from '../../model/sql.ts'
import { digestSql, TEXT_SETTINGS } from '../digest.ts'
import { BATCH_COLUMN } from '../record.ts'
import { coldHead, recordedTables } from './head.ts'
import type { Manifest, ManifestTable } from './manifest.ts'
import { addedSince } from './shape.ts'

/** A table whose rows stand for files (decision 20). */
export interface FiledTable {
  readonly schema: string
  readonly table: string
  /** Columns: what the row is known by, where its file lies, how large it is. */
  readonly key: string
  readonly uri: string
  readonly bytes: string
}

/**
 * Deletes the rows of a batch from the archive tables and records that they lie in files, in one transaction. What is
 * deleted is counted and digested by the deleting statement itself and must be what is in the files, so a row that
 * somebody changed meanwhile is not lost: then nothing happens.
 *
 * @param manifestUri where the manifest lies
 * @param manifestSha256 of the manifest that was read back
 * @throws OperationError when the batch is not what was exported any more; LockedError when the lease was lost
 */
export async function releaseBatch(
  db: Database,
  run: JobRun,
  manifest: Manifest,
  { uri, sha256 }: { readonly uri: string; readonly sha256: string },
  filed: readonly FiledTable[],
): Promise<void> {
  const { schema, batch } = manifest
  await db.transaction(
    async (tx) => {
      await run.lease.guard(tx)
      await expectUnchanged(tx, manifest)
      for (const table of filed.filter((one) => one.schema === schema)) await keepFiles(tx, manifest, table)
      for (const table of manifest.tables) await deleteRows(tx, schema, batch.id, table)
      await tx.execute(sql`
        UPDATE steward.archive_batches
        SET state = 'cold', cold_uri = ${uri}, cold_sha256 = ${sha256}, exported_at = now(), released_at = now()
        WHERE batch_id = ${batch.id}`)
    },
    { settings: TEXT_SETTINGS },
  )
}

/** Records that files were written, with the rows kept where they are. */
export async function recordExport(
  db: Database,
  run: JobRun,
  manifest: Manifest,
  { uri, sha256 }: { readonly uri: string; readonly sha256: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    await run.lease.guard(tx)
    await expectUnchanged(tx, manifest)
    await tx.execute(sql`
      UPDATE steward.archive_batches
      SET cold_uri = ${uri}, cold_sha256 = ${sha256}, exported_at = now()
      WHERE batch_id = ${manifest.batch.id}`)
  })
}

/** Takes the record of the batch, which nobody may have changed since its files were written. */
async function expectUnchanged(tx: Transaction, { batch, tables }: Manifest): Promise<void> {
  const { state } = await coldHead(tx, batch.id, { lock: true })
  const recorded = await recordedTables(tx, batch.id)
  const same =
    recorded.length === tables.length &&
    recorded.every(({ table, rows, digest }) => {
      const exported = tables.find((one) => one.table === table)
      return exported?.rows === rows && exported.digest === digest
    })
  if (state !== 'archived' || !same) throw changed(batch.id, 'its record was changed meanwhile')
}

async function keepFiles(tx: Transaction, { schema, batch, tables }: Manifest, filed: FiledTable): Promise<void> {
  if (!tables.some(({ table }) => table === filed.table)) return
  await tx.execute(sql`
    INSERT INTO steward.archived_files (batch_id, artifact_id, uri, bytes)
    SELECT ${batch.id}, ${identifier('r', filed.key)}::text, ${identifier('r', filed.uri)},
           ${identifier('r', filed.bytes)}
    FROM ${identifier(archiveSchemaOf(schema), filed.table)} AS r
    WHERE r.${identifier(BATCH_COLUMN)} = ${batch.id} AND ${identifier('r', filed.uri)} IS NOT NULL`)
}

async function deleteRows(tx: Transaction, schema: string, batchId: bigint, exported: ManifestTable): Promise<void> {
  const { table } = exported
  const columns = exported.columns.map(({ name }) => name)
  const added = await addedSince(tx, schema, { ...exported, columns })
  // ROW(…) IS NULL holds when all its fields are NULL (PostgreSQL manual, 9.25.6).
  const filled =
    added.length === 0
      ? sql`false`
      : sql`bool_or(NOT (ROW(${join(added.map((name) => identifier('gone', name)))}) IS NULL))`
  const { rows, digest, beyond } = await tx.one<{ rows: bigint; digest: string; beyond: boolean | null }>(sql`
    WITH gone AS (
      DELETE FROM ${identifier(archiveSchemaOf(schema), table)}
      WHERE ${identifier(BATCH_COLUMN)} = ${batchId}
      RETURNING ${join([...columns, ...added].map((name) => identifier(name)))}
    )
    SELECT count(*) AS rows, ${digestSql('gone', columns)}::text AS digest, ${filled} AS beyond
    FROM gone`)
  if (rows !== exported.rows) throw changed(batchId, `${table} has ${rows} rows, its file ${exported.rows}`)
  if (digest !== exported.digest) throw changed(batchId, `rows of ${table} were changed meanwhile`)
  if (beyond) throw changed(batchId, `columns that ${table} gained since were filled, and its file has none of them`)
}

function changed(batchId: bigint, how: string): OperationError {
  return new OperationError({
    code: 'archive-changed',
    message: `Batch ${batchId} is not what was exported: ${how}`,
    hint: 'Nothing of it was let go; steward archive verify shows what differs from what was archived',
  })
}
