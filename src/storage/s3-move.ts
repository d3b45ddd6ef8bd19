/** Moving an object: S3 knows no rename, so it is copied within the server, compared, and then removed. */
import { createHash } from 'node:crypto'
import { OperationError } from '../errors.ts'
import { missing, occupied } from './refusals.ts'
import { COPY_MS, type S3Connection } from './s3-connection.ts'
import { headOf, type ObjectHead, readObject } from './s3-read.ts'
import { inParts, type Part } from './s3-write.ts'

/** CopyObject takes 5 GiB at most; what is larger is copied in parts. */
const COPY = { most: 5 * 1024 ** 3, part: 512 * 1024 ** 2 }

interface Move {
  readonly bucket: string
  readonly from: string
  readonly to: string
}

/**
 * The object's time is that of the copy: S3 does not keep it. Between the look whether the target is free and the copy,
 * someone else could put an object there, and it would be replaced; servers that take conditions on copies are few.
 *
 * @param copy bytes that one request may copy, and of a part; tests make them small
 * @throws NotFoundError; RefusedError when the target exists and is not a copy that an earlier, killed move made
 */
export async function moveObject(connection: S3Connection, move: Move, copy = COPY): Promise<void> {
  const { bucket, from, to } = move
  if (from === to) throw occupied()
  const source = await headOf(connection, bucket, from)
  if (source === undefined) throw missing()
  const there = await headOf(connection, bucket, to)
  if (there === undefined) {
    if (source.bytes <= copy.most) await copyWhole(connection, move, source)
    else await copyParts(connection, move, source, copy.part)
    const copied = await headOf(connection, bucket, to)
    if (copied?.bytes !== source.bytes) throw different(connection.store)
  } else if (!(await isCopy(connection, move, source, there))) {
    throw occupied()
  }
  await connection.call('remove a file that was moved', ({ sdk, client, options }) =>
    client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: from }), options),
  )
}

async function copyWhole(connection: S3Connection, { bucket, from, to }: Move, source: ObjectHead): Promise<void> {
  const { CopyObjectResult } = await connection.call(
    'copy a file',
    ({ sdk, client, options }) =>
      client.send(
        new sdk.CopyObjectCommand({
          Bucket: bucket,
          Key: to,
          CopySource: sourceOf(bucket, from),
          // Only what was looked at; changed meanwhile, it is no longer what was to be moved.
          ...(source.etag === '' ? {} : { CopySourceIfMatch: source.etag }),
        }),
        options,
      ),
    COPY_MS,
  )
  if (CopyObjectResult?.ETag === undefined) throw different(connection.store)
}

async function copyParts(
  connection: S3Connection,
  { bucket, from, to }: Move,
  source: ObjectHead,
  part: number,
): Promise<void> {
  const begin = { bucket, key: to, contentType: source.contentType, metadata: source.metadata }
  await inParts(connection, begin, async (uploadId) => {
    const done: Part[] = []
    for (let start = 0; start < source.bytes; start += part) {
      const end = Math.min(start + part, source.bytes) - 1
      const { CopyPartResult } = await connection.call(
        'copy a part of a file',
        ({ sdk, client, options }) =>
          client.send(
            new sdk.UploadPartCopyCommand({
              Bucket: bucket,
              Key: to,
              UploadId: uploadId,
              PartNumber: done.length + 1,
              CopySource: sourceOf(bucket, from),
              CopySourceRange: `bytes=${start}-${end}`,
              ...(source.etag === '' ? {} : { CopySourceIfMatch: source.etag }),
            }),
            options,
          ),
        COPY_MS,
      )
      done.push({ ETag: CopyPartResult?.ETag, PartNumber: done.length + 1 })
    }
    return done
  })
}

/** The header is percent-encoded, all but its slashes. */
function sourceOf(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
}

/** An earlier move was killed before it removed the original. Encrypted copies have another ETag: then bytes decide. */
async function isCopy(
  connection: S3Connection,
  { bucket, from, to }: Move,
  source: ObjectHead,
  there: ObjectHead,
): Promise<boolean> {
  if (source.bytes !== there.bytes) return false
  if (source.etag !== '' && source.etag === there.etag) return true
  return (await digestOf(connection, bucket, from)) === (await digestOf(connection, bucket, to))
}

async function digestOf(connection: S3Connection, bucket: string, key: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await readObject(connection, bucket, key)) hash.update(chunk)
  return hash.digest('hex')
}

function different(store: string): OperationError {
  return new OperationError({
    code: 'store-mismatch',
    message: `Store ${store} did not copy a file as it is; the original is where it was`,
    hint: 'Run the command again; see whether something else writes the same object',
  })
}
