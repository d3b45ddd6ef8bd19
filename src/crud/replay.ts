/**
 * Working outside events off again (model, `ReplayOperation`): the payload says on which row how much is booked, and the
 * operation that books it does so once, however often the event is replayed. Each event has a transaction of its own.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import {
  type InterruptedError,
  NotFoundError,
  RefusedError,
  throwIfStopped,
  type UnfinishedError,
  UsageError,
} from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { PostOperation, ReplayOperation } from '../model/operation.ts'
import { identifier, join, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import { assignmentsSql } from './assignments.ts'
import { recordChanged } from './audited.ts'
import { said } from './input.ts'
import { entriesOf, ledgerOf, post } from './ledger.ts'
import { keyIn, notFound } from './missing.ts'
import { readPayload } from './payload.ts'
import { type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { isStop } from './stop.ts'
import { unitOfWork } from './unit-of-work.ts'

/** `not handled`: nothing handles its type, and the event stays as it is. */
export type Outcome = 'booked' | 'booked before' | 'processed before' | 'failed' | 'not handled'

export interface Replayed {
  readonly id: string
  readonly type: string
  readonly outcome: Outcome
  /** What was booked, or why nothing was. */
  readonly detail: string
}

export interface ReplayResult {
  readonly events: readonly Replayed[]
  /** Events that were not tried because the run was stopped. */
  readonly left: number
  readonly stopped?: InterruptedError | UnfinishedError
}

export interface ReplayOptions {
  readonly actor: Actor
  readonly dryRun: boolean
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
}

/** The events that have an error and are not processed, in the order of their keys. */
export async function failedEvents(db: Queryable, scope: Scope, operation: ReplayOperation): Promise<string[]> {
  const key = identifier(scope.entity.primaryKey)
  const rows = await db.rows<{ id: unknown }>(sql`
    SELECT ${key} AS id
    FROM ${tableOf(scope)}
    WHERE ${identifier(operation.error)} IS NOT NULL
      AND ${identifier(operation.processedAt)} IS NULL
    ORDER BY ${key}`)
  return rows.map(({ id }) => String(id))
}

/**
 * Replays events one after the other. One that fails keeps the reason in its error field, one whose type nothing
 * handles stays as it is, and the others go on.
 *
 * @param ids primary keys of events that are there
 */
export async function replayEvents(
  db: Database,
  scope: Scope,
  operation: ReplayOperation,
  ids: readonly string[],
  options: ReplayOptions,
): Promise<ReplayResult> {
  const { signal, onProgress = ignoreProgress } = options
  const events: Replayed[] = []
  try {
    for (const id of ids) {
      throwIfStopped(signal)
      events.push(await replayOne(db, scope, operation, id, options))
      onProgress({ label: 'replaying', done: events.length, total: ids.length, unit: 'rows' })
    }
  } catch (error) {
    if (!isStop(error)) throw error
    return { events, left: ids.length - events.length, stopped: error }
  }
  return { events, left: 0 }
}

async function replayOne(
  db: Database,
  scope: Scope,
  operation: ReplayOperation,
  id: string,
  { actor, dryRun }: ReplayOptions,
): Promise<Replayed> {
  let type = ''
  try {
    return await unitOfWork(db, dryRun, async (transaction) => {
      const event = await lockEvent(transaction, scope, id)
      type = String(event[operation.type])
      if ((event[operation.processedAt] ?? null) !== null) {
        return { id, type, outcome: 'processed before', detail: `at ${String(event[operation.processedAt])}` }
      }
      const { outcome, detail } = await handle(transaction, scope, operation, event, actor)
      await settle(transaction, scope, operation, event, { [operation.error]: null }, [operation.processedAt], actor)
      return { id, type, outcome, detail }
    })
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof NotFoundError || error instanceof UsageError)) throw error
    const detail = error.problems.length > 0 ? error.problems.map(said).join('; ') : error.message
    // That nothing handles its type is nothing wrong with the event, and trying again would not help: no error.
    if (error.code === 'no-handler') return { id, type, outcome: 'not handled', detail }
    if (!dryRun) await keepError(db, scope, operation, id, detail, actor)
    return { id, type, outcome: 'failed', detail }
  }
}

/** Books what the event says. @throws RefusedError with every problem of the payload */
async function handle(
  transaction: Transaction,
  scope: Scope,
  operation: ReplayOperation,
  event: Cells,
  actor: Actor,
): Promise<Pick<Replayed, 'outcome' | 'detail'>> {
  const type = String(event[operation.type])
  const handler = Object.hasOwn(operation.handlers, type) ? operation.handlers[type] : undefined
  if (!handler) {
    throw new RefusedError({
      code: 'no-handler',
      message: `nothing handles the type ${type}; there are ${Object.keys(operation.handlers).join(', ')}`,
    })
  }
  const target = entityNamed(scope.system, handler.entity)
  const posting = target?.operations.find(
    (one): one is PostOperation => one.kind === 'post' && one.name === handler.operation,
  )
  if (!target || !posting) throw new RangeError(`${handler.entity} has no operation ${handler.operation}`)
  const targets = scopeOf(scope, target)
  const { row, given } = await readPayload(transaction, targets, posting, handler, event[operation.payload])
  const { entry, booked, after } = await post(transaction, targets, posting, row, given, actor)
  const { entity } = scopeOf(scope, entriesOf(scope.system, target))
  const { amount, balance } = ledgerOf(target)
  const name = `${entity.name} ${String(entry[entity.primaryKey])}`
  return booked
    ? { outcome: 'booked', detail: `${name}: ${amount} ${String(entry[amount])}, ${balance} ${after}` }
    : { outcome: 'booked before', detail: name }
}

async function lockEvent(transaction: Transaction, scope: Scope, id: string): Promise<Cells> {
  const event = await transaction.maybeOne<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, [id])}
    FOR NO KEY UPDATE`)
  if (!event) throw notFound(scope, [id])
  return event
}

/** Writes the outcome on the locked event. */
async function settle(
  transaction: Transaction,
  scope: Scope,
  { name }: ReplayOperation,
  event: Cells,
  values: Readonly<Record<string, unknown>>,
  stamps: readonly string[],
  actor: Actor,
): Promise<void> {
  const { entity } = scope
  const stored = await transaction.rows<Cells>(sql`
    UPDATE ${tableOf(scope)}
    SET ${join(assignmentsSql(scope, { values, stamps }), ',\n        ')}
    WHERE ${keyIn(scope, [String(event[entity.primaryKey])])}
    RETURNING ${selectList(Object.keys(entity.fields))}`)
  await recordChanged(transaction, scope, { action: name, actor }, [event], stored)
}

/** In a transaction of its own, since that of the replay was rolled back. */
async function keepError(
  db: Database,
  scope: Scope,
  operation: ReplayOperation,
  id: string,
  reason: string,
  actor: Actor,
): Promise<void> {
  await unitOfWork(db, false, async (transaction) => {
    const event = await lockEvent(transaction, scope, id)
    if ((event[operation.processedAt] ?? null) !== null || event[operation.error] === reason) return
    await settle(transaction, scope, operation, event, { [operation.error]: reason }, [], actor)
  })
}
