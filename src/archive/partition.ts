/**
 * A partition that is over, archived before it is dropped (decision 50): its rows are copied into the archive table and
 * counted on both sides, and the partition is dropped, in one transaction. So at every moment each row is either live or archived,
 * and none is deleted one by one.
 *
 * The copy is recorded as batches of a bounded number of rows, so that restoring and exporting can take them one at a
 * time. Archived rows keep the columns of their foreign keys and not the keys: what they refer to may go (decision 50).
 */
import type { Database, Transaction } from '../db/database.ts'
import { type DropWaits, dropPartition, lockForDrop, withPatience } from '../db/drop-partition.ts'
import type { JobRun } from '../db/job-run.ts'
import { leaseName } from '../db/lease.ts'
import { partitionsBefore } from '../db/partition-catalog.ts'
import { lockPartitions, type MonthlyTable } from '../db/partitions.ts'
import { LockedError, OperationError, throwIfStopped } from '../errors.ts'
import type { RuleScope } from '../model/due.ts'
import { identifier, join, quoteLiteral, raw, type Sql, sql } from '../model/sql.ts'
import { readTables, type Table } from './catalog.ts'
import { digestSql, TEXT_SETTINGS } from './digest.ts'
import { MOVING } from './moving.ts'
import { BATCH_COLUMN, nextBatchId, recordBatch } from './record.ts'
import { archiveOf, ensureArchiveTables } from './tables.ts'

/** Rows of one batch, about. */
const BATCH_ROWS = 50_000
/** Rows, and bytes to read for them, up to which a partition is copied while nobody else is on the table. */
const FEW_ROWS = 5_000
const FEW_BYTES = 64 * 1024 * 1024
/** Attempts to have the table for a moment after a copy, while writers of the partition may wait. */
const ATTEMPTS_AFTER_COPY = 3

export interface PartitionPlace {
  readonly schema: string
  readonly name: string
}

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
  partition: PartitionPlace,
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
      const archived = await copy(tx, rule, table, partition, run, slices, monthly.field, yields)
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
function lockPartition(tx: Transaction, partition: PartitionPlace, waits: DropWaits): Promise<void> {
  return withPatience(tx, waits, async () => {
    await tx.execute(sql`LOCK TABLE ${placeOf(partition)} IN SHARE ROW EXCLUSIVE MODE`)
  })
}

/** Whether it is read in a moment. */
async function hasFew(tx: Transaction, { schema, name }: PartitionPlace, most: number): Promise<boolean> {
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
async function giveWay(tx: Transaction, { schema, name }: PartitionPlace, run: JobRun): Promise<void> {
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

/** Code of the error of a copy that others waited for. */
export const GAVE_WAY = 'gave-way'

const placeOf = ({ schema, name }: PartitionPlace) => identifier(schema, name)

async function tableNamed(tx: Transaction, { schema, table }: MonthlyTable): Promise<Table> {
  const { oid } = await tx.one<{ oid: number }>(sql`
    SELECT to_regclass(format('%I.%I', ${schema}::text, ${table}::text))::oid AS oid`)
  const found = (await readTables(tx, [oid])).get(oid)
  if (found === undefined) throw new RangeError(`${schema}.${table} is not there`)
  return found
}

/** Copies slice by slice, each a batch; the slices are ranges of blocks, so that none is read twice. */
async function copy(
  tx: Transaction,
  rule: RuleScope,
  table: Table,
  partition: PartitionPlace,
  run: JobRun,
  batchRows: number | undefined,
  field: string,
  between: () => Promise<void>,
): Promise<Omit<ArchivedPartition, 'dropped'>> {
  const { rows: expected } = await tx.one<{ rows: bigint }>(sql`SELECT COUNT(*) AS rows FROM ${placeOf(partition)}`)
  const label = `archive ${partition.schema}.${partition.name}`
  let rows = 0n
  let batches = 0
  for (const slice of await slicesOf(tx, partition, Number(expected), batchRows)) {
    await between()
    const archived = await copySlice(tx, rule, table, partition, run, slice, field)
    if (archived > 0n) batches += 1
    rows += archived
    run.onProgress({ label, done: Number(rows), total: Number(expected), unit: 'rows' })
  }
  if (rows !== expected) throw differs(partition, `${rows} of its ${expected} rows were copied`)
  return { rows, batches }
}

/** Conditions on `p`, together true for every row once. */
async function slicesOf(
  tx: Transaction,
  partition: PartitionPlace,
  rows: number,
  batchRows: number | undefined,
): Promise<readonly Sql[]> {
  if (rows === 0) return []
  // One that is partitioned itself has blocks of several tables.
  if (batchRows === undefined || rows <= batchRows) return [sql`TRUE`]
  const { blocks } = await tx.one<{ blocks: number }>(sql`
    SELECT (pg_relation_size(to_regclass(format('%I.%I', ${partition.schema}::text, ${partition.name}::text)))
            / current_setting('block_size')::bigint)::float8 AS blocks`)
  const step = Math.max(1, Math.floor((blocks * batchRows) / rows))
  return Array.from({ length: Math.ceil(blocks / step) }, (_, place) => {
    // Literals: the planner makes a TID range scan of these only.
    const [from, until] = [place * step, (place + 1) * step].map((block) => raw(quoteLiteral(`(${block},0)`)))
    return sql`p.ctid >= ${from}::tid AND p.ctid < ${until}::tid`
  })
}

async function copySlice(
  tx: Transaction,
  rule: RuleScope,
  table: Table,
  partition: PartitionPlace,
  run: JobRun,
  slice: Sql,
  field: string,
): Promise<bigint> {
  const columns = table.columns.map(({ name }) => name)
  const names = (alias: string) => join(columns.map((name) => identifier(alias, name)))
  const archive = archiveOf(table)
  const target = identifier(archive.schema, archive.name)
  const batchId = await nextBatchId(tx)
  // The digest is of what the archive table says that it stored.
  const copied = await tx.one<{ rows: bigint; digest: string; oldest: string | null; newest: string | null }>(sql`
    WITH copied AS (
      INSERT INTO ${target} (${join(columns.map((name) => identifier(name)))}, ${identifier(BATCH_COLUMN)})
      SELECT ${names('p')}, ${batchId}::bigint
      FROM ${placeOf(partition)} AS p
      WHERE ${slice}
      RETURNING ${join(columns.map((name) => identifier(name)))}
    )
    SELECT
      COUNT(*) AS rows,
      ${digestSql('copied', columns)}::text AS digest,
      MIN(copied.${identifier(field)})::text AS oldest,
      MAX(copied.${identifier(field)})::text AS newest
    FROM copied`)
  if (await mayChange(tx, archive)) {
    const live = await tx.one<{ digest: string }>(sql`
      SELECT ${digestSql('p', columns)}::text AS digest
      FROM ${placeOf(partition)} AS p
      WHERE ${slice}`)
    if (live.digest !== copied.digest) throw differs(partition, 'the copy holds other values')
  }
  if (copied.rows === 0n) return 0n
  await recordBatch(
    tx,
    batchId,
    {
      runId: run.runId,
      leaseToken: run.lease.token(leaseName(rule.schema)),
      schema: rule.schema,
      rootTable: table.name,
      rule: rule.applied.rule.name,
      oldest: copied.oldest,
      newest: copied.newest,
      roots: copied.rows,
    },
    [{ table: table.name, rows: copied.rows, digest: copied.digest, columns }],
  )
  return copied.rows
}

/** Whether something may come between a row and its place: a trigger of somebody's. Else the server copies as it is. */
async function mayChange(tx: Transaction, { schema, name }: PartitionPlace): Promise<boolean> {
  const { triggered } = await tx.one<{ triggered: boolean }>(sql`
    SELECT EXISTS (
      SELECT
      FROM pg_catalog.pg_trigger
      WHERE tgrelid = to_regclass(format('%I.%I', ${schema}::text, ${name}::text))
        AND NOT tgisinternal
    ) AS triggered`)
  return triggered
}

function differs({ schema, name }: PartitionPlace, what: string): OperationError {
  return new OperationError({
    code: 'archive-differs',
    message: `The copy of ${schema}.${name} in the archive is not what it was made of: ${what}; nothing was changed`,
    hint: 'A trigger or a rule on the archive table does this',
  })
}
