/**
 * Stores that are a folder of this machine: `file:///absolute/root`. Nothing is ever touched outside the root, neither
 * by `..` in a URI nor through a symbolic link below it (decision 20); how far that holds against someone who changes
 * folders at the same time says `folder.ts`.
 */
import { lstat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { StoreConfig } from '../config/config.ts'
import { fileError, isMissing } from './file-errors.ts'
import { listFiles } from './file-list.ts'
import { moveFile } from './file-move.ts'
import { openFile, refuseOther } from './file-read.ts'
import { removeFiles } from './file-remove.ts'
import { encode, pathBelow, rootOf, urlOf } from './file-uri.ts'
import { writeFile } from './file-write.ts'
import { nameOf, parentOf, Root } from './folder.ts'
import { refusePath } from './path.ts'
import { outside } from './refusals.ts'
import type { Removal, Skipped, Store, StoredFile, Written } from './store.ts'

export interface FileStoreOptions {
  readonly signal?: AbortSignal
  /** False for files that can be made again: they are not flushed to disk one by one. */
  readonly durable?: boolean
}

export class FileStore implements Store {
  readonly name: string
  readonly url: string
  readonly #root: Root
  readonly #signal: AbortSignal | undefined
  readonly #durable: boolean

  /** @throws UsageError when the URL is not `file://` followed by an absolute path */
  constructor({ name, url }: Pick<StoreConfig, 'name' | 'url'>, { signal, durable = true }: FileStoreOptions = {}) {
    this.name = name
    this.#root = new Root(rootOf(url), name)
    this.url = urlOf(this.#root.path)
    this.#signal = signal
    this.#durable = durable
  }

  contains(uri: string): boolean {
    try {
      this.pathOf(uri)
      return true
    } catch {
      return false
    }
  }

  uriOf(path: string): string {
    const refused = refusePath(path) ?? (path.includes('//') ? 'a segment of its path is empty' : undefined)
    if (refused !== undefined) throw outside(refused)
    return `${this.url}/${encode(path)}`
  }

  pathOf(uri: string): string {
    return pathBelow(this.#root.path, uri)
  }

  async stat(uri: string): Promise<StoredFile | undefined> {
    const path = this.pathOf(uri)
    return this.#told('look at a file', async () => {
      const folder = await this.#root.open(parentOf(path))
      if (folder === undefined) return undefined
      try {
        const found = await lstat(folder.at(nameOf(path)))
        refuseOther(found)
        return { uri: this.uriOf(path), path, bytes: found.size, modifiedAt: found.mtime }
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      } finally {
        await folder.close()
      }
    })
  }

  async read(uri: string): Promise<Readable> {
    const path = this.pathOf(uri)
    return this.#told('read a file', () => openFile(this.#root, path, this.name, this.#signal))
  }

  async write(uri: string, content: Readable | Uint8Array): Promise<Written> {
    const path = this.pathOf(uri)
    const options = { durable: this.#durable, signal: this.#signal }
    return this.#told('write a file', () => writeFile(this.#root, path, content, options))
  }

  async remove(uris: readonly string[]): Promise<readonly Removal[]> {
    return this.#told('remove files', () => removeFiles(this.#root, uris, (uri) => this.pathOf(uri), this.#signal))
  }

  async *list(prefix: string, after?: string, onSkipped?: (skipped: Skipped) => void): AsyncGenerator<StoredFile> {
    try {
      for await (const found of listFiles(this.#root, { prefix, after, onSkipped, signal: this.#signal })) {
        yield { uri: this.uriOf(found.path), ...found }
      }
    } catch (error) {
      throw fileError(error, this.name, 'list a folder')
    }
  }

  async move(from: string, to: string): Promise<void> {
    const paths = [this.pathOf(from), this.pathOf(to)] as const
    return this.#told('move a file', () => moveFile(this.#root, ...paths, this.#signal))
  }

  /** Whether its root is there; it is made when the first file is written. */
  async exists(): Promise<boolean> {
    try {
      return (await lstat(await this.#root.real())).isDirectory()
    } catch {
      return false
    }
  }

  /** Makes the root folder where it is missing, as writing a file does. */
  async make(): Promise<void> {
    return this.#told('make its root folder', () => this.#root.ensure())
  }

  async close(): Promise<void> {}

  async #told<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw fileError(error, this.name, doing)
    }
  }
}
