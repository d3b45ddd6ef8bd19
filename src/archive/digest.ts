/**
 * Digests of archived rows: the sum over the rows of 64 bits of the SHA-256 of each row's text. A sum does not depend
 * on the order, tells how often a row is there, and can be taken apart again: restored rows are subtracted.
 *
 * A row's text is its composite literal (PostgreSQL manual, 8.16.2), which tells NULL from '' and one column from the
 * next. Binary output would be faster to make, but names types by OIDs, which a dump and restore changes; PostgreSQL's
 * own hash functions depend on the byte order of the machine, and take 1.0 and 1.00 for the same.
 */
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'

/**
 * Settings of every transaction that makes or compares digests, or reads or writes COPY text: the text of a value
 * depends on them (PostgreSQL manual, 20.11.2).
 */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
}

/**
 * Aggregate expression for the digest of the rows of a FROM item; zero for none.
 *
 * Most of its time goes into the row's text. The sum of bigints is a numeric that is added up in 128 bits.
 *
 * @param columns in the order of `archive_batch_tables.columns`
 * @param only condition that a row counts
 */
export function digestSql(alias: string, columns: readonly string[], only?: Sql): Sql {
  const which = only === undefined ? raw('') : sql` FILTER (WHERE ${only})`
  return sql`COALESCE(SUM(${rowHashSql(alias, columns)})${which}, 0)`
}

/** What one row adds to the digest: the first 64 bits of its SHA-256, as a signed number. */
export function rowHashSql(alias: string, columns: readonly string[]): Sql {
  return sql`('x' || encode(substr(sha256(convert_to(${rowTextSql(alias, columns)}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint`
}

/** A row's content as one text: equal texts are equal contents. */
export function rowTextSql(alias: string, columns: readonly string[]): Sql {
  return sql`ROW(${join(columns.map((name) => identifier(alias, name)))})::text`
}
