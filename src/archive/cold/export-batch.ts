/** Exporting one batch: its files, or those that an earlier run left, read back, and only then its rows let go. */
import type { ColdFormat } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import { OperationError, RefusedError } from '../../errors.ts'
import type { Store } from '../../storage/store.ts'
import { CREATED_BY } from './created-by.ts'
import { type ColdHead, detachedReferences, recordedTables } from './head.ts'
import { encodeManifest, LONGEST_MANIFEST, type Manifest, sha256 } from './manifest.ts'
import { MalformedManifest, parseManifest } from './manifest-parse.ts'
import { batchFolder, MANIFEST } from './names.ts'
import type { Finding } from './read-back.ts'
import { type FiledTable, recordExport, releaseBatch } from './release.ts'
import { fingerprint, type RecordedTable, tableShape } from './shape.ts'
import { tidy } from './tidy.ts'
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

/**
 * Exports a batch whose rows lie in the archive tables.
 *
 * @throws OperationError, RefusedError, ConnectionError, LockedError: then its rows are where they were
 */
export async function exportBatch(
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
  await tidy(store, folder, manifest, run.say)
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
