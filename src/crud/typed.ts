/**
 * From what an input carries to the value a row holds (`KindValue`), by the kind of the field. Three forms come in:
 * the text of a flag, a JSON value, a CSV cell. What passes here never fails a cast in SQL.
 */
import { LosslessNumber } from 'lossless-json'
import { parseJson, stringifyJson } from '../db/json.ts'
import { parseArray } from '../db/parsers.ts'
import { InvalidValue } from '../errors.ts'
import type { Field } from '../model/field.ts'
import type { Moment } from '../model/moment.ts'
import { type Sql, sql } from '../model/sql.ts'
import { isTooDeep, MOST_LEVELS, sameJson } from './json.ts'
import { castType, type Scope } from './scope.ts'
import { alreadySealed, inputFlag, Unsealed } from './seal.ts'
import { parseValue } from './values.ts'

/** `text`: typed by a person. `json`: a parsed JSON or YAML value. `csv`: a cell, null for an empty unquoted one. */
export type Form = 'text' | 'json' | 'csv'

/**
 * Reads one value that is not NULL.
 *
 * @throws InvalidValue with the reason, to be completed with the name of the field
 */
export function typedValue(field: Field, given: unknown, form: Form): unknown {
  if (field.sealed) {
    if (given instanceof Unsealed) return given
    if (form !== 'text') return alreadySealed(field.sealed, given)
    throw new InvalidValue(`is never stored as it is given; use ${inputFlag(field.sealed.input)}`)
  }
  if (form === 'json') return fromJson(field, given)
  if (typeof given !== 'string') throw new InvalidValue('must be text')
  return fromText(field, given, form)
}

/** The value as a bound parameter of the column's type; `undefined` stands for the column's default. */
export function typedSql(scope: Scope, field: Field, value: unknown): Sql {
  if (value instanceof Unsealed) throw new Error('a secret was to be stored before it was sealed')
  // A JSON array would be bound as a PostgreSQL array, and a JSON text without its quotes.
  const bound = field.kind === 'json' && value !== null ? stringifyJson(value) : value
  return sql`${bound}::${castType(scope, field)}`
}

/** True when storing `next` over `current` would change nothing. */
export function isSameValue(field: Field, current: unknown, next: unknown): boolean {
  if (current === null || next === null) return current === next
  if (field.kind === 'timestamp') return instantOf(current) === instantOf(next)
  if (field.kind === 'json' || field.kind === 'textArray') return sameJson(current, next)
  if (field.kind === 'numeric') return plainDecimal(String(current)) === plainDecimal(String(next))
  return current === next
}

/** True for a text, or an element of an array, that `character varying(n)` has no room for. */
export function isTooLong({ sqlType }: Field, value: unknown): boolean {
  const limit = characterLimit(sqlType)
  if (limit === undefined) return false
  return [value].flat().some((text) => typeof text === 'string' && [...text].length > limit)
}

/** n of `character varying(n)` or `character varying(n)[]`, in characters. */
export function characterLimit(sqlType: string): number | undefined {
  const match = /^character varying\((\d+)\)(?:\[\])?$/.exec(sqlType)
  return match?.[1] === undefined ? undefined : Number(match[1])
}

function fromText(field: Field, raw: string, form: 'text' | 'csv'): unknown {
  switch (field.kind) {
    case 'text':
      return storableText(raw)
    case 'json':
      parseValue(field, raw)
      return parseJson(raw)
    case 'textArray':
      return textsFrom(raw, form)
    case 'boolean':
      // COPY writes booleans as t and f.
      return parseValue(field, form === 'csv' ? raw.replace(/^t$/, 'true').replace(/^f$/, 'false') : raw) === 'true'
    case 'timestamp':
      return instant(field, raw)
    default:
      return ofCanonical(field, String(parseValue(field, raw.trim())))
  }
}

function fromJson(field: Field, given: unknown): unknown {
  switch (field.kind) {
    case 'json':
      if (isTooDeep(given)) throw new InvalidValue(`must not be nested deeper than ${MOST_LEVELS} levels`)
      // The same checks as for text: no U+0000, no half of a surrogate pair.
      parseValue(field, stringifyJson(given))
      return given
    case 'boolean':
      if (typeof given !== 'boolean') throw new InvalidValue('must be true or false')
      return given
    case 'integer':
    case 'bigint':
    case 'float':
    case 'numeric': {
      const isNumber = typeof given === 'number' || typeof given === 'bigint' || given instanceof LosslessNumber
      // Machine output carries bigint and numeric as text where a double would not do, so text is taken back.
      if (!isNumber && !(typeof given === 'string' && field.kind !== 'integer')) {
        throw new InvalidValue(
          field.kind === 'integer' || field.kind === 'bigint' ? 'must be a whole number' : 'must be a number',
        )
      }
      return ofCanonical(field, String(parseValue(field, withoutExponent(String(given), field))))
    }
    case 'textArray':
      return textList(given)
    default: {
      if (typeof given !== 'string') throw new InvalidValue('must be text')
      return fromText(field, given, 'text')
    }
  }
}

/** `1e3` is a whole number in JSON. */
function withoutExponent(digits: string, field: Field): string {
  const whole = field.kind === 'integer' || field.kind === 'bigint'
  const value = Number(digits)
  return whole && /[eE.]/.test(digits) && Number.isSafeInteger(value) ? String(value) : digits
}

/** The memory form of a text that `parseValue` passed. */
function ofCanonical(field: Field, text: string): unknown {
  switch (field.kind) {
    case 'integer':
      return Number(text)
    case 'bigint':
      return BigInt(text)
    case 'float': {
      const value = Number(text)
      if (!Number.isFinite(value)) throw new InvalidValue('must be a finite number')
      return value
    }
    default:
      return text
  }
}

function storableText(raw: string): string {
  if (raw.includes('\0')) throw new InvalidValue('must not contain a NUL character')
  // A lone surrogate has no UTF-8 form; the driver would silently store U+FFFD instead.
  if (/\p{Surrogate}/u.test(raw)) throw new InvalidValue('must not contain an unpaired surrogate')
  return raw
}

function textsFrom(raw: string, form: 'text' | 'csv'): string[] {
  const text = raw.trim()
  if (text === '') return []
  if (text.startsWith('[')) {
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      throw new InvalidValue('must be texts between commas, or a JSON array of texts')
    }
    return textList(parsed)
  }
  if (form === 'csv' && text.startsWith('{') && text.endsWith('}')) return textList(parseArray(text, (part) => part))
  return text.split(',').map((part) => storableText(part.trim()))
}

function textList(given: unknown): string[] {
  if (!Array.isArray(given)) throw new InvalidValue('must be an array of texts')
  return given.map((part: unknown) => {
    if (typeof part !== 'string') throw new InvalidValue('must be an array of texts')
    return storableText(part)
  })
}

function instant(field: Field, raw: string): string {
  // COPY prints whole hours of an offset without minutes: `2026-11-01 08:00:00+00`.
  const text = raw.trim().replace(/(:\d{2}(?:\.\d{1,6})?[+-]\d{2})$/, '$1:00')
  const moment = momentIn(field, text)
  // `7d` is a time for a filter, and none to be stored.
  if (moment?.kind === 'at') return moment.instant
  throw new InvalidValue('must be an instant such as 2026-11-01T08:00:00Z')
}

function momentIn(field: Field, text: string): Moment | undefined {
  try {
    const read = parseValue(field, text)
    return typeof read === 'string' ? undefined : read
  } catch (error) {
    if (error instanceof InvalidValue) return undefined
    throw error
  }
}

/** One text for each decimal value: `1.50` and `15e-1` are the same number. */
function plainDecimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return /\d/.test(text) ? '0' : text
  const power = Number(exponent) - fraction.length + (digits.length - significant.length)
  return `${sign === '-' ? '-' : ''}${significant}e${power}`
}

/** Microseconds since 1970; NaN for what is no instant. */
function instantOf(value: unknown): bigint | string {
  const text = String(value)
  const milliseconds = Date.parse(text.replace(/\.\d+/, ''))
  if (Number.isNaN(milliseconds)) return text
  const fraction = /\.(\d{1,6})/.exec(text)?.[1] ?? ''
  return BigInt(milliseconds) * 1000n + BigInt(fraction.padEnd(6, '0'))
}
