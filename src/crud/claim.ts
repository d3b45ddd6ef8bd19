/**
 * Queues: claimers take the first rows that nobody else is taking. Rows that another session holds are skipped
 * (PostgreSQL manual, SELECT, "The Locking Clause"), so many claimers neither wait for each other nor get the same row,
 * and what a claimer that dies had locked is free again.
 */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { Transition } from '../model/lifecycle.ts'
import { allOf, identifier, join, type Sql, sql } from '../model/sql.ts'
import type { Moved } from './audited.ts'
import { type Consequence, newUnit } from './consequences.ts'
import { type Filter, whereFrom } from './filters.ts'
import { checkInputs } from './given.ts'
import type { Values } from './input.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { aliveSql } from './soft-delete.ts'
import { type SortKey, sortFrom } from './sort.ts'
import { lifecycleOf, moveRows } from './transition.ts'
import { unitOfWork } from './unit-of-work.ts'

export interface ClaimOptions {
  readonly limit: number
  /** What the claimer asks for. */
  readonly filters: readonly Filter[]
  readonly actor: Actor
  readonly dryRun?: boolean
}

export interface Claimed {
  /** In the order of the queue. */
  readonly moved: readonly Moved[]
  readonly consequences: readonly Consequence[]
}

/**
 * Takes the first rows of a queue through its transition, in one transaction with all that belongs to it.
 *
 * @param given what the transition takes
 * @returns fewer rows than `limit`, or none, when there are no more
 * @throws RefusedError (exit 5) when an effect refuses; nothing is claimed then
 */
export function claimRows(
  db: Database,
  scope: Scope,
  declared: Transition,
  given: Values,
  { limit, filters, actor, dryRun = false }: ClaimOptions,
): Promise<Claimed> {
  const open = allOf([whereFrom(scope, filters), offeredSql(scope, declared)])
  return unitOfWork(db, dryRun, async (transaction) => {
    // Also when there is nothing to claim: a claimer that does not exist is to be told.
    const values = await checkInputs(transaction, scope, declared.verb, declared, given)
    const unit = newUnit()
    const moved: Moved[] = []
    const tried: string[] = []
    // Rows that wait for others (`awaitsDependencies`) are passed over, so the first ones need not be enough.
    while (moved.length < limit) {
      const first = await transaction.rows<{ id: unknown }>(sql`
        SELECT ${identifier(scope.entity.primaryKey)} AS id
        FROM ${tableOf(scope)}
        WHERE ${allOf([open, untried(scope, tried)])}
        ORDER BY ${queueOrder(scope, declared)}
        LIMIT ${limit - moved.length}::bigint
        FOR NO KEY UPDATE SKIP LOCKED`)
      if (first.length === 0) break
      const ids = first.map(({ id }) => String(id))
      const result = await moveRows(transaction, scope, declared, ids, values, actor, { unit })
      moved.push(...inOrder(scope, ids, result.moved))
      tried.push(...ids)
    }
    return { moved, consequences: unit.tally.list() }
  })
}

/** In a state to be claimed from, not deleted, and in time. */
function offeredSql(scope: Scope, { from, claims }: Transition): Sql {
  const { field } = lifecycleOf(scope.entity)
  const states = sql`${identifier(field)} = ANY (${from}::${castType(scope, fieldOf(scope.entity, field))}[])`
  const until = claims?.notAfter === undefined ? [] : [identifier(claims.notAfter)]
  return allOf([states, aliveSql(scope), ...until.map((column) => sql`(${column} IS NULL OR ${column} > now())`)])
}

function untried(scope: Scope, ids: readonly string[]): Sql {
  const key = scope.entity.primaryKey
  return sql`${identifier(key)} <> ALL (${ids}::${castType(scope, fieldOf(scope.entity, key))}[])`
}

/**
 * The order of the queue. Values of an enumeration come in their declared order, as they do in an enum type: a text
 * column would put `critical` before `low` by its letters.
 */
function queueOrder(scope: Scope, { claims }: Transition): Sql {
  return join(
    sortFrom(scope.entity, claims?.order).map((key) => {
      const by = rankSql(scope, key)
      return key.descending ? sql`${by} DESC` : by
    }),
  )
}

function rankSql({ entity }: Scope, { field }: SortKey): Sql {
  const { values, sqlType } = fieldOf(entity, field)
  const isText = values !== undefined && !sqlType.startsWith('{schema}.')
  return isText ? sql`array_position(${values}::text[], ${identifier(field)}::text)` : identifier(field)
}

function inOrder({ entity }: Scope, ids: readonly string[], moved: readonly Moved[]): readonly Moved[] {
  const byId = new Map(moved.map((one) => [String(one.after[entity.primaryKey]), one]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
