/** Writes an export to a file that either has all of it or is not there. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { OperationError, UsageError } from '../errors.ts'

/**
 * Writes to a temporary name beside the file, forces it to disk, and renames it into place; a failed or interrupted
 * export leaves what was there before. Devices and pipes are written to as they are.
 *
 * @param path absolute path
 * @throws UsageError (exit 2) when the path cannot be written, OperationError (exit 6) when writing fails
 */
export async function writeFileWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path)
    const there = await stat(target).catch(() => undefined)
    if (there?.isDirectory()) throw notWritable(path, 'it is a directory')
    if (there && !there.isFile()) await writeTo(await open(target, 'w'), chunks)
    else await replace(target, chunks, there?.mode)
  } catch (error) {
    throw asStewardError(path, error)
  }
}

async function replace(target: string, chunks: AsyncIterable<Uint8Array>, mode = 0o666): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.part`)
  const file = await open(temporary, 'wx', mode & 0o777)
  try {
    await writeTo(file, chunks, { sync: true })
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(dirname(target))
}

async function writeTo(file: FileHandle, chunks: AsyncIterable<Uint8Array>, { sync = false } = {}): Promise<void> {
  try {
    // Continues where the last one ended.
    for await (const chunk of chunks) await file.writeFile(chunk)
    if (sync) await file.sync()
  } finally {
    await file.close()
  }
}

/** The rename itself must survive a power cut. Platforms that cannot open a directory do without. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined)
  if (!directory) return
  await directory.sync().catch(() => {})
  await directory.close()
}

const NOT_WRITABLE: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist',
  ENOTDIR: 'part of its path is no directory',
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'its name is too long',
}

function asStewardError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const reason = NOT_WRITABLE[String(error.code)]
  if (reason !== undefined) return notWritable(path, reason)
  return new OperationError({
    code: 'file-not-written',
    message: `${path} could not be written: ${error.code === 'ENOSPC' ? 'no space is left' : String(error.code)}`,
    hint: 'Nothing was left behind; free some space or choose another place, and run it again',
    cause: error,
  })
}

function notWritable(path: string, reason: string): UsageError {
  return new UsageError({
    code: 'file-not-writable',
    message: `${path} cannot be written: ${reason}`,
    hint: 'Choose another place with --out',
  })
}
