/**
 * Ids of seeded rows: the platform's own layout (decision 10) from simulated time, with a worker number of their own,
 * so that they are recognised without any record of them.
 *
 * The upper 32 bits are seconds since 2022-06-20 UTC. Of the lower 32 the highest 11 are the worker, here always
 * 2047, the next 20 the sequence, and the lowest is the version bit that generators leave 0 while the database's own
 * default sets it. The platform's workers are free to use 2047 too; what is seeded is therefore also bounded in time:
 * whoever else made the id made it after the end of the simulated time (see `seededSql`).
 */
import { raw, type Sql, sql } from '../model/sql.ts'
import { SECOND } from './calendar.ts'

/** 2022-06-20 00:00 UTC in seconds since 1970, where the ids begin. */
export const EPOCH = 1_655_683_200
const WORKER = 2047
const WORKER_BITS = WORKER * 2 ** 21
/** Sequences count modulo this. */
export const SEQUENCES = 2 ** 20

const BILLION = 1_000_000_000
/** 2^32 = 4 * 10^9 + this. */
const REST_OF_2_32 = 294_967_296

/**
 * The id of a seeded row.
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

/**
 * The condition that an id belongs to a seeded row.
 *
 * @param column expression of type text, safe to repeat
 * @param prefix of the table the id points into
 * @param until end of the simulated time of the seed set, microseconds since 1970 UTC
 */
export function seededSql(column: Sql, prefix: string, until: number): Sql {
  const pattern = `^${prefix}_[0-8]?[0-9]{1,18}$`
  const number = sql`substr(${column}, ${raw(String(prefix.length + 2))})::bigint`
  // CASE, since AND promises no order and the cast fails on ids of another form (PostgreSQL manual, 4.2.14).
  return sql`CASE WHEN ${column} ~ ${pattern}::text
    THEN (${number} & 4292870145) = ${raw(String(WORKER_BITS))}
     AND (${number} >> 32) < ${raw(String(Math.ceil(until / SECOND) - EPOCH))}
    ELSE false END`
}
