/**
 * Effects: what a change does to other rows in its transaction (model, `Effect`; decision 52). Each goes through the
 * same door as a command would: new rows through the rules of creation, moves through the related entity's own
 * transition with its own effects, and everything into the audit log. One statement serves all rows of an effect that
 * get the same values.
 */
import type { Actor } from '../db/audit.ts'
import type { Transaction } from '../db/database.ts'
import { stringifyJson } from '../db/json.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Effect, InsertEffect, MoveEffect, SetEffect, Sources } from '../model/effect.ts'
import type { Entity } from '../model/entity.ts'
import type { Transition } from '../model/lifecycle.ts'
import { allOf, identifier, join, sql } from '../model/sql.ts'
import { assignmentsSql } from './assignments.ts'
import { recordChanged } from './audited.ts'
import { newUnit, type Unit } from './consequences.ts'
import { writeCandidates } from './create.ts'
import { said, type Values } from './input.ts'
import { keyIn } from './missing.ts'
import { entityIn, type Related, relatedRows } from './related.ts'
import { underSavepoint } from './savepoint.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { aliveSql } from './soft-delete.ts'
import { moveAlong, reasonsOf } from './transition.ts'
import { isSameValue } from './typed.ts'
import { rethrow } from './violations.ts'
import { lifecycleOf } from './ways.ts'

/** A row that a change was made to, with what the change was given. */
export interface Affected {
  readonly row: Cells
  readonly given: Values
}

/** Effects of effects. Declarations in a circle of inserts would never end. */
const DEEPEST = 20

/**
 * Applies effects to the rows that belong to `rows`, one effect after the other.
 *
 * @param scope of `rows`
 * @param unit the change that these effects are part of
 * @throws RefusedError (exit 5) naming the related row that cannot be changed; the whole change is refused with it
 */
export async function applyEffects(
  transaction: Transaction,
  scope: Scope,
  effects: readonly Effect[],
  rows: readonly Affected[],
  actor: Actor,
  unit: Unit = newUnit(),
): Promise<void> {
  if (unit.depth >= DEEPEST) throw new RangeError(`the effects of ${scope.entity.name} go round in a circle`)
  const work: Work = { transaction, scope, actor, unit: { ...unit, depth: unit.depth + 1 } }
  for (const effect of effects) {
    const due = rows.filter(({ given }) => isDue(effect, given))
    if (due.length === 0) continue
    if ('insert' in effect) await insertRelated(work, effect, due)
    else if ('move' in effect) await moveRelated(work, effect, due)
    else await setRelated(work, effect, due)
  }
}

interface Work {
  readonly transaction: Transaction
  /** Of the rows that the effects belong to. */
  readonly scope: Scope
  readonly actor: Actor
  readonly unit: Unit
}

function isDue({ when }: Effect, given: Values): boolean {
  if (!when) return true
  const value = given[when.given] ?? null
  return when.isOneOf.some((one) => one === value || (typeof value === 'bigint' && String(one) === String(value)))
}

async function insertRelated(work: Work, { insert, values }: InsertEffect, rows: readonly Affected[]): Promise<void> {
  const { transaction, scope, actor, unit } = work
  const target = entityIn(scope, insert)
  const candidates = rows.map((own) => ({ values: valuesFrom(values, own), problems: [] }))
  const stored = await writeCandidates(transaction, target, candidates, actor, unit)
  unit.tally.add({ entity: target.entity, verb: 'create', rows: stored.filter(Boolean).length })
  for (const [index, { problems }] of candidates.entries()) {
    if (problems.length === 0) continue
    const id = String(rows[index]?.row[scope.entity.primaryKey])
    const reason = problems.map(said).join('; ')
    const message = `no ${target.entity.name} can be made for ${scope.entity.name} ${id}: ${reason}`
    throw refusal(message, scope.entity, { id })
  }
}

async function moveRelated(work: Work, effect: MoveEffect, rows: readonly Affected[]): Promise<void> {
  const { transaction, actor, unit } = work
  const related = await relatedRows(transaction, work.scope, effect.of, rows)
  const { scope } = related
  const { entity } = scope
  const declared = transitionOf(entity, effect.move)
  for (const { values, ids } of byValues(related, effect.values)) {
    const missing = Object.entries(declared.takes ?? {}).flatMap(([key, need]) =>
      need === 'required' && (values[key] ?? null) === null ? [key] : [],
    )
    if (missing.length > 0) {
      throw refusal(`${nameOf(entity, ids)}: ${declared.verb} needs ${missing.join(', ')}`, entity, { id: ids[0] })
    }
    const { unmoved } = await naming(work, entity, ids, (some) =>
      moveAlong(transaction, scope, declared, some, values, actor, { only: related.only, unit }),
    )
    const [stuck] = unmoved.filter(({ reason }) => reason !== undefined)
    if (effect.required && stuck) {
      const id = String(stuck.row[entity.primaryKey])
      throw refusal(`${entity.name} ${id} ${stuck.reason}`, entity, { id, code: STUCK })
    }
  }
}

async function setRelated(work: Work, effect: SetEffect, rows: readonly Affected[]): Promise<void> {
  const { transaction, unit } = work
  const related = await relatedRows(transaction, work.scope, effect.of, rows)
  const { entity } = related.scope
  const fields = [...Object.keys(effect.set), ...(effect.stamps ?? [])]
  for (const { values, ids } of byValues(related, effect.set)) {
    const changed = await naming(work, entity, ids, (some) =>
      underLock(transaction, related, some, values, effect.stamps ?? [], work.actor),
    )
    unit.tally.add({ entity, verb: 'update', fields, rows: changed })
  }
}

/** @returns how many rows were not so already */
async function underLock(
  transaction: Transaction,
  { scope, only }: Related,
  ids: readonly string[],
  values: Values,
  stamps: readonly string[],
  actor: Actor,
): Promise<number> {
  const { entity } = scope
  const columns = selectList(Object.keys(entity.fields))
  const found = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)}
    WHERE ${allOf([keyIn(scope, ids), only, aliveSql(scope)])}
    ORDER BY ${identifier(entity.primaryKey)}
    FOR NO KEY UPDATE`)
  const differs = (row: Cells) =>
    Object.entries(values).some(([key, value]) => !isSameValue(fieldOf(entity, key), row[key], value))
  const changing = stamps.length > 0 ? found : found.filter(differs)
  if (changing.length === 0) return 0
  const keys = changing.map((row) => String(row[entity.primaryKey]))
  const stored = await transaction
    .rows<Cells>(sql`
      UPDATE ${tableOf(scope)}
      SET ${join(assignmentsSql(scope, { values, stamps }), ',\n          ')}
      WHERE ${keyIn(scope, keys)}
      RETURNING ${columns}`)
    .catch((error: unknown) => rethrow(entity, error, values))
  await recordChanged(transaction, scope, { action: 'update', actor }, changing, stored)
  return stored.length
}

function transitionOf(entity: Entity, verb: string): Transition {
  const declared = lifecycleOf(entity).transitions.find((transition) => transition.verb === verb)
  if (!declared) throw new RangeError(`${entity.name} has no transition ${verb}`)
  return declared
}

/** What is absent among the given is left to the default. */
function valuesFrom(sources: Sources, { row, given }: Affected): Values {
  return Object.fromEntries(
    Object.entries(sources).flatMap(([key, source]): [string, unknown][] => {
      if ('value' in source) return [[key, source.value]]
      if ('given' in source) return given[source.given] === undefined ? [] : [[key, given[source.given]]]
      if (!Object.hasOwn(row, source.row))
        throw new RangeError(`an effect names the field ${source.row}, which is none`)
      return [[key, row[source.row]]]
    }),
  )
}

/** The related rows that get the same values, together. */
function byValues(
  { rows }: Related,
  sources: Sources = {},
): Iterable<{ readonly values: Values; readonly ids: string[] }> {
  const groups = new Map<string, { values: Values; ids: string[] }>()
  for (const { id, own } of rows) {
    const values = valuesFrom(sources, own)
    const key = stringifyJson(values)
    const group = groups.get(key) ?? { values, ids: [] }
    group.ids.push(id)
    groups.set(key, group)
  }
  return groups.values()
}

/**
 * Changes related rows together. When that is refused, each is tried by itself, so that the refusal names the one at
 * fault; the transaction has to be rolled back either way.
 */
async function naming<T>(
  { transaction }: Work,
  entity: Entity,
  ids: readonly string[],
  change: (ids: readonly string[]) => Promise<T>,
): Promise<T> {
  try {
    return await (ids.length === 1 ? change(ids) : underSavepoint(transaction, () => change(ids)))
  } catch (error) {
    if (!(error instanceof RefusedError) || isLocated(error)) throw error
    if (ids.length === 1) throw located(entity, ids, error)
    for (const id of ids) {
      await underSavepoint(transaction, () => change([id])).catch((refused: unknown) => {
        throw refused instanceof RefusedError && !isLocated(refused) ? located(entity, [id], refused) : refused
      })
    }
    throw located(entity, ids, error)
  }
}

/** Of the rows themselves, or of what they were given: with another row or another input it may go through. */
const REFUSED = 'effect-refused'
/** A related row is not where it has to be, whoever asks. */
const STUCK = 'effect-stuck'

/** A related row stands in the way of a change (`required`), whatever the change is given. */
export function isStuck(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.code === STUCK
}

function isLocated({ code }: RefusedError): boolean {
  return code === REFUSED || code === STUCK
}

function located(entity: Entity, ids: readonly string[], error: RefusedError): RefusedError {
  return refusal(`${nameOf(entity, ids)}: ${reasonsOf(error)}`, entity, { id: ids[0], cause: error })
}

function refusal(
  reason: string,
  entity: Entity,
  {
    id = '',
    code = REFUSED,
    cause,
  }: { readonly id?: string | undefined; readonly code?: string; readonly cause?: RefusedError },
): RefusedError {
  return new RefusedError({
    code,
    message: reason,
    hint: `Nothing was changed, since this ${entity.name} is part of the change`,
    details: { ...cause?.details, entity: entity.name, id },
    cause,
  })
}

function nameOf(entity: Entity, ids: readonly string[]): string {
  const [id = ''] = ids
  return ids.length === 1 ? `${entity.name} ${id}` : `${entity.name} ${id} and ${ids.length - 1} more`
}
