/**
 * List filters: from what a person typed to typed filters, and from those to SQL conditions. Every name is checked
 * against the declaration, every value is read by its field's kind, and all problems are reported together. Used by
 * list, count, export and the bulk verbs.
 */
import { InvalidValue, type Problem } from '../errors.ts'
import type { Condition, Entity } from '../model/entity.ts'
import type { Moment } from '../model/moment.ts'
import { momentSql } from '../model/moment.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { type Expression, parseExpression } from './filter-expression.ts'
import { castType, fieldOf, findField, refuseProblems, type Scope } from './scope.ts'
import { parseValue, type Value, valueSql } from './values.ts'

export type Comparison = '=' | '!=' | '>' | '>=' | '<' | '<='

/** One checked filter; plain data, so that a cursor can hold a digest of it. */
export type Filter =
  | { readonly is: 'compared'; readonly field: string; readonly by: Comparison; readonly value: Value }
  | { readonly is: 'in'; readonly field: string; readonly values: readonly Value[] }
  | { readonly is: 'like'; readonly fields: readonly string[]; readonly text: string }
  | { readonly is: 'containing'; readonly field: string; readonly value: string | readonly string[] }
  | { readonly is: 'null'; readonly field: string }
  | { readonly is: 'not null'; readonly field: string }

/** What a person typed, by form. */
export interface FilterInput {
  /** Accepted values by field: `--status running,failed`. An empty list is no filter. */
  readonly fields?: Readonly<Record<string, readonly string[]>>
  readonly since?: Moment | undefined
  readonly until?: Moment | undefined
  /** `--filter` expressions. */
  readonly filters?: readonly string[]
  readonly search?: string | undefined
}

/**
 * Checks filters against the declaration.
 *
 * @throws UsageError (exit 2) with every problem
 */
export function filtersFrom(entity: Entity, input: FilterInput): Filter[] {
  const { filters, problems } = readFilters(entity, input)
  refuseProblems(problems, filterHint(entity, problems))
  return filters
}

/** As `filtersFrom`, for callers that have further problems to report with these. */
export function readFilters(
  entity: Entity,
  input: FilterInput,
): { readonly filters: Filter[]; readonly problems: Problem[] } {
  const filters: Filter[] = []
  const problems: Problem[] = []
  const attempt = (where: string, read: () => Filter) => {
    try {
      filters.push(read())
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      problems.push({ where, reason: error.message })
    }
  }
  for (const [name, values] of Object.entries(input.fields ?? {})) {
    if (values.length > 0) attempt(`--${name.replaceAll('_', '-')}`, () => anyOf(entity, name, values))
  }
  for (const text of input.filters ?? []) attempt('--filter', () => fromExpression(entity, parseExpression(text)))
  const { since, until, search } = input
  if (since) attempt('--since', () => ({ is: 'compared', field: timeField(entity), by: '>=', value: since }))
  if (until) attempt('--until', () => ({ is: 'compared', field: timeField(entity), by: '<', value: until }))
  if (since && until && isBackwards(since, until)) {
    problems.push({ where: '--since', reason: 'must be before --until' })
  }
  if (search !== undefined) attempt('--search', () => ({ is: 'like', ...searched(entity, search) }))
  return { filters, problems }
}

/** The filters as conditions on the bare column names of the entity's table; join them with `allOf`. */
export function conditionsFrom(scope: Scope, filters: readonly Filter[]): Condition[] {
  return filters.map((filter) => conditionFrom(scope, filter))
}

/** All filters as one condition; TRUE without any. */
export function whereFrom(scope: Scope, filters: readonly Filter[]): Condition {
  return allOf(conditionsFrom(scope, filters))
}

/** What to do about problems with filters, a sort or `--fields`: the names there are, where one was not found. */
export function filterHint(entity: Entity, problems: readonly Problem[]): string {
  const isUnknown = ({ reason }: Problem) => /has no field|does not have/.test(reason)
  if (!problems.some(isUnknown)) return 'Repeat it with --help to see what it takes'
  const names = Object.keys(entity.fields).filter((key) => !fieldOf(entity, key).secret)
  return `Fields of ${entity.name}: ${names.join(', ')}`
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
  switch (filter.is) {
    case 'compared': {
      const value = valueSql(scope, field, filter.value)
      // `status != failed` means every other row, also those that have no value.
      if (filter.by === '!=' && field.nullable) return sql`${column} IS DISTINCT FROM ${value}`
      return sql`${column} ${raw(filter.by === '!=' ? '<>' : filter.by)} ${value}`
    }
    case 'in':
      return sql`${column} = ANY (${arrayOf(scope, filter)})`
    case 'containing':
      return sql`${column} @> ${filter.value}::${castType(scope, field)}`
    case 'null':
      return sql`${column} IS NULL`
    case 'not null':
      return sql`${column} IS NOT NULL`
  }
}

/** One bound array; moments are expressions of the server's clock and cannot be in one. */
function arrayOf(scope: Scope, { field, values }: { field: string; values: readonly Value[] }): Sql {
  const declared = fieldOf(scope.entity, field)
  const literals = values.filter((value) => typeof value === 'string')
  if (literals.length === values.length) return sql`${literals}::${castType(scope, declared)}[]`
  return sql`ARRAY[${join(values.map((value) => momentSqlOf(value)))}]`
}

function momentSqlOf(value: Value): Sql {
  return typeof value === 'string' ? sql`${value}::timestamptz` : momentSql(value)
}

function anyOf(entity: Entity, name: string, texts: readonly string[]): Filter {
  const { key, field } = known(entity, name)
  const values = texts.map((text) => parseValue(field, text))
  const [only] = values
  if (values.length === 1 && only !== undefined) return { is: 'compared', field: key, by: '=', value: only }
  return { is: 'in', field: key, values }
}

function fromExpression(entity: Entity, expression: Expression): Filter {
  const { key, field } = known(entity, expression.name)
  const { operator } = expression
  const takes = operatorsOf(field.kind)
  if (!takes.includes(operator)) {
    throw new InvalidValue(`${key} is ${article(field.kind)} and takes ${takes.join(' ')}, not ${operator}`)
  }
  const read = (text: string) => named(key, () => parseValue(field, text))
  switch (operator) {
    case 'null':
    case 'not null':
      if (!field.nullable) throw new InvalidValue(`${key} is never null`)
      return { is: operator, field: key }
    case '~':
      return { is: 'like', fields: [key], text: searchText(key, expression.text) }
    case 'in':
      return { is: 'in', field: key, values: expression.parts.map(read) }
    case 'contains':
      if (field.kind === 'textArray') {
        return { is: 'containing', field: key, value: expression.parts.map((part) => String(read(part))) }
      }
      return { is: 'containing', field: key, value: String(read(expression.typed)) }
    default:
      // JSON brings its own quotes; for every other kind they only protect white space.
      return {
        is: 'compared',
        field: key,
        by: operator,
        value: read(field.kind === 'json' ? expression.typed : expression.text),
      }
  }
}

type Operator = Expression['operator']
const ORDERED: readonly Operator[] = ['=', '!=', '>', '>=', '<', '<=', 'in', 'null', 'not null']

function operatorsOf(kind: string): readonly Operator[] {
  switch (kind) {
    case 'text':
      return ['=', '!=', '>', '>=', '<', '<=', '~', 'in', 'null', 'not null']
    case 'enumeration':
    case 'uuid':
      return ['=', '!=', 'in', 'null', 'not null']
    case 'boolean':
      return ['=', '!=', 'null', 'not null']
    case 'json':
      return ['=', '!=', 'contains', 'null', 'not null']
    case 'textArray':
      return ['contains', 'null', 'not null']
    default:
      return ORDERED
  }
}

function article(kind: string): string {
  const words: Readonly<Record<string, string>> = { json: 'JSON', textArray: 'an array of texts', text: 'text' }
  return words[kind] ?? `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`
}

function known(entity: Entity, name: string) {
  const found = findField(entity, name)
  if ('refused' in found) {
    throw new InvalidValue(
      found.refused.endsWith('is secret') ? `${found.refused} and cannot be filtered` : found.refused,
    )
  }
  return found
}

function named<T>(key: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof InvalidValue ? new InvalidValue(`${key} ${error.message}`) : error
  }
}

function timeField(entity: Entity): string {
  if (entity.list.time === undefined) throw new InvalidValue(`${entity.name} has no time that it could be about`)
  return entity.list.time
}

function searched(entity: Entity, text: string) {
  const fields = entity.list.search.filter((key) => !fieldOf(entity, key).secret)
  if (fields.length === 0) throw new InvalidValue(`${entity.name} has no text to search`)
  return { fields, text: searchText('the text', text) }
}

function searchText(what: string, text: string): string {
  if (text === '') throw new InvalidValue(`${what} needs something to look for`)
  if (text.includes('\0')) throw new InvalidValue(`${what} must not contain a NUL character`)
  return text
}

function isBackwards(since: Moment, until: Moment): boolean {
  if (since.kind === 'ago' && until.kind === 'ago') return since.seconds <= until.seconds
  if (since.kind === 'at' && until.kind === 'at') return Date.parse(since.instant) > Date.parse(until.instant)
  return false
}
