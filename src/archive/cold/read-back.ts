/**
 * Cold files read from their store and compared with what the manifest says of them.
 *
 * Of a COPY file the rows themselves are proved: its text is taken apart and the digest of the rows computed anew, which
 * is what the server computed of the same rows when they were archived. So the chain from the archived row to the byte
 * on the store is closed, without a table to load into. Of a Parquet file its bytes are proved to be those that were
 * written.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { errorCode, NotFoundError, RefusedError } from '../../errors.ts'
import type { Store } from '../../storage/store.ts'
import { fieldsOf, linesOf, MalformedCopy } from './copy-text.ts'
import type { ManifestFile, ManifestTable } from './manifest.ts'
import { RowDigest } from './row-digest.ts'

/** Something that is not as it was written. */
export interface Finding {
  readonly code:
    | 'no-store'
    | 'manifest-missing'
    | 'manifest-replaced'
    | 'manifest-malformed'
    | 'manifest-of-another-batch'
    | 'file-missing'
    | 'file-changed'
    | 'rows-differ'
  readonly uri: string
  /** In words, completing nothing: `SHA-256 differs from the manifest's`. */
  readonly reason: string
}

/** Takes the text of a COPY file as it is read, at its own pace. */
export type OnText = (chunk: Uint8Array) => Promise<void>

/**
 * Reads a file of the manifest to its end.
 *
 * @param onText is given the text of a COPY file while it is checked; what it did is worth nothing before this returns
 *   no finding
 * @returns what is wrong with it; empty when every byte is as written
 * @throws OperationError, ConnectionError when the store cannot be read: that says nothing of the file
 */
export async function checkFile(
  store: Store,
  uri: string,
  table: ManifestTable,
  file: ManifestFile,
  onText?: OnText,
): Promise<Finding[]> {
  try {
    const source = await read(store, uri)
    const whole = counted(file.bytes, 'the file')
    const found =
      file.format === 'copy' ? await checkText(source, whole, table, file, onText) : await drain(source, whole)
    if (!whole.is(file)) throw new Damage('file-changed', "its bytes are not the manifest's: the SHA-256 differs")
    if (found !== undefined) throw found
    return []
  } catch (error) {
    const { code, message } = damageOf(error)
    return [{ code, uri, reason: message }]
  }
}

/** What is wrong with a file, once one thing is. */
class Damage extends Error {
  readonly code: Finding['code']
  constructor(code: Finding['code'], reason: string) {
    super(reason)
    this.code = code
  }
}

async function read(store: Store, uri: string): Promise<Readable> {
  try {
    return await store.read(uri)
  } catch (error) {
    if (error instanceof NotFoundError) throw new Damage('file-missing', 'it is not there')
    if (isOutside(error)) throw new Damage('file-missing', error.message)
    throw error
  }
}

/** A link or a folder is in its place: nothing that a store would follow. Any other refusal is about who asks. */
export function isOutside(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.code === 'outside-store'
}

async function drain(source: Readable, whole: Counted): Promise<undefined> {
  for await (const chunk of source) whole.add(chunk)
}

/** @returns what is wrong with the rows, which matters only where the bytes are right */
async function checkText(
  source: Readable,
  whole: Counted,
  table: ManifestTable,
  file: ManifestFile,
  onText: OnText | undefined,
): Promise<Damage | undefined> {
  const inside = counted(file.text?.bytes ?? 0n, 'its text')
  const rows = new RowDigest()
  async function* compressed(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      whole.add(chunk)
      yield chunk
    }
  }
  async function* seen(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      inside.add(chunk)
      await onText?.(chunk)
      yield chunk
    }
  }
  await pipeline(compressed, createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const lines of linesOf(seen(chunks))) {
      for (const line of lines) rows.add(fieldsOf(line, table.columns.length))
    }
  })
  if (file.text === null || !inside.is(file.text)) {
    return new Damage('file-changed', "its text is not the manifest's: the SHA-256 differs")
  }
  if (rows.rows !== table.rows) {
    return new Damage('rows-differ', `it has ${rows.rows} rows, and the manifest says ${table.rows}`)
  }
  if (rows.digest === table.digest) return undefined
  return new Damage('rows-differ', "the digest of its rows is not the manifest's")
}

interface Counted {
  /** @throws Damage as soon as it is more than it should be: a few bytes can decompress to a great many */
  add(chunk: Uint8Array): void
  /** To be asked once. */
  is(expected: { readonly bytes: bigint; readonly sha256: string }): boolean
}

function counted(most: bigint, what: string): Counted {
  const hash: Hash = createHash('sha256')
  let bytes = 0n
  return {
    add(chunk) {
      hash.update(chunk)
      bytes += BigInt(chunk.length)
      if (bytes > most) throw new Damage('file-changed', `${what} is longer than the manifest says`)
    },
    is: (expected) => bytes === expected.bytes && hash.digest('hex') === expected.sha256,
  }
}

/** The error as damage of the file. @throws the error when it says something of the way to it instead */
function damageOf(error: unknown): Damage {
  if (error instanceof Damage) return error
  if (error instanceof MalformedCopy) return new Damage('file-changed', `it is no COPY text: ${error.message}`)
  // Errors of zlib carry its codes: Z_DATA_ERROR, or Z_BUF_ERROR for a file that was cut.
  const code = errorCode(error)
  if (typeof code === 'string' && code.startsWith('Z_')) {
    return new Damage('file-changed', 'it cannot be decompressed')
  }
  throw error
}
