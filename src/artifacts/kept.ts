/** Why rows that are old enough stay. */
import type { Database } from '../db/database.ts'
import { dueSql, type RuleScope } from '../model/due.ts'
import type { Kept } from '../model/job.ts'
import { sql } from '../model/sql.ts'
import { activeReferences, keepers, type RowTarget, regardless, tableOf } from './row-target.ts'

/** Rows that would be due but for what they belong to, or for what refers to them. */
export async function countKept(db: Database, target: RowTarget, scope: RuleScope): Promise<Kept[]> {
  const active = activeReferences({ ...target, rules: [scope] })
  const reasons = keepers(target, 'a')
  if (active.length === 0 && reasons.length === 0) return []
  const cases = [
    ...(active.length === 0
      ? []
      : [sql`WHEN NOT (${dueSql(scope, 'a')}) THEN ${stillActive(active.map(({ column }) => column))}`]),
    ...reasons.map(({ reason, holds }) => sql`WHEN ${holds} THEN ${reason}`),
  ]
  return db.transaction(
    (tx) =>
      tx.rows<Kept>(sql`
        SELECT reason, COUNT(*) AS rows
        FROM (
          SELECT CASE ${cases.reduce((all, one) => sql`${all} ${one}`)} END AS reason
          FROM ${tableOf(target)} AS a
          WHERE ${dueSql(regardless(scope), 'a')}
        ) AS due
        WHERE reason IS NOT NULL
        GROUP BY reason`),
    { readOnly: true, statementTimeoutMs: 0 },
  )
}

/** What is said of rows that belong to something active. */
export function stillActive(columns: readonly string[]): string {
  return `still in use: ${columns.join(' or ')} leads to something that is not over`
}
