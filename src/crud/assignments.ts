/** The SET clause of transitions and operations: values, stamps, cleared and counted fields. */
import { identifier, type Sql, sql } from '../model/sql.ts'
import type { Values } from './input.ts'
import { fieldOf, type Scope } from './scope.ts'
import { typedSql } from './typed.ts'

/**
 * The time of a stamp. Not now(), which is when the transaction began: a transition that waited for another one's lock
 * would end a row before the other one started it.
 */
const STAMP = sql`statement_timestamp()`

export interface Assignments {
  readonly values?: Values
  /** Stamped in any case. */
  readonly stamps?: readonly string[]
  /** Stamped unless they have a value already. */
  readonly stampsOnce?: readonly string[]
  readonly clears?: readonly string[]
  readonly increments?: readonly string[]
}

/** One assignment a field; what is given wins over stamps, stamps over clearing. */
export function assignmentsSql(scope: Scope, assignments: Assignments): Sql[] {
  const { values = {}, stamps = [], stampsOnce = [], clears = [], increments = [] } = assignments
  const set = new Map<string, Sql>()
  for (const key of clears) set.set(key, sql`NULL`)
  for (const key of increments) set.set(key, sql`${identifier(key)} + 1`)
  // A field that is cleared has no value any more that a stamp would have to respect.
  for (const key of stampsOnce)
    set.set(key, clears.includes(key) ? STAMP : sql`coalesce(${identifier(key)}, ${STAMP})`)
  for (const key of stamps) set.set(key, STAMP)
  for (const [key, value] of Object.entries(values)) set.set(key, typedSql(scope, fieldOf(scope.entity, key), value))
  return [...set].map(([key, expression]) => sql`${identifier(key)} = ${expression}`)
}
