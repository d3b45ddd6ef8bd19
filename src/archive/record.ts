/** The records of archive batches, written in the transactions that move the rows. */
import type { Transaction } from '../db/database.ts'
import { stringifyJson } from '../db/json.ts'
import { sql } from '../model/sql.ts'

/** Columns that each archive table has besides those of its table. */
export const BATCH_COLUMN = 'steward_batch_id'

export interface BatchHead {
  readonly runId: bigint
  readonly leaseToken: bigint
  readonly schema: string
  readonly rootTable: string
  readonly rule: string
  /** Least and greatest age instant of its aggregates, as the server printed them; null where they have none. */
  readonly oldest: string | null
  readonly newest: string | null
  readonly roots: bigint
}

export interface BatchTable {
  readonly table: string
  readonly rows: bigint
  /** As `digestSql` has it, in text: it exceeds 64 bits. */
  readonly digest: string
  /** Columns that it covers, in its order. */
  readonly columns: readonly string[]
}

/** A number for a batch, before its rows are moved: each of them carries it. */
export async function nextBatchId(tx: Transaction): Promise<bigint> {
  const { id } = await tx.one<{ id: bigint }>(
    sql`SELECT nextval(pg_get_serial_sequence('steward.archive_batches', 'batch_id')) AS id`,
  )
  return id
}

/** Records a batch whose rows were moved in this transaction. */
export async function recordBatch(
  tx: Transaction,
  batchId: bigint,
  head: BatchHead,
  tables: readonly BatchTable[],
): Promise<void> {
  await tx.execute(sql`
    INSERT INTO steward.archive_batches
      (batch_id, run_id, lease_token, schema_name, root_table, rule, oldest, newest, roots)
    OVERRIDING SYSTEM VALUE
    VALUES (${batchId}, ${head.runId}, ${head.leaseToken}, ${head.schema}, ${head.rootTable}, ${head.rule},
            ${head.oldest}::timestamptz, ${head.newest}::timestamptz, ${head.roots})`)
  await recordBatchTables(tx, batchId, tables)
}

/** Records the tables of a batch that is recorded already. */
export async function recordBatchTables(
  tx: Transaction,
  batchId: bigint,
  tables: readonly BatchTable[],
): Promise<void> {
  if (tables.length === 0) return
  const records = tables.map(({ table, rows, digest, columns }) => ({
    table_name: table,
    rows: String(rows),
    digest,
    columns,
  }))
  await tx.execute(sql`
    INSERT INTO steward.archive_batch_tables (batch_id, table_name, rows, digest, columns)
    SELECT ${batchId}, table_name, rows, digest, columns
    FROM jsonb_to_recordset(${stringifyJson(records)}::jsonb)
      AS moved (table_name text, rows bigint, digest numeric, columns text[])`)
}
