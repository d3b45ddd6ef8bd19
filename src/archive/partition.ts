/**
 * A partition that is over, archived before it is dropped (decision 50): its rows are copied into the archive table and
 * counted on both sides, and the partition is dropped, in one transaction. So at every moment each row is either live
 * or archived, and none is deleted one by one.
 *
 * The copy is recorded as batches of a bounded number of rows, so that restoring and exporting can take them one at a
 * time. Archived rows keep the columns of their foreign keys and not the keys: what they refer to may go (decision 50).
 */
import type { Database, Transaction } from '../db/database.ts'
import { type DropWaits, lockForDrop, withPatience } from '../db/drop-locks.ts'
import { dropPartition } from '../db/drop-partition.ts'
import type { JobRun } from '../db/job-run.ts'
import { partitionsBefore } from '../db/partition-catalog.ts'
import { lockPartitions, type MonthlyTable, type RelationName } from '../db/partitions.ts'
import { LockedError, throwIfStopped } from '../errors.ts'
import type { RuleScope } from '../model/due.ts'
import { identifier, raw, type Sql, sql } from '../model/sql.ts'
import { readTables, type Table } from './catalog-tables.ts'
import { TEXT_SETTINGS } from './digest.ts'
import { MOVING } from './moving.ts'
import { copyPartition } from './partition-copy.ts'
import { ensureArchiveTables } from './tables.ts'

/** Rows of one batch, about. */
const BATCH_ROWS = 50_000
/** Rows, and bytes to read for them, up to which a partition is copied while nobody else is on the table. */
const FEW_ROWS = 5_000
const FEW_BYTES = 64 * 1024 * 1024
/** Attempts to have the table for a moment after a copy, while writers of the partition may wait. */
const ATTEMPTS_AFTER_COPY = 3

/** Code of the error of a copy that others waited for. */
export const GAVE_WAY = 'gave-way'

export interface PartitionOptions {
  readonly table: MonthlyTable
  /** The first instant that is too young for the rule. */
  readonly cutoff: Sql
  readonly waits: DropWaits
  /** Rows of one batch, about; 50,000 when absent. */
  readonly batchRows?: number
  /** Rows up to which a partition is copied while nobody else is on the table; 5,000 when absent. */
  readonly fewRows?: number
}

export interface ArchivedPartition {
  readonly rows: bigint
  readonly batches: number
  /** False when it was gone already. */
  readonly dropped: boolean
}

/**
 * Archives a partition and drops it.
 *
 * One of a few rows is copied while nobody else is on the table, for a moment. Of any other, its writers wait while it
 * is copied, and nobody else does. A writer who came to it by way of the table would be in the way of the drop, and
 * the drop in the way of the writer; so it gives way between two slices of the copy to whoever waits. Before it copies
 * anything it has had the table for a moment: where a long transaction is in the way, nothing is copied in vain.
 *
 * @returns nothing archived when the partition is gone already
 * @throws LockedError `gave-way` when writers came meanwhile, `lock-timeout` when nobody gave way; RefusedError (exit 5)
 *   when it is not over, or rows of other tables refer to it; OperationError (exit 6) when the copy differs, or row
 *   security hides rows from the role; InterruptedError on a stop request, between two slices. Nothing has happened then
 */
export async function archivePartition(
  db: Database,
  rule: RuleScope,
  partition: RelationName,
  run: JobRun,
  { table: monthly, cutoff, waits, batchRows = BATCH_ROWS, fewRows = FEW_ROWS }: PartitionOptions,
): Promise<ArchivedPartition> {
  // Row security off: rather refused than a row not seen, and lost with the partition (PostgreSQL manual, 5.9).
  const settings = { ...MOVING, ...rule.system.movesWith, ...TEXT_SETTINGS, search_path: '', row_security: 'off' }
  const parent = await db.transaction((tx) => tableNamed(tx, monthly), { readOnly: true, settings })
  await ensureArchiveTables(db, [parent])
  return db.transaction(
    async (tx) => {
      await run.lease.guard(tx)
      const found = await partitionsBefore(tx, monthly, cutoff)
      const one = found.find(({ schema, name }) => schema === partition.schema && name === partition.name)
      if (one === undefined) return { rows: 0n, batches: 0, dropped: false }
      const few = await hasFew(tx, partition, fewRows)
      const yields = () => giveWay(tx, partition, run)
      // A detach that was interrupted hides its rows from others already; they are still in the partition.
      if (one.detachPending) await lockPartition(tx, partition, waits)
      else if (few) {
        await lockPartitions(tx, monthly)
        await lockForDrop(tx, monthly, partition, waits)
      } else {
        await tx.execute(raw('SAVEPOINT steward_probe'))
        await lockForDrop(tx, monthly, partition, waits)
        await tx.execute(raw('ROLLBACK TO SAVEPOINT steward_probe'))
        await tx.execute(raw('RELEASE SAVEPOINT steward_probe'))
        await lockPartition(tx, partition, waits)
      }
      const table = await tableNamed(tx, monthly)
      const slices = one.isBranch ? undefined : batchRows
      const copying = { rule, run, table, partition, field: monthly.field, batchRows: slices, between: yields }
      const archived = await copyPartition(tx, copying)
      const after = few
        ? waits
        : { ...waits, attempts: Math.min(waits.attempts, ATTEMPTS_AFTER_COPY), unless: yields }
      await dropPartition(tx, monthly, partition, cutoff, after)
      return { ...archived, dropped: true }
    },
    // However many rows there are to copy: what others wait for is bounded by their own timeouts.
    { settings, lockTimeoutMs: waits.lockTimeoutMs, statementTimeoutMs: 0 },
  )
}

/** Keeps writers out of the partition, readers not. */
function lockPartition(tx: Transaction, partition: RelationName, waits: DropWaits): Promise<void> {
  return withPatience(tx, waits, async () => {
    await tx.execute(sql`LOCK TABLE ${identifier(partition.schema, partition.name)} IN SHARE ROW EXCLUSIVE MODE`)
  })
}

/** Whether it is read in a moment. */
async function hasFew(tx: Transaction, { schema, name }: RelationName, most: number): Promise<boolean> {
  const { bytes } = await tx.one<{ bytes: bigint }>(sql`
    SELECT pg_relation_size(to_regclass(format('%I.%I', ${schema}::text, ${name}::text))) AS bytes`)
  if (bytes > BigInt(FEW_BYTES)) return false
  const { rows } = await tx.one<{ rows: bigint }>(sql`
    SELECT COUNT(*) AS rows
    FROM (
      SELECT
      FROM ${identifier(schema, name)}
      LIMIT ${most + 1}
    ) AS counted`)
  return rows <= BigInt(most)
}

/** Ends the transaction when the run is to stop, or somebody waits for the partition. */
async function giveWay(tx: Transaction, { schema, name }: RelationName, run: JobRun): Promise<void> {
  throwIfStopped(run.signal)
  const { waited } = await tx.one<{ waited: boolean }>(sql`
    SELECT EXISTS (
      SELECT
      FROM pg_catalog.pg_locks
      WHERE NOT granted
        AND locktype = 'relation'
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND relation = to_regclass(format('%I.%I', ${schema}::text, ${name}::text))
    ) AS waited`)
  if (!waited) return
  throw new LockedError({
    code: GAVE_WAY,
    message: `${schema}.${name} is being written to; it was not archived, so that nobody waits for it`,
    hint: 'The next run tries again',
  })
}

async function tableNamed(tx: Transaction, { schema, table }: MonthlyTable): Promise<Table> {
  const { oid } = await tx.one<{ oid: number }>(sql`
    SELECT to_regclass(format('%I.%I', ${schema}::text, ${table}::text))::oid AS oid`)
  const found = (await readTables(tx, [oid])).get(oid)
  if (found === undefined) throw new RangeError(`${schema}.${table} is not there`)
  return found
}
