/**
 * Digests of archived rows: the sum over the rows of 64 bits of the SHA-256 of each row's text. A sum does not depend
 * on the order, tells how often a row is there, and can be taken apart again: restored rows are subtracted.
 */
import { identifier, join, type Sql, sql } from '../model/sql.ts'

/**
 * Settings of every transaction that makes or compares digests, or writes COPY text: the text of a value depends on
 * them (PostgreSQL manual, 20.11.2).
 */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
}

/**
 * Aggregate expression for the digest of the rows of a FROM item; zero for none.
 *
 * @param columns in the order of `archive_batch_tables.columns`
 */
export function digestSql(alias: string, columns: readonly string[]): Sql {
  const row = sql`ROW(${join(columns.map((name) => identifier(alias, name)))})::text`
  return sql`COALESCE(SUM(('x' || encode(substr(sha256(convert_to(${row}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint::numeric), 0)`
}
