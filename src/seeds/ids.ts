/**
 * Ids of seeded rows, each kind with a mark of its own inside, so that seeded rows are recognised without any record
 * of them, and the condition that recognises it (`seededSql`).
 */
import { raw, type Sql, sql } from '../model/sql.ts'
import { SECOND } from './calendar.ts'
import type { SeedIds } from './definition.ts'

/** 2022-06-20 00:00 UTC in seconds since 1970, where the ids of decision 10 begin. */
export const EPOCH = 1_655_683_200
const WORKER = 2047
const WORKER_BITS = WORKER * 2 ** 21
/** Sequences of `seedId` count modulo this. */
export const SEQUENCES = 2 ** 20

const BILLION = 1_000_000_000
/** 2^32 = 4 * 10^9 + this. */
const REST_OF_2_32 = 294_967_296

/**
 * The id of a seeded row in the layout of decision 10, from simulated time, with a worker number of its own.
 *
 * The upper 32 bits are seconds since 2022-06-20 UTC. Of the lower 32 the highest 11 are the worker, here always
 * 2047, the next 20 the sequence, and the lowest is the version bit that generators leave 0 while the database's own
 * default sets it. The platform's workers are free to use 2047 too; what is seeded is therefore also bounded in time:
 * whoever else made the id made it after the end of the simulated time (see `seededSql`).
 *
 * Two rows of one table must not share both second and sequence (modulo 2^20): callers number rows so that those
 * whose numbers agree are hours apart.
 *
 * @param prefix of the table, without `_`
 * @param micros when the row was created, microseconds since 1970 UTC
 * @param sequence non-negative whole number
 */
export function seedId(prefix: string, micros: number, sequence: number): string {
  const seconds = Math.floor(micros / SECOND) - EPOCH
  const low = WORKER_BITS + (sequence % SEQUENCES) * 2
  // seconds * 2^32 + low in two limbs of nine digits: a double holds each exactly, and a BigInt costs five times more.
  const high = Math.floor(seconds / 100_000)
  const product = high * REST_OF_2_32
  const carried = Math.floor(product / 10_000)
  const rest = (product - carried * 10_000) * 100_000 + (seconds - high * 100_000) * REST_OF_2_32 + low
  const carry = Math.floor(rest / BILLION)
  return `${prefix}_${seconds * 4 + carried + carry}${String(rest - carry * BILLION).padStart(9, '0')}`
}

/** The fourth group of every seeded UUID; `gen_random_uuid()` makes version 4, these are version 8. */
const UUID_MARK = '9eed'

/**
 * The UUID of a seeded row: version 8, free for one's own layouts (RFC 9562, 5.8). Milliseconds come first, so that
 * rows written in the order of time lie in their index in that order too.
 *
 * @param table number of the table within the system, from 0 to 4095
 * @param micros when the row was created, microseconds since 1970 UTC
 * @param sequence non-negative whole number below 2^48, unique within the table
 */
export function seedUuid(table: number, micros: number, sequence: number): string {
  const time = Math.floor(micros / 1000)
    .toString(16)
    .padStart(12, '0')
  const kind = table.toString(16).padStart(3, '0')
  const number = sequence.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-8${kind}-${UUID_MARK}-${number}`
}

/** Crockford's base 32, which ULIDs are written in. */
const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ULID_MARK = 'SEED'

/**
 * The ULID of a seeded row: ten characters of time, the mark, and twelve for the number.
 *
 * @param micros when the row was created, microseconds since 1970 UTC
 * @param sequence non-negative whole number, unique within the table
 */
export function seedUlid(micros: number, sequence: number): string {
  return `${base32(Math.floor(micros / 1000), 10)}${ULID_MARK}${base32(sequence, 12)}`
}

function base32(number: number, length: number): string {
  let text = ''
  for (let rest = number; text.length < length; rest = Math.floor(rest / 32)) text = `${BASE32[rest % 32]}${text}`
  return text
}

/** Name of the SQL type that ids of this kind compare as. */
export function idType(ids: SeedIds): 'text' | 'uuid' | 'bigint' {
  if (ids.kind === 'uuid') return 'uuid'
  return ids.kind === 'number' ? 'bigint' : 'text'
}

/**
 * The condition that an id belongs to a seeded row.
 *
 * @param column expression of the id, safe to repeat
 * @param ids of the table the id points into
 * @param until end of the simulated time of the seed set, microseconds since 1970 UTC
 */
export function seededSql(column: Sql, ids: SeedIds, until: number): Sql {
  switch (ids.kind) {
    case 'prefixed':
      return prefixedSql(column, ids.prefix, until)
    case 'uuid':
      return sql`${column}::text LIKE ${`________-____-8___-${UUID_MARK}-____________`}::text`
    case 'uuid-text':
      return sql`${column} LIKE ${`________-____-8___-${UUID_MARK}-____________`}::text`
    case 'ulid':
      return sql`${column} LIKE ${`__________${ULID_MARK}____________`}::text`
    case 'number':
      return sql`${column} >= ${ids.from}::bigint`
    case 'text':
      return sql`starts_with(${column}, ${ids.startsWith}::text)`
    case 'listed':
      return sql`${column} = ANY (${ids.values}::text[])`
  }
}

function prefixedSql(column: Sql, prefix: string, until: number): Sql {
  const pattern = `^${prefix}_[0-8]?[0-9]{1,18}$`
  const number = sql`substr(${column}, ${raw(String(prefix.length + 2))})::bigint`
  // CASE, since AND promises no order and the cast fails on ids of another form (PostgreSQL manual, 4.2.14).
  return sql`CASE WHEN ${column} ~ ${pattern}::text
    THEN (${number} & 4292870145) = ${raw(String(WORKER_BITS))}
     AND (${number} >> 32) < ${raw(String(Math.ceil(until / SECOND) - EPOCH))}
    ELSE false END`
}
