/** Checking what was written earlier: the manifest against its record, every file against the manifest. */
import type { Readable } from 'node:stream'
import type { Queryable } from '../../db/database.ts'
import { NotFoundError, OperationError } from '../../errors.ts'
import type { Stores } from '../../storage/open.ts'
import type { Store } from '../../storage/store.ts'
import { type ColdHead, coldHead, recordedTables } from './head.ts'
import { LONGEST_MANIFEST, MANIFEST_FORMAT, type Manifest, sha256 } from './manifest.ts'
import { MalformedManifest, parseManifest } from './manifest-parse.ts'
import { checkFile, type Finding, isOutside } from './read-back.ts'
import type { RecordedTable } from './shape.ts'

export interface ColdVerification {
  readonly batchId: bigint
  /** Of the manifest; null when the batch has no cold files. */
  readonly uri: string | null
  /** Looked at, the manifest among them, and their bytes as the manifest says. */
  readonly files: number
  readonly bytes: bigint
  readonly rows: bigint
  /** Empty when everything is as it was written. */
  readonly findings: readonly Finding[]
}

/**
 * Reads the cold files of a batch to their end and recomputes every hash, count and digest.
 *
 * A batch whose rows lie in files only is compared with its record too; of one that has files beside its rows (`archive
 * export --keep-rows`, or thawed) the files only have to agree with their manifest.
 *
 * @throws NotFoundError when there is no such batch; OperationError or ConnectionError when the store cannot be read
 */
export async function verifyCold(db: Queryable, batchId: bigint, stores: Stores): Promise<ColdVerification> {
  const head = await coldHead(db, batchId)
  const uri = head.coldUri
  const result = (findings: readonly Finding[], manifest?: Manifest): ColdVerification => {
    const files = manifest?.tables.flatMap((table) => table.files) ?? []
    return {
      batchId,
      uri,
      files: manifest === undefined ? 0 : files.length + 1,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0n),
      rows: manifest?.tables.reduce((sum, { rows }) => sum + rows, 0n) ?? 0n,
      findings,
    }
  }
  if (uri === null) return result([])
  const store = stores.holding(uri)
  if (store === undefined) return result([{ code: 'no-store', uri, reason: 'no store of the profile holds it' }])
  const read = await openManifest(store, uri, head, await recordedTables(db, batchId))
  if ('finding' in read) return result([read.finding])
  return result(await checkFiles(store, uri, read.manifest), read.manifest)
}

/** Checks every file of a manifest. */
export async function checkFiles(store: Store, manifestUri: string, manifest: Manifest): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const table of manifest.tables) {
    for (const file of table.files) {
      findings.push(...(await checkFile(store, besideManifest(store, manifestUri, file.name), table, file)))
    }
  }
  return findings
}

/** A file in the folder of the manifest; `name` was checked when the manifest was read. */
export function besideManifest(store: Store, manifestUri: string, name: string): string {
  return store.uriOf(store.pathOf(manifestUri).replace(/[^/]*$/, name))
}

/** The manifest that the record of a batch speaks of, or what is wrong with it. */
export async function openManifest(
  store: Store,
  uri: string,
  head: ColdHead,
  recorded: readonly RecordedTable[],
): Promise<{ readonly manifest: Manifest } | { readonly finding: Finding }> {
  const found = (code: Finding['code'], reason: string) => ({ finding: { code, uri, reason } })
  let bytes: Buffer | undefined
  try {
    bytes = await readManifest(store, uri)
  } catch (error) {
    if (isOutside(error)) return found('manifest-missing', error.message)
    throw error
  }
  if (bytes === undefined) return found('manifest-missing', 'it is not there')
  if (sha256(bytes) !== head.coldSha256) {
    return found('manifest-replaced', 'its SHA-256 is not the one that was recorded when it was written')
  }
  try {
    const manifest = parseManifest(bytes)
    const other = differsFromRecord(manifest, head, recorded)
    return other === undefined ? { manifest } : found('manifest-of-another-batch', other)
  } catch (error) {
    if (error instanceof MalformedManifest) return found('manifest-malformed', error.message)
    throw error
  }
}

/** The bytes of a manifest; undefined when it is not there. @throws OperationError when it is too long to be one */
export async function readManifest(store: Store, uri: string): Promise<Buffer | undefined> {
  let source: Readable
  try {
    source = await store.read(uri)
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of source) {
    chunks.push(chunk)
    length += chunk.length
    if (length > LONGEST_MANIFEST) throw tooLong(uri)
  }
  return Buffer.concat(chunks)
}

export function tooLong(uri: string): OperationError {
  return new OperationError({
    code: 'manifest-too-long',
    message: `The ${MANIFEST_FORMAT} manifest ${uri} is longer than ${LONGEST_MANIFEST / 1024 / 1024} MiB`,
    hint: 'Leave the batch in the archive tables, or archive in smaller batches',
  })
}

/** Whether both speak of the same batch of the same database, also where another one wrote to the same store. */
export function isSameBatch(manifest: Manifest, head: ColdHead): boolean {
  const { batch } = manifest
  return (
    batch.id === head.id &&
    batch.runId === head.runId &&
    batch.archivedAt === head.archivedAt &&
    manifest.schema === head.schema &&
    manifest.rule === head.rule
  )
}

function differsFromRecord(
  manifest: Manifest,
  head: ColdHead,
  recorded: readonly RecordedTable[],
): string | undefined {
  if (!isSameBatch(manifest, head)) return 'it is about another batch'
  // With its rows still in the archive tables, some of them may have been restored since.
  if (head.state !== 'cold') return undefined
  const tables = new Map(manifest.tables.map((table) => [table.table, table]))
  const same = recorded.every((one) => {
    const table = tables.get(one.table)
    const columns = table?.columns.map(({ name }) => name) ?? []
    return (
      table?.rows === one.rows &&
      table.digest === one.digest &&
      JSON.stringify(columns) === JSON.stringify(one.columns)
    )
  })
  return same && recorded.length === tables.size
    ? undefined
    : 'its rows are not those that the record of the batch has'
}
