/** The file of rejected rows: one JSON object a line with the line it came from, its problems and the row itself. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { stringifyJson } from '../db/json.ts'
import { OperationError, type Problem } from '../errors.ts'

export interface Reject {
  readonly line?: number
  readonly problems: readonly Problem[]
  readonly row: unknown
}

export interface RejectFile {
  readonly path: string
  add(reject: Reject): Promise<void>
  /** @returns how many rejects it holds */
  close(): Promise<number>
}

/**
 * A file of rejects; it is made with the first one, replacing that of an earlier import of the same file. Only its
 * owner may read it, since rows may hold what is secret.
 */
export function rejectFile(path: string): RejectFile {
  let stream: WriteStream | undefined
  let failure: unknown
  let count = 0
  const fail = (error: unknown): never => {
    throw new OperationError({
      code: 'rejects-not-written',
      message: `The rejects could not be written to ${path}: ${error instanceof Error ? error.message : 'unknown error'}`,
      hint: 'Name another file with --rejects',
      cause: error,
    })
  }
  return {
    path,
    async add({ line, problems, row }) {
      if (!stream) {
        stream = createWriteStream(path, { mode: 0o600 })
        stream.on('error', (error) => {
          failure = error
        })
      }
      if (failure !== undefined) fail(failure)
      count++
      const reasons = problems.map(({ where, reason }) => ({
        ...(where === undefined ? {} : { field: where }),
        reason,
      }))
      const text = stringifyJson({ ...(line === undefined ? {} : { line }), problems: reasons, row })
      if (!stream.write(`${text}\n`)) {
        const writing = stream
        await new Promise<void>((resolve) => {
          const goOn = () => {
            writing.off('drain', goOn)
            writing.off('close', goOn)
            resolve()
          }
          writing.on('drain', goOn)
          writing.on('close', goOn)
        })
      }
    },
    async close() {
      if (!stream) return 0
      stream.end()
      await finished(stream).catch(fail)
      return count
    },
  }
}
