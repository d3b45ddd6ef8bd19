/**
 * Stores that are a bucket of an S3-compatible server: `s3://bucket/prefix`. Credentials come from the SDK's own chain:
 * environment, shared files, single sign-on, the machine's role.
 */
import type { Readable } from 'node:stream'
import type { StoreConfig } from '../config/config.ts'
import { refusePath } from './path.ts'
import { outside } from './refusals.ts'
import { S3Connection, type S3Options } from './s3-connection.ts'
import { listObjects } from './s3-list.ts'
import { moveObject } from './s3-move.ts'
import { headOf, readObject } from './s3-read.ts'
import { removeObjects } from './s3-remove.ts'
import { keyIn, type S3Root, s3RootOf } from './s3-uri.ts'
import { writeObject } from './s3-write.ts'
import type { Removal, Skipped, Store, StoredFile, Written } from './store.ts'

export class S3Store implements Store {
  readonly name: string
  readonly url: string
  readonly #root: S3Root
  readonly #connection: S3Connection

  /** @throws UsageError when the URL is not `s3://bucket` or `s3://bucket/prefix` */
  constructor(config: StoreConfig, options: S3Options = {}) {
    this.name = config.name
    this.#root = s3RootOf(config.url)
    this.url = `s3://${this.#root.bucket}/${this.#root.prefix}`.replace(/\/$/, '')
    this.#connection = new S3Connection(config, options)
  }

  contains(uri: string): boolean {
    try {
      keyIn(this.#root, uri)
      return true
    } catch {
      return false
    }
  }

  uriOf(path: string): string {
    const refused = refusePath(path)
    if (refused !== undefined) throw outside(refused)
    return `${this.url}/${path}`
  }

  pathOf(uri: string): string {
    return keyIn(this.#root, uri).slice(this.#root.prefix.length)
  }

  async stat(uri: string): Promise<StoredFile | undefined> {
    const found = await headOf(this.#connection, this.#root.bucket, keyIn(this.#root, uri))
    return found && { uri, path: this.pathOf(uri), bytes: found.bytes, modifiedAt: found.modifiedAt }
  }

  async read(uri: string): Promise<Readable> {
    return readObject(this.#connection, this.#root.bucket, keyIn(this.#root, uri))
  }

  async write(uri: string, content: Readable | Uint8Array): Promise<Written> {
    return writeObject(this.#connection, { bucket: this.#root.bucket, key: keyIn(this.#root, uri) }, content)
  }

  async remove(uris: readonly string[]): Promise<readonly Removal[]> {
    return removeObjects(this.#connection, this.#root.bucket, uris, (uri) => keyIn(this.#root, uri))
  }

  list(prefix: string, after?: string, onSkipped?: (skipped: Skipped) => void): AsyncIterable<StoredFile> {
    return listObjects(this.#connection, this.#root, prefix, after, onSkipped)
  }

  async move(from: string, to: string): Promise<void> {
    const { bucket } = this.#root
    await moveObject(this.#connection, { bucket, from: keyIn(this.#root, from), to: keyIn(this.#root, to) })
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }
}
