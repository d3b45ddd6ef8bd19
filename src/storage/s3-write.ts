/** Writing an object: at once where it is small, else in parts, of which one is held in memory. */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { OperationError } from '../errors.ts'
import { md5Of, type S3Connection } from './s3-connection.ts'
import { headOf } from './s3-read.ts'
import type { Written } from './store.ts'

/** After so many parts they double, so that 10,000 of them hold 5 TiB and more. */
const PARTS_A_SIZE = 1_000

interface Place {
  readonly bucket: string
  readonly key: string
  readonly contentType?: string | undefined
  readonly metadata?: Readonly<Record<string, string>>
}

/** @throws OperationError, ConnectionError; the error of `content`; then nothing is left, also no parts */
export async function writeObject(
  connection: S3Connection,
  place: Place,
  content: Readable | Uint8Array,
): Promise<Written> {
  const hash = createHash('sha256')
  let bytes = 0
  const parts = partsOf(content, connection.limits.partBytes, (chunk) => {
    hash.update(chunk)
    bytes += chunk.length
    connection.throwIfStopped()
  })
  const { value: first = Buffer.alloc(0) } = await parts.next()
  // One part more than the first decides; a file of exactly one part's size is not split.
  const second = await parts.next()
  if (second.done === true) await putWhole(connection, place, first)
  else await putParts(connection, place, concat(first, second.value, parts))
  await checkSize(connection, place, bytes)
  return { bytes, sha256: hash.digest('hex') }
}

async function putWhole(connection: S3Connection, { bucket, key }: Place, body: Buffer): Promise<void> {
  await connection.call('write a file', ({ sdk, client, options }) =>
    client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentMD5: md5Of(body) }), options),
  )
}

async function putParts(connection: S3Connection, place: Place, parts: AsyncIterable<Buffer>): Promise<void> {
  await inParts(connection, place, async (uploadId) => {
    const done: Part[] = []
    for await (const part of parts) done.push(await putPart(connection, place, uploadId, done.length + 1, part))
    return done
  })
}

export interface Part {
  readonly ETag: string | undefined
  readonly PartNumber: number
}

/**
 * An upload in parts: begun, done, ended; given up when anything fails, so that no parts are left to pay for.
 *
 * @param upload returns the parts
 */
export async function inParts(
  connection: S3Connection,
  { bucket, key, contentType, metadata }: Place,
  upload: (uploadId: string) => Promise<readonly Part[]>,
  requestMs?: number,
): Promise<void> {
  const { UploadId } = await connection.call('begin to write a file', ({ sdk, client, options }) =>
    client.send(
      new sdk.CreateMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        ...(contentType === undefined ? {} : { ContentType: contentType }),
        ...(metadata === undefined ? {} : { Metadata: { ...metadata } }),
      }),
      options,
    ),
  )
  const uploadId = UploadId ?? ''
  try {
    const parts = await upload(uploadId)
    await connection.call(
      'finish a file',
      ({ sdk, client, options }) =>
        client.send(
          new sdk.CompleteMultipartUploadCommand({
            Bucket: bucket,
            Key: key,
            UploadId: uploadId,
            MultipartUpload: { Parts: [...parts] },
          }),
          options,
        ),
      requestMs,
    )
  } catch (error) {
    await connection.giveUp(({ sdk, client, options }) =>
      client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }), options),
    )
    throw error
  }
}

async function putPart(
  connection: S3Connection,
  { bucket, key }: Place,
  uploadId: string,
  number: number,
  body: Buffer,
): Promise<Part> {
  const { ETag } = await connection.call('write a part of a file', ({ sdk, client, options }) =>
    client.send(
      new sdk.UploadPartCommand({
        Bucket: bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: number,
        Body: body,
        ContentMD5: md5Of(body),
      }),
      options,
    ),
  )
  return { ETag, PartNumber: number }
}

async function checkSize(connection: S3Connection, { bucket, key }: Place, bytes: number): Promise<void> {
  const found = await headOf(connection, bucket, key)
  if (found?.bytes === bytes) return
  throw new OperationError({
    code: 'store-mismatch',
    message: `Store ${connection.store} holds ${found?.bytes ?? 'none'} of the ${bytes} bytes that were written`,
    hint: 'See whether something else writes the same object; run the command again',
  })
}

/** The content in parts of equal size, the last one smaller; none for no content. */
async function* partsOf(
  content: Readable | Uint8Array,
  partBytes: number,
  onChunk: (chunk: Uint8Array) => void,
): AsyncGenerator<Buffer, undefined> {
  let held: Uint8Array[] = []
  let size = 0
  let number = 0
  const room = () => partBytes * 2 ** Math.floor(number / PARTS_A_SIZE) - size
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    let rest: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    onChunk(rest)
    while (rest.length >= room()) {
      held.push(rest.subarray(0, room()))
      rest = rest.subarray(room())
      yield Buffer.concat(held)
      held = []
      size = 0
      number += 1
    }
    if (rest.length > 0) held.push(rest)
    size += rest.length
  }
  if (size > 0) yield Buffer.concat(held)
  return undefined
}

async function* concat(first: Buffer, second: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield second
  yield* rest
}
