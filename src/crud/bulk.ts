/**
 * Transitions of many rows by filter. The plan fixes which rows; they are moved in batches, one transaction each.
 * Rows that left the state meanwhile, or that another session holds, are skipped and counted.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction, TransactionOptions } from '../db/database.ts'
import { type InterruptedError, RefusedError, throwIfStopped, type UnfinishedError } from '../errors.ts'
import { statesOf, type Transition } from '../model/lifecycle.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import { allOrEach, type BatchResult } from './all-or-each.ts'
import type { Failure } from './changes.ts'
import { type Filter, whereFrom } from './filters.ts'
import type { Values } from './input.ts'
import { type Scope, tableOf } from './scope.ts'
import { aliveSql } from './soft-delete.ts'
import { isStop } from './stop.ts'
import { lifecycleOf, type MovedRows, moveRows } from './transition.ts'
import { unitOfWork } from './unit-of-work.ts'

/** Rows of one transaction unless `--batch-size` says otherwise. */
const BULK_BATCH = 500
/** Failures that are named; the others are only counted. */
const NAMED_FAILURES = 100

export interface StateCount {
  readonly state: string
  readonly rows: bigint
  /** Whether the transition leads out of this state. */
  readonly moves: boolean
}

export interface BulkPlan {
  /** Ids of the rows to move, in the order in which they are moved. */
  readonly ids: readonly string[]
  /** Rows that match the filter, by state. */
  readonly states: readonly StateCount[]
}

export interface BulkResult {
  readonly planned: number
  readonly moved: number
  /** Not in the state any more, changed so that the filter no longer holds, or held by another session. */
  readonly skipped: number
  readonly failed: number
  readonly failures: readonly Failure[]
  /** Rows that were not tried because the run was stopped. */
  readonly left: number
  readonly stopped?: InterruptedError | UnfinishedError
}

/**
 * Finds the rows that match the filter, and among them those that the transition can move.
 *
 * @param maxRows refuse to plan for more rows than this
 * @throws RefusedError (exit 5) when more rows match
 */
export async function planBulk(
  db: Database,
  scope: Scope,
  declared: Transition,
  filters: readonly Filter[],
  maxRows?: number,
): Promise<BulkPlan> {
  const { entity } = scope
  const lifecycle = lifecycleOf(entity)
  const state = identifier(lifecycle.field)
  const found = await db.transaction(
    async (transaction) => {
      const counts = await transaction.rows<{ state: string; rows: bigint }>(sql`
        SELECT ${state}::text AS state, count(*) AS rows
        FROM ${tableOf(scope)}
        WHERE ${allOf([whereFrom(scope, filters), aliveSql(scope)])}
        GROUP BY ${state}`)
      const total = counts
        .filter((one) => declared.from.includes(one.state))
        .reduce((sum, { rows }) => sum + rows, 0n)
      if (maxRows !== undefined && total > BigInt(maxRows)) throw tooMany(scope, declared, total, maxRows)
      const ids: string[] = []
      const rows = transaction.stream<{ id: unknown }>(sql`
        SELECT ${identifier(entity.primaryKey)} AS id
        FROM ${tableOf(scope)}
        WHERE ${allOf([whereFrom(scope, filters), aliveSql(scope)])}
          AND ${state}::text = ANY (${declared.from}::text[])
        ORDER BY ${identifier(entity.primaryKey)}`)
      for await (const { id } of rows) ids.push(String(id))
      return { counts, ids }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
  const order = statesOf(lifecycle, 'waiting', 'active', 'terminal')
  return {
    ids: found.ids,
    states: found.counts
      .map(({ state: name, rows }) => ({ state: name, rows, moves: declared.from.includes(name) }))
      .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)),
  }
}

export interface BulkOptions {
  readonly values: Values
  readonly actor: Actor
  readonly batchSize?: number | undefined
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
}

/** Moves the rows of the plan that still match. @see moveInBatches */
export function applyBulk(
  db: Database,
  scope: Scope,
  declared: Transition,
  { ids }: BulkPlan,
  { filters, ...options }: BulkOptions & { readonly filters: readonly Filter[] },
): Promise<BulkResult> {
  return moveInBatches(db, scope, declared, ids, whereFrom(scope, filters), options)
}

/**
 * Moves rows batch by batch, one transaction each. A stop request ends it between two batches, or rolls the batch in
 * flight back.
 *
 * @param only what must still hold of a row when it is its turn
 */
export async function moveInBatches(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  only: Sql,
  options: BulkOptions,
): Promise<BulkResult> {
  const { signal, batchSize = BULK_BATCH, onProgress = ignoreProgress } = options
  const failures: Failure[] = []
  let moved = 0
  let failed = 0
  let tried = 0
  let stopped: InterruptedError | UnfinishedError | undefined
  try {
    for (let from = 0; from < ids.length; from += batchSize) {
      throwIfStopped(signal)
      const batch = ids.slice(from, from + batchSize)
      const result = await moveBatch(db, scope, declared, batch, only, options)
      moved += result.changed
      failed += result.failures.length
      failures.push(...result.failures.slice(0, NAMED_FAILURES - failures.length))
      tried += batch.length
      onProgress({ label: `${declared.verb} ${scope.entity.plural}`, done: tried, total: ids.length, unit: 'rows' })
    }
  } catch (error) {
    if (!isStop(error)) throw error
    stopped = error
  }
  return {
    planned: ids.length,
    moved,
    skipped: tried - moved - failed,
    failed,
    failures,
    left: ids.length - tried,
    ...(stopped === undefined ? {} : { stopped }),
  }
}

export interface MoveBatchOptions {
  readonly values: Values
  readonly actor: Actor
  /** Called first in the transaction of each batch (a lease). */
  readonly guard?: (transaction: Transaction) => Promise<void>
  readonly transaction?: TransactionOptions
}

/**
 * Moves one batch in one transaction; when the database refuses it, each row by itself, so that the ones at fault are
 * named.
 *
 * @param only what must still hold of a row when it is its turn
 */
export function moveBatch(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  only: Sql,
  { values, actor, guard, transaction: options }: MoveBatchOptions,
): Promise<BatchResult> {
  // A row that waits for others is in the right state and is refused all the same; another session's is skipped.
  const waiting = ({ unmoved }: MovedRows): Failure[] =>
    unmoved.flatMap(({ row, reason }) =>
      reason !== undefined && declared.from.includes(String(row[lifecycleOf(scope.entity).field]))
        ? [{ id: String(row[scope.entity.primaryKey]), reason }]
        : [],
    )
  const move = (some: readonly string[]) =>
    unitOfWork(
      db,
      false,
      async (transaction) => {
        await guard?.(transaction)
        return moveRows(transaction, scope, declared, some, values, actor, { only, skipLocked: true })
      },
      options,
    )
  return allOrEach(ids, async (some) => {
    const result = await move(some)
    return { changed: result.moved.length, failures: waiting(result) }
  })
}

function tooMany({ system, entity }: Scope, declared: Transition, total: bigint, maxRows: number): RefusedError {
  return new RefusedError({
    code: 'too-many-rows',
    message: `${total} ${entity.plural} match, more than --max-rows ${maxRows}; nothing was changed`,
    hint: `Narrow the filter, or raise --max-rows once steward ${system.name} ${entity.name} ${declared.verb} --dry-run looks right`,
    details: { matching: Number(total), maxRows },
  })
}
