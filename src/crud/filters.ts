/**
 * List filters: from what a person typed to typed filters (`filter-sql.ts` makes conditions of them). Every name is checked
 * against the declaration, every value is read by its field's kind, and all problems are reported together. Used by
 * list, count, export, search and the bulk verbs. Rows that are marked as deleted are left out unless asked for.
 */
import { InvalidValue, type Problem } from '../errors.ts'
import type { Entity } from '../model/entity.ts'
import { type Field, linkOf } from '../model/field.ts'
import type { Moment } from '../model/moment.ts'
import type { System } from '../model/system.ts'
import { type Expression, parseExpression } from './filter-expression.ts'
import { isNoId, namingOfReference } from './ids.ts'
import { jsonOperand, type MemberFilter, memberFilter } from './json-filter.ts'
import { fieldOf, findField, refuseProblems } from './scope.ts'
import { parseValue, type Value } from './values.ts'

export { conditionsFrom, requireNamed, whereFrom } from './filter-sql.ts'

export type Comparison = '=' | '!=' | '>' | '>=' | '<' | '<='

/** One checked filter; plain data, so that a cursor can hold a digest of it. */
export type Filter =
  | { readonly is: 'compared'; readonly field: string; readonly by: Comparison; readonly value: Value }
  | { readonly is: 'in'; readonly field: string; readonly values: readonly Value[] }
  | { readonly is: 'like'; readonly fields: readonly string[]; readonly text: string }
  | { readonly is: 'containing'; readonly field: string; readonly value: string | readonly string[] }
  | { readonly is: 'tagged'; readonly field: string; readonly tags: readonly string[] }
  | MemberFilter
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
  /** `--contains 'config={"settings":{}}'`. */
  readonly contains?: readonly string[]
  /** `--tag a,b`: rows that have all of them. */
  readonly tags?: readonly string[]
  /** Rows that are marked as deleted as well. */
  readonly deleted?: boolean
}

/**
 * Checks filters against the declaration.
 *
 * @param system as in `readFilters`
 * @throws UsageError (exit 2) with every problem
 */
export function filtersFrom(entity: Entity, input: FilterInput, system?: System): Filter[] {
  const { filters, problems } = readFilters(entity, input, system)
  refuseProblems(problems, filterHint(entity, problems))
  return filters
}

/**
 * As `filtersFrom`, for callers that have further problems to report with these.
 *
 * @param system tells which references may be named by a handle; without it that is asked when the rows are
 */
export function readFilters(
  entity: Entity,
  input: FilterInput,
  system?: System,
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
    if (values.length > 0) attempt(`--${name.replaceAll('_', '-')}`, () => anyOf(entity, name, values, system))
  }
  for (const text of input.filters ?? [])
    attempt('--filter', () => fromExpression(entity, parseExpression(text), system))
  for (const text of input.contains ?? []) attempt('--contains', () => contained(entity, text))
  if (input.tags?.length) attempt('--tag', () => tagged(entity, input.tags ?? []))
  const { since, until, search } = input
  if (since) attempt('--since', () => ({ is: 'compared', field: timeField(entity), by: '>=', value: since }))
  if (until) attempt('--until', () => ({ is: 'compared', field: timeField(entity), by: '<', value: until }))
  if (since && until && isBackwards(since, until)) {
    problems.push({ where: '--since', reason: 'must be before --until' })
  }
  if (search !== undefined) attempt('--search', () => ({ is: 'like', ...searched(entity, search) }))
  const mark = entity.softDelete?.field
  // Who asks about the time of deletion asks about deleted rows.
  const asked = input.deleted || filters.some((filter) => 'field' in filter && filter.field === mark)
  if (mark !== undefined && !asked) filters.push({ is: 'null', field: mark })
  return { filters, problems }
}

/** What to do about problems with filters, a sort or `--fields`: the names there are, where one was not found. */
export function filterHint(entity: Entity, problems: readonly Problem[]): string {
  const isUnknown = ({ reason }: Problem) => /has no field|does not have/.test(reason)
  if (!problems.some(isUnknown)) return 'Repeat it with --help to see what it takes'
  const names = Object.keys(entity.fields).filter((key) => !fieldOf(entity, key).secret)
  return `Fields of ${entity.name}: ${names.join(', ')}`
}

/** As `parseValue`; a reference may be named by a handle of what it refers to. */
function readValue(field: Field, text: string, system?: System): Value {
  const mayBeNamed = linkOf(field) && (system === undefined || namingOfReference(system, field) !== undefined)
  return mayBeNamed && text.trim() !== '' && isNoId(field, text) ? text.trim() : parseValue(field, text)
}

function contained(entity: Entity, text: string): Filter {
  const expression = /^[^=]*[^=!<>~\s]\s*=/.test(text) ? parseExpression(text) : undefined
  if (expression?.operator !== '=' || expression.typed === '') throw new InvalidValue('must have the form field=JSON')
  const { key, field } = known(entity, expression.name)
  if (expression.path.length > 0) return memberFilter(key, field, { ...expression, operator: 'contains' })
  switch (field.kind) {
    case 'json':
      return { is: 'containing', field: key, value: named(key, () => jsonOperand(field, expression)) }
    case 'textArray':
      return { is: 'containing', field: key, value: expression.parts.map((part) => String(parseValue(field, part))) }
    default:
      throw new InvalidValue(`${key} is ${article(field.kind)}; only JSON and arrays contain anything`)
  }
}

function tagged(entity: Entity, tags: readonly string[]): Filter {
  const { tags: key } = entity.list
  if (key === undefined) throw new InvalidValue(`${entity.name} has no tags`)
  return { is: 'tagged', field: key, tags: tags.map((tag) => searchText('a tag', tag)) }
}

function anyOf(entity: Entity, name: string, texts: readonly string[], system?: System): Filter {
  const { key, field } = known(entity, name)
  const values = texts.map((text) => readValue(field, text, system))
  const [only] = values
  if (values.length === 1 && only !== undefined) return { is: 'compared', field: key, by: '=', value: only }
  return { is: 'in', field: key, values }
}

function fromExpression(entity: Entity, expression: Expression, system?: System): Filter {
  const { key, field } = known(entity, expression.name)
  if (expression.path.length > 0) return memberFilter(key, field, expression)
  const { operator } = expression
  const takes = operatorsOf(field.kind)
  if (!takes.includes(operator)) {
    throw new InvalidValue(`${key} is ${article(field.kind)} and takes ${takes.join(' ')}, not ${operator}`)
  }
  const read = (text: string) => named(key, () => readValue(field, text, system))
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
