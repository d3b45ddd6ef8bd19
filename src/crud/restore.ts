/** Bringing back rows that were marked as deleted, or that a lifecycle put away (decision 34: archived workflows). */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import type { Transition } from '../model/lifecycle.ts'
import { sql } from '../model/sql.ts'
import type { Moved } from './audited.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { isDeleted, unmark } from './soft-delete.ts'
import { transitionRows } from './transition.ts'
import { unitOfWork } from './unit-of-work.ts'

/** The transition that `restore` stands for on rows that are not deleted. */
export function restoringTransition({ lifecycle }: Entity): Transition | undefined {
  return lifecycle?.transitions.find(({ verb }) => verb === 'restore')
}

/**
 * Restores rows, all or none: those that are deleted lose their mark; where none is, they take the lifecycle's own
 * `restore`.
 *
 * @throws NotFoundError (exit 4); RefusedError (exit 5) for rows that there is nothing to restore of
 */
export async function restoreRows(
  db: Database,
  scope: Scope,
  ids: readonly string[],
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<readonly Moved[]> {
  const { entity } = scope
  const wanted = distinct(ids)
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, wanted)}`)
  const there = new Set(rows.map((row) => String(row[entity.primaryKey])))
  const missing = wanted.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  const present = rows.filter((row) => !isDeleted(entity, row)).map((row) => String(row[entity.primaryKey]))
  const declared = restoringTransition(entity)
  if (declared && present.length === wanted.length) {
    return transitionRows(db, scope, declared, wanted, {}, { actor, dryRun })
  }
  return unitOfWork(db, dryRun, async (transaction) => {
    const moved = await unmark(transaction, scope, wanted, actor)
    const back = new Set(moved.map(({ before }) => String(before[entity.primaryKey])))
    refuseNotDeleted(
      scope,
      wanted.filter((id) => !back.has(id)),
    )
    return moved
  })
}

function refuseNotDeleted({ system, entity }: Scope, ids: readonly string[]): void {
  const [first] = ids
  if (first === undefined) return
  throw new RefusedError({
    code: 'not-deleted',
    message:
      ids.length === 1
        ? `${entity.name} ${first} is not deleted, so there is nothing to restore`
        : `${ids.length} ${entity.plural} are not deleted; none was restored`,
    hint: `steward ${system.name} ${entity.name} list --deleted shows deleted ones as well`,
    problems: ids.length === 1 ? [] : ids.map((id) => ({ where: id, reason: 'is not deleted' })),
  })
}
