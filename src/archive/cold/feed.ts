/** Writing to a stream at the pace of whoever reads it. */
import type { Writable } from 'node:stream'

/** Resolves when the stream can take more. @throws the error that the stream was closed with */
export async function feed(stream: Writable, chunk: Uint8Array): Promise<void> {
  if (stream.destroyed) throw endOf(stream)
  if (stream.write(chunk)) return
  await new Promise<void>((resolve, reject) => {
    const settle = () => {
      stream.off('drain', settle)
      stream.off('close', settle)
      if (stream.destroyed) reject(endOf(stream))
      else resolve()
    }
    stream.once('drain', settle)
    stream.once('close', settle)
  })
}

function endOf(stream: Writable): Error {
  return stream.errored ?? new Error('the stream was closed while it was written to')
}
