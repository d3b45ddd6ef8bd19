/** COPY as streams of bytes (PostgreSQL manual, COPY). The connection belongs to the stream until it ends. */
import type { Readable, Writable } from 'node:stream'
import type { Submittable } from 'pg'
import { from, to } from 'pg-copy-streams'
import { interruption, type Link } from './link.ts'

/** Streams whose COPY has not ended at the server. */
export type OpenCopies = Set<Readable | Writable>

/** Rows leave the server as the reader takes them; nothing is held in memory. */
export function openCopyOut(link: Link, copies: OpenCopies, statement: string): Readable {
  const copy = to(statement)
  attach(link, copies, copy, 'end')
  return copy
}

/**
 * What is written goes to the server; `finish` comes when the rows are in.
 *
 * @param signal fails the COPY at once, even where the server waits for data that does not come
 */
export function openCopyIn(
  link: Link,
  copies: OpenCopies,
  statement: string,
  signal: AbortSignal | undefined,
): Writable {
  const copy = from(statement)
  const ended = attach(link, copies, copy, 'finish')
  const onAbort = () => void (signal && copy.destroy(interruption(signal)))
  signal?.addEventListener('abort', onAbort, { once: true })
  void ended.then(() => signal?.removeEventListener('abort', onAbort))
  return copy
}

/**
 * Submits the COPY when the connection is free and follows it to its end.
 *
 * @param success the event that means that the server is done with it
 */
function attach<S extends (Readable | Writable) & Submittable>(
  link: Link,
  copies: OpenCopies,
  copy: S,
  success: 'end' | 'finish',
): Promise<void> {
  copies.add(copy)
  const ended = new Promise<void>((resolve) => {
    const settle = () => {
      copies.delete(copy)
      resolve()
    }
    copy.once(success, settle)
    // The driver hands errors of the server and of the connection to this method; they become Steward's before
    // any listener sees them.
    const handle: unknown = Reflect.get(copy, 'handleError')
    Reflect.set(copy, 'handleError', (error: unknown) => {
      settle()
      if (typeof handle === 'function') Reflect.apply(handle, copy, [link.mapped(error)])
    })
    copy.once('close', () => {
      if (!copies.has(copy)) return
      // The other side left in the middle (`| head`): the protocol is in the middle of the data too.
      link.broken = true
      void link.cancel()
      resolve()
    })
  })
  link.copy(copy, ended).catch((error: unknown) => {
    copies.delete(copy)
    copy.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  return ended
}
