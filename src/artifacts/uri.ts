/**
 * How URIs of files are compared: two rows that write the same file differently (`file:///a/./b`, `file:///a//b/`,
 * `/a/b`, `file:///a/%62`) stand for the same file. More is read here than a store would touch: to find one row too many
 * leaves a file, to find one too few deletes a live one.
 */
import { posix } from 'node:path'
import type { Sql } from '../model/sql.ts'
import { sql } from '../model/sql.ts'
import { encode } from '../storage/file-uri.ts'

/**
 * A URI that can be written in no other way: characters that need no encoding, no segment that is empty, `.` or `..`. For
 * JavaScript and PostgreSQL alike.
 */
const PLAIN = String.raw`^(file://|s3://[a-z0-9.-]+)(/\.*[A-Za-z0-9_~+=@,:!$&*;()-][A-Za-z0-9._~+=@,:!$&*;()-]*)+$`

const plain = new RegExp(PLAIN)
/** Half a surrogate pair, which no byte stands for. */
const LONE = /\p{Surrogate}/u

/** Whether equality of texts is equality of files. */
export function isPlain(uri: string): boolean {
  return plain.test(uri)
}

/** Condition that a URI may be written in another way, too; the opposite of `isPlain`. */
export function isOddSql(uri: Sql): Sql {
  return sql`${uri} COLLATE "C" !~ ${PLAIN}`
}

/**
 * The one way to write what a URI stands for, as stores write it; the text itself where it stands for nothing that a
 * store could hold.
 */
export function canonicalUri(uri: string): string {
  if (isPlain(uri)) return uri
  const object = /^s3:\/\/([^/]+)\/(.+)$/is.exec(uri)
  // Keys are bytes: `.` and `//` are names like others there.
  if (object?.[1] !== undefined) return `s3://${object[1].toLowerCase()}/${object[2]}`
  const path = pathOf(uri)
  if (path === undefined) return uri
  return `file://${encode(posix.normalize(path).replace(/(?<=.)\/+$/, ''))}`
}

/** The absolute path of a local file: after `file:`, with or without an authority, or by itself. */
function pathOf(uri: string): string | undefined {
  if (uri.startsWith('/')) return LONE.test(uri) ? undefined : uri
  const raw = /^file:(?:\/\/[^/]*)?(\/[^?#]*)/is.exec(uri)?.[1]
  if (raw === undefined || LONE.test(raw)) return undefined
  return raw.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes)
    } catch {
      return bytes
    }
  })
}

/** What stands before the path, in words for people: `s3://bucket`, `ftp:`; nothing of the rest of the text. */
export function placeOf(uri: string): string {
  const bucket = /^s3:\/\/([A-Za-z0-9._-]{1,63})(?=\/)/i.exec(uri)?.[1]
  if (bucket !== undefined) return `s3://${bucket}`
  const scheme = /^[a-z][a-z0-9+.-]{0,20}(?=:)/i.exec(uri)?.[0]
  return scheme === undefined ? 'no URI' : `${scheme.toLowerCase()}:`
}
