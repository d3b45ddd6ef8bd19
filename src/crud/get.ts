/** Rows by their keys, with related rows. */
import type { Queryable } from '../db/database.ts'
import { InvalidValue, type Problem } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, sql } from '../model/sql.ts'
import { type Cut, type Include, withIncludes } from './includes.ts'
import { notFound } from './missing.ts'
import { castType, fieldOf, refuseProblems, type Scope, tableOf } from './scope.ts'
import { selectList, visibleFields } from './select.ts'
import { parseValue } from './values.ts'

export interface Found {
  /** In the order of the ids, each once. */
  readonly rows: Cells[]
  readonly cuts: readonly Cut[]
}

/**
 * Reads rows by primary key: one query, and one for each relation.
 *
 * @throws NotFoundError (exit 4) naming every id that has no row
 * @throws UsageError (exit 2) for ids that the key's type cannot hold
 */
export async function getRows(
  db: Queryable,
  scope: Scope,
  ids: readonly string[],
  options: { readonly includes?: readonly Include[]; readonly reveal?: readonly string[] } = {},
): Promise<Found> {
  const { entity } = scope
  const key = entity.primaryKey
  const wanted = checkedIds(scope, ids)
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(visibleFields(entity, options.reveal))}
    FROM ${tableOf(scope)}
    WHERE ${identifier(key)} = ANY (${wanted}::${castType(scope, fieldOf(entity, key))}[])`)
  const byId = new Map(rows.map((row) => [String(row[key]), row]))
  const missing = wanted.filter((id) => !byId.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  const ordered = wanted.map((id) => byId.get(id)).filter((row) => row !== undefined)
  return withIncludes(db, scope, ordered, options.includes ?? [])
}

function checkedIds({ entity }: Scope, ids: readonly string[]): string[] {
  const field = fieldOf(entity, entity.primaryKey)
  const problems: Problem[] = []
  const read = ids.map((id) => {
    try {
      return String(parseValue(field, id))
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      problems.push({ where: `<id> ${JSON.stringify(id)}`, reason: error.message })
      return id
    }
  })
  refuseProblems(problems, `Ids of ${entity.name} are of type ${field.sqlType}`)
  return [...new Set(read)]
}
