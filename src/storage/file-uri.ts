/**
 * `file://` URIs, read strictly and by ourselves: the URL parser would resolve `..`, turn backslashes into slashes and
 * drop tabs and line ends, so that what is checked is not what was written.
 *
 * Segments are percent-encoded UTF-8 (RFC 3986, section 2); a `%` that starts no such byte is refused.
 */
import { UsageError } from '../errors.ts'
import { refusePath } from './path.ts'
import { outside } from './refusals.ts'

/** Characters that stay as they are in a segment: RFC 3986's pchar. `encodeURIComponent` knows fewer. */
const PLAIN = /%(?:24|26|2B|2C|3A|3B|3D|40)/g

/** The absolute path of a store's root, without a slash at the end. @throws UsageError */
export function rootOf(url: string): string {
  const path = read(url.replace(/(?<=^file:\/\/\/.*)\/+$/i, ''))
  if (typeof path !== 'string') {
    throw new UsageError({
      code: 'not-a-file-store',
      message: 'The artifact store is not a local directory',
      hint: 'Write it as file:///absolute/path',
    })
  }
  return path
}

export function urlOf(root: string): string {
  return `file://${encode(root)}`
}

/** `/a b` as `/a%20b`. */
export function encode(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll(PLAIN, decodeURIComponent))
    .join('/')
}

/** URIs whose path is what they say: no encoding, no segment that is empty or begins with a dot. Nearly all are. */
const LITERAL = /^file:\/\/(?:\/[A-Za-z0-9_~+=@,:!$&*;()-][A-Za-z0-9._~+=@,:!$&*;()-]*)+$/

/** The path below the root that a URI stands for. @throws RefusedError when it is not below it */
export function pathBelow(root: string, uri: string): string {
  const path = LITERAL.test(uri) ? uri.slice('file://'.length) : read(uri)
  if (typeof path !== 'string') throw outside(path.refused)
  if (!path.startsWith(`${root}/`)) throw outside('it is not below its root')
  return path.slice(root.length + 1)
}

function read(uri: string): string | { readonly refused: string } {
  const raw = /^file:\/\/(\/.*)$/is.exec(uri)?.[1]
  if (raw === undefined) return { refused: 'it is no file:/// URI' }
  if (/[?#]/.test(raw)) return { refused: 'a file URI has no ? and no #' }
  const segments = raw.slice(1).split('/').map(decode)
  if (!segments.every((segment) => segment !== undefined && !segment.includes('/'))) {
    return { refused: 'its percent-encoding is wrong' }
  }
  // `//` is `/` to the file system; the last segment may not be empty, since that would be a folder.
  const path = segments.filter((segment, index) => segment !== '' || index === segments.length - 1).join('/')
  const refused = refusePath(path)
  return refused === undefined ? `/${path}` : { refused }
}

function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
