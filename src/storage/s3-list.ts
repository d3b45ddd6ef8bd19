/** Listing a bucket page by page. */
import { OperationError } from '../errors.ts'
import { asksForQuarantine, compareBytes, refuseName } from './path.ts'
import type { S3Connection } from './s3-connection.ts'
import type { S3Root } from './s3-uri.ts'
import { QUARANTINE, type Skipped, type StoredFile } from './store.ts'

/** The most that ListObjectsV2 gives. */
const PAGE = 1000

interface Listed {
  readonly key: string
  readonly bytes: number
  readonly modifiedAt: Date
}

/** @throws OperationError also when the server does not list in the order of the keys' bytes, as S3 says it does */
export async function* listObjects(
  connection: S3Connection,
  root: S3Root,
  prefix: string,
  after: string | undefined,
  onSkipped: ((skipped: Skipped) => void) | undefined,
): AsyncGenerator<StoredFile> {
  const hidden = asksForQuarantine(prefix) ? undefined : `${root.prefix}${QUARANTINE}/`
  let startAfter = after === undefined ? undefined : `${root.prefix}${after}`
  let token: string | undefined
  let last = startAfter ?? ''
  for (let more = true; more; ) {
    const page = await pageOf(connection, root.bucket, `${root.prefix}${prefix}`, token, startAfter)
    more = page.isTruncated
    token = page.token
    // Without a token (some servers forget it) the last key leads on.
    if (token === undefined) startAfter = page.objects.at(-1)?.key
    for (const { key, bytes, modifiedAt } of page.objects) {
      // Servers that do not know StartAfter begin at the beginning.
      if (after !== undefined && compareBytes(key, `${root.prefix}${after}`) <= 0) continue
      if (compareBytes(key, last) < 0) throw disordered(connection.store)
      last = key
      if (hidden !== undefined && key.startsWith(hidden)) continue
      const path = key.slice(root.prefix.length)
      const why = whySkipped(path, bytes)
      if (why === undefined) yield { uri: `s3://${root.bucket}/${key}`, path, bytes, modifiedAt }
      else onSkipped?.({ path, why })
    }
    if (more && hidden !== undefined && last.startsWith(hidden)) {
      // Past the quarantine in one step, however much is in it.
      token = undefined
      startAfter = `${hidden}\u{10FFFF}`
    }
  }
}

async function pageOf(
  connection: S3Connection,
  bucket: string,
  prefix: string,
  token: string | undefined,
  startAfter: string | undefined,
): Promise<{ objects: Listed[]; isTruncated: boolean; token: string | undefined }> {
  const found = await connection.call('list its files', ({ sdk, client, options }) =>
    client.send(
      new sdk.ListObjectsV2Command({
        Bucket: bucket,
        MaxKeys: PAGE,
        // XML cannot hold every character that a key can.
        EncodingType: 'url',
        ...(prefix === '' ? {} : { Prefix: prefix }),
        ...(token === undefined ? {} : { ContinuationToken: token }),
        ...(token === undefined && startAfter !== undefined ? { StartAfter: startAfter } : {}),
      }),
      options,
    ),
  )
  // Servers that do not encode do not say that they did.
  const decode = found.EncodingType === 'url' ? decodeKey : (key: string) => key
  const objects = (found.Contents ?? []).flatMap(({ Key, Size, LastModified }) =>
    Key === undefined || LastModified === undefined
      ? []
      : [{ key: decode(Key), bytes: Size ?? 0, modifiedAt: LastModified }],
  )
  const isTruncated = found.IsTruncated === true && objects.length > 0
  return { objects, isTruncated, token: isTruncated ? found.NextContinuationToken : undefined }
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '))
}

function whySkipped(path: string, bytes: number): Skipped['why'] | undefined {
  if (path === '' || (path.endsWith('/') && bytes === 0)) return 'folder marker'
  return refuseName(path) === undefined ? undefined : 'name is refused'
}

function disordered(store: string): OperationError {
  return new OperationError({
    code: 'listing-disordered',
    message: `Store ${store} does not list its files in the order of their names, so that none can be missed`,
    hint: 'Directory buckets and some servers do that; use a general purpose bucket, or another server',
  })
}
