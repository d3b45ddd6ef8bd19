/** What cleaning by prefix would do. */
import type { Database } from '../db/database.ts'
import type { RuleScope } from '../model/due.ts'
import type { Kept } from '../model/job.ts'
import { eachAtOnce } from '../model/several.ts'
import { PREFIXES_AT_ONCE } from './empty-prefixes.ts'
import { type Choice, fillPrefix, storeOfPrefix } from './prefix.ts'
import { countDueRows, type DueRow, dueRows, prefixRule } from './prefix-rows.ts'

/** What a plan says of the rule: due rows, all of them counted, with the files of the first ones. */
export interface PrefixPlan {
  readonly rows: bigint
  /** Rows whose files were listed. */
  readonly listed: number
  readonly files: bigint
  readonly bytes: bigint
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
  /** Rows that stay, since there is no store to look in. */
  readonly kept: readonly Kept[]
}

/** @param most rows whose files are listed */
export async function planByPrefix(db: Database, scope: RuleScope, choice: Choice, most = 200): Promise<PrefixPlan> {
  const rule = prefixRule(scope)
  const rows = await countDueRows(db, scope, rule)
  let files = 0n
  let bytes = 0n
  const refused: { id: string; reason: string }[] = []
  const nothing = { rows: 0n, listed: 0, files, bytes, refused, kept: [] }
  if (rows === 0n) return nothing
  const found = await storeOfPrefix(choice, scope.system.name, rule.prefix)
  if ('refused' in found) return { ...nothing, kept: [{ reason: found.refused, rows }] }
  const some = await db.rows<DueRow>(dueRows(scope, rule, undefined, most))
  await eachAtOnce(some, PREFIXES_AT_ONCE, async ({ id, values }) => {
    const filled = fillPrefix(rule.prefix, values)
    if ('refused' in filled) {
      refused.push({ id, reason: filled.refused })
      return
    }
    for await (const file of found.store.list(filled.prefix)) {
      files += 1n
      bytes += BigInt(file.bytes)
    }
  })
  return { rows, listed: some.length, files, bytes, refused, kept: [] }
}
