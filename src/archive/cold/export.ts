/**
 * Exporting closed batches: files are written, read back and compared before any row is let go.
 *
 * The order for each batch: every file under its name (`Store.write` makes it whole and durable), the manifest last,
 * all of them read back, then one transaction that deletes the rows. Killed anywhere before the last, the rows are
 * where they were and the files are of no effect; the next run finds those that are right and keeps them.
 */
import type { ColdFormat } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import {
  ConnectionError,
  InterruptedError,
  LockedError,
  OperationError,
  RefusedError,
  StewardError,
  UsageError,
} from '../../errors.ts'
import type { JobOutcome, JobResult } from '../../model/job.ts'
import { sql } from '../../model/sql.ts'
import type { Store } from '../../storage/store.ts'
import { CREATED_BY } from './created-by.ts'
import { type ColdHead, coldHead, detachedReferences, recordedTables } from './head.ts'
import { encodeManifest, LONGEST_MANIFEST, type Manifest, sha256 } from './manifest.ts'
import { MalformedManifest, parseManifest } from './manifest-parse.ts'
import { batchFolder, MANIFEST } from './names.ts'
import type { Finding } from './read-back.ts'
import { type FiledTable, recordExport, releaseBatch } from './release.ts'
import { fingerprint, type RecordedTable, tableShape } from './shape.ts'
import { checkFiles, isSameBatch, readManifest, tooLong } from './verify.ts'
import { writeTable } from './write-table.ts'

export interface ExportOptions {
  readonly formats: readonly ColdFormat[]
  /** Rows stay in the archive tables; the files are written beside them. */
  readonly keepRows: boolean
  /** Tables whose rows stand for files: their URIs stay known when the rows are gone. */
  readonly filed: readonly FiledTable[]
}

/** What became of one batch. */
export interface ExportedBatch {
  readonly batchId: bigint
  /** `exported`: its rows lie in files only now. `written`: in files too. `unchanged`: they did already. */
  readonly outcome: 'exported' | 'written' | 'unchanged' | 'failed' | 'skipped'
  readonly rows: bigint
  /** Of its files. */
  readonly bytes: bigint
  /** Of the manifest. */
  readonly uri?: string
  /** Why it failed or was skipped. */
  readonly reason?: string
}

export interface ExportResult extends JobResult {
  readonly exported: readonly ExportedBatch[]
}

/** So many failures in a row, and the store or the database is in trouble rather than a batch. */
const HOPELESS = 5

/**
 * Exports batches one after the other; a batch that fails does not stop the others.
 *
 * @param batches ids; those that are not `archived` any more when their turn comes are skipped
 * @returns what was done, also when it was stopped or a batch failed
 * @throws UsageError for formats that cannot be loaded again; LockedError when the lease was lost; ConnectionError when
 *   the database cannot be reached
 */
export async function exportBatches(
  db: Database,
  batches: readonly bigint[],
  store: Store,
  run: JobRun,
  options: ExportOptions,
): Promise<ExportResult> {
  expectLoadable(options)
  const exported: ExportedBatch[] = []
  let failuresInARow = 0
  for (const batchId of batches) {
    const stop = await run.pace.next()
    if (stop !== undefined) {
      return summed(exported, stop.error instanceof InterruptedError ? 'interrupted' : 'unfinished', stop.why)
    }
    const done = await exportOne(db, batchId, store, run, options)
    // Requests to a store end when a stop is asked for; the batch has lost nothing, and its files have no effect yet.
    if (done instanceof InterruptedError) return summed(exported, 'interrupted', done.message)
    exported.push(done)
    failuresInARow = done.outcome === 'failed' ? failuresInARow + 1 : 0
    if (failuresInARow === HOPELESS && exported.length < batches.length) {
      return summed(exported, undefined, `${HOPELESS} batches in a row failed, so the others were not tried`)
    }
  }
  return summed(
    exported,
    undefined,
    batches.length === 0 ? 'no batch is to be exported' : 'every batch was looked at',
  )
}

/** @throws UsageError when rows would be let go with files that nothing can load */
export function expectLoadable({ formats, keepRows }: Pick<ExportOptions, 'formats' | 'keepRows'>): void {
  if (keepRows || formats.includes('copy')) return
  throw new UsageError({
    code: 'no-loadable-format',
    message: 'Rows are let go only with COPY files: a restore loads those, Parquet is for analysis',
    hint: 'Add copy to the formats, or keep the rows with --keep-rows',
  })
}

function summed(exported: readonly ExportedBatch[], stopped: JobOutcome | undefined, why: string): ExportResult {
  const did = exported.filter(({ outcome }) => outcome === 'exported' || outcome === 'written')
  const failed = exported.filter(({ outcome }) => outcome === 'failed')
  const sum = (of: (batch: ExportedBatch) => bigint) => did.reduce((total, batch) => total + of(batch), 0n)
  const allFailed = failed.length > 0 && failed.length === exported.length
  const outcome = allFailed
    ? 'failed'
    : failed.length > 0
      ? 'partial'
      : (stopped ?? (did.length === 0 ? 'nothing' : 'done'))
  return {
    outcome,
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
    batches: did.length,
    kept: [],
    failures: failed.map(({ batchId, reason }) => `batch ${batchId}: ${reason}`),
    why,
    exported,
  }
}

async function exportOne(
  db: Database,
  batchId: bigint,
  store: Store,
  run: JobRun,
  options: ExportOptions,
): Promise<ExportedBatch | InterruptedError> {
  try {
    const head = await coldHead(db, batchId)
    if (head.state !== 'archived') {
      return { batchId, outcome: 'skipped', rows: 0n, bytes: 0n, reason: `it is ${head.state} already` }
    }
    return await exportBatch(db, head, store, run, options)
  } catch (error) {
    if (error instanceof InterruptedError) return error
    if (!(error instanceof StewardError)) throw error
    const end = await endOfRun(db, error)
    if (end !== undefined) throw end
    const problems = error.problems.map(({ where, reason }) => `${where ?? ''}: ${reason}`)
    return {
      batchId,
      outcome: 'failed',
      rows: 0n,
      bytes: 0n,
      reason: [error.message, ...problems].join('; '),
    }
  }
}

/** The error that ends the run, if it does: nothing more may be written, or the database does not answer any more. */
async function endOfRun(db: Database, error: StewardError): Promise<unknown> {
  if (error instanceof LockedError) return error.code === 'lease-lost' ? error : undefined
  const ofConnection = error instanceof ConnectionError || LOST.has(error.code)
  // One that answers makes it a matter of this batch, or of the store.
  return ofConnection
    ? db.one(sql`SELECT 1`).then(
        () => undefined,
        (reason: unknown) => reason,
      )
    : undefined
}

/** Codes of a connection that broke while it was used. */
const LOST = new Set(['connection-lost', 'commit-unknown'])

async function exportBatch(
  db: Database,
  head: ColdHead,
  store: Store,
  run: JobRun,
  options: ExportOptions,
): Promise<ExportedBatch> {
  const recorded = await recordedTables(db, head.id)
  const folder = batchFolder({ ...head, database: db.database })
  const uri = store.uriOf(`${folder}/${MANIFEST}`)
  const found = await manifestThere(store, uri, head)
  const rows = recorded.reduce((sum, table) => sum + table.rows, 0n)
  let manifest: Manifest
  let bytes: Buffer
  let written = false
  if (
    found !== undefined &&
    (await saysTheSame(db, found.manifest, recorded, options)) &&
    (await isWhole(store, uri, found.manifest))
  ) {
    ;({ manifest, bytes } = found)
  } else {
    manifest = await writeFiles(db, head, recorded, store, folder, run, options)
    bytes = encodeManifest(manifest)
    if (bytes.length > LONGEST_MANIFEST) throw tooLong(uri)
    await store.write(uri, bytes)
    written = true
    await expectWhole(store, uri, bytes, manifest, head.id)
  }
  const place = { uri, sha256: sha256(bytes) }
  const size = manifest.tables.flatMap(({ files }) => files).reduce((sum, file) => sum + file.bytes, 0n)
  const done = { batchId: head.id, rows, bytes: size + BigInt(bytes.length), uri }
  if (!options.keepRows) {
    await releaseBatch(db, run, manifest, place, options.filed)
    return { ...done, outcome: 'exported' }
  }
  if (written || head.coldUri !== uri || head.coldSha256 !== place.sha256)
    await recordExport(db, run, manifest, place)
  return { ...done, outcome: written ? 'written' : 'unchanged' }
}

async function writeFiles(
  db: Database,
  head: ColdHead,
  recorded: readonly RecordedTable[],
  store: Store,
  folder: string,
  run: JobRun,
  { formats }: ExportOptions,
): Promise<Manifest> {
  const total = Number(recorded.reduce((sum, { rows }) => sum + rows, 0n))
  let done = 0
  const onRows = (rows: number) => {
    done += rows
    run.onProgress({ label: `exporting batch ${head.id}`, done, total, unit: 'rows' })
  }
  const tables = []
  for (const table of recorded) {
    const options = { schema: head.schema, batchId: head.id, formats, folder, createdBy: CREATED_BY, onRows }
    tables.push(await writeTable(db, store, table, options))
  }
  const { id, runId, archivedAt, oldest, newest, roots } = head
  return {
    createdBy: CREATED_BY,
    database: db.database,
    schema: head.schema,
    rootTable: head.rootTable,
    rule: head.rule,
    batch: { id, runId, archivedAt, oldest, newest, roots },
    tables,
    detached: await detachedReferences(db, head.id),
  }
}

/** The manifest that an earlier run left. @throws RefusedError when what lies there is not this batch's */
async function manifestThere(
  store: Store,
  uri: string,
  head: ColdHead,
): Promise<{ readonly manifest: Manifest; readonly bytes: Buffer } | undefined> {
  const bytes = await readManifest(store, uri)
  if (bytes === undefined) return undefined
  try {
    const manifest = parseManifest(bytes)
    // Two servers with databases of one name, exporting to one store.
    if (!isSameBatch(manifest, head)) throw occupied(uri, 'the manifest of another batch')
    return { manifest, bytes }
  } catch (error) {
    if (error instanceof MalformedManifest) throw occupied(uri, `a manifest that cannot be read (${error.message})`)
    throw error
  }
}

/** Whether files of an earlier run are about just the rows that are there now, in every format that is asked for. */
async function saysTheSame(
  db: Database,
  manifest: Manifest,
  recorded: readonly RecordedTable[],
  { formats }: ExportOptions,
): Promise<boolean> {
  if (manifest.tables.length !== recorded.length || manifest.database !== db.database) return false
  for (const table of recorded) {
    const said = manifest.tables.find((one) => one.table === table.table)
    if (said?.rows !== table.rows || said.digest !== table.digest) return false
    if (!formats.every((format) => said.files.some((file) => file.format === format))) return false
    const shape = await tableShape(db, manifest.schema, table)
    if (said.fingerprint !== fingerprint(shape.columns, shape.primaryKey)) return false
  }
  return JSON.stringify(await detachedReferences(db, manifest.batch.id)) === JSON.stringify(manifest.detached)
}

async function isWhole(store: Store, uri: string, manifest: Manifest): Promise<boolean> {
  return (await checkFiles(store, uri, manifest)).length === 0
}

/** Reads everything back. @throws OperationError naming what is not as it was written */
async function expectWhole(
  store: Store,
  uri: string,
  bytes: Buffer,
  manifest: Manifest,
  batchId: bigint,
): Promise<void> {
  const back = await readManifest(store, uri)
  const findings: Finding[] = await checkFiles(store, uri, manifest)
  if (back === undefined || !back.equals(bytes)) {
    findings.unshift({ code: 'manifest-replaced', uri, reason: 'it is not what was written' })
  }
  if (findings.length === 0) return
  throw new OperationError({
    code: 'read-back-failed',
    message: `The cold files of batch ${batchId} did not come back from ${store.name} as they were written`,
    hint: 'Its rows stay in the archive tables; look at the store, then run it again',
    problems: findings.map((finding) => ({ where: finding.uri, reason: finding.reason })),
  })
}

function occupied(uri: string, what: string): RefusedError {
  return new RefusedError({
    code: 'cold-files-of-another',
    message: `Where its cold files belong lies ${what}: ${uri}`,
    hint: 'Give each database server a store, or a prefix in one, of its own; nothing was overwritten',
  })
}
