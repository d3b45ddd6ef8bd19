/** Bringing back rows that were marked as deleted, or that a lifecycle put away (decision 34: archived workflows). */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type Problem, RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import type { Transition } from '../model/lifecycle.ts'
import { entityNamed } from '../model/system.ts'
import type { Moved } from './audited.ts'
import { newUnit, type Tally, type Unit } from './consequences.ts'
import { lockParents } from './creation.ts'
import { distinct, notFound } from './missing.ts'
import { type Scope, scopeOf } from './scope.ts'
import { isDeleted, lockedRows, unmark, whyDeleted } from './soft-delete.ts'
import { moveNamed } from './transition.ts'
import { unitOfWork } from './unit-of-work.ts'

export interface RestoreOptions {
  readonly actor: Actor
  readonly dryRun?: boolean
  /** Gets what happened to other rows. */
  readonly tally?: Tally
}

/** The transition that `restore` stands for on rows that are not deleted. */
export function restoringTransition({ lifecycle }: Entity): Transition | undefined {
  return lifecycle?.transitions.find(({ verb }) => verb === 'restore')
}

/**
 * Restores rows, all or none: those that are deleted lose their mark, the others take the lifecycle's own `restore`.
 *
 * @throws NotFoundError (exit 4); RefusedError (exit 5) for rows that there is nothing to restore of, and for those that
 * belong to a row which stays deleted
 */
export async function restoreRows(
  db: Database,
  scope: Scope,
  ids: readonly string[],
  { actor, dryRun = false, tally }: RestoreOptions,
): Promise<readonly Moved[]> {
  const { entity } = scope
  const wanted = distinct(ids)
  const result = await unitOfWork(db, dryRun, async (transaction) => {
    const unit = newUnit()
    const rows = new Map((await lockedRows(transaction, scope, wanted)).map((row) => [keyOf(entity, row), row]))
    const missing = wanted.filter((id) => !rows.has(id))
    if (missing.length > 0) throw notFound(scope, missing)
    const isMarked = (id: string) => isDeleted(entity, rows.get(id) ?? {})
    const marked = await unmark(transaction, scope, wanted.filter(isMarked), actor, unit)
    await refuseOrphans(
      transaction,
      scope,
      marked.map(({ after }) => after),
    )
    const others = wanted.filter((id) => !isMarked(id))
    const moved = [...marked, ...(await putBack(transaction, scope, others, actor, unit))]
    const byId = new Map(moved.map((one) => [keyOf(entity, one.after), one]))
    return { moved: wanted.flatMap((id) => byId.get(id) ?? []), unit }
  })
  tally?.addAll(result.unit.tally)
  return result.moved
}

/** Takes rows that are not deleted through the lifecycle's `restore`, where there is one. */
async function putBack(
  transaction: Transaction,
  scope: Scope,
  ids: readonly string[],
  actor: Actor,
  unit: Unit,
): Promise<readonly Moved[]> {
  if (ids.length === 0) return []
  const declared = restoringTransition(scope.entity)
  if (!declared) throw notDeleted(scope, ids)
  return moveNamed(transaction, scope, declared, ids, {}, actor, unit)
}

/** As a new row may not refer to a deleted one (crud/creation.ts), one that comes back may not either. */
async function refuseOrphans(transaction: Transaction, scope: Scope, rows: readonly Cells[]): Promise<void> {
  const { entity, system } = scope
  const problems: Problem[] = []
  for (const [key, { reference }] of Object.entries(entity.fields)) {
    const parent = reference && entityNamed(system, reference.entity)
    const referring = rows.filter((row) => (row[key] ?? null) !== null)
    if (!reference || !parent?.softDelete || referring.length === 0) continue
    const ids = distinct(referring.map((row) => String(row[key]))).sort()
    const parents = await lockParents(transaction, scopeOf(scope, parent), { key: reference.field, ids })
    for (const row of referring) {
      const found = parents.get(String(row[key]))
      const gone = found && whyDeleted(parent, found)
      if (gone === undefined) continue
      const reason = `${key} names ${parent.name} ${String(row[key])}, which ${gone}`
      problems.push({ where: keyOf(entity, row), reason })
    }
  }
  const [first] = problems
  if (first === undefined) return
  throw new RefusedError({
    code: 'parent-deleted',
    message:
      problems.length === 1
        ? `${entity.name} ${first.where} cannot be restored: ${first.reason}`
        : `${problems.length} references lead to deleted rows; no ${entity.name} was restored`,
    hint: 'Restore what they belong to first',
    problems: problems.length === 1 ? [] : problems,
  })
}

function notDeleted({ system, entity }: Scope, ids: readonly string[]): RefusedError {
  return new RefusedError({
    code: 'not-deleted',
    message:
      ids.length === 1
        ? `${entity.name} ${ids[0]} is not deleted, so there is nothing to restore`
        : `${ids.length} ${entity.plural} are not deleted; none was restored`,
    hint: `steward ${system.name} ${entity.name} list --deleted shows deleted ones as well`,
    problems: ids.length === 1 ? [] : ids.map((id) => ({ where: id, reason: 'is not deleted' })),
  })
}

function keyOf({ primaryKey }: Entity, row: Cells): string {
  return String(row[primaryKey])
}
