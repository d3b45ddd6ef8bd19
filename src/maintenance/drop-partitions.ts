/**
 * Retention by whole months (decisions 34, 36, 50): partitions that end before the cutoff of a rule are dropped, by
 * their bounds in the catalog and not by their names. What a rule covers and lies in no such partition is not dropped:
 * rows of the default partition go one by one, rows of a month that is not over wait for its end.
 */

import type { Database } from '../db/database.ts'
import { canDetachConcurrently, leftBehind } from '../db/detach-partition.ts'
import { whyKept } from '../db/drop-partition.ts'
import { heldPartitions, heldReason } from '../db/holds.ts'
import { type Partition, partitionsBefore, whyNotMonthly } from '../db/partition-catalog.ts'
import type { MonthlyTable } from '../db/partitions.ts'
import { ageFields, cutoffSql, dueSql, entityOfRule, type RuleScope } from '../model/due.ts'
import { identifier, sql } from '../model/sql.ts'
import type { Item } from './job.ts'

/** One partition of the plan. */
export interface DropItem extends Item {
  readonly action: 'drop' | 'keep'
  /** Where the partition lies, which may be another schema than its table's. */
  readonly partitionSchema: string
  readonly partition: string
  /** Its bounds as the server prints them; null for the default partition, and for one that is detached. */
  readonly since: string | null
  readonly until: string | null
  /** Of the default partition, those that are due. */
  readonly rows: bigint
  /** `rows` is what the server knew at its last vacuum or analyze. */
  readonly estimated: boolean
  /** All of it is past the cutoff. */
  readonly over: boolean
  /** How it goes. */
  readonly way: 'drop' | 'detach-concurrently' | 'left-behind' | 'rows' | 'none'
}

export interface DropPlan {
  readonly table: MonthlyTable
  /** The first instant that is too young, by the server's clock when it was planned. */
  readonly cutoff: string
  readonly items: readonly DropItem[]
  /** Why the table as a whole is none whose months could be dropped. */
  readonly otherwise?: 'absent' | 'not-partitioned' | 'otherwise'
}

/** Rows up to which a partition that nobody has counted is counted. */
const COUNTED = 10_000

/** The table of a rule, and the field that its partitions are about. @throws RangeError (a declaration at fault) */
export function tableOfRule({ system, schema, applied: { rule } }: RuleScope): MonthlyTable {
  const [field, ...more] = ageFields(rule)
  if (field === undefined || more.length > 0 || rule.only || rule.except || rule.unlessActive) {
    throw new RangeError(`rule ${system.name}/${rule.name}: whole months go by one field, whatever their rows are`)
  }
  return { schema, table: entityOfRule(system, rule).table, field }
}

/**
 * Every partition of the rule's table: what would be dropped, and why the others stay. Reads only.
 */
export async function planDrops(db: Database, rule: RuleScope): Promise<DropPlan> {
  const table = tableOfRule(rule)
  const { applied } = rule
  const { cutoff } = await db.one<{ cutoff: string }>(sql`SELECT ${cutoffSql(applied)}::text AS cutoff`)
  const otherwise = await whyNotMonthly(db, table)
  if (otherwise !== undefined) return { table, cutoff, items: [], otherwise }
  const partitions = await partitionsBefore(db, table, sql`${cutoff}::timestamptz`)
  const heldUntil = await heldPartitions(db, table, partitions)
  const concurrently = !applied.rule.archives && (await canDetachConcurrently(db, table, partitions))
  const items: DropItem[] = []
  // PostgreSQL detaches one at a time, so what is pending comes first.
  const inOrder = partitions.toSorted((a, b) => Number(b.detachPending) - Number(a.detachPending))
  for (const one of inOrder) {
    items.push(await itemOf(db, rule, table, one, { cutoff, concurrently, held: heldUntil(one) }))
  }
  for (const { schema, name, bytes } of await leftBehind(db, table)) {
    items.push({
      schema: table.schema,
      table: table.table,
      partitionSchema: schema,
      partition: name,
      since: null,
      until: null,
      rows: 0n,
      estimated: true,
      bytes,
      over: true,
      action: 'drop',
      way: 'left-behind',
      reason: 'was detached by a run that ended before it dropped it',
    })
  }
  return { table, cutoff, items }
}

async function itemOf(
  db: Database,
  rule: RuleScope,
  table: MonthlyTable,
  one: Partition,
  {
    cutoff,
    concurrently,
    held,
  }: { readonly cutoff: string; readonly concurrently: boolean; readonly held: string | undefined },
): Promise<DropItem> {
  const place = {
    schema: table.schema,
    table: table.table,
    partitionSchema: one.schema,
    partition: one.name,
    since: one.since,
    until: one.until,
    over: one.isPast,
    bytes: one.bytes,
  }
  const keep = (reason: string) => ({ ...place, ...known(one), action: 'keep', way: 'none', reason }) as const
  if (one.isDefault) {
    const { rows } = await db.one<{ rows: bigint }>(sql`
      SELECT COUNT(*) AS rows
      FROM ${identifier(one.schema, one.name)} AS d
      WHERE ${dueSql(rule, 'd')}`)
    if (rows === 0n) return { ...keep('the default partition, nothing in it is due'), rows, estimated: false }
    const reason = 'rows of no month of their own, removed one by one'
    return { ...place, rows, estimated: false, action: 'drop', way: 'rows', reason }
  }
  if (!one.isPast) {
    if (one.detachPending)
      return keep('somebody began to detach it: ALTER TABLE … DETACH PARTITION … FINALIZE ends that')
    return keep(await whyNotOver(db, one, cutoff))
  }
  const kept = held !== undefined ? heldReason(held) : one.detachPending ? undefined : await whyKept(db, table, one)
  const counted = await countedRows(db, one)
  if (kept !== undefined) return { ...keep(kept), ...counted }
  const way = concurrently && !one.detachPending ? 'detach-concurrently' : 'drop'
  const over = `over since ${dayOf(one.until)}, before the cutoff of ${dayOf(cutoff)}`
  const reason = one.detachPending ? `${over}; a detach was begun and not ended` : over
  return { ...place, ...counted, action: 'drop', way, reason }
}

function known({ estimatedRows }: Partition): { readonly rows: bigint; readonly estimated: boolean } {
  return { rows: estimatedRows ?? 0n, estimated: true }
}

/** Exactly where that is quick: a partition that nobody has counted, or a small one. */
async function countedRows(db: Database, one: Partition) {
  if (one.estimatedRows !== null && one.estimatedRows > BigInt(COUNTED)) return known(one)
  const { rows } = await db.one<{ rows: bigint }>(sql`
    SELECT COUNT(*) AS rows
    FROM (
      SELECT
      FROM ${identifier(one.schema, one.name)}
      LIMIT ${COUNTED + 1}
    ) AS counted`)
  return { rows, estimated: rows > BigInt(COUNTED) }
}

async function whyNotOver(db: Database, { since, until }: Partition, cutoff: string): Promise<string> {
  const { current, due } = await db.one<{ current: boolean; due: boolean }>(sql`
    SELECT ${until}::timestamptz > date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS current,
           ${since}::timestamptz < ${cutoff}::timestamptz AS due`)
  if (current) return due ? 'holds the current month' : 'the current month or later'
  const day = dayOf(cutoff)
  return due ? `in part past the cutoff of ${day}, goes when all of it is` : `after the cutoff of ${day}`
}

/** `2026-11-01` of what the server prints. */
function dayOf(instant: string | null): string {
  return instant?.slice(0, 10) ?? ''
}
