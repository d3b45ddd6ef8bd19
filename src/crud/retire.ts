/**
 * `soft-delete` rules: rows are marked as deleted and stay (decision 38), as `delete` of such an entity marks them, and
 * only those that it would mark.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import { dueSql, type RuleScope } from '../model/due.ts'
import type { JobResult, Kept } from '../model/job.ts'
import { identifier, type Sql, sql } from '../model/sql.ts'
import { allOrEach, type BatchResult } from './all-or-each.ts'
import { newUnit } from './consequences.ts'
import { atMost, changeDue, countDue, type DueOptions, type DuePlan, scopeOfRule } from './due-batches.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { settle } from './settle.ts'
import { markWhere } from './soft-delete.ts'
import { unitOfWork } from './unit-of-work.ts'

export interface RetirementPlan extends DuePlan {
  /** Old enough, and not to be marked yet, with the reason that the entity gives. */
  readonly kept: readonly Kept[]
}

/** What the rule would mark now. */
export async function planRetirement(
  db: Database,
  rule: RuleScope,
  { limit }: DueOptions = {},
): Promise<RetirementPlan> {
  const due = await countDue(db, rule)
  return { ...due, rows: atMost(due.rows, limit), kept: await notYet(db, rule) }
}

/**
 * Marks what is due as deleted.
 *
 * @see changeDue
 */
export async function applyRetirement(
  db: Database,
  rule: RuleScope,
  run: JobRun,
  options: DueOptions = {},
): Promise<JobResult> {
  const scope = scopeOfRule(rule)
  const doing = `delete ${scope.entity.plural}`
  const result = await changeDue(db, rule, run, options, doing, (on, ids, { only, guard, transaction }) =>
    allOrEach(ids, (some) =>
      unitOfWork(
        on,
        false,
        async (work) => {
          await guard(work)
          return markSome(work, scope, some, only, run.actor)
        },
        transaction,
      ),
    ),
  )
  return { ...result, kept: [...result.kept, ...(await notYet(db, rule))] }
}

/** Rows that only `SoftDelete.only` keeps. */
async function notYet(db: Database, rule: RuleScope): Promise<Kept[]> {
  const scope = scopeOfRule(rule)
  const { entity } = scope
  const { softDelete } = entity
  if (softDelete?.only === undefined) return []
  const free = { ...entity, softDelete: { field: softDelete.field } }
  const entities = rule.system.entities.map((each) => (each === entity ? free : each))
  const due = dueSql({ ...rule, system: { ...rule.system, entities } }, entity.table)
  const kept: Kept[] = []
  for (const { field, isOneOf, says } of softDelete.only) {
    const type = castType(scope, fieldOf(entity, field))
    const { rows } = await db.one<{ rows: bigint }>(sql`
      SELECT COUNT(*) AS rows
      FROM ${tableOf(scope)}
      WHERE ${due}
        AND (${identifier(field)} = ANY (${isOneOf.map(String)}::${type}[])) IS NOT TRUE`)
    if (rows > 0n) kept.push({ reason: says, rows })
  }
  return kept
}

async function markSome(
  transaction: Transaction,
  scope: Scope,
  ids: readonly string[],
  only: Sql,
  actor: Actor,
): Promise<BatchResult> {
  const moved = await markWhere(transaction, scope, ids, only, actor)
  await settle(transaction, scope, moved, actor, newUnit())
  return { changed: moved.length, failures: [] }
}
