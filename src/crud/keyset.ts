/**
 * The condition for what comes after a row in a given order: keyset pagination (decision 21), which costs the same on
 * page 10,000 as on page 1, where OFFSET would read and drop every row before.
 */

import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { fieldOf, type Scope } from './scope.ts'
import { isNullable, type SortKey } from './sort.ts'
import { type Value, valueSql } from './values.ts'

/**
 * Rows strictly after the one whose sort keys have these values. NULL counts as larger than every value, as in
 * `orderBy`.
 *
 * @param values one for each sort key, null for NULL
 */
export function afterRow(scope: Scope, sort: readonly SortKey[], values: readonly (Value | null)[]): Sql {
  return rowWise(scope, sort, values) ?? columnByColumn(scope, sort, values)
}

/**
 * `(a, b) < (x, y)`: one index condition. It holds only when all directions agree and NULL cannot come after the
 * row: descending, NULLs come first and `NULL < x` drops them rightly; ascending, they come last and would be lost.
 */
function rowWise(scope: Scope, sort: readonly SortKey[], values: readonly (Value | null)[]): Sql | undefined {
  const [first] = sort
  if (first === undefined || sort.some((key) => key.descending !== first.descending)) return undefined
  if (!first.descending && sort.some((key) => isNullable(scope.entity, key))) return undefined
  const bound: Sql[] = []
  for (const [index, key] of sort.entries()) {
    const value = values[index]
    if (value === null || value === undefined) return undefined
    bound.push(valueSql(scope, fieldOf(scope.entity, key.field), value))
  }
  const columns = sort.map((key) => identifier(key.field))
  return sql`(${join(columns)}) ${raw(first.descending ? '<' : '>')} (${join(bound)})`
}

/** `a > x OR (a = x AND b > y) OR …`, each comparison in its own direction and with NULL as a value. */
function columnByColumn(scope: Scope, sort: readonly SortKey[], values: readonly (Value | null)[]): Sql {
  const alternatives: Sql[] = []
  const equal: Sql[] = []
  for (const [index, key] of sort.entries()) {
    const value = values[index] ?? null
    alternatives.push(join([...equal, beyond(scope, key, value)], ' AND ', '(', ')'))
    equal.push(same(scope, key, value))
  }
  const bound = leadingBound(scope, sort[0], values[0] ?? null)
  const any = join(alternatives, ' OR ', '(', ')')
  return bound ? sql`${bound} AND ${any}` : any
}

function beyond(scope: Scope, key: SortKey, value: Value | null): Sql {
  const column = identifier(key.field)
  if (value === null) return key.descending ? sql`${column} IS NOT NULL` : raw('FALSE')
  const bound = valueSql(scope, fieldOf(scope.entity, key.field), value)
  if (key.descending) return sql`${column} < ${bound}`
  return isNullable(scope.entity, key) ? sql`(${column} > ${bound} OR ${column} IS NULL)` : sql`${column} > ${bound}`
}

function same(scope: Scope, key: SortKey, value: Value | null): Sql {
  const column = identifier(key.field)
  return value === null
    ? sql`${column} IS NULL`
    : sql`${column} = ${valueSql(scope, fieldOf(scope.entity, key.field), value)}`
}

/**
 * `a >= x`, which the alternatives already imply: the planner cannot draw it out of the OR, and with it an index on
 * the leading key starts at the page instead of at the beginning.
 */
function leadingBound(scope: Scope, key: SortKey | undefined, value: Value | null): Sql | undefined {
  if (key === undefined) return undefined
  const column = identifier(key.field)
  if (value === null) return key.descending ? undefined : sql`${column} IS NULL`
  if (!key.descending && isNullable(scope.entity, key)) return undefined
  const bound = valueSql(scope, fieldOf(scope.entity, key.field), value)
  return sql`${column} ${raw(key.descending ? '<=' : '>=')} ${bound}`
}
