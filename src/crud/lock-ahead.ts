/**
 * One order of locks for all who change a queue. Claimers lock a row of it first and then what goes with it; whoever
 * comes from the other side, a task that is cancelled or a worker that goes offline, would lock its own row first and
 * the queue's after it, and the two would wait for each other until the server ends one of them, a second later
 * (PostgreSQL manual, 13.3.4).
 */
import type { Transaction } from '../db/database.ts'
import type { MoveEffect } from '../model/effect.ts'
import type { Entity } from '../model/entity.ts'
import type { Transition } from '../model/lifecycle.ts'
import { identifier, sql } from '../model/sql.ts'
import type { Affected } from './effects.ts'
import { keyIn } from './missing.ts'
import { entityIn, relatedRows } from './related.ts'
import { type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { lifecycleOf, waysOf } from './ways.ts'

/**
 * Locks the rows of queues that effects of the transition will reach, in the order of their ids, before any other row is
 * locked. Which these are is read without a lock: a row that comes to it meanwhile is met later, in the order in which
 * the effects reach it, and two that then wait for each other are tried again.
 */
export async function lockQueues(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0 || isQueue(scope.entity)) return
  const moves = movesToQueue(scope, declared)
  if (moves.length === 0) return
  const rows = await rowsOf(transaction, scope, ids)
  const reached = new Map<string, { readonly scope: Scope; readonly ids: Set<string> }>()
  await follow(transaction, scope, moves, rows, reached)
  for (const queue of reached.values()) {
    const key = identifier(queue.scope.entity.primaryKey)
    await transaction.rows(sql`
      SELECT ${key}
      FROM ${tableOf(queue.scope)}
      WHERE ${keyIn(queue.scope, [...queue.ids])}
      ORDER BY ${key}
      FOR NO KEY UPDATE`)
  }
}

async function follow(
  transaction: Transaction,
  scope: Scope,
  moves: readonly MoveEffect[],
  rows: readonly Affected[],
  reached: Map<string, { readonly scope: Scope; readonly ids: Set<string> }>,
): Promise<void> {
  for (const effect of moves) {
    const related = await relatedRows(transaction, scope, effect.of, rows)
    const { entity } = related.scope
    const ids = related.rows.map(({ id }) => id)
    if (ids.length === 0) continue
    if (isQueue(entity)) {
      const queue = reached.get(entity.name) ?? { scope: related.scope, ids: new Set() }
      for (const id of ids) queue.ids.add(id)
      reached.set(entity.name, queue)
      continue
    }
    const further = movesToQueue(related.scope, transitionOf(related.scope, effect))
    await follow(transaction, related.scope, further, await rowsOf(transaction, related.scope, ids), reached)
  }
}

/** The effects of a transition through which, sooner or later, rows of a queue are moved. */
function movesToQueue(scope: Scope, declared: Transition, seen: ReadonlySet<Transition> = new Set()): MoveEffect[] {
  if (seen.has(declared)) return []
  const moves = waysOf(declared)
    .flatMap(({ effects }) => effects)
    .filter((effect) => 'move' in effect)
  return moves.filter((effect) => {
    const target = targetOf(scope, effect)
    const further = () => movesToQueue(target, transitionOf(target, effect), new Set([...seen, declared]))
    return isQueue(target.entity) || further().length > 0
  })
}

function targetOf(scope: Scope, { of }: MoveEffect): Scope {
  if ('self' in of) return scope
  if ('entity' in of) return entityIn(scope, of.entity)
  return entityIn(scope, scope.entity.fields[of.parent]?.reference?.entity ?? '')
}

function transitionOf({ entity }: Scope, { move }: MoveEffect): Transition {
  const declared = lifecycleOf(entity).transitions.find(({ verb }) => verb === move)
  if (!declared) throw new RangeError(`${entity.name} has no transition ${move}`)
  return declared
}

function isQueue({ lifecycle }: Entity): boolean {
  return lifecycle?.transitions.some(({ claims }) => claims !== undefined) ?? false
}

async function rowsOf(transaction: Transaction, scope: Scope, ids: readonly string[]): Promise<readonly Affected[]> {
  const rows = await transaction.rows(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, ids)}`)
  return rows.map((row) => ({ row, given: {} }))
}
