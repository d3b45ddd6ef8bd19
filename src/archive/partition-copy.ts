/** The rows of a whole partition, copied into its archive table as batches of a bounded number, counted and digested. */
import type { Transaction } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import { leaseName } from '../db/lease.ts'
import type { RelationName } from '../db/partitions.ts'
import { OperationError } from '../errors.ts'
import type { RuleScope } from '../model/due.ts'
import { identifier, join, quoteLiteral, raw, type Sql, sql } from '../model/sql.ts'
import type { Table } from './catalog-tables.ts'
import { digestSql } from './digest.ts'
import { BATCH_COLUMN, nextBatchId, recordBatch } from './record.ts'
import { archiveOf } from './tables.ts'

const placeOf = ({ schema, name }: RelationName) => identifier(schema, name)

export interface Copying {
  readonly rule: RuleScope
  readonly run: JobRun
  /** Of which the partition is one, with the columns as they are now. */
  readonly table: Table
  readonly partition: RelationName
  /** The timestamp that the partitions are about. */
  readonly field: string
  /** Rows of one batch, about; all of them in one where absent. */
  readonly batchRows: number | undefined
  /** Asked before each slice; throws to end the transaction. */
  readonly between: () => Promise<void>
}

/**
 * Copies slice by slice, each a batch; the slices are ranges of blocks, so that none is read twice.
 *
 * The caller holds a lock that keeps writers out of the partition.
 *
 * @throws OperationError (exit 6) when what the archive holds is not what was copied
 */
export async function copyPartition(
  tx: Transaction,
  copying: Copying,
): Promise<{ readonly rows: bigint; readonly batches: number }> {
  const { partition, run, batchRows, between } = copying
  const { rows: expected } = await tx.one<{ rows: bigint }>(sql`SELECT COUNT(*) AS rows FROM ${placeOf(partition)}`)
  const label = `archive ${partition.schema}.${partition.name}`
  let rows = 0n
  let batches = 0
  for (const slice of await slicesOf(tx, partition, Number(expected), batchRows)) {
    await between()
    const archived = await copySlice(tx, copying, slice)
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
  partition: RelationName,
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
  { rule, table, partition, run, field }: Copying,
  slice: Sql,
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
async function mayChange(tx: Transaction, { schema, name }: RelationName): Promise<boolean> {
  const { triggered } = await tx.one<{ triggered: boolean }>(sql`
    SELECT EXISTS (
      SELECT
      FROM pg_catalog.pg_trigger
      WHERE tgrelid = to_regclass(format('%I.%I', ${schema}::text, ${name}::text))
        AND NOT tgisinternal
    ) AS triggered`)
  return triggered
}

function differs({ schema, name }: RelationName, what: string): OperationError {
  return new OperationError({
    code: 'archive-differs',
    message: `The copy of ${schema}.${name} in the archive is not what it was made of: ${what}; nothing was changed`,
    hint: 'A trigger or a rule on the archive table does this',
  })
}
