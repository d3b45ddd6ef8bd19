/**
 * `s3://bucket/key`: what follows the bucket and its slash is the key as it stands, as platforms write it into their
 * rows; nothing is decoded, so that spaces, `+`, `%`, `?` and `#` are themselves. UTF-8 gives it its bytes.
 *
 * S3 takes `.` and `..` for names like others, but HTTP libraries, proxies and servers that keep objects in files resolve
 * them, and another object would be touched: keys with such segments are refused.
 */
import { UsageError } from '../errors.ts'
import { refuseName } from './path.ts'
import { outside } from './refusals.ts'

export interface S3Root {
  readonly bucket: string
  /** What keys in the store begin with: empty, or ending with a slash. */
  readonly prefix: string
}

/** @throws UsageError */
export function s3RootOf(url: string): S3Root {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/s.exec(url) ?? []
  if (bucket === undefined || refuseName(prefix) !== undefined) {
    throw new UsageError({
      code: 'not-an-s3-store',
      message: 'The artifact store is no bucket',
      hint: 'Write it as s3://bucket or s3://bucket/prefix',
    })
  }
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` }
}

/** The key that a URI stands for. @throws RefusedError for another bucket and outside the prefix */
export function keyIn({ bucket, prefix }: S3Root, uri: string): string {
  if (!uri.startsWith(`s3://${bucket}/`)) throw outside('it is not in its bucket')
  const key = uri.slice(`s3://${bucket}/`.length)
  if (!key.startsWith(prefix) || key.length === prefix.length) throw outside('it is not below its prefix')
  const refused = refuseName(key)
  if (refused !== undefined) throw outside(refused)
  return key
}
