/** Deleting rows: a plan of everything they take along, then exactly that plan in one transaction. */
import { type Actor, recordAudit } from '../db/audit.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import { auditEntry } from './audited.ts'
import { someOf } from './changes.ts'
import { type Closure, closureOf, entityOf, nameOf, withClosure } from './closure.ts'
import { type ClosureCounts, countClosure, lockClosure, staying, type TableCount } from './closure-count.ts'
import { type Consequence, newUnit, type Unit } from './consequences.ts'
import { type Waiting, waitingForClosure } from './delete-waiting.ts'
import { resolveIds } from './ids.ts'
import { keyIn, requireRows } from './missing.ts'
import { type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { problemsWithDeleting, refuseDeleting } from './soft-delete.ts'
import { countDueFiles, type DueFiles, recordTombstones } from './tombstones.ts'
import { unitOfWork } from './unit-of-work.ts'

/** Milliseconds that each wait for a lock may take; after that another session is named as the holder. */
const LOCK_TIMEOUT_MS = 10_000
/** Rows of one INSERT into the audit log. */
const AUDIT_BATCH = 500

export interface DeletePlan {
  readonly ids: readonly string[]
  readonly closure: Closure
  readonly counts: ClosureCounts
  readonly files: DueFiles
  /** Whether rows that stay wait for some that go (`rehearseDelete` says what becomes of them). */
  readonly releases: boolean
}

export interface Deleted {
  /** Rows that went, by table. */
  readonly deleted: readonly TableCount[]
  /** Files recorded as due for deletion. */
  readonly files: number
  /** What happened to rows that stay: who waited for those that went goes on. */
  readonly consequences: readonly Consequence[]
}

/**
 * Works out what a delete takes along, in one snapshot.
 *
 * @param ids or handles
 * @throws NotFoundError (exit 4) for ids that do not exist
 * @throws RefusedError (exit 5) naming what stands in the way
 */
export async function planDelete(db: Database, scope: Scope, ids: readonly string[]): Promise<DeletePlan> {
  const wanted = await resolveIds(db, scope, ids)
  return db.transaction(
    async (transaction) => {
      await requireRows(transaction, scope, wanted)
      await refuseForbidden(transaction, scope, wanted)
      const closure = await closureOf(transaction, scope)
      const counts = await countClosure(transaction, scope, closure, wanted)
      refuseBlocked(scope, wanted, counts)
      const files = await countDueFiles(transaction, scope, closure, wanted)
      const waiting = await waitingForClosure(transaction, scope, closure, wanted)
      return { ids: wanted, closure, counts, files, releases: waiting.length > 0 }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

/** Rows of the plan besides the ones that were named. */
export function dependents({ ids, counts }: DeletePlan): bigint {
  return counts.deleted.reduce((sum, { rows }) => sum + rows, 0n) - BigInt(ids.length)
}

/**
 * Deletes what the plan lists.
 *
 * All rows that others could refer to are locked, then everything is counted again: nothing can join afterwards, so
 * the delete takes what was counted.
 *
 * @throws RefusedError (exit 5) when it would take along more than the plan says; nothing is deleted then
 * @throws LockedError (exit 8) when another session holds one of the rows for too long
 */
export function applyDelete(db: Database, scope: Scope, plan: DeletePlan, actor: Actor): Promise<Deleted> {
  return removeRows(db, scope, plan, actor, false)
}

/** What happens to rows that stay when the plan is done: done and rolled back where rows wait for some that go. */
export async function rehearseDelete(
  db: Database,
  scope: Scope,
  plan: DeletePlan,
  actor: Actor,
): Promise<readonly Consequence[]> {
  return plan.releases ? (await removeRows(db, scope, plan, actor, true)).consequences : []
}

function removeRows(db: Database, scope: Scope, plan: DeletePlan, actor: Actor, dryRun: boolean): Promise<Deleted> {
  const { ids, closure } = plan
  return unitOfWork(
    db,
    dryRun,
    async (transaction) => {
      await requireRows(transaction, scope, ids)
      await lockClosure(transaction, scope, closure, ids)
      await refuseForbidden(transaction, scope, ids)
      // A foreign key added since the plan was made reaches tables that it does not know.
      const now = await closureOf(transaction, scope)
      const counts = await countClosure(transaction, scope, now, ids)
      refuseBlocked(scope, ids, counts)
      refuseGrown(plan.counts, counts)
      const waiting = await waitingForClosure(transaction, scope, now, ids)
      const why = `${scope.entity.name} delete ${someOf(ids)}`
      const files = await recordTombstones(transaction, scope, now, ids, why)
      await auditDetached(transaction, scope, now, ids, actor)
      await auditDeleted(transaction, scope, now, ids, actor)
      await transaction.execute(sql`DELETE FROM ${tableOf(scope)} WHERE ${keyIn(scope, ids)}`)
      const { tally } = await release(transaction, waiting, actor)
      return { deleted: counts.deleted, files, consequences: tally.list() }
    },
    // The plan was confirmed whatever its size; a cascade over millions of rows takes its time.
    { lockTimeoutMs: LOCK_TIMEOUT_MS, statementTimeoutMs: 0 },
  )
}

/** Those among them that stay, and wait for nothing else. */
async function release(transaction: Transaction, waiting: readonly Waiting[], actor: Actor): Promise<Unit> {
  const unit = newUnit()
  if (waiting.length === 0) return unit
  const { releaseNodes } = await import('./graph-guard.ts')
  for (const { graph, ids } of waiting) await releaseNodes(transaction, graph, ids, actor, unit)
  return unit
}

/** What may not be marked as deleted may not be removed either (decision 38: a task that still runs). */
async function refuseForbidden(db: Queryable, scope: Scope, ids: readonly string[]): Promise<void> {
  if (!scope.entity.softDelete?.only) return
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, ids)}`)
  refuseDeleting(scope, problemsWithDeleting(scope, rows))
}

function refuseBlocked({ entity }: Scope, ids: readonly string[], { blocking }: ClosureCounts): void {
  if (blocking.length === 0) return
  const named = ids.length === 1 ? `${entity.name} ${ids[0]}` : `${ids.length} ${entity.plural}`
  throw new RefusedError({
    code: 'still-referenced',
    message: `${named} cannot be deleted: other rows refer to ${ids.length === 1 ? 'it' : 'them'}`,
    hint: 'Delete or change these rows first',
    problems: blocking.map(({ table, columns, rows, constraint }) => ({
      where: `${table}.${columns.join(', ')}`,
      reason: `${rows} ${rows === 1n ? 'row refers' : 'rows refer'} to what would go (constraint ${constraint})`,
    })),
  })
}

function refuseGrown(planned: ClosureCounts, counts: ClosureCounts): void {
  const more = (before: readonly TableCount[], after: readonly TableCount[], keyed: (one: TableCount) => string) => {
    const known = new Map(before.map((one) => [keyed(one), one.rows]))
    return after
      .filter((one) => one.rows > (known.get(keyed(one)) ?? 0n))
      .map((one) => ({ where: one.table, reason: `${one.rows} rows, the plan has ${known.get(keyed(one)) ?? 0n}` }))
  }
  const problems = [
    ...more(planned.deleted, counts.deleted, nameOf),
    ...more(planned.detached, counts.detached, (one) => JSON.stringify(one, ['schema', 'table', 'constraint'])),
  ]
  if (problems.length === 0) return
  throw new RefusedError({
    code: 'changed-meanwhile',
    message: 'Rows were added since the plan was made; nothing was deleted',
    hint: 'Look at the new plan and confirm it',
    problems,
  })
}

/** Every row that goes, with its fields, read through a cursor: a closure may be larger than memory. */
async function auditDeleted(
  transaction: Transaction,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
  actor: Actor,
): Promise<void> {
  for (const table of closure.tables) {
    const entity = entityOf(scope, table)
    if (!entity) continue
    const rows = transaction.stream<Cells>(
      sql`
      ${withClosure(scope, closure, ids)}
      SELECT ${selectList(Object.keys(entity.fields), 'gone')}
      FROM ${identifier(table.schema, table.table)} AS gone
      JOIN ${raw(table.alias)} AS closure ON closure.tableoid = gone.tableoid AND closure.ctid = gone.ctid`,
      AUDIT_BATCH,
    )
    const own = scopeOf(scope, entity)
    await inBatches(rows, (batch) =>
      recordAudit(
        transaction,
        actor,
        batch.map((row) => auditEntry(own, 'delete', row, null)),
      ),
    )
  }
}

/** Rows that stay and lose their reference: which ones, and what they referred to. */
async function auditDetached(
  transaction: Transaction,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
  actor: Actor,
): Promise<void> {
  for (const key of closure.detaching) {
    const entity = entityOf(scope, key)
    if (!entity) continue
    const columns = join([entity.primaryKey, ...key.columns].map((name) => identifier('kept', name)))
    const rows = transaction.stream<Cells>(
      sql`
      ${withClosure(scope, closure, ids)}
      SELECT *
      FROM ${staying(closure, key, columns)}`,
      AUDIT_BATCH,
    )
    const own = scopeOf(scope, entity)
    const cleared = Object.fromEntries(key.columns.map((column) => [column, null]))
    await inBatches(rows, (batch) =>
      recordAudit(
        transaction,
        actor,
        batch.map((row) => auditEntry(own, 'detach', row, { ...row, ...cleared })),
      ),
    )
  }
}

async function inBatches<T>(rows: AsyncIterable<T>, work: (batch: readonly T[]) => Promise<void>): Promise<void> {
  let batch: T[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < AUDIT_BATCH) continue
    await work(batch)
    batch = []
  }
  if (batch.length > 0) await work(batch)
}
