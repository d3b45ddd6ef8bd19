/**
 * Stores: where artifact files and cold archive files lie. `file://` roots and `s3://` buckets behind one face, so that
 * nothing above knows which it is.
 *
 * A *path* is what comes after the root and its slash: segments joined by `/`, not starting or ending with one, none of
 * them `.`, `..` or (in a folder) empty, no NUL. A file has one path, and `uriOf` writes it in one way only; `pathOf`
 * reads what others wrote.
 */
import type { Readable } from 'node:stream'

/** Folder below the root of a store that files are moved to before they are let go; never listed unless asked for. */
export const QUARANTINE = '.steward-quarantine'

export interface StoredFile {
  /** `file:///root/a.png`, `s3://bucket/prefix/a.png`; as `uriOf(path)` writes it. */
  readonly uri: string
  /** Below the root, as `list` takes it for `after`. */
  readonly path: string
  readonly bytes: number
  readonly modifiedAt: Date
}

/** What became of a file that was to be removed. That it was not there is success. */
export type Removal =
  | { readonly outcome: 'removed' }
  | { readonly outcome: 'missing' }
  /**
   * Refused: outside the store, a link, no file; trying again changes nothing. Failed: no permission, an answer of the
   * server, no answer. In words, without secrets.
   */
  | { readonly outcome: 'failed' | 'refused'; readonly reason: string }

export interface Written {
  readonly bytes: number
  /** Lower-case hex, computed while writing. */
  readonly sha256: string
}

/** What a listing passes over, since no artifact can be there that it could name or touch. */
export interface Skipped {
  /** Below the root; bytes of a name that are no UTF-8 (refused) are shown as U+FFFD. */
  readonly path: string
  /** `temporary`: a file that was being written when the writer was killed, or is being written. */
  readonly why: 'symbolic link' | 'no regular file' | 'name is refused' | 'folder marker' | 'temporary'
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
  /** The path below the root that a URI stands for: the same for all ways to write it. @throws RefusedError outside */
  pathOf(uri: string): string
  /**
   * Undefined when there is no such file.
   *
   * @throws RefusedError outside the store, or where a link or something else than a file is in its place;
   *   OperationError; ConnectionError
   */
  stat(uri: string): Promise<StoredFile | undefined>
  /** @throws NotFoundError, RefusedError, OperationError, ConnectionError; so does the stream while it is read */
  read(uri: string): Promise<Readable>
  /**
   * Writes a file so that readers see all of it or none and a crash leaves nothing under its name: another name first,
   * flushed to disk with its folder, then renamed. An object store shows whole objects only.
   *
   * @throws RefusedError, OperationError, ConnectionError; the error of `content`, if that fails
   */
  write(uri: string, content: Readable | Uint8Array): Promise<Written>
  /**
   * Removes files, as many at once as the store takes (S3: 1,000 a request), and the folders that it leaves empty. One
   * answer for each, in the same order.
   *
   * @throws ConnectionError when nothing answers; then some may be gone
   */
  remove(uris: readonly string[]): Promise<readonly Removal[]>
  /**
   * The files whose path below the root starts with `prefix`, in ascending order of their path's bytes, never those of
   * Steward's own (temporary names; the quarantine, unless the prefix names it). Memory for one folder's names
   * or one page at a time, however many there are.
   *
   * @param after path below the root: only files behind it, so that a listing can be resumed
   * @param onSkipped told of what is there and is not listed
   * @throws OperationError also where a folder cannot be read: a listing with holes would lie
   */
  list(prefix: string, after?: string, onSkipped?: (skipped: Skipped) => void): AsyncIterable<StoredFile>
  /**
   * Moves a file within the store, replacing none. Killed in between, the same call ends it.
   *
   * @throws RefusedError when the target exists; NotFoundError
   */
  move(from: string, to: string): Promise<void>
  /** Frees connections. */
  close(): Promise<void>
}
