/**
 * The manifest of a batch's cold files: what they are, what they hold, and how to tell that it is still so. It is
 * written last, so files without one are of no effect; its own SHA-256 is in `steward.archive_batches`.
 *
 * It says nothing of when or by whom it was written except the version, so the same rows give the same bytes.
 */
import { createHash } from 'node:crypto'
import type { ColdFormat } from '../../config/config.ts'

export const MANIFEST_FORMAT = 'steward-archive'
export const MANIFEST_VERSION = 1

/** Longest manifest that is read or written, in bytes. Nearly all of one is detached references. */
export const LONGEST_MANIFEST = 256 * 1024 * 1024

export interface ManifestColumn {
  readonly name: string
  /** As PostgreSQL's `format_type` prints it. */
  readonly type: string
  /** Computed by the table that it came from. */
  readonly generated: boolean
  /** What it is in the Parquet file: `int64`, `decimal(12,2)`, `json array`; null without one. */
  readonly parquet: string | null
}

export interface ManifestFile {
  /** In the manifest's folder. */
  readonly name: string
  readonly format: ColdFormat
  /** Of the whole file; Parquet compresses within itself. */
  readonly compression: 'gzip' | 'none'
  readonly bytes: bigint
  /** Lower-case hex. */
  readonly sha256: string
  /** Of the text inside a compressed file; null where there is none. */
  readonly text: { readonly bytes: bigint; readonly sha256: string } | null
}

export interface ManifestTable {
  readonly table: string
  readonly rows: bigint
  /** As `steward.archive_batch_tables.digest`; over `columns` in their order. */
  readonly digest: string
  readonly columns: readonly ManifestColumn[]
  /** Of the table that it came from; empty when it has none. */
  readonly primaryKey: readonly string[]
  /** SHA-256 over columns, types and key. */
  readonly fingerprint: string
  readonly files: readonly ManifestFile[]
}

/** A row that stayed and lost its reference to an archived one. */
export interface ManifestReference {
  readonly constraint: string
  readonly schema: string
  readonly table: string
  /** The row's key, and the columns as they were: JSON as text, so that no reader takes digits off it. */
  readonly key: string
  readonly reference: string
}

/** Instants are UTC in ISO 8601 with microseconds, as the server printed them. */
export interface ManifestBatch {
  readonly id: bigint
  readonly runId: bigint
  readonly archivedAt: string
  readonly oldest: string | null
  readonly newest: string | null
  readonly roots: bigint
}

export interface Manifest {
  /** `steward 0.1.0`. */
  readonly createdBy: string
  readonly database: string
  readonly schema: string
  readonly rootTable: string
  readonly rule: string
  readonly batch: ManifestBatch
  readonly tables: readonly ManifestTable[]
  readonly detached: readonly ManifestReference[]
}

/** The manifest as the bytes of its file; numbers that may exceed 53 bits are text. */
export function encodeManifest(manifest: Manifest): Buffer {
  const document = { format: MANIFEST_FORMAT, version: MANIFEST_VERSION, ...manifest }
  const text = JSON.stringify(document, (_key, value) => (typeof value === 'bigint' ? value.toString() : value), 2)
  return Buffer.from(`${text}\n`, 'utf8')
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
