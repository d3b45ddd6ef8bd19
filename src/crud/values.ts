/**
 * Reads the text of one value as a person types it in a filter or carries it in a cursor, by the kind of its field,
 * into the form PostgreSQL accepts for the column's type. What passes here never fails a cast in SQL.
 */
import { InvalidValue } from '../errors.ts'
import type { Field } from '../model/field.ts'
import { type Moment, momentSql, parseMoment } from '../model/moment.ts'
import { nearest } from '../model/nearest.ts'
import { type Sql, sql } from '../model/sql.ts'
import { isTooDeep, MOST_LEVELS } from './json.ts'
import { castType, type Scope } from './scope.ts'

/** A checked value: canonical text, or a moment that the server's clock completes. */
export type Value = string | Moment

const RANGES = {
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
} as const

/**
 * @param raw what was typed
 * @throws InvalidValue with the reason, to be completed with the name of the flag or field
 */
export function parseValue(field: Field, raw: string): Value {
  switch (field.kind) {
    case 'text':
    case 'textArray':
      return withoutNul(raw)
    case 'enumeration':
      return oneOfValues(field.values ?? [], raw)
    case 'integer':
    case 'bigint':
      return wholeNumber(raw, RANGES[field.kind])
    case 'float':
    case 'numeric':
      return decimal(raw, field.kind)
    case 'boolean':
      return truth(raw)
    case 'timestamp':
      return parseMoment(raw)
    case 'date':
      return calendarDate(raw)
    case 'uuid':
      return uuid(raw)
    case 'json':
      return jsonText(raw)
  }
}

/** The value as a bound parameter, cast to the column's type. */
export function valueSql(scope: Scope, field: Field, value: Value): Sql {
  return typeof value === 'string' ? sql`${value}::${castType(scope, field)}` : momentSql(value)
}

function withoutNul(raw: string): string {
  if (raw.includes('\0')) throw new InvalidValue('must not contain a NUL character')
  return raw
}

function oneOfValues(values: readonly string[], raw: string): string {
  if (values.includes(raw)) return raw
  const near = nearest(raw, values)
  throw new InvalidValue(`must be one of ${values.join(', ')}${near ? ` (did you mean ${near}?)` : ''}`)
}

function wholeNumber(raw: string, [lowest, highest]: readonly [bigint, bigint]): string {
  if (!/^[+-]?\d+$/.test(raw)) throw new InvalidValue('must be a whole number')
  const value = BigInt(raw.replace(/^\+/, ''))
  if (value < lowest || value > highest) throw new InvalidValue(`must be from ${lowest} to ${highest}`)
  return value.toString()
}

function decimal(raw: string, kind: 'float' | 'numeric'): string {
  if (kind === 'float' && /^(NaN|-?Infinity)$/.test(raw)) return raw
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,4})?$/i.test(raw)) throw new InvalidValue('must be a number')
  // PostgreSQL refuses a double precision literal that overflows or underflows.
  const value = Number(raw)
  const underflows = value === 0 && /[1-9]/.test(raw.replace(/e.*/i, ''))
  if (kind === 'float' && (!Number.isFinite(value) || underflows)) {
    throw new InvalidValue('must be within the range of double precision')
  }
  return raw
}

function truth(raw: string): string {
  if (/^(true|yes)$/i.test(raw)) return 'true'
  if (/^(false|no)$/i.test(raw)) return 'false'
  throw new InvalidValue('must be true or false')
}

function calendarDate(raw: string): string {
  const parsed = /^\d{4}-\d{2}-\d{2}$/.test(raw) ? new Date(`${raw}T00:00:00Z`) : new Date(Number.NaN)
  if (Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(raw)) {
    throw new InvalidValue('must be a date such as 2026-11-01')
  }
  return raw
}

function uuid(raw: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(raw)) throw new InvalidValue('must be a UUID')
  return raw.toLowerCase()
}

function jsonText(raw: string): string {
  let parsed: unknown
  try {
    parsed = JSON.parse(raw)
  } catch {
    throw new InvalidValue('must be JSON, e.g. {"key":"value"}')
  }
  if (isTooDeep(parsed)) throw new InvalidValue(`must not be nested deeper than ${MOST_LEVELS} levels`)
  // jsonb has no place for U+0000 and no half of a surrogate pair (PostgreSQL manual, 8.14).
  if (/\0|\p{Surrogate}/u.test(texts(parsed).join(' '))) {
    throw new InvalidValue('must not contain the character U+0000 or an unpaired surrogate')
  }
  return raw
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => [key, ...texts(member)])
}
