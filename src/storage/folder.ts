/**
 * Folders below a root, held open while something is done in them, so that what was checked is what is touched.
 *
 * Node has no `openat`. On Linux `/proc/self/fd/<n>/name` is one: the folder is opened, the kernel says where it really
 * is, and names in it are reached through the descriptor, whatever is put in the place of its path meanwhile. Where
 * there is no `/proc` (macOS) the real path is looked up and used right after: between the two, someone who may write
 * below the root could still put a link in the place of a folder. On both, no name is ever followed: `unlink`, `link`
 * and `rename` act on a link itself, and files are opened with O_NOFOLLOW.
 *
 * Symbolic links below the root are refused also when they stay inside: a file would have several paths, and be removed
 * or taken for an orphan by one while a row stands for another.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readlink, realpath, rmdir } from 'node:fs/promises'
import process from 'node:process'
import { errorCode, OperationError, type RefusedError } from '../errors.ts'
import { isMissing } from './file-errors.ts'
import { outside } from './refusals.ts'

const { O_DIRECTORY, O_RDONLY } = constants

export interface Folder {
  /** Path that reaches a name in it. */
  at(name: string): string
  /** Flushes its entries to disk. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Linux with /proc, where a descriptor can be asked for its path. */
let pinning: Promise<boolean> | undefined

export class Root {
  /** As the configuration writes it, without a slash at the end. */
  readonly path: string
  readonly #store: string
  #real: Promise<string> | undefined

  constructor(path: string, store: string) {
    this.path = path
    this.#store = store
  }

  /** Where the root really is; links that lead to it are the operator's. @throws OperationError when it is not there */
  real(): Promise<string> {
    this.#real ??= realpath(this.path).catch((error: unknown) => {
      this.#real = undefined
      if (!isMissing(error)) throw error
      // Not "missing" as a file below it would be: then every file of an unmounted disk would count as removed.
      throw new OperationError({
        code: 'store-missing',
        message: `The root folder of store ${this.#store} is not there`,
        hint: 'Mount its file system, create the folder, or correct the store in the profile',
      })
    })
    return this.#real
  }

  /**
   * Opens a folder below the root.
   *
   * @param path below the root; empty for the root itself
   * @returns undefined when there is none
   * @throws RefusedError when a link is on the way
   */
  async open(path: string): Promise<Folder | undefined> {
    const expected = below(await this.real(), path)
    const handle = await open(expected, O_RDONLY | O_DIRECTORY).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (handle === undefined) {
      await this.#refuseLinks(path)
      return undefined
    }
    try {
      const isPinned = await canPin()
      const real = isPinned ? await readlink(`/proc/self/fd/${handle.fd}`) : await realpath(expected)
      if (real === expected) return folderOf(handle, isPinned ? `/proc/self/fd/${handle.fd}` : real)
      await this.#refuseLinks(path)
    } catch (error) {
      await handle.close()
      if (isMissing(error)) return undefined
      throw error
    }
    await handle.close()
    // Moved or removed between the two looks; or the file system folds names that differ, and has it under another.
    throw outside('its folder goes by another name, or is just being moved')
  }

  /** Makes the root folder itself, where it is missing. */
  async ensure(): Promise<void> {
    try {
      await this.real()
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      await mkdir(this.path, { recursive: true, mode: 0o750 })
    }
  }

  /** Like `open`, and makes what is missing. @throws RefusedError when a link, or a file, is in its place */
  async make(path: string): Promise<Folder> {
    const there = await this.open(path)
    if (there !== undefined) return there
    const parent = await this.make(parentOf(path))
    try {
      await mkdir(parent.at(nameOf(path)), { mode: 0o750 })
      await parent.sync()
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    } finally {
      await parent.close()
    }
    const made = await this.open(path)
    if (made !== undefined) return made
    throw outside('a file is where its folder would be')
  }

  /**
   * Removes the folders that are empty, then those above them, up to the root, which stays. What cannot be removed is
   * left: nothing depends on it.
   */
  async prune(paths: Iterable<string>): Promise<void> {
    for (let level = new Set(paths); level.size > 0; ) {
      const emptied = new Set<string>()
      for (const [parent, names] of byParent(level)) {
        if (await this.#removeFolders(parent, names)) emptied.add(parent)
      }
      level = emptied
    }
  }

  /** @returns whether some are gone */
  async #removeFolders(path: string, names: readonly string[]): Promise<boolean> {
    const folder = await this.open(path).catch(() => undefined)
    if (folder === undefined) return true
    try {
      const gone = await Promise.all(names.map((name) => rmdir(folder.at(name)).then(() => true, isMissing)))
      return gone.includes(true)
    } finally {
      await folder.close()
    }
  }

  /** A dangling link on the way looks as if nothing was there. */
  async #refuseLinks(path: string): Promise<void> {
    const real = await this.real()
    const segments = path === '' ? [] : path.split('/')
    for (const index of segments.keys()) {
      const part = below(real, segments.slice(0, index + 1).join('/'))
      try {
        if ((await lstat(part)).isSymbolicLink()) throw throughLink()
      } catch (error) {
        if (isMissing(error)) return
        throw error
      }
    }
  }
}

/** The root is nobody's child. */
function byParent(paths: Iterable<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const path of paths) {
    if (path === '') continue
    const names = groups.get(parentOf(path))
    if (names === undefined) groups.set(parentOf(path), [nameOf(path)])
    else names.push(nameOf(path))
  }
  return groups
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function below(root: string, path: string): string {
  if (path === '') return root
  return root === '/' ? `/${path}` : `${root}/${path}`
}

function folderOf(handle: FileHandle, path: string): Folder {
  return { at: (name) => `${path}/${name}`, sync: () => handle.sync(), close: () => handle.close() }
}

function canPin(): Promise<boolean> {
  pinning ??=
    process.platform === 'linux'
      ? lstat('/proc/self/fd').then(
          () => true,
          () => false,
        )
      : Promise.resolve(false)
  return pinning
}

function throughLink(): RefusedError {
  return outside('a symbolic link is on its way, and links below the root are not followed')
}
