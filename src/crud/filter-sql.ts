/** Filters as SQL conditions: names through `identifier`, values bound in the column's type. */
import type { Queryable } from '../db/database.ts'
import { InvalidValue } from '../errors.ts'
import type { Condition } from '../model/entity.ts'
import { type Field, linkOf } from '../model/field.ts'
import { momentSql } from '../model/moment.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Filter } from './filters.ts'
import { isNoId, keySql, keysOf, namingOfReference } from './ids.ts'
import { memberSql } from './json-filter.ts'
import { notFound } from './missing.ts'
import { castType, fieldOf, refuseProblems, type Scope, scopeOf } from './scope.ts'
import { parseValue, type Value, valueSql } from './values.ts'

/** The filters as conditions on the bare column names of the entity's table; join them with `allOf`. */
export function conditionsFrom(scope: Scope, filters: readonly Filter[]): Condition[] {
  return filters.map((filter) => conditionFrom(scope, filter))
}

/** All filters as one condition; TRUE without any. */
export function whereFrom(scope: Scope, filters: readonly Filter[]): Condition {
  return allOf(conditionsFrom(scope, filters))
}

/**
 * Makes sure that every row that a filter names by its handle exists: a list of none would hide the slip.
 *
 * @throws NotFoundError (exit 4) naming those that do not
 */
export async function requireNamed(db: Queryable, scope: Scope, filters: readonly Filter[]): Promise<void> {
  for (const filter of filters) {
    if (filter.is !== 'compared' && filter.is !== 'in') continue
    const field = fieldOf(scope.entity, filter.field)
    const naming = namingOfReference(scope.system, field)
    if (!naming || field.kind === 'text') continue
    const values: readonly Value[] = filter.is === 'in' ? filter.values : [filter.value]
    const names = values.filter((value) => typeof value === 'string').filter((text) => isNoId(field, text))
    const keys = await keysOf(db, scope, naming, names)
    const unknown = names.filter((name) => !keys.has(name))
    if (unknown.length > 0) throw notFound(scopeOf(scope, naming.entity), unknown)
  }
}

function conditionFrom(scope: Scope, filter: Filter): Condition {
  if (filter.is === 'like') {
    // ILIKE's escape character is the backslash unless another is named (PostgreSQL manual, 9.7.1).
    const pattern = `%${filter.text.replace(/[\\%_]/g, '\\$&')}%`
    const matches = filter.fields.map((key) => sql`${identifier(key)} ILIKE ${pattern}::text`)
    return matches.length === 1 ? join(matches) : sql`(${join(matches, ' OR ')})`
  }
  const field = fieldOf(scope.entity, filter.field)
  const column = identifier(filter.field)
  const value = (given: Value) => operandSql(scope, filter.field, field, given)
  switch (filter.is) {
    case 'compared': {
      // `status != failed` means every other row, also those that have no value.
      if (filter.by === '!=' && field.nullable) return sql`${column} IS DISTINCT FROM ${value(filter.value)}`
      return sql`${column} ${raw(filter.by === '!=' ? '<>' : filter.by)} ${value(filter.value)}`
    }
    case 'in':
      return sql`${column} = ANY (${arrayOf(scope, field, filter.values, value)})`
    case 'containing':
      return sql`${column} @> ${filter.value}::${castType(scope, field)}`
    case 'member':
      return memberSql(filter)
    case 'tagged':
      return field.kind === 'json'
        ? sql`${column} ?& ${filter.tags}::text[]`
        : sql`${column} @> ${filter.tags}::${castType(scope, field)}`
    case 'null':
      return sql`${column} IS NULL`
    case 'not null':
      return sql`${column} IS NOT NULL`
  }
}

/** One bound array; moments are expressions of the server's clock, names are looked up, and neither can be in one. */
function arrayOf(scope: Scope, field: Field, values: readonly Value[], operand: (value: Value) => Sql): Sql {
  const literals = values.filter((value) => typeof value === 'string')
  const named = namingOfReference(scope.system, field) !== undefined
  const plain = literals.length === values.length && !(named && literals.some((text) => mayBeName(field, text)))
  if (plain) return sql`${literals}::${castType(scope, field)}[]`
  return sql`ARRAY[${join(values.map(operand))}]`
}

/** The value in the column's type; of a reference, what its text means. */
function operandSql(scope: Scope, key: string, field: Field, value: Value): Sql {
  if (typeof value !== 'string') return momentSql(value)
  if (!linkOf(field) || !mayBeName(field, value)) return valueSql(scope, field, value)
  const naming = namingOfReference(scope.system, field)
  if (naming) return keySql(scope, naming, value)
  if (field.kind !== 'text') refuseProblems([{ where: key, reason: whyWrong(field, value) }], 'Give the id')
  return valueSql(scope, field, value)
}

/** Every text can be a text key and a name at once; of the other kinds, what is no id can only be a name. */
function mayBeName(field: Field, text: string): boolean {
  return field.kind === 'text' || isNoId(field, text)
}

function whyWrong(field: Field, text: string): string {
  try {
    parseValue(field, text)
    return 'is wrong'
  } catch (error) {
    if (error instanceof InvalidValue) return error.message
    throw error
  }
}
