/** Marking what is due, the oldest first. */
import { ageSql, dueSql, type RuleScope } from '../model/due.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import { type RowTarget, tableOf, unkeptSql } from './row-target.ts'
import type { Cleaning } from './scope.ts'
import { type Found, isUnmarked, markSql } from './tombstones.ts'

/** Where marking goes on. */
export interface Position {
  readonly age: string
  readonly id: string
}

/** One transaction: rows that are due and not marked, in the order of their age. */
export async function markDue(
  cleaning: Cleaning,
  target: RowTarget,
  scope: RuleScope,
  after: Position | undefined,
  limit: number,
): Promise<(Found & Position)[]> {
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
  await cleaning.at?.('marking')
  const found = await db.transaction(async (tx) => {
    await run.lease.guard(tx)
    return tx.rows<Omit<Found, 'rowStays'> & Position>(
      markSql(
        owner,
        run.runId,
        `rule ${placed.schema}/${rule.name}`,
        sql`
      SELECT ${key}::text AS id, ${identifier('a', entity.file.uri)} AS uri,
             ${identifier('a', entity.file.bytes)} AS bytes, ${age}::text AS age
      FROM ${tableOf(target)} AS a
      WHERE ${allOf([
        dueSql(scope, 'a'),
        sql`${identifier('a', entity.file.uri)} IS NOT NULL`,
        unkeptSql(target, 'a'),
        isUnmarked(owner, sql`${key}::text`),
        ...further,
      ])}
      ORDER BY ${age}, ${key}::text
      LIMIT ${limit}::bigint`,
      ),
    )
  })
  if (found.length > 0) await cleaning.at?.('marked')
  return found.map((row) => ({ ...row, rowStays: true }))
}
