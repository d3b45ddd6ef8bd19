/** The filter flags of an entity, shared by every verb that works on a selection of rows. */
import type { FilterInput } from '../../crud/filters.ts'
import type { Entity } from '../../model/entity.ts'
import { type Field, linkOf } from '../../model/field.ts'
import type { Moment } from '../../model/moment.ts'
import type { ParsedInput } from '../command.ts'
import { choice, type Flag, type Flags, list, moment, text, texts, toggle } from '../flags.ts'
import { spoken } from './entity-scope.ts'
import { inputName } from './field-flags.ts'
import { secondName } from './second-name.ts'

const GROUP = 'Filters:'

/** What `--filter` accepts, in one line for descriptions. */
export const FILTER_HELP =
  "--filter takes a field, an operator (= != > >= < <= ~ in contains null) and a value: 'name~text' finds text " +
  "anywhere in the field whatever its case, 'name in a,b' one of several values, 'name contains JSON' a part of " +
  "JSON, 'name.member=value' one member of it, 'name null' and 'name not null' fields without and with a value. All " +
  'filters must hold.'

/**
 * A flag for each enumeration, boolean and reference, the period, `--filter`, `--contains`, `--tag` and `--search`. A
 * reference takes ids, or what people call the rows that it refers to, and has a second, shorter name.
 */
export function filterFlags(entity: Entity): Flags {
  return {
    ...Object.fromEntries(
      flaggedFields(entity).flatMap(([key, field]): [string, Flag][] => {
        const flag = fieldFlag(field)
        const second = secondName(entity, key)
        return [[inputName(key), flag], ...(second === undefined ? [] : [hidden(second, flag)])]
      }),
    ),
    ...(entity.list.time === undefined
      ? {}
      : {
          since: moment('<time>', `${entity.list.time} at or after: 7d (ago), 2026-11-01`, { group: GROUP }),
          until: moment('<time>', `${entity.list.time} before`, { group: GROUP }),
        }),
    filter: texts('<expression>', 'condition on any field; may be repeated', { group: GROUP }),
    ...(containing(entity).length === 0
      ? {}
      : {
          contains: texts('<field=json>', `JSON within ${containing(entity).join(', ')}; may be repeated`, {
            group: GROUP,
          }),
        }),
    ...(entity.list.tags === undefined
      ? {}
      : { tag: list('<tags>', `all of these in ${entity.list.tags}`, { group: GROUP }) }),
    ...(entity.list.search.length === 0
      ? {}
      : { search: text('<text>', `text in ${entity.list.search.join(', ')}`, { group: GROUP }) }),
  }
}

/** As `filterFlags`, for verbs that show rows: those that are marked as deleted may be asked for. */
export function rowFlags(entity: Entity): Flags {
  return {
    ...filterFlags(entity),
    ...(entity.softDelete ? { deleted: toggle(`deleted ${spoken(entity.plural)} as well`, { group: GROUP }) } : {}),
  }
}

/** What the flags of `filterFlags` held, for `crud/filters.ts`. */
export function filterInput(entity: Entity, input: ParsedInput): FilterInput {
  const { since, until, search } = input
  return {
    fields: Object.fromEntries(
      flaggedFields(entity).map(([key]) => {
        const names = [...new Set([inputName(key), secondName(entity, key) ?? inputName(key)])]
        return [key, names.flatMap((name) => textsIn(input[name]))]
      }),
    ),
    filters: textsIn(input.filter),
    contains: textsIn(input.contains),
    tags: textsIn(input.tag),
    deleted: input.deleted === true,
    ...(isMoment(since) ? { since } : {}),
    ...(isMoment(until) ? { until } : {}),
    ...(typeof search === 'string' ? { search } : {}),
  }
}

/** True when any filter is given: verbs that change many rows ask for one. */
export function hasFilter(entity: Entity, input: ParsedInput): boolean {
  const { fields = {}, filters = [], contains = [], tags = [], since, until, search } = filterInput(entity, input)
  return (
    [...Object.values(fields), filters, contains, tags].some((values) => values.length > 0) ||
    [since, until, search].some((value) => value !== undefined)
  )
}

function flaggedFields(entity: Entity): [string, Field][] {
  return Object.entries(entity.fields).filter(
    ([, field]) => !field.secret && (linkOf(field) || field.kind === 'enumeration' || field.kind === 'boolean'),
  )
}

function fieldFlag(field: Field): Flag {
  if (field.kind === 'boolean') return choice(['true', 'false'], field.summary, { group: GROUP })
  if (field.values === undefined) return list('<ids>', field.summary, { group: GROUP })
  return list('<values>', `${field.summary}: ${field.values.join(', ')}`, { group: GROUP, choices: field.values })
}

/** Fields that `--contains` can look into. */
function containing(entity: Entity): string[] {
  return Object.entries(entity.fields)
    .filter(([, { kind, secret }]) => !secret && (kind === 'json' || kind === 'textArray'))
    .map(([key]) => key)
}

function hidden(name: string, flag: Flag): [string, Flag] {
  return [name, { ...flag, hidden: true }]
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
