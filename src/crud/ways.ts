/** The ways through a transition: the usual one, and `instead` for rows that have not reached a limit yet. */
import type { Cells } from '../model/column.ts'
import type { Effect, Scalar } from '../model/effect.ts'
import type { Entity } from '../model/entity.ts'
import { endFieldOf, endFields, type Instead, type Lifecycle, type Transition } from '../model/lifecycle.ts'
import { identifier, raw, type Sql, sql } from '../model/sql.ts'
import type { Assignments } from './assignments.ts'
import { ownValues } from './given.ts'
import type { Values } from './input.ts'

export interface Way {
  readonly to: string
  readonly clears: readonly string[]
  readonly increments: readonly string[]
  readonly sets: Readonly<Record<string, Scalar>>
  readonly effects: readonly Effect[]
  /** Whether rows take the way for which the condition of `instead` holds, or those for which it does not. */
  readonly instead: boolean
}

/** A row that is locked, with what decides about its way. */
export interface Found {
  readonly row: Cells
  /** The condition of `instead` holds. */
  readonly instead: boolean
  /** The instant until which it may be claimed has passed. */
  readonly late: boolean
}

/** The lifecycle of an entity that has transitions. @throws RangeError (a bug) without one */
export function lifecycleOf(entity: Entity): Lifecycle {
  if (!entity.lifecycle) throw new RangeError(`${entity.name} has no lifecycle`)
  return entity.lifecycle
}

export function waysOf(declared: Transition): readonly Way[] {
  const { instead } = declared
  return [complete(declared, false), ...(instead ? [complete(instead, true)] : [])]
}

function complete(way: Transition | Instead, instead: boolean): Way {
  const { to, clears = [], increments = [], sets = {}, effects = [] } = way
  return { to, clears, increments, sets, effects, instead }
}

/** What a way writes into its rows; what is given wins over what is declared. */
export function assignmentsOf(entity: Entity, declared: Transition, way: Way, given: Values): Assignments {
  const lifecycle = lifecycleOf(entity)
  const { to } = way
  const stamp = lifecycle.stamps[to]
  const end = endFieldOf(lifecycle, to)
  // A row that stays where it is (progress) has ended no second time.
  const stays = declared.from.includes(to)
  const reopens = declared.from.some((state) => lifecycle.states[state] === 'terminal')
  return {
    values: { ...way.sets, ...ownValues(declared, given), [lifecycle.field]: to },
    stampsOnce: [stamp, stays ? end : undefined].filter((key) => key !== undefined),
    stamps: end === undefined || stays ? [] : [end],
    clears: [...way.clears, ...(reopens ? endFields(lifecycle).filter((key) => key !== end) : [])],
    increments: way.increments,
  }
}

/** Whether the row takes the other way; a NULL on either side means it does not. */
export function insteadSql({ instead }: Transition): Sql {
  if (!instead) return raw('FALSE')
  return sql`coalesce(${identifier(instead.when.field)} < ${identifier(instead.when.isBelow)}, FALSE)`
}

/** Whether the row may not be claimed any more. */
export function lateSql({ claims }: Transition): Sql {
  return claims?.notAfter === undefined ? raw('FALSE') : sql`coalesce(${identifier(claims.notAfter)} <= now(), FALSE)`
}
