/** What reports of every system are made of: parameters, and pieces of SQL. */
import type { Parameter, ReportInput } from './report.ts'
import { empty, raw, type Sql, sql } from './sql.ts'

/** Length of an interval in seconds, as double precision (an average of EXTRACT alone would be numeric). */
export const seconds = (interval: Sql): Sql => sql`EXTRACT(EPOCH FROM ${interval})::double precision`

/** Share in percent, not rounded; 0 where there is nothing to share. */
export const percent = (part: Sql, whole: Sql): Sql =>
  sql`COALESCE(100.0 * ${part} / NULLIF(${whole}, 0), 0)::double precision`

/** Share in percent of those that came to a verdict; NULL where none did. */
export const rate = (good: Sql, verdicts: Sql): Sql =>
  sql`(100.0 * ${good} / NULLIF(${verdicts}, 0))::double precision`

/** The value that this share of the values does not exceed, interpolated; NULL of none. */
export const percentile = (share: number, value: Sql): Sql =>
  sql`PERCENTILE_CONT(${share}::double precision) WITHIN GROUP (ORDER BY ${value})`

/** Rows whose time lies in the window `[since, until)`. */
export const within = (column: Sql, { window }: ReportInput): Sql =>
  sql`${column} >= ${window.since}::timestamptz AND ${column} < ${window.until}::timestamptz`

/**
 * `day`, a common table expression with every day (UTC) of the window, so that days on which nothing happened are shown
 * too.
 */
export const days = ({ window }: ReportInput): Sql => sql`day AS (
          SELECT date::date AS date
          FROM generate_series(
            date_trunc('day', ${window.since}::timestamptz AT TIME ZONE 'UTC'),
            -- The last instant before the end decides the last day.
            (${window.until}::timestamptz - interval '1 microsecond') AT TIME ZONE 'UTC',
            interval '1 day'
          ) AS date
        )`

/** A report about one row of an entity, or about all of them. */
export interface OneOrAll {
  readonly parameter: Parameter
  /** `AND column = $n` for the one, nothing when the report is about all of them. */
  readonly only: (column: Sql, input: ReportInput) => Sql
}

/**
 * @param key name of the parameter
 * @param named the entity, its field that people know a row by, and what else than the id is taken: `id or name`
 * @param type of the key
 */
export function oneOrAll(
  key: string,
  named: { readonly entity: string; readonly label: string; readonly by?: string; readonly metavar?: string },
  type: 'text' | 'uuid' | 'integer',
): OneOrAll {
  const { entity, label, by, metavar = entity } = named
  return {
    parameter: {
      summary: `${entity} to report on${by === undefined ? '' : `, by ${by}`}; all of them when absent`,
      names: { entity, label, absent: `all ${entity}s` },
      kind: 'text',
      positional: true,
      metavar,
    },
    only(column, { parameters }) {
      const one = parameters[key]
      return one === undefined ? empty : sql`AND ${column} = ${one}::${raw(type)}`
    },
  }
}
