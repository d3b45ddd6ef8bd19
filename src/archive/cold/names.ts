/**
 * Names of cold files: `archive/<database>/<schema>/<rule>/batch-<id>/<table>.copy.gz`. Any name of a database, schema,
 * table or rule becomes a segment that every file system and object store takes, and no two names the same one, also
 * where upper and lower case are one (macOS, Windows).
 */
import { createHash } from 'node:crypto'
import type { ColdFormat } from '../../config/config.ts'

/** Name of the manifest in the folder of a batch. */
export const MANIFEST = 'manifest.json'

const SUFFIXES: Readonly<Record<ColdFormat, string>> = { copy: 'copy.gz', parquet: 'parquet' }

/** Longest segment that is written out; the names of PostgreSQL (63 bytes) stay below it. */
const LONGEST = 200

/** What `tableFile` makes: one segment, no path. */
const FILE_NAME = /^[a-z0-9_!-][a-z0-9_.!-]*$/

/** Where the files of a batch lie, as a path below the root of a store. */
export function batchFolder(batch: {
  readonly database: string
  readonly schema: string
  readonly rule: string
  readonly id: bigint
}): string {
  const names = [batch.database, batch.schema, batch.rule].map(encodeName)
  return ['archive', ...names, `batch-${batch.id}`].join('/')
}

export function tableFile(table: string, format: ColdFormat): string {
  return `${encodeName(table)}.${SUFFIXES[format]}`
}

/** Whether a name, read from a manifest, is one of a file in the manifest's own folder. */
export function isFileName(name: string): boolean {
  return name !== MANIFEST && name.length <= LONGEST + 80 && FILE_NAME.test(name) && !name.includes('..')
}

/** Whether a name is one that `tableFile` makes, of any table. */
export function isTableFile(name: string): boolean {
  return isFileName(name) && Object.values(SUFFIXES).some((suffix) => name.endsWith(`.${suffix}`))
}

/**
 * A name as one segment of a path: lower-case letters, digits, `_`, `-` and inner dots stay, every other byte of its
 * UTF-8 becomes `!` and two hex digits. One that would be too long is cut and ends in its SHA-256.
 */
export function encodeName(name: string): string {
  const encoded = Array.from(Buffer.from(name, 'utf8'), (byte, index) => {
    const character = String.fromCharCode(byte)
    const stays = /[a-z0-9_-]/.test(character) || (character === '.' && index > 0)
    return stays ? character : `!${byte.toString(16).padStart(2, '0')}`
  }).join('')
  // A dot at the end is cut off by some file systems, and two in a row are how a path is left.
  const segment = encoded.replaceAll('..', '!2e!2e').replace(/\.$/, '!2e')
  if (segment === '') return '!'
  if (segment.length <= LONGEST) return segment
  return `${segment.slice(0, LONGEST - 65)}!${createHash('sha256').update(name).digest('hex')}`
}
