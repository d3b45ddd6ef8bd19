/**
 * Transitions of a lifecycle. The state is enforced in the UPDATE's WHERE (decision 8), so of two writers one wins and
 * the other is told; entering a terminal state always stamps the end time.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type Problem, RefusedError, type StewardError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Condition, Entity } from '../model/entity.ts'
import { endFieldOf, endFields, type Lifecycle, type Transition, transitionsFrom } from '../model/lifecycle.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import { type Assignments, assignmentsSql } from './assignments.ts'
import { type Moved, recordChanged } from './audited.ts'
import type { Candidate } from './candidate.ts'
import type { Failure } from './changes.ts'
import { checkParents } from './creation.ts'
import { refuseInput, said, type Values } from './input.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { rollingBack } from './rehearsal.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { rethrow } from './violations.ts'

export interface MovedRows {
  readonly moved: readonly Moved[]
  /** Rows that were there and not moved. */
  readonly unmoved: readonly Cells[]
}

/** The lifecycle of an entity that has transitions. @throws RangeError (a bug) without one */
export function lifecycleOf(entity: Entity): Lifecycle {
  if (!entity.lifecycle) throw new RangeError(`${entity.name} has no lifecycle`)
  return entity.lifecycle
}

/**
 * Moves the rows that are in a state the transition leads out of, and records them in the audit log.
 *
 * @param values what the transition takes besides the id
 * @param only further condition on the rows
 * @param skipLocked leave out rows that another session has locked, instead of waiting
 */
export async function moveRows(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  values: Values,
  actor: Actor,
  { only, skipLocked = false }: { readonly only?: Condition; readonly skipLocked?: boolean } = {},
): Promise<MovedRows> {
  const { entity } = scope
  const { field } = lifecycleOf(entity)
  const key = entity.primaryKey
  const columns = selectList(Object.keys(entity.fields))
  // Locked in the order of their ids, so that two bulk runs cannot wait for each other.
  const found = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, ids)}
      AND ${only ?? raw('TRUE')}
    ORDER BY ${identifier(key)}
    FOR NO KEY UPDATE ${raw(skipLocked ? 'SKIP LOCKED' : '')}`)
  const eligible = found.filter((row) => declared.from.includes(String(row[field])))
  if (declared.creates) await checkParentsAgain(transaction, scope, declared, eligible, values)
  const stored = await transaction
    .rows<Cells>(sql`
      UPDATE ${tableOf(scope)}
      SET ${join(assignmentsSql(scope, assignmentsOf(entity, declared, values)), ',\n          ')}
      WHERE ${keyIn(
        scope,
        eligible.map((row) => String(row[key])),
      )}
        AND ${identifier(field)} = ANY (${declared.from}::${castType(scope, fieldOf(entity, field))}[])
      RETURNING ${columns}`)
    .catch((error: unknown) => rethrow(entity, error, values))
  const moved = await recordChanged(transaction, scope, { action: declared.verb, actor }, found, stored)
  const before = new Set(moved.map((row) => row.before))
  return { moved, unmoved: found.filter((row) => !before.has(row)) }
}

/**
 * Moves named rows, all or none.
 *
 * @throws NotFoundError (exit 4) for ids that do not exist; RefusedError (exit 5) naming the state that each other row
 * is in and where it may go from there
 */
export function transitionRows(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  values: Values,
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<readonly Moved[]> {
  const wanted = distinct(ids)
  return rollingBack(db, dryRun, async (transaction) => {
    const result = await moveRows(transaction, scope, declared, wanted, values, actor)
    refuseUnmoved(scope, declared, wanted, result)
    return result.moved
  })
}

/**
 * Moves named rows one by one; those that cannot be moved are failures.
 */
export async function transitionEach(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  values: Values,
  options: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<{ readonly moved: readonly Moved[]; readonly failures: readonly Failure[] }> {
  const moved: Moved[] = []
  const failures: Failure[] = []
  for (const id of distinct(ids)) {
    try {
      const result = await rollingBack(db, options.dryRun ?? false, (transaction) =>
        moveRows(transaction, scope, declared, [id], values, options.actor),
      )
      moved.push(...result.moved)
      failures.push(...unmovedOf(scope, declared, [id], result))
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      failures.push({ id, reason: error.problems.length > 0 ? error.problems.map(said).join('; ') : error.message })
    }
  }
  return { moved, failures }
}

/** The state a row is in and where it may go from there, for the refusal. */
function whyNot(entity: Entity, declared: Transition, row: Cells): string {
  const lifecycle = lifecycleOf(entity)
  const state = String(row[lifecycle.field])
  const onward = transitionsFrom(lifecycle, state).map(({ verb, to }) => `${verb} (to ${to})`)
  const there =
    onward.length === 0
      ? `nothing leads out of ${state}`
      : `from ${state} there ${onward.length === 1 ? 'is' : 'are'} ${onward.join(', ')}`
  return `is ${state}, and ${declared.verb} needs ${declared.from.join(' or ')}; ${there}`
}

function assignmentsOf(entity: Entity, declared: Transition, values: Values): Assignments {
  const lifecycle = lifecycleOf(entity)
  const stamp = lifecycle.stamps[declared.to]
  const end = endFieldOf(lifecycle, declared.to)
  const reopens = end === undefined && declared.from.some((state) => lifecycle.states[state] === 'terminal')
  return {
    values: { [lifecycle.field]: declared.to, ...values },
    stampsOnce: stamp === undefined ? [] : [stamp],
    stamps: end === undefined ? [] : [end],
    clears: [...(declared.clears ?? []), ...(reopens ? endFields(lifecycle) : [])],
    increments: declared.increments ?? [],
  }
}

/** A run that starts must still meet what its parents ask: they may have changed since it was created. */
async function checkParentsAgain(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  rows: readonly Cells[],
  values: Values,
): Promise<void> {
  const candidates: Candidate[] = rows.map((row) => ({ values: { ...row, ...values }, problems: [] }))
  await checkParents(transaction, scope, candidates, { limits: false })
  const several = rows.length > 1
  const problems = candidates.flatMap(({ values: row, problems: found }) =>
    found.map(({ where, reason }) => ({
      where: [...(several ? [String(row[scope.entity.primaryKey])] : []), where].filter(Boolean).join('.'),
      reason,
    })),
  )
  refuseInput(scope.entity, declared.verb, problems)
}

function refuseUnmoved(scope: Scope, declared: Transition, wanted: readonly string[], result: MovedRows): void {
  const failures = unmovedOf(scope, declared, wanted, result)
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
function unmovedOf(
  { entity }: Scope,
  declared: Transition,
  wanted: readonly string[],
  { moved, unmoved }: MovedRows,
): Failure[] {
  const idOf = (row: Cells) => String(row[entity.primaryKey])
  const there = new Set([...moved.map(({ before }) => before), ...unmoved].map(idOf))
  return [
    ...unmoved.map((row) => ({ id: idOf(row), reason: whyNot(entity, declared, row) })),
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
