/** Thawing: the cold files of a batch loaded back into the archive tables, from where it can be restored. */
import { finished } from 'node:stream/promises'
import { archiveSchemaOf } from '../../config/config.ts'
import type { Database, Transaction } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import { OperationError } from '../../errors.ts'
import { identifier, quoteIdentifier, sql } from '../../model/sql.ts'
import type { Stores } from '../../storage/open.ts'
import type { Store } from '../../storage/store.ts'
import { digestSql, TEXT_SETTINGS } from '../digest.ts'
import { BATCH_COLUMN } from '../record.ts'
import { feed } from './feed.ts'
import { coldHead, recordedTables } from './head.ts'
import type { Manifest, ManifestTable } from './manifest.ts'
import { checkFile, type Finding } from './read-back.ts'
import { tableShape } from './shape.ts'
import { besideManifest, openManifest } from './verify.ts'

/** What loading needs of a run. */
export type ThawRun = Pick<JobRun, 'lease' | 'onProgress'>

export interface Thawed {
  /** False when the rows were in the archive tables already. */
  readonly thawed: boolean
  readonly rows: bigint
}

/**
 * Loads a cold batch back, in one transaction: every file is read once, checked against the manifest while it is
 * loaded, and the rows that arrived are counted and digested by the server before anything counts. Its files stay.
 *
 * Columns are found by name: those that the archive table gained since stay NULL.
 *
 * @throws NotFoundError when there is no such batch; OperationError when a file is missing or changed, naming each;
 *   LockedError when the lease was lost
 */
export function thaw(db: Database, batchId: bigint, stores: Stores, run: ThawRun): Promise<Thawed> {
  return db.transaction(
    async (tx) => {
      await run.lease.guard(tx)
      const head = await coldHead(tx, batchId, { lock: true })
      if (head.state !== 'cold' || head.coldUri === null) return { thawed: false, rows: 0n }
      const store = stores.holding(head.coldUri)
      if (store === undefined) throw noStore(batchId, head.coldUri)
      const recorded = await recordedTables(tx, batchId)
      const read = await openManifest(store, head.coldUri, head, recorded)
      if ('finding' in read) throw damaged(batchId, [read.finding])
      for (const table of read.manifest.tables) {
        await tableShape(tx, head.schema, { ...table, columns: table.columns.map(({ name }) => name) })
      }
      let rows = 0n
      for (const table of read.manifest.tables) {
        await loadTable(tx, store, head.coldUri, read.manifest, table)
        rows += table.rows
        run.onProgress({ label: `thawing batch ${batchId}`, done: Number(rows), unit: 'rows' })
      }
      for (const table of read.manifest.tables) await expectLoaded(tx, read.manifest, table)
      await tx.execute(sql`DELETE FROM steward.archived_files WHERE batch_id = ${batchId}`)
      await tx.execute(sql`
        UPDATE steward.archive_batches
        SET state = 'archived', released_at = NULL
        WHERE batch_id = ${batchId}`)
      return { thawed: true, rows }
    },
    // The pace of the COPY is the store's.
    { settings: TEXT_SETTINGS, statementTimeoutMs: 0 },
  )
}

async function loadTable(
  tx: Transaction,
  store: Store,
  manifestUri: string,
  { schema, batch }: Manifest,
  table: ManifestTable,
): Promise<void> {
  const file = table.files.find(({ format }) => format === 'copy')
  if (file === undefined) throw noCopy(batch.id, table.table)
  const columns = [...table.columns.map(({ name }) => name), BATCH_COLUMN].map(quoteIdentifier).join(', ')
  const target = [archiveSchemaOf(schema), table.table].map(quoteIdentifier).join('.')
  const copy = tx.copyIn(`${target} (${columns})`, "FORMAT text, ENCODING 'UTF8'")
  const done = finished(copy)
  // It is awaited below; until then a failure is no unhandled one.
  done.catch(() => {})
  const suffix = Buffer.from(`\t${batch.id}\n`, 'latin1')
  const uri = besideManifest(store, manifestUri, file.name)
  const findings = await checkFile(store, uri, table, file, (chunk) => feed(copy, withSuffix(chunk, suffix)))
  // The server need not be sent the rest of what is rolled back.
  if (findings.length > 0) throw damaged(batch.id, findings)
  copy.end()
  await done
}

/** Each line with the batch's column at its end: a row of COPY text is one line, whatever its values hold. */
function withSuffix(chunk: Uint8Array, suffix: Buffer): Buffer {
  const parts: Uint8Array[] = []
  let start = 0
  for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
    parts.push(chunk.subarray(start, end), suffix)
    start = end + 1
  }
  parts.push(chunk.subarray(start))
  return Buffer.concat(parts)
}

/** The server's own count and digest of what it took in. */
async function expectLoaded(tx: Transaction, { schema, batch }: Manifest, table: ManifestTable): Promise<void> {
  const columns = table.columns.map(({ name }) => name)
  const { rows, digest } = await tx.one<{ rows: bigint; digest: string }>(sql`
    SELECT count(*) AS rows, ${digestSql('loaded', columns)}::text AS digest
    FROM ${identifier(archiveSchemaOf(schema), table.table)} AS loaded
    WHERE loaded.${identifier(BATCH_COLUMN)} = ${batch.id}`)
  if (rows === table.rows && digest === table.digest) return
  throw new OperationError({
    code: 'thawed-rows-differ',
    message: `The rows that batch ${batch.id} has in ${archiveSchemaOf(schema)}.${table.table} after loading are not those of its files`,
    hint: 'Nothing was loaded. Look for a trigger, a changed column type, or rows of that batch in the archive table',
  })
}

function noStore(batchId: bigint, uri: string): OperationError {
  return new OperationError({
    code: 'no-store-for-batch',
    message: `No store of the profile holds the cold files of batch ${batchId}, ${uri}`,
    hint: 'Add the store that it was exported to under stores; steward config show lists those that there are',
  })
}

function noCopy(batchId: bigint, table: string): OperationError {
  return new OperationError({
    code: 'no-copy-file',
    message: `The manifest of batch ${batchId} names no COPY file of ${table}`,
    hint: 'Only COPY files are loaded; look for one that was saved elsewhere',
  })
}

function damaged(batchId: bigint, findings: readonly Finding[]): OperationError {
  return new OperationError({
    code: 'cold-files-damaged',
    message: `The cold files of batch ${batchId} are not as they were written`,
    hint: 'Nothing was loaded. Bring the files back from a copy of the store; steward archive verify checks all of them',
    problems: findings.map(({ uri, reason }) => ({ where: uri, reason })),
  })
}
