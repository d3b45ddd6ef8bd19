/**
 * Filters on what is inside JSON. All are containment (`@>`), which a GIN index on the column serves; a path operator
 * such as `config->'settings'->>'auto_deploy'` would read every row (decision 29; PostgreSQL manual, 8.14.4).
 */
import { InvalidValue } from '../errors.ts'
import type { Field } from '../model/field.ts'
import { identifier, type Sql, sql } from '../model/sql.ts'
import type { Expression } from './filter-expression.ts'
import { parseValue } from './values.ts'

/** A member of JSON compared with a value, both as JSON text. */
export interface MemberFilter {
  readonly is: 'member'
  readonly field: string
  readonly path: readonly string[]
  readonly by: '=' | '!=' | 'contains'
  readonly value: string
}

/**
 * Reads `config.settings.auto_deploy=true`.
 *
 * @throws InvalidValue for an operator that has no containment, or a value that JSON cannot hold
 */
export function memberFilter(key: string, field: Field, expression: Expression): MemberFilter {
  const { path, operator } = expression
  const name = [key, ...path].join('.')
  if (field.kind !== 'json') throw new InvalidValue(`${key} is not JSON, so there is no ${name}`)
  if (operator !== '=' && operator !== '!=' && operator !== 'contains') {
    throw new InvalidValue(`${name} is a part of JSON and takes = != contains, not ${operator}`)
  }
  try {
    return { is: 'member', field: key, path, by: operator, value: jsonOperand(field, expression) }
  } catch (error) {
    throw error instanceof InvalidValue ? new InvalidValue(`${name} ${error.message}`) : error
  }
}

/**
 * What is JSON is taken as JSON, anything else as a text; what is quoted is a text in any case.
 *
 * @returns JSON text
 */
export function jsonOperand(field: Field, { typed, text }: Pick<Expression, 'typed' | 'text'>): string {
  const json = isJson(typed) || /^[[{]/.test(typed) ? typed : JSON.stringify(text)
  parseValue(field, json)
  return json
}

/** The condition on the bare column. A row without the member is unequal to every value. */
export function memberSql({ field, path, by, value }: MemberFilter): Sql {
  const column = identifier(field)
  const contains = sql`${column} @> ${within(path, value)}::jsonb`
  const isWhole = /^\s*[[{]/.test(value)
  // An array contains its elements too; within a document @> asks for them as an array (manual, 8.14.3).
  if (by === 'contains' && !isWhole) return sql`(${contains} OR ${column} @> ${within(path, `[${value}]`)}::jsonb)`
  // Of scalars containment is equality; objects and arrays contain their own parts as well.
  const whole = by !== 'contains' && isWhole
  const equals = whole ? sql`(${contains} AND ${column} #> ${path}::text[] = ${value}::jsonb)` : contains
  return by === '!=' ? sql`(${equals}) IS NOT TRUE` : equals
}

/** `{"settings":{"auto_deploy":true}}` for the path settings, auto_deploy. The value stays as typed, digit for digit. */
export function within(path: readonly string[], json: string): string {
  return path.reduceRight((inner, member) => `{${JSON.stringify(member)}:${inner}}`, json)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
