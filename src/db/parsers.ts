/**
 * How values come back from the server, by type: the memory forms of `model/column.ts`. Sessions run in UTC with ISO
 * dates, so texts need no arithmetic; nothing here goes through a JavaScript Date, which would lose microseconds.
 */
import { types } from 'pg'
import { parseJson } from './json.ts'

type Parse = (text: string) => unknown

const asText: Parse = (text) => text

/**
 * `2026-11-22 03:51:04.1+00` becomes `2026-11-22T03:51:04.100000Z`. What ISO 8601 cannot say (`infinity`, years BC)
 * stays as PostgreSQL wrote it, which it also reads back.
 */
function parseTimestamptz(text: string): string {
  const match = /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text)
  return match ? `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(6, '0')}Z` : text
}

/** As `parseTimestamptz` for `timestamp without time zone`: no `Z`, since nobody knows the zone. */
function parseTimestamp(text: string): string {
  const match = /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text)
  return match ? `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(6, '0')}` : text
}

/**
 * Reads an array literal (PostgreSQL manual, 8.15.6), nested ones too.
 *
 * @param element reads one element that is not NULL
 */
export function parseArray(text: string, element: Parse): unknown[] {
  // Bounds other than 1 are printed in front: `[0:2]={1,2,3}`.
  let at = text.indexOf('{') + 1

  function elements(): unknown[] {
    const found: unknown[] = []
    while (text[at] !== '}' && at < text.length) {
      if (text[at] === ',') at++
      else if (text[at] === '{') {
        at++
        found.push(elements())
      } else if (text[at] === '"') found.push(element(quoted()))
      else {
        const start = at
        while (at < text.length && text[at] !== ',' && text[at] !== '}') at++
        const word = text.slice(start, at)
        found.push(word === 'NULL' ? null : element(word))
      }
    }
    at++
    return found
  }

  function quoted(): string {
    let value = ''
    for (at++; text[at] !== '"' && at < text.length; at++) {
      if (text[at] === '\\') at++
      value += text[at]
    }
    at++
    return value
  }

  return elements()
}

/** Scalar type and its array type, by OID (pg_type.dat; fixed for ever for built-in types). */
const PARSERS: readonly (readonly [scalar: number, array: number, parse: Parse])[] = [
  [16, 1000, (text) => text === 't'], // boolean
  [18, 1002, asText], // "char"
  [19, 1003, asText], // name
  [20, 1016, BigInt], // bigint
  [21, 1005, Number], // smallint
  [23, 1007, Number], // integer
  [25, 1009, asText], // text
  [26, 1028, Number], // oid
  [114, 199, parseJson], // json
  [700, 1021, Number], // real
  [701, 1022, Number], // double precision
  [1042, 1014, asText], // char(n)
  [1043, 1015, asText], // varchar
  [1082, 1182, asText], // date
  [1114, 1115, parseTimestamp],
  [1184, 1185, parseTimestamptz],
  [1186, 1187, asText], // interval
  [1700, 1231, asText], // numeric
  [2950, 2951, asText], // uuid
  [3802, 3807, parseJson], // jsonb
]

/** bytea is the one type whose text form nobody wants; the driver makes it a Buffer. */
const BYTEA = 17

const byOid = new Map<number, Parse>(
  PARSERS.flatMap(([scalar, array, parse]): [number, Parse][] => [
    [scalar, parse],
    [array, (text) => parseArray(text, parse)],
  ]),
)
byOid.set(BYTEA, types.getTypeParser(BYTEA))

/**
 * The parser of a type for the driver. Types that are not listed (enums, ranges, extensions' own) stay text.
 *
 * @param oid OID of the type, as the row description gives it
 */
export function parserOf(oid: number): Parse {
  return byOid.get(oid) ?? asText
}
