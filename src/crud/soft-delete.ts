/**
 * Rows that are marked as deleted and stay (model, `SoftDelete`; decisions 34, 38, 51): hidden, changed by nothing but
 * `restore`, no parents of new rows. Their unique values stay taken.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { type Problem, RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { empty, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { type Moved, recordChanged } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { newUnit, type Tally, type Unit } from './consequences.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { settle } from './settle.ts'
import { isSameValue } from './typed.ts'
import { unitOfWork } from './unit-of-work.ts'

/** Condition that a row is not deleted; TRUE for entities whose rows are never marked. */
export function aliveSql({ entity }: Scope, alias?: string): Sql {
  const field = entity.softDelete?.field
  if (field === undefined) return raw('TRUE')
  return sql`${alias === undefined ? identifier(field) : identifier(alias, field)} IS NULL`
}

/** Why a row may not be changed or referred to; undefined when it is not deleted. */
export function whyDeleted(entity: Entity, row: Cells): string | undefined {
  return isDeleted(entity, row) ? 'is deleted; restore brings it back' : undefined
}

export function isDeleted({ softDelete }: Entity, row: Cells): boolean {
  return softDelete !== undefined && (row[softDelete.field] ?? null) !== null
}

/** @throws RefusedError (exit 5) for a row that is deleted */
export function refuseDeleted({ system, entity }: Scope, row: Cells): void {
  if (!isDeleted(entity, row)) return
  const id = String(row[entity.primaryKey])
  throw new RefusedError({
    code: 'deleted',
    message: `${entity.name} ${id} is deleted`,
    hint: `steward ${system.name} ${entity.name} restore ${id} brings it back`,
  })
}

/**
 * The rows as they are, once nothing speaks against marking them.
 *
 * @throws NotFoundError (exit 4); RefusedError (exit 5) naming each row that is deleted already or may not be deleted
 */
export async function planMark(db: Queryable, scope: Scope, ids: readonly string[]): Promise<readonly Cells[]> {
  const wanted = distinct(ids)
  const rows = await rowsOf(db, scope, wanted)
  refuseUnmarkable(scope, wanted, rows)
  return rows
}

/**
 * Marks rows as deleted, all or none. They are locked as for a real delete first, so that nobody who is just adding a
 * row below one of them misses that it goes (PostgreSQL manual, 13.3.2: FOR UPDATE against FOR KEY SHARE).
 *
 * @param tally gets what happened to rows that waited for them
 */
export async function markDeleted(
  db: Database,
  scope: Scope,
  ids: readonly string[],
  { actor, dryRun = false, tally }: { readonly actor: Actor; readonly dryRun?: boolean; readonly tally?: Tally },
): Promise<readonly Moved[]> {
  const wanted = distinct(ids)
  const result = await unitOfWork(db, dryRun, async (transaction) => {
    const unit = newUnit()
    const found = await lockedRows(transaction, scope, wanted)
    refuseUnmarkable(scope, wanted, found)
    const moved = await markFound(transaction, scope, found, actor)
    await settle(transaction, scope, moved, actor, unit)
    return { moved, unit }
  })
  tally?.addAll(result.unit.tally)
  return result.moved
}

/**
 * Marks those of the rows that meet a condition, inside the caller's transaction; rows that another session has in hand
 * are left out. What waits for them is not settled yet.
 *
 * @param only must say that they may be marked (`SoftDelete.only`)
 */
export async function markWhere(
  transaction: Transaction,
  scope: Scope,
  ids: readonly string[],
  only: Sql,
  actor: Actor,
): Promise<readonly Moved[]> {
  const found = await rowsOf(transaction, scope, ids, raw('FOR UPDATE SKIP LOCKED'), only)
  return markFound(transaction, scope, found, actor)
}

/** Marks rows that are locked. */
async function markFound(
  transaction: Transaction,
  scope: Scope,
  found: readonly Cells[],
  actor: Actor,
): Promise<readonly Moved[]> {
  const { entity } = scope
  const ids = found.map((row) => String(row[entity.primaryKey]))
  const stored = await transaction.rows<Cells>(sql`
    UPDATE ${tableOf(scope)}
    SET ${identifier(markOf(entity))} = statement_timestamp()
    WHERE ${keyIn(scope, ids)}
      AND ${aliveSql(scope)}
    RETURNING ${selectList(Object.keys(entity.fields))}`)
  return recordChanged(transaction, scope, { action: 'delete', actor }, found, stored)
}

/** Takes the mark off rows that have it, inside the caller's transaction. */
export async function unmark(
  transaction: Transaction,
  scope: Scope,
  ids: readonly string[],
  actor: Actor,
  unit: Unit,
): Promise<readonly Moved[]> {
  const { entity } = scope
  if (ids.length === 0) return []
  const field = identifier(markOf(entity))
  const found = await lockedRows(transaction, scope, ids)
  const stored = await transaction.rows<Cells>(sql`
    UPDATE ${tableOf(scope)}
    SET ${field} = NULL
    WHERE ${keyIn(scope, ids)}
      AND ${field} IS NOT NULL
    RETURNING ${selectList(Object.keys(entity.fields))}`)
  const moved = await recordChanged(transaction, scope, { action: 'restore', actor }, found, stored)
  await settle(transaction, scope, moved, actor, unit)
  return moved
}

/**
 * One problem for each row that may not be deleted (`SoftDelete.only`); rows that are marked already met the conditions
 * then.
 */
export function problemsWithDeleting({ entity }: Scope, rows: readonly Cells[]): Problem[] {
  return rows
    .filter((row) => !isDeleted(entity, row))
    .flatMap((row) => {
      const unmet = (entity.softDelete?.only ?? []).filter(
        ({ field, isOneOf }) => !isOneOf.some((value) => value === row[field]),
      )
      if (unmet.length === 0) return []
      const reasons = unmet.map(({ field, says }) => `${says} (${field} is ${String(row[field])})`)
      return [{ where: String(row[entity.primaryKey]), reason: `cannot be deleted: ${reasons.join('; ')}` }]
    })
}

/** Throws one RefusedError for rows that may not be deleted; does nothing when there is none. */
export function refuseDeleting({ entity }: Scope, problems: readonly Problem[]): void {
  const [first] = problems
  if (first === undefined) return
  const only = problems.length === 1
  throw new RefusedError({
    code: 'forbidden-delete',
    message: only
      ? `${entity.name} ${first.where} ${first.reason}`
      : `${problems.length} ${entity.plural} cannot be deleted; none was`,
    hint: only ? undefined : 'Leave these out',
    problems: only ? [] : problems,
  })
}

/**
 * Adds a problem to each new or changed row with a unique value that a deleted row still has. The unique constraint
 * would refuse it as well, but cannot say that the other row is one that nobody sees.
 *
 * @param only the fields that an update changes
 */
export async function checkTakenByDeleted(
  db: Queryable,
  scope: Scope,
  candidates: readonly Candidate[],
  only?: readonly string[],
): Promise<void> {
  const { entity } = scope
  if (!entity.softDelete) return
  for (const { fields } of entity.uniques) {
    if (only && !fields.some((key) => only.includes(key))) continue
    const whole = candidates.filter(({ values }) => fields.every((key) => (values[key] ?? null) !== null))
    if (whole.length === 0) continue
    const columns = join(fields.map((key) => identifier(key)))
    const arrays = fields.map((key) => {
      const field = fieldOf(entity, key)
      return sql`${whole.map(({ values }) => String(values[key]))}::${castType(scope, field)}[]`
    })
    const taken = await db.rows<Cells>(sql`
      SELECT ${columns}
      FROM ${tableOf(scope)}
      WHERE NOT (${aliveSql(scope)})
        AND (${columns}) IN (SELECT * FROM unnest(${join(arrays)}))`)
    for (const { values, problems } of whole) {
      const has = taken.some((row) => fields.every((key) => isSameValue(fieldOf(entity, key), row[key], values[key])))
      if (!has) continue
      const alone = fields.length === 1
      problems.push({
        where: fields.join(', '),
        reason: `${alone ? 'is' : 'are'} taken: a deleted ${entity.name} has ${alone ? 'it' : 'this combination'} still; restore it, or delete it with --purge`,
      })
    }
  }
}

/** The rows as they are, locked in the order of the key so that nobody can refer to them anew. */
export function lockedRows(transaction: Transaction, scope: Scope, ids: readonly string[]): Promise<Cells[]> {
  return rowsOf(transaction, scope, ids, raw('FOR UPDATE'))
}

/** Rows by their ids in the order of the key, secret fields included. */
async function rowsOf(
  db: Queryable,
  scope: Scope,
  ids: readonly string[],
  lock = empty,
  only = raw('TRUE'),
): Promise<Cells[]> {
  return db.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, ids)}
      AND ${only}
    ORDER BY ${identifier(scope.entity.primaryKey)}
    ${lock}`)
}

function refuseUnmarkable(scope: Scope, wanted: readonly string[], rows: readonly Cells[]): void {
  const { entity } = scope
  const there = new Set(rows.map((row) => String(row[entity.primaryKey])))
  const missing = wanted.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  const already = rows
    .filter((row) => isDeleted(entity, row))
    .map((row) => ({
      where: String(row[entity.primaryKey]),
      reason: 'is deleted already; --purge removes it for good',
    }))
  refuseDeleting(scope, [...already, ...problemsWithDeleting(scope, rows)])
}

/** @throws RangeError (a bug) for an entity whose rows are not marked */
function markOf({ name, softDelete }: Entity): string {
  if (!softDelete) throw new RangeError(`${name} declares no softDelete`)
  return softDelete.field
}
