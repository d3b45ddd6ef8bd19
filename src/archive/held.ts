/** Due roots that stay because somebody holds them, such as those that were restored. */
import type { Database } from '../db/database.ts'
import { heldReason } from '../db/holds.ts'
import { StewardError } from '../errors.ts'
import { standsFor } from '../model/holds.ts'
import type { Kept } from '../model/job.ts'
import { sql } from '../model/sql.ts'
import type { Table } from './catalog-tables.ts'
import { relation } from './rows.ts'
import type { Selection } from './selection.ts'

/** Milliseconds for counting: it is a figure for people, and worth no more. */
const COUNTING_MS = 10_000

/** Counts them by the day on which the hold runs out. */
export async function countHeld(db: Database, root: Table, { held }: Selection): Promise<readonly Kept[]> {
  if (held === undefined) return []
  try {
    const found = await db.transaction(
      (tx) =>
        tx.rows<{ until: string; rows: bigint }>(sql`
          SELECT (hold.until AT TIME ZONE 'UTC')::date::text AS until, COUNT(*) AS rows
          FROM ${relation(root)} AS r
          JOIN steward.retention_holds AS hold ON ${standsFor(held.table, 'r')}
          WHERE ${held.dueOrHeld('r')}
          GROUP BY 1
          ORDER BY 1`),
      { readOnly: true, statementTimeoutMs: COUNTING_MS, settings: { row_security: 'off' } },
    )
    return found.map(({ until, rows }) => ({ reason: heldReason(until), rows }))
  } catch (error) {
    if (error instanceof StewardError && error.code === 'statement-timeout') return []
    throw error
  }
}
