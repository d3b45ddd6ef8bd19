/** Rows that are named and not there. */
import type { Queryable } from '../db/database.ts'
import { NotFoundError } from '../errors.ts'
import { identifier, sql } from '../model/sql.ts'
import { someOf } from './changes.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'

/** Every id once, in the order given. */
export function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)]
}

/** @returns exit 4 naming the rows that do not exist */
export function notFound({ system, entity }: Scope, ids: readonly string[]): NotFoundError {
  return new NotFoundError({
    code: 'not-found',
    message: `There ${ids.length === 1 ? `is no ${entity.name}` : `are no ${entity.plural}`} ${someOf(ids)}`,
    hint: `steward ${system.name} ${entity.name} list shows those there are`,
    details: { entity: entity.name, ids: [...ids] },
  })
}

/** Condition on the primary key, the ids bound in the column's type. */
export function keyIn(scope: Scope, ids: readonly string[]) {
  const { entity } = scope
  const type = castType(scope, fieldOf(entity, entity.primaryKey))
  return sql`${identifier(entity.primaryKey)} = ANY (${ids}::${type}[])`
}

/** Those of the ids that have a row, each once, in the order given. */
export async function presentIds(db: Queryable, scope: Scope, ids: readonly string[]): Promise<string[]> {
  const rows = await db.rows<{ id: unknown }>(sql`
    SELECT ${identifier(scope.entity.primaryKey)} AS id
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, ids)}`)
  const there = new Set(rows.map(({ id }) => String(id)))
  return distinct(ids).filter((id) => there.has(id))
}

/** @throws NotFoundError (exit 4) naming the ids that have no row */
export async function requireRows(db: Queryable, scope: Scope, ids: readonly string[]): Promise<void> {
  const there = new Set(await presentIds(db, scope, ids))
  const missing = ids.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
}
