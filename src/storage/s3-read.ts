/** Asking for one object, and reading it. */
import { Readable } from 'node:stream'
import { StoreConnectionError } from '../errors.ts'
import { missing } from './refusals.ts'
import type { S3Connection } from './s3-connection.ts'
import { isBare, isNoSuchKey, s3Error } from './s3-errors.ts'

export interface ObjectHead {
  readonly bytes: number
  readonly modifiedAt: Date
  readonly etag: string
  readonly contentType: string | undefined
  readonly metadata: Readonly<Record<string, string>>
}

/** Undefined when there is no such object. @throws OperationError, also when there is no such bucket */
export async function headOf(connection: S3Connection, bucket: string, key: string): Promise<ObjectHead | undefined> {
  try {
    const { ContentLength, LastModified, ETag, ContentType, Metadata } = await connection.call(
      'look at a file',
      ({ sdk, client, options }) => client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }), options),
    )
    return {
      bytes: ContentLength ?? 0,
      modifiedAt: LastModified ?? new Date(0),
      etag: ETag ?? '',
      contentType: ContentType,
      metadata: Metadata ?? {},
    }
  } catch (error) {
    if (isNoSuchKey(error)) return undefined
    if (!isBare(error)) throw error
    // GET says what it is, or which of object and bucket is missing.
    const found = await bodyOf(connection, bucket, key)
    found?.body.destroy()
    if (found === undefined) return undefined
    // That an object came in between is as good as that it came later; any other answer is one to HEAD alone.
    if (!isBare(error, 404)) throw error
    return headOf(connection, bucket, key)
  }
}

/** @throws NotFoundError; so does the stream, also when it ends early or stands still */
export async function readObject(connection: S3Connection, bucket: string, key: string): Promise<Readable> {
  const found = await bodyOf(connection, bucket, key)
  if (found === undefined) throw missing()
  const { body, bytes } = found
  const stream = Readable.from(chunks(connection, body, bytes), { objectMode: false, highWaterMark: 256 * 1024 })
  stream.once('close', () => body.destroy())
  return stream
}

async function bodyOf(
  connection: S3Connection,
  bucket: string,
  key: string,
): Promise<{ readonly body: Readable; readonly bytes: number | undefined } | undefined> {
  try {
    const { Body, ContentLength } = await connection.call('read a file', ({ sdk, client, options }) =>
      client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }), options),
    )
    const body = Body instanceof Readable ? Body : Readable.from([])
    return { body, bytes: ContentLength }
  } catch (error) {
    if (isNoSuchKey(error)) return undefined
    throw error
  }
}

async function* chunks(
  connection: S3Connection,
  body: Readable,
  bytes: number | undefined,
): AsyncGenerator<Buffer, void> {
  let read = 0
  try {
    for await (const chunk of body) {
      connection.throwIfStopped()
      read += chunk.length
      yield chunk
    }
  } catch (error) {
    throw s3Error(error, connection.store, 'read a file')
  }
  if (bytes === undefined || read === bytes) return
  throw new StoreConnectionError({
    code: 'store-unreachable',
    message: `Store ${connection.store} could not read a file: its server ended the answer early`,
    hint: 'Run the command again',
  })
}
