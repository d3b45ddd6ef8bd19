/** Rows by their keys, with related rows. */
import type { Queryable } from '../db/database.ts'
import { NotFoundError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, sql } from '../model/sql.ts'
import { someOf } from './changes.ts'
import { resolveIds } from './ids.ts'
import { type Cut, type Include, withIncludes } from './includes.ts'
import { notFound } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList, visibleFields } from './select.ts'
import { isDeleted } from './soft-delete.ts'

export interface GetOptions {
  readonly includes?: readonly Include[]
  readonly reveal?: readonly string[]
  /** Rows that are marked as deleted as well. */
  readonly deleted?: boolean
}

export interface Found {
  /** In the order of the ids, each once. */
  readonly rows: Cells[]
  readonly cuts: readonly Cut[]
}

/**
 * Reads rows by primary key or handle: one query, and one for each relation.
 *
 * @throws NotFoundError (exit 4) naming every id that has no row, or whose row is deleted and not asked for
 * @throws UsageError (exit 2) for ids that the key's type cannot hold
 */
export async function getRows(
  db: Queryable,
  scope: Scope,
  ids: readonly string[],
  options: GetOptions = {},
): Promise<Found> {
  const { entity } = scope
  const key = entity.primaryKey
  const wanted = await resolveIds(db, scope, ids)
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(visibleFields(entity, options.reveal))}
    FROM ${tableOf(scope)}
    WHERE ${identifier(key)} = ANY (${wanted}::${castType(scope, fieldOf(entity, key))}[])`)
  const byId = new Map(rows.map((row) => [String(row[key]), row]))
  const missing = wanted.filter((id) => !byId.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  const ordered = wanted.map((id) => byId.get(id)).filter((row) => row !== undefined)
  const { deleted = false } = options
  const gone = ordered.filter((row) => isDeleted(entity, row)).map((row) => String(row[key]))
  if (gone.length > 0 && !deleted) throw hidden(scope, gone)
  return withIncludes(db, scope, ordered, options.includes ?? [], { deleted })
}

function hidden({ system, entity }: Scope, ids: readonly string[]): NotFoundError {
  const words = `steward ${system.name} ${entity.name}`
  return new NotFoundError({
    code: 'deleted',
    message: `${ids.length === 1 ? `${entity.name} ${ids[0]} is` : `${entity.plural} ${someOf(ids)} are`} deleted`,
    hint: `${words} get ${ids[0]} --deleted shows it all the same, ${words} restore ${ids[0]} brings it back`,
    details: { entity: entity.name, ids: [...ids] },
  })
}
