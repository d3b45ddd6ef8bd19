/** What cleaning by prefix would do. */
import type { Database } from '../db/database.ts'
import { dueSql, type RuleScope } from '../model/due.ts'
import { eachAtOnce } from '../model/several.ts'
import { allOf, identifier, sql } from '../model/sql.ts'
import { PREFIXES_AT_ONCE } from './empty-prefixes.ts'
import { type Choice, fillPrefix } from './prefix.ts'
import { type DueRow, dueRows, prefixRule } from './prefix-rows.ts'

/** What a plan says of the rule: due rows, all of them counted, with the files of the first ones. */
export interface PrefixPlan {
  readonly rows: bigint
  /** Rows whose files were listed. */
  readonly listed: number
  readonly files: bigint
  readonly bytes: bigint
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
}

/** @param most rows whose files are listed */
export async function planByPrefix(db: Database, scope: RuleScope, choice: Choice, most = 200): Promise<PrefixPlan> {
  const rule = prefixRule(scope)
  const { rows } = await db.one<{ rows: bigint }>(sql`
    SELECT COUNT(*) AS rows
    FROM ${identifier(scope.schema, rule.entity.table)} AS r
    WHERE ${allOf([dueSql(scope, 'r'), sql`${identifier('r', rule.cleanedAt)} IS NULL`])}`)
  let files = 0n
  let bytes = 0n
  const refused: { id: string; reason: string }[] = []
  if ('refused' in choice) return { rows, listed: 0, files, bytes, refused }
  const some = await db.rows<DueRow>(dueRows(scope, rule, undefined, most))
  await eachAtOnce(some, PREFIXES_AT_ONCE, async ({ id, values }) => {
    const filled = fillPrefix(rule.prefix, values)
    if ('refused' in filled) {
      refused.push({ id, reason: filled.refused })
      return
    }
    for await (const file of choice.store.list(filled.prefix)) {
      files += 1n
      bytes += BigInt(file.bytes)
    }
  })
  return { rows, listed: some.length, files, bytes, refused }
}
