/**
 * Reading a manifest. A store is not ours alone, so nothing in one is believed before it has been looked at: every
 * member has its shape, every file lies in the manifest's own folder, and what is said twice is said alike.
 */
import { COLD_FORMATS } from '../../config/config.ts'
import {
  MANIFEST_FORMAT,
  MANIFEST_VERSION,
  type Manifest,
  type ManifestColumn,
  type ManifestFile,
  type ManifestReference,
  type ManifestTable,
} from './manifest.ts'
import { isFileName } from './names.ts'
import { fingerprint } from './shape.ts'

/** What is wrong with it, and where: `tables[2].files[0].name leads out of the batch`. */
export class MalformedManifest extends Error {}

/** @throws MalformedManifest */
export function parseManifest(bytes: Uint8Array): Manifest {
  const document = object(jsonOf(bytes), 'the manifest')
  if (document.format !== MANIFEST_FORMAT) throw new MalformedManifest(`format is not ${MANIFEST_FORMAT}`)
  if (document.version !== MANIFEST_VERSION) {
    throw new MalformedManifest(`version is not ${MANIFEST_VERSION}, the only one that this Steward knows`)
  }
  const batch = object(document.batch, 'batch')
  const tables = list(document.tables, 'tables', table)
  unique(
    tables.map((one) => one.table),
    'tables',
  )
  unique(
    tables.flatMap(({ files }) => files.map(({ name }) => name)),
    'files',
  )
  return {
    createdBy: text(document.createdBy, 'createdBy'),
    database: text(document.database, 'database'),
    schema: text(document.schema, 'schema'),
    rootTable: text(document.rootTable, 'rootTable'),
    rule: text(document.rule, 'rule'),
    batch: {
      id: count(batch.id, 'batch.id'),
      runId: count(batch.runId, 'batch.runId'),
      archivedAt: text(batch.archivedAt, 'batch.archivedAt'),
      oldest: batch.oldest === null ? null : text(batch.oldest, 'batch.oldest'),
      newest: batch.newest === null ? null : text(batch.newest, 'batch.newest'),
      roots: count(batch.roots, 'batch.roots'),
    },
    tables,
    detached: list(document.detached, 'detached', reference),
  }
}

function table(value: unknown, at: string): ManifestTable {
  const given = object(value, at)
  const columns = list(given.columns, `${at}.columns`, column)
  const names = columns.map(({ name }) => name)
  unique(names, `${at}.columns`)
  const primaryKey = list(given.primaryKey, `${at}.primaryKey`, text)
  if (!primaryKey.every((name) => names.includes(name))) {
    throw new MalformedManifest(`${at}.primaryKey names a column that is not there`)
  }
  const made = fingerprint(columns, primaryKey)
  if (given.fingerprint !== made) throw new MalformedManifest(`${at}.fingerprint is not that of its columns and key`)
  return {
    table: text(given.table, `${at}.table`),
    rows: count(given.rows, `${at}.rows`),
    digest: matching(given.digest, /^-?\d{1,40}$/, `${at}.digest`),
    columns,
    primaryKey,
    fingerprint: made,
    files: list(given.files, `${at}.files`, file),
  }
}

function column(value: unknown, at: string): ManifestColumn {
  const given = object(value, at)
  if (typeof given.generated !== 'boolean') throw new MalformedManifest(`${at}.generated is neither true nor false`)
  return {
    name: text(given.name, `${at}.name`),
    type: text(given.type, `${at}.type`),
    generated: given.generated,
    parquet: given.parquet === null ? null : text(given.parquet, `${at}.parquet`),
  }
}

function file(value: unknown, at: string): ManifestFile {
  const given = object(value, at)
  const name = text(given.name, `${at}.name`)
  if (!isFileName(name)) throw new MalformedManifest(`${at}.name is none of a file in the folder of the batch`)
  const format = COLD_FORMATS.find((one) => one === given.format)
  if (format === undefined) throw new MalformedManifest(`${at}.format is not known`)
  const compression = format === 'copy' ? 'gzip' : 'none'
  if (given.compression !== compression) throw new MalformedManifest(`${at}.compression is not ${compression}`)
  const inside = format === 'copy' ? object(given.text, `${at}.text`) : undefined
  return {
    name,
    format,
    compression,
    bytes: count(given.bytes, `${at}.bytes`),
    sha256: hash(given.sha256, `${at}.sha256`),
    text: inside
      ? { bytes: count(inside.bytes, `${at}.text.bytes`), sha256: hash(inside.sha256, `${at}.text.sha256`) }
      : null,
  }
}

function reference(value: unknown, at: string): ManifestReference {
  const given = object(value, at)
  return {
    constraint: text(given.constraint, `${at}.constraint`),
    schema: text(given.schema, `${at}.schema`),
    table: text(given.table, `${at}.table`),
    key: text(given.key, `${at}.key`),
    reference: text(given.reference, `${at}.reference`),
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new MalformedManifest('it is not JSON')
  }
}

function object(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new MalformedManifest(`${at} is no object`)
  }
  return Object.fromEntries(Object.entries(value))
}

function list<T>(value: unknown, at: string, item: (value: unknown, at: string) => T): T[] {
  if (!Array.isArray(value)) throw new MalformedManifest(`${at} is no list`)
  return value.map((each: unknown, index) => item(each, `${at}[${index}]`))
}

function text(value: unknown, at: string): string {
  // NUL is in no name and no value of PostgreSQL, and means the end of the text to some readers.
  if (typeof value !== 'string' || value === '' || value.includes('\0'))
    throw new MalformedManifest(`${at} is no text`)
  return value
}

function matching(value: unknown, pattern: RegExp, at: string): string {
  const given = text(value, at)
  if (!pattern.test(given)) throw new MalformedManifest(`${at} is not what it has to be`)
  return given
}

/** Numbers that may exceed 53 bits are written as text. */
function count(value: unknown, at: string): bigint {
  return BigInt(matching(value, /^\d{1,19}$/, at))
}

function hash(value: unknown, at: string): string {
  return matching(value, /^[0-9a-f]{64}$/, at)
}

function unique(names: readonly string[], at: string): void {
  if (new Set(names).size !== names.length) throw new MalformedManifest(`${at} has a name twice`)
}
