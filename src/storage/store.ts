/**
 * Stores: where artifact files and cold archive files lie. `file://` roots and `s3://` buckets behind one face, so that
 * nothing above knows which it is.
 */
import type { Readable } from 'node:stream'

export interface StoredFile {
  /** `file:///root/a.png`, `s3://bucket/prefix/a.png`. */
  readonly uri: string
  readonly bytes: number
  readonly modifiedAt: Date
}

/** What became of a file that was to be removed. That it was not there is success. */
export type Removal =
  | { readonly outcome: 'removed' }
  | { readonly outcome: 'missing' }
  /** Outside the store, a link out of it, no permission, an answer of the server; in words, without secrets. */
  | { readonly outcome: 'failed' | 'refused'; readonly reason: string }

export interface Written {
  readonly bytes: number
  /** Lower-case hex, computed while writing. */
  readonly sha256: string
}

export interface Store {
  /** As the profile names it. */
  readonly name: string
  /** Root of the store without a slash at the end. */
  readonly url: string
  /** Whether the URI lies in the store as it is written; links are looked at when the file is touched. */
  contains(uri: string): boolean
  /** The URI of a path below the root. @throws RefusedError when the path leads out of it (`..`, absolute, NUL) */
  uriOf(path: string): string
  /** Undefined when there is no such file. @throws RefusedError outside the store; OperationError, ConnectionError */
  stat(uri: string): Promise<StoredFile | undefined>
  /** @throws NotFoundError, RefusedError, OperationError */
  read(uri: string): Promise<Readable>
  /**
   * Writes a file so that readers see all of it or none and a crash leaves nothing under its name: another name first,
   * flushed to disk with its folder, then renamed. An object store shows whole objects only.
   */
  write(uri: string, content: Readable | Uint8Array): Promise<Written>
  /** Removes files, as many at once as the store takes (S3: 1,000 a request). One answer for each, in the same order. */
  remove(uris: readonly string[]): Promise<readonly Removal[]>
  /**
   * The files whose path below the root starts with `prefix`, in ascending order of their path's bytes, never those of
   * Steward's own (quarantine, temporary names). Constant memory however many there are.
   *
   * @param after path below the root: only files behind it, so that a listing can be resumed
   */
  list(prefix: string, after?: string): AsyncIterable<StoredFile>
  /** Moves a file within the store, replacing none. @throws RefusedError when the target exists; NotFoundError */
  move(from: string, to: string): Promise<void>
  /** Frees connections. */
  close(): Promise<void>
}
