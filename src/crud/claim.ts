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
import type { Failure } from './changes.ts'
import { type Consequence, newUnit, Tally } from './consequences.ts'
import { isStuck } from './effects.ts'
import { type Filter, whereFrom } from './filters.ts'
import { checkInputs } from './given.ts'
import { waitingSql } from './graph.ts'
import { unheldSql } from './held.ts'
import type { Values } from './input.ts'
import { underSavepoint } from './savepoint.ts'
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
  /** Rows that cannot be claimed by anybody, since what belongs to them is not where it has to be. */
  readonly passed: readonly Failure[]
  readonly consequences: readonly Consequence[]
}

/** The queue's table, in the query that finds its first rows. */
const QUEUE = 'queue'
/** More of them than this at the head of a queue, and something is wrong with it. */
const MOST_PASSED_OVER = 100

/**
 * Takes the first rows of a queue through its transition, in one transaction with all that belongs to it.
 *
 * @param given what the transition takes
 * A row whose related rows are not where they have to be stops nobody else: it is passed over, and named.
 *
 * @returns fewer rows than `limit`, or none, when there are no more
 * @throws RefusedError (exit 5) when an effect refuses what the claimer gave; nothing is claimed then
 */
export function claimRows(
  db: Database,
  scope: Scope,
  declared: Transition,
  given: Values,
  { limit, filters, actor, dryRun = false }: ClaimOptions,
): Promise<Claimed> {
  return unitOfWork(db, dryRun, async (transaction) => {
    // Also when there is nothing to claim: a claimer that does not exist is to be told.
    const values = await checkInputs(transaction, scope, declared.verb, declared, given)
    const open = allOf([whereFrom(scope, filters), offeredSql(scope, declared)])
    const unit = newUnit()
    const moved: Moved[] = []
    const passed: Failure[] = []
    const tried: string[] = []
    const take = async (ids: readonly string[]) => {
      const tally = new Tally()
      const result = await underSavepoint(transaction, () =>
        moveRows(transaction, scope, declared, ids, values, actor, { unit: newUnit(tally) }),
      )
      moved.push(...inOrder(scope, ids, result.moved))
      unit.tally.addAll(tally)
    }
    // Rows that are passed over leave room for the next ones.
    while (moved.length < limit) {
      const first = await transaction.rows<{ id: unknown }>(sql`
        SELECT ${identifier(scope.entity.primaryKey)} AS id
        FROM ${tableOf(scope)} AS ${identifier(QUEUE)}
        WHERE ${allOf([open, untried(scope, tried)])}
        ORDER BY ${queueOrder(scope, declared)}
        LIMIT ${limit - moved.length}::bigint
        FOR NO KEY UPDATE OF ${identifier(QUEUE)} SKIP LOCKED`)
      if (first.length === 0) break
      const ids = first.map(({ id }) => String(id))
      tried.push(...ids)
      await take(ids).catch(async (error: unknown) => {
        if (!isStuck(error)) throw error
        for (const id of ids) {
          await take([id]).catch((stuck: unknown) => {
            if (!isStuck(stuck) || passed.length === MOST_PASSED_OVER) throw stuck
            passed.push({ id, reason: stuck.message })
          })
        }
      })
    }
    return { moved, passed, consequences: unit.tally.list() }
  })
}

/** In a state to be claimed from, not deleted, in time, held back by no parent, and waiting for nothing. */
function offeredSql(scope: Scope, declared: Transition): Sql {
  const { from, claims, awaitsDependencies } = declared
  const { field } = lifecycleOf(scope.entity)
  const type = castType(scope, fieldOf(scope.entity, field))
  const [state] = from
  // Of a single state: an index on the state and the order is then in the order of the queue (manual, 11.4). The rows
  // that are done with are many, and older than what waits.
  const states =
    from.length === 1
      ? sql`${identifier(field)} = ${state}::${type}`
      : sql`${identifier(field)} = ANY (${from}::${type}[])`
  const until = claims?.notAfter === undefined ? [] : [identifier(claims.notAfter)]
  const waiting = awaitsDependencies ? [waitingSql(scope, QUEUE)] : []
  return allOf([
    states,
    aliveSql(scope),
    ...until.map((column) => sql`(${column} IS NULL OR ${column} > now())`),
    ...unheldSql(scope, declared, QUEUE),
    ...waiting.map((condition) => sql`NOT ${condition}`),
  ])
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
