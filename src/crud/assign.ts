/** Operations that set fields of rows in a given condition: activate, deactivate, revoke, give a sign of life. */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Scalar } from '../model/effect.ts'
import type { AssignOperation } from '../model/operation.ts'
import { allOf, identifier, join, type Sql, sql } from '../model/sql.ts'
import { assignmentsSql } from './assignments.ts'
import { type Moved, recordChanged } from './audited.ts'
import { type Consequence, newUnit, type Unit } from './consequences.ts'
import { checkInputs, checkTaken, ownValues } from './given.ts'
import type { Values } from './input.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { reread } from './reread.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { sealedExisting } from './sealing.ts'
import { selectList } from './select.ts'
import { settle } from './settle.ts'
import { whyDeleted } from './soft-delete.ts'
import { isSameValue, typedSql } from './typed.ts'
import { unitOfWork } from './unit-of-work.ts'
import { rethrow } from './violations.ts'

export interface AssignOptions {
  readonly actor: Actor
  /** What the operation takes besides the ids. */
  readonly given?: Values
  readonly dryRun?: boolean
}

export interface Assigned {
  readonly moved: readonly Moved[]
  /** What happened to other rows. */
  readonly consequences: readonly Consequence[]
}

/** Reads the rows and refuses when one is missing, deleted, or does not meet the operation's condition. */
export async function checkAssign(
  db: Database,
  scope: Scope,
  operation: AssignOperation,
  ids: readonly string[],
): Promise<readonly Cells[]> {
  const wanted = distinct(ids)
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, wanted)}`)
  refuseUnmet(scope, operation, wanted, rows)
  return rows
}

/**
 * Runs the operation on all rows or none. The condition is enforced in the UPDATE's WHERE (decision 8).
 *
 * @throws NotFoundError (exit 4); RefusedError (exit 5) for rows that do not meet the condition
 */
export function assignRows(
  db: Database,
  scope: Scope,
  operation: AssignOperation,
  ids: readonly string[],
  { actor, given = {}, dryRun = false }: AssignOptions,
): Promise<Assigned> {
  const { entity } = scope
  const wanted = distinct(ids)
  const columns = selectList(Object.keys(entity.fields))
  const { set, stamps = [], clears = [], increments = [], effects = [] } = operation
  return unitOfWork(db, dryRun, async (transaction) => {
    const unit = newUnit()
    const inputs = await checkInputs(transaction, scope, operation.name, operation, given)
    const locked = await lockRows(transaction, scope, operation, wanted)
    const found = locked.filter((row) => wanted.includes(String(row[entity.primaryKey])))
    refuseUnmet(scope, operation, wanted, found)
    const known = await checkTaken(transaction, scope, operation.name, operation, found, inputs)
    await resetOthers(transaction, scope, operation, locked, found, actor, unit)
    const values = await sealedExisting(scope, found, { ...set, ...ownValues(operation, known) })
    const assignments = assignmentsSql(scope, { values, stamps, clears, increments })
    // An operation that has effects only leaves the row as it is, under the same condition.
    const key = identifier(entity.primaryKey)
    const stored = await transaction
      .rows<Cells>(sql`
        UPDATE ${tableOf(scope)}
        SET ${join(assignments.length > 0 ? assignments : [sql`${key} = ${key}`], ',\n            ')}
        WHERE ${keyIn(scope, wanted)}
          AND ${conditionOf(scope, operation)}
        RETURNING ${columns}`)
      .catch((error: unknown) => rethrow(entity, error, values))
    const moved = await recordChanged(transaction, scope, { action: operation.name, actor }, found, stored)
    await settle(transaction, scope, moved, actor, unit)
    if (effects.length > 0) {
      const { applyEffects } = await import('./effects.ts')
      const affected = moved.map(({ after }) => ({ row: after, given: known }))
      await applyEffects(transaction, scope, effects, affected, actor, unit)
      return { moved: await reread(transaction, scope, moved), consequences: unit.tally.list() }
    }
    return { moved, consequences: unit.tally.list() }
  })
}

/** The named rows, and with `exclusive` those among which only one may be so, in the order of their keys. */
async function lockRows(
  transaction: Transaction,
  scope: Scope,
  { exclusive }: AssignOperation,
  wanted: readonly string[],
): Promise<readonly Cells[]> {
  const { entity } = scope
  const columns = selectList(Object.keys(entity.fields), 'candidate')
  const same = (exclusive?.within ?? []).map(
    (key) => sql`named.${identifier(key)} IS NOT DISTINCT FROM candidate.${identifier(key)}`,
  )
  const key = identifier(entity.primaryKey)
  const among = exclusive
    ? sql`EXISTS (
        SELECT FROM ${tableOf(scope)} AS named
        WHERE named.${keyIn(scope, wanted)}
          AND ${allOf(same)})`
    : sql`candidate.${keyIn(scope, wanted)}`
  return transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)} AS candidate
    WHERE ${among}
    ORDER BY candidate.${key}
    FOR NO KEY UPDATE`)
}

/** Before the named rows are set: a unique index may allow only one at any moment. */
async function resetOthers(
  transaction: Transaction,
  scope: Scope,
  { name, exclusive }: AssignOperation,
  locked: readonly Cells[],
  named: readonly Cells[],
  actor: Actor,
  unit: Unit,
): Promise<void> {
  if (!exclusive) return
  const { entity } = scope
  const { within, resets } = exclusive
  const groupOf = (row: Cells) => JSON.stringify(within.map((key) => String(row[key])))
  const groups = named.map(groupOf)
  if (new Set(groups).size < groups.length) {
    throw new RefusedError({
      code: 'forbidden-operation',
      message: `Only one ${entity.name} with the same ${within.join(' and ')} can be chosen by ${name}; several are named`,
      hint: 'Name one of them',
    })
  }
  const others = locked.filter(
    (row) =>
      !named.includes(row) &&
      Object.entries(resets).some(([key, value]) => !isSameValue(fieldOf(entity, key), row[key], value)),
  )
  if (others.length === 0) return
  const keys = others.map((row) => String(row[entity.primaryKey]))
  const stored = await transaction
    .rows<Cells>(sql`
      UPDATE ${tableOf(scope)}
      SET ${join(assignmentsSql(scope, { values: resets }), ',\n          ')}
      WHERE ${keyIn(scope, keys)}
      RETURNING ${selectList(Object.keys(entity.fields))}`)
    .catch((error: unknown) => rethrow(entity, error, resets))
  await recordChanged(transaction, scope, { action: name, actor }, others, stored)
  unit.tally.add({ entity, verb: 'update', fields: Object.keys(resets), rows: stored.length })
}

/** What must hold of a row, as `refuseUnmet` says it in words. */
function conditionOf(scope: Scope, { when, unless = {} }: AssignOperation): Sql {
  return allOf([
    ...Object.entries(when).map(([key, legal]) => isOneOf(scope, key, legal)),
    ...Object.entries(unless).map(([key, forbidden]) => sql`NOT ${isOneOf(scope, key, forbidden)}`),
  ])
}

function isOneOf(scope: Scope, key: string, legal: Scalar | readonly Scalar[]): Sql {
  const column = identifier(key)
  const values = listed(legal).map(
    (value) => sql`${column} IS NOT DISTINCT FROM ${typedSql(scope, fieldOf(scope.entity, key), value)}`,
  )
  return sql`(${join(values, ' OR ')})`
}

function listed(legal: Scalar | readonly Scalar[]): readonly Scalar[] {
  return typeof legal === 'object' && legal !== null ? legal : [legal]
}

/** The fields whose values stand in the way: `status is failed`. */
export function unmetOf(
  { entity }: Scope,
  when: Readonly<Record<string, Scalar | readonly Scalar[]>>,
  row: Cells,
): string[] {
  return Object.entries(when)
    .filter(([key, legal]) => !listed(legal).some((value) => isSameValue(fieldOf(entity, key), row[key], value)))
    .map(([key]) => `${key} is ${String(row[key])}`)
}

/** The fields that have a value which they must not have. */
function metOf(
  { entity }: Scope,
  unless: Readonly<Record<string, Scalar | readonly Scalar[]>>,
  row: Cells,
): string[] {
  return Object.entries(unless)
    .filter(([key, forbidden]) =>
      listed(forbidden).some((value) => isSameValue(fieldOf(entity, key), row[key], value)),
    )
    .map(([key]) => ((row[key] ?? null) === null ? `${key} is not set` : `${key} is ${String(row[key])}`))
}

function refuseUnmet(
  scope: Scope,
  operation: AssignOperation,
  wanted: readonly string[],
  rows: readonly Cells[],
): void {
  const { entity } = scope
  const there = new Set(rows.map((row) => String(row[entity.primaryKey])))
  const missing = wanted.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  const problems = rows.flatMap((row) => {
    const unmet = [...unmetOf(scope, operation.when, row), ...metOf(scope, operation.unless ?? {}, row)]
    const reason =
      whyDeleted(entity, row) ?? (unmet.length === 0 ? undefined : `${operation.otherwise} (${unmet.join(', ')})`)
    return reason === undefined ? [] : [{ where: String(row[entity.primaryKey]), reason }]
  })
  const [first] = problems
  if (first === undefined) return
  const only = problems.length === 1
  throw new RefusedError({
    code: 'forbidden-operation',
    message: only
      ? `${entity.name} ${first.where} ${first.reason}`
      : `${problems.length} ${entity.plural} cannot be changed; none was`,
    hint: wanted.length > 1 ? 'Leave these out' : undefined,
    problems: only ? [] : problems,
  })
}
