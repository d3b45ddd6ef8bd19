/**
 * How a column of PostgreSQL is written to Parquet: a type that readers compute with wherever it holds every value of
 * the column, and text (as PostgreSQL prints it) wherever it does not.
 *
 * Arrays become JSON text, as DuckDB, Spark and Athena all read it; their lower bounds, where they are not 1, are in
 * the COPY file only. Sources: Parquet's LogicalTypes.md; PostgreSQL manual, 8.1 to 8.15.
 */
import type { SchemaElement } from 'hyparquet-writer'
import type { Queryable } from '../../db/database.ts'
import { identifier, join, type Sql, sql } from '../../model/sql.ts'
import { arrayToJson } from './array-json.ts'
import type { ColumnShape } from './shape.ts'

/** What a value becomes for the writer. */
export type ParquetValue = string | number | bigint | boolean | Uint8Array

export interface ParquetColumn {
  /** For the manifest: `int64`, `decimal(12,2)`, `timestamp(micros, utc)`, `json array`. */
  readonly encoding: string
  readonly element: SchemaElement
  /** From the bytes of the value's text, in Latin-1. */
  readonly convert: (text: string) => ParquetValue
}

type Kind = Omit<ParquetColumn, 'element'> & { readonly is: Omit<SchemaElement, 'name' | 'repetition_type'> }

const TEXT: Kind = { encoding: 'string', is: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, convert: textOf }

/**
 * JSON is declared as what it is only in the finished file (see parquet-file.ts): told of it before, the writer would
 * encode our text as JSON again.
 */
const JSON_TEXT: Kind = {
  encoding: 'json',
  is: { type: 'BYTE_ARRAY', converted_type: 'JSON', logical_type: { type: 'JSON' } },
  convert: textOf,
}

const KINDS: Readonly<Record<string, Kind>> = {
  bool: { encoding: 'boolean', is: { type: 'BOOLEAN' }, convert: (text) => text === 't' },
  int2: { encoding: 'int32', is: { type: 'INT32' }, convert: Number },
  int4: { encoding: 'int32', is: { type: 'INT32' }, convert: Number },
  int8: { encoding: 'int64', is: { type: 'INT64' }, convert: BigInt },
  oid: { encoding: 'int64', is: { type: 'INT64' }, convert: BigInt },
  float4: { encoding: 'float', is: { type: 'FLOAT' }, convert: Number },
  float8: { encoding: 'double', is: { type: 'DOUBLE' }, convert: Number },
  date: { encoding: 'date', is: { type: 'INT32', converted_type: 'DATE' }, convert: daysOf },
  timestamp: {
    encoding: 'timestamp(micros, local)',
    is: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } },
    convert: microsOf,
  },
  timestamptz: {
    encoding: 'timestamp(micros, utc)',
    is: {
      type: 'INT64',
      converted_type: 'TIMESTAMP_MICROS',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
    },
    convert: microsOf,
  },
  bytea: { encoding: 'bytes', is: { type: 'BYTE_ARRAY' }, convert: (text) => Buffer.from(text.slice(2), 'hex') },
  json: JSON_TEXT,
  jsonb: JSON_TEXT,
}

/**
 * How each column of the rows is written.
 *
 * @param special columns that hold a value beyond their Parquet type (see `columnsWithSpecialValues`)
 */
export function parquetColumns(columns: readonly ColumnShape[], special: ReadonlySet<string>): ParquetColumn[] {
  return columns.map((column) => {
    const { is, encoding, convert } = special.has(column.name) ? TEXT : kindOf(column)
    return { encoding, convert, element: { name: column.name, repetition_type: 'OPTIONAL', ...is } }
  })
}

function kindOf(column: ColumnShape): Kind {
  if (column.isArray) {
    return { ...JSON_TEXT, encoding: 'json array', convert: (text) => textOf(arrayToJson(text, column.base)) }
  }
  if (column.base === 'numeric') return decimalOf(column)
  return Object.hasOwn(KINDS, column.base) ? (KINDS[column.base] ?? TEXT) : TEXT
}

/** Sixteen bytes hold 38 digits, which is as many as readers agree on. */
function decimalOf({ precision, scale }: ColumnShape): Kind {
  if (precision === null || scale === null || precision > 38 || scale < 0 || scale > precision) return TEXT
  return {
    encoding: `decimal(${precision},${scale})`,
    is: {
      type: 'FIXED_LEN_BYTE_ARRAY',
      type_length: 16,
      converted_type: 'DECIMAL',
      precision,
      scale,
      logical_type: { type: 'DECIMAL', precision, scale },
    },
    // PostgreSQL prints exactly `scale` digits after the point.
    convert: (text) => BigInt(text.replace('.', '')),
  }
}

/**
 * The columns with values that their type in Parquet has no place for: NaN in a numeric, infinity in a date or time,
 * instants after the year 294246, where microseconds since 1970 exceed 64 bits.
 *
 * @param from the rows, as a FROM item with alias `r` and what follows it
 */
export async function columnsWithSpecialValues(
  db: Queryable,
  columns: readonly ColumnShape[],
  from: Sql,
): Promise<Set<string>> {
  const doubtful = columns.flatMap((column) => {
    const test = column.isArray ? undefined : specialValue(column, identifier('r', column.name))
    return test === undefined ? [] : [{ name: column.name, test }]
  })
  if (doubtful.length === 0) return new Set()
  const tests = doubtful.map(({ test }) => sql`COALESCE(bool_or(${test}), false)`)
  const { found } = await db.one<{ found: boolean[] }>(sql`SELECT ARRAY[${join(tests)}] AS found ${from}`)
  return new Set(doubtful.filter((_, index) => found[index]).map(({ name }) => name))
}

function specialValue(column: ColumnShape, value: Sql): Sql | undefined {
  switch (column.base) {
    case 'numeric':
      return kindOf(column) === TEXT ? undefined : sql`${value} = 'NaN'::numeric`
    case 'date':
      return sql`NOT isfinite(${value})`
    case 'timestamp':
    case 'timestamptz':
      return sql`NOT isfinite(${value}) OR ${value} >= '294247-01-01'`
    default:
      return undefined
  }
}

/** Most text is ASCII, where Latin-1 and UTF-8 are the same. */
function textOf(text: string): string | Uint8Array {
  return /[\x80-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text
}

const DATE = /^(\d{4,})-(\d\d)-(\d\d)( BC)?$/
const TIMESTAMP = /^(\d{4,}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?( BC)?$/

/** Days since 1970 of an ISO date; the year before 1 AD is 1 BC. */
function daysOf(text: string): number {
  const [, year, month, day, bc] = DATE.exec(text) ?? []
  if (year === undefined) throw new RangeError('a date is not as PostgreSQL prints it')
  return civilDays(bc === undefined ? Number(year) : 1 - Number(year), Number(month), Number(day))
}

function microsOf(text: string): bigint {
  const [, date, hours, minutes, seconds, fraction = '', bc = ''] = TIMESTAMP.exec(text) ?? []
  if (date === undefined) throw new RangeError('a timestamp is not as PostgreSQL prints it')
  const whole = daysOf(date + bc) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}

/**
 * Days since 1970-01-01 of a date of the proleptic Gregorian calendar (H. Hinnant, chrono-Compatible Low-Level Date
 * Algorithms): `Date` ends 200,000 years before PostgreSQL.
 */
function civilDays(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
