/** SQL that reports of every system are made of. */
import type { ReportInput } from './report.ts'
import { type Sql, sql } from './sql.ts'

/** Length of an interval in seconds, as double precision (an average of EXTRACT alone would be numeric). */
export const seconds = (interval: Sql): Sql => sql`EXTRACT(EPOCH FROM ${interval})::double precision`

/** Share in percent, not rounded; 0 where there is nothing to share. */
export const percent = (part: Sql, whole: Sql): Sql =>
  sql`COALESCE(100.0 * ${part} / NULLIF(${whole}, 0), 0)::double precision`

/** The value that this share of the values does not exceed, interpolated; NULL of none. */
export const percentile = (share: number, value: Sql): Sql =>
  sql`PERCENTILE_CONT(${share}::double precision) WITHIN GROUP (ORDER BY ${value})`

/** Rows whose creation lies in the window `[since, until)`. */
export const created = (column: Sql, { window }: ReportInput): Sql =>
  sql`${column} >= ${window.since}::timestamptz AND ${column} < ${window.until}::timestamptz`
