/** Reading a file below a root. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { errorCode, throwIfStopped } from '../errors.ts'
import { fileError, isMissing } from './file-errors.ts'
import { nameOf, parentOf, type Root } from './folder.ts'
import { isLink, isOther, missing } from './refusals.ts'

// O_NONBLOCK: opening a fifo would wait for a writer before it could be seen to be one.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const CHUNK = 256 * 1024

/** @throws NotFoundError; RefusedError for a link and for what is no regular file */
export async function openFile(
  root: Root,
  path: string,
  store: string,
  signal: AbortSignal | undefined,
): Promise<Readable> {
  const handle = await openIn(root, path)
  try {
    refuseOther(await handle.stat())
  } catch (error) {
    await handle.close()
    throw error
  }
  const stream = Readable.from(chunks(handle, store, signal), { objectMode: false, highWaterMark: CHUNK })
  // A stream that nobody reads never starts the generator, whose end closes the file.
  stream.once('close', () => void handle.close().catch(() => {}))
  return stream
}

async function openIn(root: Root, path: string): Promise<FileHandle> {
  const folder = await root.open(parentOf(path))
  if (folder === undefined) throw missing()
  try {
    return await open(folder.at(nameOf(path)), FLAGS)
  } catch (error) {
    if (isMissing(error)) throw missing()
    if (errorCode(error) === 'ELOOP') throw isLink()
    if (errorCode(error) === 'ENXIO') throw isOther()
    throw error
  } finally {
    await folder.close()
  }
}

async function* chunks(
  handle: FileHandle,
  store: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  try {
    for (;;) {
      if (signal !== undefined) throwIfStopped(signal)
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw fileError(error, store, 'read a file')
  }
}

/** @throws RefusedError for what is no regular file */
export function refuseOther(found: Stats): void {
  if (found.isSymbolicLink()) throw isLink()
  if (!found.isFile()) throw isOther()
}
