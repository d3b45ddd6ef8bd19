/**
 * Monthly partitions (decision 34; PostgreSQL manual, 5.12): makes the months that will be needed before they are, and
 * brings rows that came too early for that, and lie in the default partition, into partitions of their own. Retention
 * drops whole months, so a row in the default partition would never go.
 *
 * Each month is one transaction: a run that is killed leaves whole months, and the next one goes on from there.
 */
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { whyNotMonthly } from '../db/partition-catalog.ts'
import {
  defaultPartitionOf,
  ensureMonth,
  type Holder,
  holderOf,
  type Month,
  type MonthlyTable,
  monthAfter,
  partitionName,
} from '../db/partitions.ts'
import { identifier, sql } from '../model/sql.ts'
import { type Effect, type Item, type ItemResult, type RunOptions, runEach } from './job.ts'

/** A table that is to be partitioned by month, and how far ahead. */
export interface PartitionedTable extends MonthlyTable {
  /** Months made ahead of the current one. */
  readonly ahead: number
}

/** One month of a table. */
export interface MonthItem extends Item {
  /** Missing where the table as a whole is left alone. */
  readonly month?: Month
  readonly field: string
  /** Rows of the month that lie in the default partition. */
  readonly rows: bigint
}

/**
 * What is there and what is missing: from the current month (in UTC, by the server's clock) to so many months ahead,
 * and every month with rows in the default partition.
 *
 * Tables that are not there, or not partitioned by month of that field, are left alone and say so.
 */
export async function planPartitions(db: Queryable, tables: readonly PartitionedTable[]): Promise<MonthItem[]> {
  const items: MonthItem[] = []
  for (const table of tables) {
    const reason = await whyNot(db, table)
    if (reason === undefined) items.push(...(await planTable(db, table)))
    else items.push({ ...placeOf(table), bytes: 0n, rows: 0n, action: 'keep', reason })
  }
  return items
}

/** Makes the partitions that the plan says. */
export function applyPartitions(
  db: Database,
  plan: readonly MonthItem[],
  options: RunOptions,
): Promise<ItemResult[]> {
  return runEach(plan, options, ({ schema, table, field, month }): Promise<Effect> => {
    if (month === undefined) throw new RangeError('a table as a whole is nothing to create')
    const make = async (tx: Transaction): Promise<Effect> => {
      await options.guard?.(tx)
      // None where another run was faster.
      return { moved: BigInt((await ensureMonth(tx, { schema, table, field }, month)) ?? 0), returnedBytes: 0n }
    }
    return db.transaction(make, {
      lockTimeoutMs: options.waits.lockTimeoutMs,
      // However many rows there are to move: what others wait for is bounded by their own timeouts.
      statementTimeoutMs: 0,
    })
  })
}

const placeOf = ({ schema, table, field }: MonthlyTable) => ({ schema, table, field })

/** Why a table is left alone; undefined when it is partitioned as it should be. */
async function whyNot(db: Queryable, table: MonthlyTable): Promise<string | undefined> {
  switch (await whyNotMonthly(db, table)) {
    case 'absent':
      return 'is not there; steward migrate up makes it'
    case 'not-partitioned':
      return 'is not partitioned'
    case 'otherwise':
      return `is not partitioned by range of ${table.field}`
    default:
      return undefined
  }
}

async function planTable(db: Queryable, table: PartitionedTable): Promise<MonthItem[]> {
  const { current } = await db.one<{ current: string }>(
    sql`SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM') AS current`,
  )
  const waiting = await rowsInDefault(db, table)
  const first = monthNamed(current)
  const ahead = Array.from({ length: table.ahead + 1 }, (_, months) => nameOfMonth(monthAfter(first, months)))
  const items: MonthItem[] = []
  for (const name of [...new Set([...ahead, ...waiting.keys()])].sort()) {
    const month = monthNamed(name)
    const { rows, bytes } = waiting.get(name) ?? { rows: 0n, bytes: 0n }
    const holder = await holderOf(db, table, month)
    items.push({
      ...placeOf(table),
      month,
      partition: holder?.partition ?? partitionName(table.table, month),
      rows,
      bytes,
      ...decide(holder, rows),
    })
  }
  return items
}

function decide(holder: Holder | undefined, waiting: bigint): Pick<Item, 'action' | 'reason'> {
  if (holder?.overlaps) return { action: 'keep', reason: `part of the month lies in ${holder.partition}` }
  if (holder) return { action: 'keep', reason: 'is there' }
  if (waiting === 0n) return { action: 'create', reason: 'missing' }
  const rows = waiting === 1n ? '1 row' : `${waiting} rows`
  return { action: 'create', reason: `${rows} of it in the default partition` }
}

/** Rows of the default partition by month, with what they take without their overhead. */
async function rowsInDefault(
  db: Queryable,
  table: MonthlyTable,
): Promise<Map<string, { readonly rows: bigint; readonly bytes: bigint }>> {
  const rest = await defaultPartitionOf(db, table)
  if (rest === undefined) return new Map()
  const at = identifier('d', table.field)
  // Instants without a month of four digits, infinity among them, stay where they are.
  const found = await db.rows<{ month: string; rows: bigint; bytes: bigint }>(sql`
    SELECT
      to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
      COUNT(*) AS rows,
      SUM(pg_column_size(d.*))::bigint AS bytes
    FROM ${identifier(rest.schema, rest.name)} AS d
    WHERE ${at} >= '0001-01-01 00:00:00+00'
      AND ${at} < '9999-12-01 00:00:00+00'
    GROUP BY 1`)
  return new Map(found.map(({ month, rows, bytes }) => [month, { rows, bytes }]))
}

/** `2026-11`, whose order as text is that of time. */
function nameOfMonth({ year, month }: Month): string {
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}`
}

function monthNamed(name: string): Month {
  return { year: Number(name.slice(0, 4)), month: Number(name.slice(5, 7)) }
}
