/** Writing a file below a root: all of it or nothing. */
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { errorCode, throwIfStopped } from '../errors.ts'
import { isMissing } from './file-errors.ts'
import { type Folder, nameOf, parentOf, type Root } from './folder.ts'
import { isLink, isOther } from './refusals.ts'
import type { Written } from './store.ts'

// O_EXCL never follows a link that someone placed under this name.
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

interface Options {
  /** Flushes the file and its folder to disk before it returns. */
  readonly durable: boolean
  readonly signal: AbortSignal | undefined
}

/** @throws RefusedError where a link or a folder has its name; the error of `content`, if that fails */
export async function writeFile(
  root: Root,
  path: string,
  content: Readable | Uint8Array,
  options: Options,
): Promise<Written> {
  await root.ensure()
  const folder = await root.make(parentOf(path))
  try {
    return await writeIn(folder, nameOf(path), content, options)
  } finally {
    await folder.close()
  }
}

async function writeIn(
  folder: Folder,
  name: string,
  content: Readable | Uint8Array,
  { durable, signal }: Options,
): Promise<Written> {
  await refuseInPlace(folder, name)
  const temporary = folder.at(`.steward-${randomUUID()}.tmp`)
  try {
    const handle = await open(temporary, FLAGS, 0o640)
    let written: Written
    try {
      written = await copy(content, handle, signal)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, folder.at(name))
    if (durable) await folder.sync()
    return written
  } catch (error) {
    await rm(temporary, { force: true })
    // Someone made a folder of this name meanwhile.
    throw ['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '') ? isOther() : error
  }
}

/** Rename would replace a link itself, never its target; still it is somebody's, and no artifact. */
async function refuseInPlace(folder: Folder, name: string): Promise<void> {
  try {
    const found = await lstat(folder.at(name))
    if (found.isSymbolicLink()) throw isLink()
    if (!found.isFile()) throw isOther()
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** Copies and hashes in one go. */
export async function copy(
  content: Readable | Uint8Array | AsyncIterable<Uint8Array>,
  handle: FileHandle,
  signal: AbortSignal | undefined,
): Promise<Written> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    if (signal !== undefined) throwIfStopped(signal)
    const part: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    hash.update(part)
    // Writes may be short, on a full disk above all; writeFile goes on until all is written or it fails.
    await handle.writeFile(part)
    bytes += part.length
  }
  return { bytes, sha256: hash.digest('hex') }
}
