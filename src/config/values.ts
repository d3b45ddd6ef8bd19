/** How single settings are written, in a file and in the environment alike. */
import { InvalidValue } from '../errors.ts'
import { parseDuration } from '../model/moment.ts'

/** Milliseconds from `60s`, `2m`; `0` and `none` mean no limit. @throws InvalidValue */
export function parseTimeout(raw: string): number {
  const word = raw.trim()
  if (word === '0' || word === 'none') return 0
  const milliseconds = parseDuration(word)
  // PostgreSQL keeps these settings as integers (manual, 19.11.1).
  if (milliseconds > 2_147_483_647) throw new InvalidValue('must be less than 25 days')
  return milliseconds
}

/** Milliseconds that one batch of maintenance should take. @throws InvalidValue */
export function parseBatchTime(raw: string): number {
  return within(parseDuration(raw), 10, 600_000, 'must be from 10ms to 10m')
}

/**
 * Milliseconds without a sign after which a lease is lost: long enough for a heartbeat over a slow network, short
 * enough that a killed run does not keep the next one waiting. @throws InvalidValue
 */
export function parseLease(raw: string): number {
  return within(parseDuration(raw), 1000, 3_600_000, 'must be from 1s to 1h')
}

function within(value: number, lowest: number, highest: number, says: string): number {
  if (value >= lowest && value <= highest) return value
  throw new InvalidValue(says)
}

/** @throws InvalidValue */
export function parseSwitch(raw: string): boolean {
  const word = raw.trim().toLowerCase()
  if (['true', 'yes', 'on', '1'].includes(word)) return true
  if (['false', 'no', 'off', '0'].includes(word)) return false
  throw new InvalidValue('must be true or false')
}

/** @throws InvalidValue */
export function parseCount(raw: string, lowest: number, highest: number): number {
  const value = /^\d+$/.test(raw.trim()) ? Number(raw) : Number.NaN
  if (value >= lowest && value <= highest) return value
  throw new InvalidValue(`must be a whole number from ${lowest} to ${highest}`)
}

/** Why a store's URL cannot be used; undefined when it can. */
export function refuseStore(url: string): string | undefined {
  if (/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/.test(url)) return undefined
  if (/^file:\/\/\/[^?#]+$/.test(url) && URL.canParse(url)) return undefined
  return 'must be file:///absolute/path or s3://bucket/prefix'
}

/** Why an S3-compatible server cannot be reached at a URL; undefined when it can. */
export function refuseEndpoint(url: string): string | undefined {
  const parsed = /^https?:\/\/[^/\s]/.test(url) && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined) return 'must be http://host:port or https://host'
  if (parsed.username !== '' || parsed.password !== '') {
    return 'must not hold a key; AWS_ACCESS_KEY_ID and the other sources of the SDK give it'
  }
  return parsed.search === '' && parsed.hash === '' ? undefined : 'must be http://host:port or https://host'
}

/** Why a schema cannot hold a system's tables; undefined when it can. */
export function refuseSchema(name: string): string | undefined {
  return name === 'steward' ? 'must not be steward, which holds records of its own' : refuseSchemaName(name)
}

/**
 * Why migrations cannot run in a schema of this name; undefined when they can. Knex splits `a.b`, and reads `a as b`
 * and `a[1]` as something else than one name, so that it would record them in another place.
 */
export function refuseSchemaName(name: string): string | undefined {
  if (name === '' || Buffer.byteLength(name) > 63) return 'must be a schema name of 1 to 63 bytes'
  if (name.startsWith('pg_') || name === 'information_schema') return 'must not be a schema of PostgreSQL itself'
  if (!/^[\p{L}_][\p{L}\p{N}_$-]*$/u.test(name)) {
    return 'must be a schema name that starts with a letter or _ and holds letters, digits, _, $ and - only'
  }
  return undefined
}

/** Days of the units of an age, about. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['second', 1 / 86_400],
  ['minute', 1 / 1440],
  ['hour', 1 / 24],
  ['day', 1],
  ['week', 7],
  ['month', 31],
  ['year', 366],
])

/** Days of 1,000 years: an instant so long ago is one that PostgreSQL can tell (its first is in 4713 BC). */
const LONGEST_AGE = 366_000

/** Why an age is none; undefined when it is one. Units as PostgreSQL's interval spells them out. */
export function refuseInterval(text: string): string | undefined {
  const part = /(\d+) (second|minute|hour|day|week|month|year)s?(?: |$)/gy
  let days = 0
  let read = 0
  for (const [whole, count, unit = ''] of text.matchAll(part)) {
    days += Number(count) * (UNITS.get(unit) ?? 0)
    read += whole.length
  }
  if (read === 0 || read < text.length || text.endsWith(' '))
    return 'must be an age such as 90 days or 1 year 6 months'
  return days > LONGEST_AGE ? 'must not be more than 1000 years' : undefined
}
