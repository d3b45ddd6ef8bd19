/**
 * Months of partitioned tables that restored rows belong to: one that was dropped when it was over is made again first,
 * or the rows would lie in the default partition, where they are found and removed one by one.
 */
import type { Database, Queryable } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import { whyNotMonthly } from '../db/partition-catalog.ts'
import { ensureMonth, holderOf, type Month, type MonthlyTable } from '../db/partitions.ts'
import { identifier, sql } from '../model/sql.ts'
import { archiveOf, type RestoreCatalog } from './restore-catalog.ts'
import type { RowSet } from './restore-rows.ts'

/** Milliseconds that making one waits for a lock (design, "Database conventions"). */
const LOCK_MS = 1000

export interface MissingMonth {
  readonly table: MonthlyTable
  readonly month: Month
}

/** Thrown where rows have to wait until their months are made; the transaction is rolled back and tried again. */
export class MonthsMissing extends Error {
  readonly months: readonly MissingMonth[]

  constructor(months: readonly MissingMonth[]) {
    super('months are missing')
    this.months = months
  }
}

/** Months of the rows that no partition holds. @param monthly tables that are partitioned by month, if they still are */
export async function missingMonths(
  db: Queryable,
  catalog: RestoreCatalog,
  monthly: readonly MonthlyTable[],
  rows: RowSet,
): Promise<MissingMonth[]> {
  const missing: MissingMonth[] = []
  for (const one of monthly) {
    const places = rows.rows(one.table)
    if (places.length === 0 || !catalog.tables.get(one.table)?.archived.has(one.field)) continue
    if ((await whyNotMonthly(db, one)) !== undefined) continue
    const instant = identifier('a', one.field)
    const months = await db.rows<Month>(sql`
      SELECT DISTINCT
        date_part('year', ${instant} AT TIME ZONE 'UTC')::integer AS year,
        date_part('month', ${instant} AT TIME ZONE 'UTC')::integer AS month
      FROM ${archiveOf(catalog, one.table)} AS a
      WHERE a.ctid = ANY (${places}::tid[])
        -- No partition is named after any other year.
        AND ${instant} >= '0001-01-01 00:00:00+00'
        AND ${instant} < '9999-12-01 00:00:00+00'
      ORDER BY year, month`)
    for (const month of months) {
      if ((await holderOf(db, one, month)) === undefined) missing.push({ table: one, month })
    }
  }
  return missing
}

/**
 * Makes months, each in a transaction of its own: others wait for the attaching alone, and not for the rows.
 *
 * @throws LockedError `lock-timeout` when the table cannot be had at the moment
 */
export async function makeMonths(db: Database, months: readonly MissingMonth[], run: JobRun): Promise<void> {
  for (const { table, month } of months) {
    await db.transaction(
      async (tx) => {
        await run.lease.guard(tx)
        await ensureMonth(tx, table, month)
      },
      { lockTimeoutMs: LOCK_MS },
    )
  }
}
