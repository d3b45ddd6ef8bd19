/** Rows as the rest of their change left them. */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import { sql } from '../model/sql.ts'
import type { Moved } from './audited.ts'
import { keyIn } from './missing.ts'
import { type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'

/** Effects may have come back to the rows themselves, and triggers follow what effects inserted. */
export async function reread(
  transaction: Transaction,
  scope: Scope,
  moved: readonly Moved[],
): Promise<readonly Moved[]> {
  if (moved.length === 0) return moved
  const { entity } = scope
  const keyOf = (row: Cells) => String(row[entity.primaryKey])
  const keys = moved.map(({ after }) => keyOf(after))
  const rows = await transaction.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, keys)}`)
  const now = new Map(rows.map((row) => [keyOf(row), row]))
  return moved.map(({ before, after }) => ({ before, after: now.get(keyOf(after)) ?? after }))
}
