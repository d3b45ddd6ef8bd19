/** Removing objects, a thousand a request. */
import { OperationError, RefusedError } from '../errors.ts'
import type { S3Connection } from './s3-connection.ts'
import { isNoSuchKey, reasonOfCode } from './s3-errors.ts'
import type { Removal } from './store.ts'

/** The most that DeleteObjects takes. */
const BATCH = 1000

const REMOVED: Removal = { outcome: 'removed' }
const MISSING: Removal = { outcome: 'missing' }

/**
 * Keys that do not survive XML, or a parser that trims: characters that XML 1.0 has not or changes, and space at an end.
 * They are removed by a request each, which carries them in its path.
 */
const AWKWARD = /[\p{Cc}\u0085\u2028\uFFFE\uFFFF]|^\s|\s$/u

/**
 * S3 does not tell removed from missing, so both are `removed`, unless the server does.
 *
 * @param keyOf the key, or a RefusedError
 * @throws ConnectionError when nothing answers
 */
export async function removeObjects(
  connection: S3Connection,
  bucket: string,
  uris: readonly string[],
  keyOf: (uri: string) => string,
): Promise<Removal[]> {
  const answers: Removal[] = []
  const places = new Map<string, number[]>()
  for (const [index, uri] of uris.entries()) {
    try {
      const key = keyOf(uri)
      const same = places.get(key)
      if (same === undefined) places.set(key, [index])
      else same.push(index)
    } catch (error) {
      answers[index] = answerOf(error)
    }
  }
  const keys = [...places.keys()]
  const plain = keys.filter((key) => !AWKWARD.test(key))
  const told = new Map<string, Removal>()
  for (let start = 0; start < plain.length; start += BATCH) {
    const batch = plain.slice(start, start + BATCH)
    for (const [key, answer] of await removeBatch(connection, bucket, batch)) told.set(key, answer)
  }
  for (const key of keys.filter((each) => AWKWARD.test(each))) told.set(key, await removeOne(connection, bucket, key))
  for (const [key, indexes] of places) {
    for (const index of indexes) answers[index] = told.get(key) ?? UNTOLD
  }
  return answers
}

/** A server that says nothing of a key has not said that it is gone. */
const UNTOLD: Removal = { outcome: 'failed', reason: 'its server did not say what became of it' }

async function removeBatch(
  connection: S3Connection,
  bucket: string,
  keys: readonly string[],
): Promise<Map<string, Removal>> {
  try {
    const { Deleted = [], Errors = [] } = await connection.call('remove files', ({ sdk, client, options }) =>
      client.send(
        new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
        options,
      ),
    )
    const told = new Map<string, Removal>()
    for (const { Key } of Deleted) if (Key !== undefined) told.set(Key, REMOVED)
    for (const { Key, Code } of Errors) {
      if (Key === undefined) continue
      told.set(Key, Code === 'NoSuchKey' ? MISSING : { outcome: 'failed', reason: reasonOfCode(Code) })
    }
    return told
  } catch (error) {
    const answer = answerOf(error)
    return new Map(keys.map((key) => [key, answer]))
  }
}

async function removeOne(connection: S3Connection, bucket: string, key: string): Promise<Removal> {
  try {
    await connection.call('remove a file', ({ sdk, client, options }) =>
      client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
    )
    return REMOVED
  } catch (error) {
    return isNoSuchKey(error) ? MISSING : answerOf(error)
  }
}

/** @throws ConnectionError, and what is no answer of the server's */
function answerOf(error: unknown): Removal {
  if (error instanceof RefusedError) return { outcome: 'refused', reason: error.message }
  if (error instanceof OperationError) return { outcome: 'failed', reason: error.message }
  throw error
}
