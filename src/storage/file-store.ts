/**
 * Artifact stores that are a directory of this machine: `file:///absolute/root`. Nothing is ever written outside
 * the root, neither by `..` in a URI nor through a symbolic link below it (decision 20).
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { RefusedError, UsageError } from '../errors.ts'

export class FileStore {
  /** `file:///absolute/root`, without a slash at the end. */
  readonly url: string
  readonly #root: string
  /** Directories known to exist inside the root, by the path they were asked for. */
  readonly #checked = new Set<string>()
  #realRoot: string | undefined

  /** @throws UsageError when the URL is not `file://` followed by an absolute path */
  constructor(url: string) {
    this.#root = pathOf(url)
    this.url = pathToFileURL(this.#root).href.replace(/\/$/, '')
  }

  /** Whether the URI lies below the root as it is written; links are looked at when the file is touched. */
  contains(uri: string): boolean {
    try {
      return isBelow(this.#root, pathOf(uri))
    } catch {
      return false
    }
  }

  /** Size of the file in bytes; undefined when there is none. @throws RefusedError outside the root */
  async size(uri: string): Promise<number | undefined> {
    const path = this.#pathInside(uri)
    try {
      const found = await stat(path)
      return found.isFile() ? found.size : undefined
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /**
   * Writes a file so that readers see all of it or none: under another name first, then renamed.
   *
   * @throws RefusedError when the URI, or a link on the way, leads outside the root
   */
  async put(uri: string, content: Uint8Array): Promise<void> {
    const path = this.#pathInside(uri)
    const directory = dirname(path)
    await this.#ensureInside(directory)
    const temporary = join(directory, `.${basename(path)}.${randomUUID()}`)
    try {
      // `wx` never follows a link that someone placed under this name.
      const file = await open(temporary, 'wx', 0o640)
      try {
        await file.writeFile(content)
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  /**
   * Removes a file; that it is already gone is success.
   *
   * @returns true when there was a file. @throws RefusedError when the URI, or a link on the way, leads outside the root
   */
  async remove(uri: string): Promise<boolean> {
    const path = this.#pathInside(uri)
    try {
      await this.#checkInside(dirname(path))
      await rm(path)
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  /** Removes the directories that held the file and are empty now, up to the root, which stays. */
  async prune(uri: string): Promise<void> {
    let directory = dirname(this.#pathInside(uri))
    try {
      await this.#checkInside(directory)
      while (directory !== this.#root) {
        await rmdir(directory)
        this.#checked.delete(directory)
        directory = dirname(directory)
      }
    } catch (error) {
      if (!isMissing(error) && !isOccupied(error)) throw error
    }
  }

  #pathInside(uri: string): string {
    const path = pathOf(uri)
    if (!isBelow(this.#root, path)) throw outside()
    return path
  }

  async #ensureInside(directory: string): Promise<void> {
    if (this.#checked.has(directory)) return
    // The part that exists decides: mkdir would follow a link out of the root and create directories there.
    await mkdir(this.#root, { recursive: true, mode: 0o750 })
    let existing = directory
    while (existing !== this.#root && !(await exists(existing))) existing = dirname(existing)
    await this.#checkInside(existing)
    await mkdir(directory, { recursive: true, mode: 0o750 })
    await this.#checkInside(directory)
    this.#checked.add(directory)
  }

  async #checkInside(directory: string): Promise<void> {
    this.#realRoot ??= await realpath(this.#root)
    const real = await realpath(directory)
    if (real !== this.#realRoot && !isBelow(this.#realRoot, real)) throw outside()
  }
}

function pathOf(url: string): string {
  if (!/^file:\/\/\//i.test(url)) {
    throw new UsageError({
      code: 'not-a-file-store',
      message: 'The artifact store is not a local directory',
      hint: 'Write it as file:///absolute/path',
    })
  }
  // The URL parser resolves `..`, and encoded slashes are refused.
  return fileURLToPath(url).replace(/(?<=.)[/\\]+$/, '')
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

/** The directory is not empty (POSIX allows both codes), or is something else by now. */
function isOccupied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')
}

function outside(): RefusedError {
  return new RefusedError({
    code: 'outside-store',
    message: 'The file lies outside the artifact store',
    hint: 'Configure the store that holds it, or correct the URI',
  })
}
