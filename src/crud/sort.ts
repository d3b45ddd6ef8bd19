/** The order of a list: `--sort -created_at`, `--sort status,-created_at`. */
import type { Problem } from '../errors.ts'
import type { Entity } from '../model/entity.ts'
import { identifier, join, type Sql, sql } from '../model/sql.ts'
import { fieldOf, findField, refuseProblems } from './scope.ts'

export interface SortKey {
  readonly field: string
  readonly descending: boolean
}

/**
 * Reads a sort and makes it total: the primary key breaks ties (decision 21), in the direction of the last key, so
 * that one index on (key, primary key) serves both directions.
 *
 * @param text the declared order when absent
 * @throws UsageError (exit 2) with every problem
 */
export function sortFrom(entity: Entity, text?: string): SortKey[] {
  const { sort, problems } = readSort(entity, text)
  refuseProblems(
    problems,
    `Sort by fields of ${entity.name}, a minus before the name for descending: --sort -created_at`,
  )
  return sort
}

/** As `sortFrom`, for callers that have further problems to report with these. */
export function readSort(
  entity: Entity,
  text = entity.list.sort,
): { readonly sort: SortKey[]; readonly problems: Problem[] } {
  const sort: SortKey[] = []
  const problems: Problem[] = []
  for (const part of text.split(',').map((word) => word.trim())) {
    const found = findField(entity, part.replace(/^[+-]/, ''))
    const reason =
      'refused' in found
        ? found.refused.replace(/is secret$/, 'is secret and cannot be sorted by')
        : reasonAgainst(found.key, found.field.kind, sort)
    if (reason !== undefined) problems.push({ where: '--sort', reason })
    else if ('key' in found) sort.push({ field: found.key, descending: part.startsWith('-') })
  }
  // Nothing after the primary key can matter.
  const end = sort.findIndex((key) => key.field === entity.primaryKey)
  if (end >= 0) return { sort: sort.slice(0, end + 1), problems }
  return {
    sort: [...sort, { field: entity.primaryKey, descending: sort.at(-1)?.descending ?? false }],
    problems,
  }
}

/** `--sort` as text again, canonical. */
export function sortText(sort: readonly SortKey[]): string {
  return sort.map((key) => `${key.descending ? '-' : ''}${key.field}`).join(',')
}

/**
 * ORDER BY with PostgreSQL's own place for NULL, as if it were larger than every value: last when ascending, first
 * when descending (manual, 7.5). Any other place would keep ordinary indexes from serving the order.
 */
export function orderBy(sort: readonly SortKey[], alias?: string): Sql {
  return join(
    sort.map(({ field, descending }) => {
      const column = alias === undefined ? identifier(field) : identifier(alias, field)
      return descending ? sql`${column} DESC` : column
    }),
  )
}

/** True when some key may be NULL. */
export function isNullable(entity: Entity, key: SortKey): boolean {
  return fieldOf(entity, key.field).nullable
}

function reasonAgainst(key: string, kind: string, before: readonly SortKey[]): string | undefined {
  if (kind === 'json' || kind === 'textArray') return `${key} has no order that would mean anything`
  if (before.some((earlier) => earlier.field === key)) return `names ${key} twice`
  return undefined
}
