/**
 * A partition that is over, archived before it is dropped (decision 50): its rows are copied into the archive table and
 * counted on both sides, and the partition is dropped, in one transaction. So at every moment each row is either live or archived,
 * and none is deleted one by one.
 *
 * The copy is recorded as batches of a bounded number of rows, so that restoring and exporting can take them one at a
 * time. Archived rows keep the columns of their foreign keys and not the keys: what they refer to may go (decision 50).
 */
import type { Database, Transaction } from '../db/database.ts'
import { type DropWaits, dropPartition, withPatience } from '../db/drop-partition.ts'
import type { JobRun } from '../db/job-run.ts'
import { leaseName } from '../db/lease.ts'
import { partitionsBefore } from '../db/partition-catalog.ts'
import type { MonthlyTable } from '../db/partitions.ts'
import { OperationError } from '../errors.ts'
import type { RuleScope } from '../model/due.ts'
import { identifier, join, quoteLiteral, raw, type Sql, sql } from '../model/sql.ts'
import { readTables, type Table } from './catalog.ts'
import { digestSql, TEXT_SETTINGS } from './digest.ts'
import { BATCH_COLUMN, nextBatchId, recordBatch } from './record.ts'
import { archiveOf, ensureArchiveTables } from './tables.ts'

/** Rows of one batch, about. */
const BATCH_ROWS = 50_000

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
}

export interface ArchivedPartition {
  readonly rows: bigint
  readonly batches: number
}

/**
 * Archives a partition and drops it.
 *
 * Writers of that partition wait until it is over; readers, and whoever writes into other partitions, only for the
 * moment of the drop.
 *
 * @returns nothing archived when the partition is gone already
 * @throws RefusedError (exit 5) when it is not over, or rows of other tables refer to it; OperationError (exit 6) when
 *   the copy differs, or row security hides rows from the role; LockedError. Nothing has happened then
 */
export async function archivePartition(
  db: Database,
  rule: RuleScope,
  partition: PartitionPlace,
  run: JobRun,
  { table: monthly, cutoff, waits, batchRows = BATCH_ROWS }: PartitionOptions,
): Promise<ArchivedPartition> {
  // Row security off: rather refused than a row not seen, and lost with the partition (PostgreSQL manual, 5.9).
  const settings = { ...rule.system.movesWith, ...TEXT_SETTINGS, search_path: '', row_security: 'off' }
  const parent = await db.transaction((tx) => tableNamed(tx, monthly), { readOnly: true, settings })
  await ensureArchiveTables(db, [parent])
  return db.transaction(
    async (tx) => {
      await run.lease.guard(tx)
      const found = await partitionsBefore(tx, monthly, cutoff)
      const one = found.find(({ schema, name }) => schema === partition.schema && name === partition.name)
      if (one === undefined) return { rows: 0n, batches: 0 }
      // A detach that was interrupted hides its rows from readers already; they are still in the partition.
      await withPatience(tx, waits, async () => {
        await tx.execute(sql`LOCK TABLE ${placeOf(partition)} IN SHARE ROW EXCLUSIVE MODE`)
      })
      const table = await tableNamed(tx, monthly)
      const archived = await copy(
        tx,
        rule,
        table,
        partition,
        run,
        one.isBranch ? undefined : batchRows,
        monthly.field,
      )
      await dropPartition(tx, monthly, partition, cutoff, waits)
      return archived
    },
    // However many rows there are to copy: what others wait for is bounded by their own timeouts.
    { settings, lockTimeoutMs: waits.lockTimeoutMs, statementTimeoutMs: 0 },
  )
}

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
): Promise<ArchivedPartition> {
  const { rows: expected } = await tx.one<{ rows: bigint }>(sql`SELECT COUNT(*) AS rows FROM ${placeOf(partition)}`)
  const label = `archive ${partition.schema}.${partition.name}`
  let rows = 0n
  let batches = 0
  for (const slice of await slicesOf(tx, partition, Number(expected), batchRows)) {
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
