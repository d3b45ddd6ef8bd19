/** Moving a file below a root, replacing none. */
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises'
import { errorCode, throwIfStopped } from '../errors.ts'
import { isMissing } from './file-errors.ts'
import { refuseOther } from './file-read.ts'
import { copy } from './file-write.ts'
import { type Folder, nameOf, parentOf, type Root } from './folder.ts'
import { missing, occupied } from './refusals.ts'

/**
 * A second name, then the first removed: `rename` would replace a file that is already there. Killed in between, the
 * file has both names, and the same call removes the first. Neither is flushed to disk: file systems with a journal
 * keep their order.
 *
 * @throws NotFoundError; RefusedError when the target exists
 */
export async function moveFile(root: Root, from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal !== undefined) throwIfStopped(signal)
  // It would be taken for the first name of a file that has its second already.
  if (from === to) throw occupied()
  const source = await root.open(parentOf(from))
  if (source === undefined) throw missing()
  try {
    const old = source.at(nameOf(from))
    refuseOther(
      await lstat(old).catch((error: unknown) => {
        throw isMissing(error) ? missing() : error
      }),
    )
    const target = await root.make(parentOf(to))
    try {
      await give(old, target, nameOf(to), signal)
      // Gone already where it was renamed.
      await rm(old, { force: true })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  await root.prune([parentOf(from)])
}

async function give(old: string, target: Folder, name: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await link(old, target.at(name))
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST') return refuseOtherFile(old, target.at(name))
    if (code === 'EXDEV') return copyAcross(old, target, name, signal)
    // File systems without second names (FAT, some network ones): look, then rename. What is put there in between is
    // replaced; nothing better is to be had from Node.
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') return renameOnto(old, target.at(name))
    throw error
  }
}

/**
 * Fine when an earlier move was killed before it removed the first: both are names of one file, or, where a file system
 * ends in between, files of the same bytes.
 */
async function refuseOtherFile(old: string, there: string): Promise<void> {
  const [one, other] = await Promise.all([lstat(old, { bigint: true }), lstat(there, { bigint: true })])
  const isCopy = one.dev !== other.dev && other.isFile() && one.size === other.size
  // One name where a file system does not tell `A` from `a`: then it has no second.
  const isSame = one.dev === other.dev && one.ino === other.ino && one.nlink > 1n
  if (isCopy ? await sameBytes(old, there) : isSame) return
  throw occupied()
}

/** Another file system is mounted below the root. */
async function copyAcross(old: string, target: Folder, name: string, signal: AbortSignal | undefined): Promise<void> {
  const temporary = target.at(`.steward-${randomUUID()}.tmp`)
  try {
    const from = await open(old, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { atime, mtime, mode } = await from.stat()
      const into = await open(temporary, 'wx', mode & 0o777)
      try {
        await copy(from.createReadStream({ autoClose: false }), into, signal)
        // Its age decides when it may go.
        await into.utimes(atime, mtime)
        await into.sync()
      } finally {
        await into.close()
      }
    } finally {
      await from.close()
    }
    await link(temporary, target.at(name)).catch((error: unknown) => {
      throw errorCode(error) === 'EEXIST' ? occupied() : error
    })
    await target.sync()
  } finally {
    await rm(temporary, { force: true })
  }
}

async function renameOnto(old: string, there: string): Promise<void> {
  const found = await lstat(there).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (found !== undefined) throw occupied()
  await rename(old, there)
}

async function sameBytes(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([digestOf(one), digestOf(other)])
  return a === b
}

async function digestOf(path: string): Promise<string> {
  const handle: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    refuseOther(await handle.stat())
    const hash = createHash('sha256')
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk)
    return hash.digest('hex')
  } finally {
    await handle.close()
  }
}
