/** Marking what is due, the oldest first. */
import { ageSql, dueSql, type RuleScope } from '../model/due.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import { type MarkedBatch, markBatch } from './mark-batches.ts'
import { type RowTarget, tableOf, unkeptSql } from './row-target.ts'
import type { Cleaning } from './scope.ts'
import { isUnmarked } from './tombstones.ts'

export interface Marking {
  readonly after: MarkedBatch['last'] | undefined
  readonly limit: number
  /** Whether some of the rows may have a mark of their own, which are left out. */
  readonly someMarked: boolean
}

/** One transaction: rows that are due and not marked, in the order of their age; undefined where there are no more. */
export async function markDue(
  cleaning: Cleaning,
  target: RowTarget,
  scope: RuleScope,
  { after, limit, someMarked }: Marking,
): Promise<MarkedBatch | undefined> {
  const { db, run } = cleaning
  const { placed, entity, owner } = target
  const { rule } = scope.applied
  const age = ageSql(rule, 'a')
  const key = identifier('a', entity.primaryKey)
  const further: Sql[] =
    after === undefined
      ? []
      : [
          sql`${age} >= ${after.age}::timestamptz`,
          sql`(${age}, ${key}::text) > (${after.age}::timestamptz, ${after.id})`,
        ]
  const unmarked = someMarked ? [isUnmarked(owner, sql`${key}::text`)] : []
  await cleaning.at?.('marking')
  const batch = await db.transaction(async (tx) => {
    await run.lease.guard(tx)
    const why = `rule ${placed.schema}/${rule.name}`
    const rows = sql`
      SELECT ${key}::text AS id, ${identifier('a', entity.file.uri)} AS uri,
             ${identifier('a', entity.file.bytes)} AS bytes, ${age} AS age
      FROM ${tableOf(target)} AS a
      WHERE ${allOf([
        dueSql(scope, 'a'),
        sql`${identifier('a', entity.file.uri)} IS NOT NULL`,
        unkeptSql(target, 'a'),
        ...unmarked,
        ...further,
      ])}
      ORDER BY ${age}, ${key}::text
      LIMIT ${limit}::bigint`
    return markBatch(tx, owner, run.runId, why, rows)
  })
  if (batch !== undefined) await cleaning.at?.('marked')
  return batch
}
