/** The server's log, its last lines and what comes after them. */

import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../errors.ts'

const CHUNK = 64 * 1024

/** Milliseconds between looks at a file that is followed. */
const INTERVAL = 250

export interface LogOptions {
  /** How many of the last lines to begin with. */
  readonly lines: number
  /** Goes on with what is written later, until `signal` is aborted. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

/** Lines of the log, the oldest first; none when there is no log. Survives the file's being replaced while it follows. */
export async function* logLines(file: string, { lines, follow = false, signal }: LogOptions): AsyncGenerator<string> {
  let position = await positionOfLast(file, lines)
  let identity: number | undefined
  let rest: Buffer = Buffer.alloc(0)
  for (;;) {
    const part = await readFrom(file, position, identity)
    if (part !== undefined) {
      // Another file under the name is read from its beginning, and the old one's unfinished line is given up.
      if (part.replaced) rest = Buffer.alloc(0)
      identity = part.identity
      position = part.end
      const text = Buffer.concat([rest, part.bytes])
      const end = text.lastIndexOf(0x0a) + 1
      rest = text.subarray(end)
      if (end > 0)
        yield* text
          .subarray(0, end - 1)
          .toString()
          .split('\n')
      if (part.bytes.length > 0) continue
    }
    if (!follow) {
      if (rest.length > 0) yield rest.toString()
      return
    }
    if (signal?.aborted) return
    await sleep(INTERVAL, undefined, signal === undefined ? {} : { signal }).catch(() => {})
  }
}

/** Reads at most one chunk. @returns undefined when there is no file */
async function readFrom(file: string, position: number, identity: number | undefined) {
  const handle = await openIfThere(file)
  if (handle === undefined) return undefined
  try {
    const { ino, size } = await handle.stat()
    const replaced = identity !== undefined && (ino !== identity || size < position)
    const start = replaced ? 0 : position
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK, start)
    return { bytes: buffer.subarray(0, bytesRead), end: start + bytesRead, identity: ino, replaced }
  } finally {
    await handle.close()
  }
}

/** Byte at which the last `lines` lines begin, found from the end. */
async function positionOfLast(file: string, lines: number): Promise<number> {
  const handle = await openIfThere(file)
  if (handle === undefined) return 0
  try {
    const { size } = await handle.stat()
    if (lines === 0) return size
    // The newline that ends the last line does not begin another.
    let wanted = lines + 1
    for (let end = size; end > 0; end -= CHUNK) {
      const start = Math.max(0, end - CHUNK)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start)
      for (let at = bytesRead - 1; at >= 0; at--) {
        if (buffer[at] === 0x0a && --wanted === 0) return start + at + 1
      }
    }
    return 0
  } finally {
    await handle.close()
  }
}

async function openIfThere(file: string) {
  return open(file, 'r').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  })
}
