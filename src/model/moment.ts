/**
 * Points in time and lengths of time as people write them on a command line or in a profile. Relative times stay
 * relative until SQL adds the server's own now() (decision 4).
 */
import { InvalidValue } from '../errors.ts'
import { type Sql, sql } from './sql.ts'

/** `ago`: that many seconds before the server's now(). `at`: an ISO 8601 instant, UTC unless it names an offset. */
export type Moment =
  | { readonly kind: 'ago'; readonly seconds: number }
  | { readonly kind: 'at'; readonly instant: string }

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const

/** A timestamp begins in 4713 BC (PostgreSQL manual, 8.5). */
const LONGEST_AGO = 6_000 * 365 * SECONDS.d

/** @returns milliseconds. @throws InvalidValue */
export function parseDuration(raw: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|[smhdw])$/.exec(raw.trim())
  if (!match?.[1] || !match[2]) throw new InvalidValue('must be a length of time such as 90s, 15m, 2h, 7d or 1w')
  const unit = match[2] === 'ms' ? 0.001 : SECONDS[match[2] as keyof typeof SECONDS]
  return Math.round(Number(match[1]) * unit * 1000)
}

/** Reads `7d` (ago), `2026-11-01`, `2026-11-01T08:00`, `2026-11-01T08:00:00+01:00`, `now`. @throws InvalidValue */
export function parseMoment(raw: string): Moment {
  const word = raw.trim()
  if (word === 'now') return { kind: 'ago', seconds: 0 }
  if (/^\d+(\.\d+)?(ms|[smhdw])$/.test(word)) {
    const seconds = parseDuration(word) / 1000
    if (seconds > LONGEST_AGO) throw new InvalidValue('must not lie more than 6000 years back')
    return { kind: 'ago', seconds }
  }
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(
    word,
  )
  const [, date, time = '00:00', zone = 'Z'] = match ?? []
  // Date.parse accepts 2026-02-30 by rolling over; a round trip of the day refuses it.
  if (date === undefined || Number.isNaN(Date.parse(`${date}T${time}${zone}`)) || !isCalendarDay(date)) {
    throw new InvalidValue('must be a time such as 7d (ago), 2026-11-01 or 2026-11-01T08:00Z')
  }
  return { kind: 'at', instant: `${date}T${time.length === 5 ? `${time}:00` : time}${zone.toUpperCase()}` }
}

function isCalendarDay(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date)
}

/** The moment as a `timestamptz` expression; relative ones count from the server's now(). */
export function momentSql(moment: Moment): Sql {
  return moment.kind === 'at'
    ? sql`${moment.instant}::timestamptz`
    : sql`now() - make_interval(secs => ${moment.seconds}::double precision)`
}
