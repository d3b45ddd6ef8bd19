/** Which columns of a row are read and shown, and reading one row by its key. */

import type { Queryable } from '../db/database.ts'
import type { Problem } from '../errors.ts'
import type { Cells, Column } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { columnOf } from '../model/field.ts'
import { nearest } from '../model/nearest.ts'
import { empty, identifier, join, type Sql, sql } from '../model/sql.ts'
import { castType, fieldOf, refuseProblems, type Scope, tableOf } from './scope.ts'

/** The fields of output, in declared order: all that are not secret, and the secret ones that `reveal` names. */
export function visibleFields(entity: Entity, reveal: readonly string[] = []): string[] {
  const named = revealed(entity, reveal)
  return Object.keys(entity.fields).filter((key) => !fieldOf(entity, key).secret || named.has(key))
}

/**
 * The fields that `--fields` names, in that order, and a problem for each name that is unknown, or secret and not
 * revealed.
 *
 * @throws UsageError (exit 2) for a wrong `--reveal`
 */
export function readFields(
  entity: Entity,
  names: readonly string[],
  reveal: readonly string[] = [],
): { readonly fields: string[]; readonly problems: Problem[] } {
  const visible = visibleFields(entity, reveal)
  const fields: string[] = []
  const problems: Problem[] = []
  for (const name of new Set(names)) {
    if (visible.includes(name)) fields.push(name)
    else problems.push({ where: '--fields', reason: reasonAgainst(entity, name, visible) })
  }
  return { fields, problems }
}

function reasonAgainst(entity: Entity, name: string, visible: readonly string[]): string {
  if (Object.hasOwn(entity.fields, name)) return `names ${name}, which is secret; add --reveal ${name} to see it`
  const near = nearest(name, visible)
  return `names '${name}', which ${entity.name} does not have${near ? ` (did you mean ${near}?)` : ''}`
}

/** The same as columns of output. */
export function columnsOf(entity: Entity, reveal: readonly string[] = []): Column[] {
  return visibleFields(entity, reveal).map((key) => columnOf(key, fieldOf(entity, key)))
}

/** Columns that people see in a list: the declared ones, and the revealed ones after them. */
export function shownColumns(entity: Entity, reveal: readonly string[] = []): string[] {
  return [...new Set([...entity.list.columns, ...revealed(entity, reveal)])]
}

/** A SELECT list of named columns, never `*`. */
export function selectList(keys: readonly string[], alias?: string): Sql {
  return join(keys.map((key) => (alias === undefined ? identifier(key) : identifier(alias, key))))
}

/**
 * Reads one row by its primary key, secret fields included: for verbs that change it and must compare or audit.
 * What is shown of it goes through `visibleFields`.
 *
 * @param lock `share` or `update` takes the row lock, inside the caller's transaction
 * @returns undefined when there is no such row
 */
export function selectRow(
  db: Queryable,
  scope: Scope,
  id: string,
  lock?: 'share' | 'update',
): Promise<Cells | undefined> {
  const { entity } = scope
  const key = entity.primaryKey
  return db.maybeOne<Cells>(sql`
    SELECT ${selectList(Object.keys(entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${identifier(key)} = ${id}::${castType(scope, fieldOf(entity, key))}
    ${lock === undefined ? empty : lock === 'share' ? sql`FOR SHARE` : sql`FOR UPDATE`}`)
}

/** Checks the names given to `--reveal`. @throws UsageError (exit 2) for a name that is no secret field */
function revealed(entity: Entity, reveal: readonly string[]): Set<string> {
  if (reveal.length === 0) return new Set()
  const secrets = Object.keys(entity.fields).filter((key) => fieldOf(entity, key).secret)
  const problems: Problem[] = []
  for (const name of reveal) {
    if (secrets.includes(name)) continue
    const near = nearest(name, secrets)
    problems.push({
      where: '--reveal',
      reason: `names '${name}', which is no secret field of ${entity.name}${near ? ` (did you mean ${near}?)` : ''}`,
    })
  }
  refuseProblems(
    problems,
    secrets.length === 0 ? `${entity.name} has no secret fields` : `Secret fields: ${secrets.join(', ')}`,
  )
  return new Set(reveal)
}
