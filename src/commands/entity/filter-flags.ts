/** The filter flags of an entity, shared by every verb that works on a selection of rows. */
import type { FilterInput } from '../../crud/filters.ts'
import type { Entity } from '../../model/entity.ts'
import type { Field } from '../../model/field.ts'
import type { Moment } from '../../model/moment.ts'
import type { ParsedInput } from '../command.ts'
import { choice, type Flag, type Flags, list, moment, text, texts } from '../flags.ts'

const GROUP = 'Filters:'

/** Flags of the verbs themselves: a field of that name is filtered with `--filter` only. */
const TAKEN = new Set([
  'after',
  'all',
  'filter',
  'format',
  'include',
  'limit',
  'out',
  'search',
  'since',
  'sort',
  'until',
])

/** What `--filter` accepts, in one line for descriptions. */
export const FILTER_HELP =
  "--filter takes a field, an operator (= != > >= < <= ~ in contains null) and a value: 'name~text' finds text " +
  "anywhere in the field whatever its case, 'name in a,b' one of several values, 'name contains JSON' a part of " +
  "JSON, 'name null' and 'name not null' fields without and with a value. All filters must hold."

/** A flag for each enumeration, boolean and reference, the period, `--filter` and `--search`. */
export function filterFlags(entity: Entity): Flags {
  return {
    ...Object.fromEntries(flaggedFields(entity).map(([key, field]): [string, Flag] => [key, fieldFlag(field)])),
    ...(entity.list.time === undefined
      ? {}
      : {
          since: moment('<time>', `${entity.list.time} at or after: 7d (ago), 2026-11-01`, { group: GROUP }),
          until: moment('<time>', `${entity.list.time} before`, { group: GROUP }),
        }),
    filter: texts('<expression>', 'condition on any field; may be repeated', { group: GROUP }),
    ...(entity.list.search.length === 0
      ? {}
      : { search: text('<text>', `text in ${entity.list.search.join(', ')}`, { group: GROUP }) }),
  }
}

/** What the flags of `filterFlags` held, for `crud/filters.ts`. */
export function filterInput(entity: Entity, input: ParsedInput): FilterInput {
  const { since, until, search } = input
  return {
    fields: Object.fromEntries(flaggedFields(entity).map(([key]) => [key, textsIn(input[key])])),
    filters: textsIn(input.filter),
    ...(isMoment(since) ? { since } : {}),
    ...(isMoment(until) ? { until } : {}),
    ...(typeof search === 'string' ? { search } : {}),
  }
}

/** True when any filter is given: verbs that change many rows ask for one. */
export function hasFilter(entity: Entity, input: ParsedInput): boolean {
  const { fields = {}, filters = [], since, until, search } = filterInput(entity, input)
  return (
    Object.values(fields).some((values) => values.length > 0) ||
    filters.length > 0 ||
    [since, until, search].some((value) => value !== undefined)
  )
}

function flaggedFields(entity: Entity): [string, Field][] {
  return Object.entries(entity.fields).filter(
    ([key, field]) =>
      !field.secret &&
      !TAKEN.has(key) &&
      (field.reference || field.kind === 'enumeration' || field.kind === 'boolean'),
  )
}

function fieldFlag(field: Field): Flag {
  if (field.kind === 'boolean') return choice(['true', 'false'], field.summary, { group: GROUP })
  if (field.values === undefined) return list('<ids>', field.summary, { group: GROUP })
  return list('<values>', `${field.summary}: ${field.values.join(', ')}`, { group: GROUP, choices: field.values })
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((part) => typeof part === 'string') : []
}

function isMoment(value: unknown): value is Moment {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && (value.kind === 'ago' || value.kind === 'at')
  )
}
