/**
 * Transitions of a lifecycle. The state is enforced in the UPDATE's WHERE (decision 8), so of two writers one wins and
 * the other is told; entering a terminal state always stamps the end time. What a transition does to other rows
 * happens in the same transaction (decision 52).
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type Problem, RefusedError, type StewardError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Condition, Entity } from '../model/entity.ts'
import type { Transition } from '../model/lifecycle.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { assignmentsSql } from './assignments.ts'
import { type Moved, recordChanged } from './audited.ts'
import type { Failure } from './changes.ts'
import { newUnit, Tally, type Unit } from './consequences.ts'
import { checkInputs, checkTaken } from './given.ts'
import { said, type Values } from './input.ts'
import { lockQueues } from './lock-ahead.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { refusalsOf } from './move-refusals.ts'
import { reread } from './reread.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { sealedExisting } from './sealing.ts'
import { selectList } from './select.ts'
import { settle } from './settle.ts'
import { unitOfWork } from './unit-of-work.ts'
import { rethrow } from './violations.ts'
import { assignmentsOf, type Found, insteadSql, lateSql, lifecycleOf, type Way, waysOf } from './ways.ts'

export { lifecycleOf }

/** A row that was there and not moved. */
export interface Unmoved {
  readonly row: Cells
  /** Completes `<entity> <id> …`; undefined when it left its state, or is on its way, in this very moment. */
  readonly reason: string | undefined
}

export interface MovedRows {
  readonly moved: readonly Moved[]
  readonly unmoved: readonly Unmoved[]
}

export interface MoveOptions {
  /** Further condition on the rows. */
  readonly only?: Condition
  /** Leave out rows that another session has locked, instead of waiting. */
  readonly skipLocked?: boolean
  /** The change that this is an effect of. */
  readonly unit?: Unit
}

/**
 * Moves the rows that are in a state the transition leads out of, records them in the audit log, and does to other rows
 * what the transition declares.
 *
 * @param given what the transition takes besides the id
 * @throws RefusedError (exit 5) when the database, or an effect, refuses it; the transaction must then be rolled back
 */
export async function moveRows(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  given: Values,
  actor: Actor,
  { only = raw('TRUE'), skipLocked = false, unit = newUnit() }: MoveOptions = {},
): Promise<MovedRows> {
  const { entity } = scope
  const named = unit.depth === 0 ? await checkInputs(transaction, scope, declared.verb, declared, given) : given
  if (unit.depth === 0 && !skipLocked) await lockQueues(transaction, scope, declared, ids)
  const nameOf = (row: Cells) => `${entity.name} ${declared.verb} ${String(row[entity.primaryKey])}`
  const found = await lockRows(transaction, scope, declared, sql`${keyIn(scope, ids)}\n      AND ${only}`, skipLocked)
  const fresh = found.filter(({ row }) => !unit.taken.has(nameOf(row)))
  const refused = await refusalsOf(transaction, scope, declared, fresh)
  const eligible = fresh.filter(({ row }) => !refused.has(row))
  const asked = eligible.map(({ row }) => row)
  // A run that starts must meet all that its parents ask: they may have changed after it was created.
  const values = await checkTaken(
    transaction,
    scope,
    declared.verb,
    declared,
    asked,
    named,
    declared.creates !== undefined,
  )
  const inner = { ...unit, taken: new Set([...unit.taken, ...eligible.map(({ row }) => nameOf(row))]) }
  const moved: Moved[] = []
  for (const way of waysOf(declared)) {
    const rows = eligible.filter(({ instead }) => instead === way.instead).map(({ row }) => row)
    if (rows.length === 0) continue
    const stored = await takeWay(transaction, scope, declared, way, rows, values)
    const changed = await recordChanged(transaction, scope, { action: declared.verb, actor }, rows, stored)
    moved.push(...changed)
    if (way.effects.length === 0) continue
    const { applyEffects } = await import('./effects.ts')
    const affected = changed.map(({ after }) => ({ row: after, given: values }))
    await applyEffects(transaction, scope, way.effects, affected, actor, inner)
  }
  await settle(transaction, scope, moved, actor, inner)
  const before = new Set(moved.map((row) => row.before))
  const hasEffects = waysOf(declared).some(({ effects }) => effects.length > 0)
  const ordered = inKeyOrder(found, moved)
  return {
    moved: unit.depth === 0 && hasEffects ? await reread(transaction, scope, ordered) : ordered,
    unmoved: found.flatMap(({ row }) => (before.has(row) ? [] : [{ row, reason: refused.get(row) }])),
  }
}

/**
 * Moves rows as a part of another change, and counts them with it: these rows before those that they take along.
 *
 * @see moveRows
 */
export async function moveAlong(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  given: Values,
  actor: Actor,
  { unit, ...options }: MoveOptions & { readonly unit: Unit },
): Promise<MovedRows> {
  const further = new Tally()
  const within = { ...options, unit: { ...unit, tally: further } }
  const result = await moveRows(transaction, scope, declared, ids, given, actor, within)
  unit.tally.addMoved(scope.entity, declared.verb, result.moved)
  unit.tally.addAll(further)
  return result
}

/**
 * Moves named rows, all or none.
 *
 * @param tally gets what happened to other rows
 * @throws NotFoundError (exit 4) for ids that do not exist; RefusedError (exit 5) naming the state that each other row
 * is in and where it may go from there
 */
export async function transitionRows(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  values: Values,
  { actor, dryRun = false, tally }: { readonly actor: Actor; readonly dryRun?: boolean; readonly tally?: Tally },
): Promise<readonly Moved[]> {
  const wanted = distinct(ids)
  const result = await unitOfWork(db, dryRun, async (transaction) => {
    const unit = newUnit()
    return { moved: await moveNamed(transaction, scope, declared, wanted, values, actor, unit), unit }
  })
  tally?.addAll(result.unit.tally)
  return result.moved
}

/** As `transitionRows`, inside the caller's transaction. */
export async function moveNamed(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  values: Values,
  actor: Actor,
  unit: Unit,
): Promise<readonly Moved[]> {
  const result = await moveRows(transaction, scope, declared, ids, values, actor, { unit })
  refuseUnmoved(scope, ids, result)
  return result.moved
}

/** Moves named rows one by one; those that cannot be moved are failures. */
export async function transitionEach(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  values: Values,
  options: { readonly actor: Actor; readonly dryRun?: boolean; readonly tally?: Tally },
): Promise<{ readonly moved: readonly Moved[]; readonly failures: readonly Failure[] }> {
  const moved: Moved[] = []
  const failures: Failure[] = []
  for (const id of distinct(ids)) {
    try {
      const { unit, ...result } = await unitOfWork(db, options.dryRun ?? false, async (transaction) => {
        const fresh = newUnit()
        const rows = await moveRows(transaction, scope, declared, [id], values, options.actor, { unit: fresh })
        return { ...rows, unit: fresh }
      })
      moved.push(...result.moved)
      failures.push(...unmovedOf(scope, [id], result))
      options.tally?.addAll(unit.tally)
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      failures.push({ id, reason: reasonsOf(error) })
    }
  }
  return { moved, failures }
}

/** What an error says, its problems in one line where it has several. */
export function reasonsOf(error: RefusedError): string {
  return error.problems.length > 0 ? error.problems.map(said).join('; ') : error.message
}

/** Locked in the order of their ids, so that two bulk runs cannot wait for each other. */
async function lockRows(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  where: Sql,
  skipLocked: boolean,
): Promise<Found[]> {
  const { entity } = scope
  const rows = await transaction.rows<Cells & { steward_instead: boolean; steward_late: boolean }>(sql`
    SELECT ${selectList(Object.keys(entity.fields))},
           ${insteadSql(declared)} AS steward_instead,
           ${lateSql(declared)} AS steward_late
    FROM ${tableOf(scope)}
    WHERE ${where}
    ORDER BY ${identifier(entity.primaryKey)}
    FOR NO KEY UPDATE${raw(skipLocked ? ' SKIP LOCKED' : '')}`)
  return rows.map(({ steward_instead: instead, steward_late: late, ...row }) => ({ row, instead, late }))
}

async function takeWay(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  way: Way,
  rows: readonly Cells[],
  values: Values,
): Promise<readonly Cells[]> {
  const { entity } = scope
  const { field } = lifecycleOf(entity)
  const keys = rows.map((row) => String(row[entity.primaryKey]))
  const sealed = await sealedExisting(scope, rows, values)
  return transaction
    .rows<Cells>(sql`
      UPDATE ${tableOf(scope)}
      SET ${join(assignmentsSql(scope, assignmentsOf(entity, declared, way, sealed)), ',\n          ')}
      WHERE ${keyIn(scope, keys)}
        AND ${identifier(field)} = ANY (${declared.from}::${castType(scope, fieldOf(entity, field))}[])
        AND ${insteadSql(declared)} IS ${raw(way.instead ? 'TRUE' : 'FALSE')}
      RETURNING ${selectList(Object.keys(entity.fields))}`)
    .catch((error: unknown) => rethrow(entity, error, values))
}

function inKeyOrder(found: readonly Found[], moved: readonly Moved[]): readonly Moved[] {
  const after = new Map(moved.map((one) => [one.before, one]))
  return found.flatMap(({ row }) => after.get(row) ?? [])
}

function refuseUnmoved(scope: Scope, wanted: readonly string[], result: MovedRows): void {
  const failures = unmovedOf(scope, wanted, result)
  if (failures.length === 0) return
  if (result.unmoved.length === 0) {
    throw notFound(
      scope,
      failures.map(({ id }) => id),
    )
  }
  const problems = failures.map(({ id, reason }): Problem => ({ where: id, reason }))
  throw forbidden(scope.entity, problems, wanted.length > 1)
}

/** The ids that were not moved, those that do not exist last, each with the reason. */
function unmovedOf({ entity }: Scope, wanted: readonly string[], { moved, unmoved }: MovedRows): Failure[] {
  const idOf = (row: Cells) => String(row[entity.primaryKey])
  const there = new Set([...moved.map(({ before }) => before), ...unmoved.map(({ row }) => row)].map(idOf))
  return [
    ...unmoved.map(({ row, reason = 'was changed by another session in this moment' }) => ({
      id: idOf(row),
      reason,
    })),
    ...wanted.filter((id) => !there.has(id)).map((id) => ({ id, reason: 'does not exist' })),
  ]
}

function forbidden(entity: Entity, problems: readonly Problem[], several: boolean): StewardError {
  const [first] = problems
  const only = problems.length === 1 && first
  return new RefusedError({
    code: 'forbidden-transition',
    message: only
      ? `${entity.name} ${first.where} ${first.reason}`
      : `${problems.length} ${entity.plural} cannot take this step; none was changed`,
    hint: several ? 'None was changed: leave these out, or add --keep-going to change the others' : undefined,
    problems: only ? [] : problems,
  })
}
