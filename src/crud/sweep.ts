/** Rows whose time has come, found by one instant of theirs and taken through a transition (`worker reap`). */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Transition } from '../model/lifecycle.ts'
import type { SweepOperation } from '../model/operation.ts'
import { allOf, identifier, raw, type Sql, sql } from '../model/sql.ts'
import { type BulkOptions, type BulkResult, moveInBatches } from './bulk.ts'
import { type Rehearsal, rehearseMove } from './rehearse.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { aliveSql } from './soft-delete.ts'
import { lifecycleOf } from './transition.ts'

/** Rows that a plan shows; all of them are counted. */
const SHOWN = 100

export interface SweepPlan extends Rehearsal {
  /** Oldest first. */
  readonly ids: readonly string[]
  /** The first of them. */
  readonly rows: readonly Cells[]
}

export interface SweepOptions {
  /** A PostgreSQL interval in place of the declared one. */
  readonly olderThan?: string | undefined
  /** At most this many rows, the oldest. */
  readonly limit?: number | undefined
}

/** The transition that a sweep takes rows through. @throws RangeError (a declaration at fault) */
export function sweptBy({ entity }: Scope, { moves }: SweepOperation): Transition {
  const declared = lifecycleOf(entity).transitions.find(({ verb }) => verb === moves)
  if (!declared) throw new RangeError(`${entity.name} has no transition ${moves}`)
  return declared
}

/** Finds the rows, and what becomes of others with them. */
export async function planSweep(
  db: Database,
  scope: Scope,
  operation: SweepOperation,
  { olderThan, limit }: SweepOptions,
  actor: Actor,
): Promise<SweepPlan> {
  const { entity } = scope
  const declared = sweptBy(scope, operation)
  const due = dueSql(scope, operation, olderThan)
  const found = await db.transaction(
    async (transaction) => {
      // Who never gave a sign has been silent longest.
      const order = sql`${identifier(operation.age.field)} NULLS FIRST, ${identifier(entity.primaryKey)}`
      const select = (columns: Sql, most: number | undefined) => sql`
        SELECT ${columns}
        FROM ${tableOf(scope)}
        WHERE ${due}
        ORDER BY ${order}
        LIMIT ${most ?? null}::bigint`
      const ids: string[] = []
      const all = transaction.stream<{ id: unknown }>(select(sql`${identifier(entity.primaryKey)} AS id`, limit))
      for await (const { id } of all) ids.push(String(id))
      const columns = selectList(Object.keys(entity.fields))
      const rows = await transaction.rows<Cells>(select(columns, Math.min(limit ?? SHOWN, SHOWN)))
      return { ids, rows }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
  const rehearsal = await rehearseMove(db, scope, declared, found.ids, {}, { actor, only: due })
  return { ...found, ...rehearsal }
}

/** Moves the rows of the plan for which it is still time: a worker that gave a sign meanwhile is left alone. */
export function applySweep(
  db: Database,
  scope: Scope,
  operation: SweepOperation,
  { ids }: SweepPlan,
  { olderThan }: SweepOptions,
  options: Omit<BulkOptions, 'values'>,
): Promise<BulkResult> {
  const only = dueSql(scope, operation, olderThan)
  return moveInBatches(db, scope, sweptBy(scope, operation), ids, only, { ...options, values: {} })
}

/** In a state to be swept, and over time. Cutoffs come from the server's clock (decision 4). */
function dueSql(scope: Scope, operation: SweepOperation, olderThan = operation.age.olderThan): Sql {
  const { age, from = sweptBy(scope, operation).from } = operation
  const { field } = lifecycleOf(scope.entity)
  const column = identifier(age.field)
  const never = age.orNull ? sql`${column} IS NULL` : raw('FALSE')
  return allOf([
    sql`${identifier(field)} = ANY (${from}::${castType(scope, fieldOf(scope.entity, field))}[])`,
    sql`(${column} <= now() - ${olderThan}::interval OR ${never})`,
    aliveSql(scope),
  ])
}
