/**
 * Whether the archive still holds what was put into it: digests and row counts of the archive tables against the
 * records, rows that nobody recorded, rows that are archived and in their table, and the files of cold batches.
 */
import { archiveSchemaOf } from '../config/config.ts'
import { columns } from '../db/catalog.ts'
import type { Database } from '../db/database.ts'
import { throwIfStopped } from '../errors.ts'
import { sql } from '../model/sql.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import { type Batch, listBatches } from './batches.ts'
import { BATCH_COLUMN } from './record.ts'
import { recordedRows, type Slice, slicesOf, verifySlice } from './verify-table.ts'

export interface Finding {
  readonly schema: string
  readonly table: string | null
  readonly batch: bigint | null
  readonly code:
    | 'digest-differs'
    | 'rows-differ'
    | 'unrecorded-rows'
    | 'table-missing'
    | 'column-missing'
    | 'live-too'
    | 'rows-of-cold-batch'
    | 'cold-files'
  /** What is wrong, in words with figures. */
  readonly finding: string
}

export interface Verified {
  readonly findings: readonly Finding[]
  readonly batches: number
  /** Rows of archive tables that were read. */
  readonly rows: bigint
  /** Batches whose cold files were read. */
  readonly coldBatches: number
  /** Batches whose cold files were not. */
  readonly coldLeft: number
}

export interface VerifyOptions {
  /** Unquoted schemas whose archive is looked at. */
  readonly schemas: readonly string[]
  /** Only these batches; all that are not restored when absent. */
  readonly batches?: readonly bigint[] | undefined
  /** Only so many batches, chosen at random. */
  readonly sample?: number | undefined
  /** Reads the cold files of a batch and says what is wrong with them; files are not looked at when absent. */
  readonly cold?: ((batch: bigint) => Promise<readonly string[]>) | undefined
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
}

/**
 * Verifies batches. Memory does not grow with their size: rows are added up on the server, some batches at a time, each
 * time in one snapshot together with their records.
 *
 * @throws InterruptedError between two steps once the signal is aborted
 */
export async function verifyArchive(db: Database, options: VerifyOptions): Promise<Verified> {
  const { schemas, signal, onProgress = ignoreProgress } = options
  const findings: Finding[] = []
  const chosen = await choose(db, options)
  const cold = chosen.filter(({ state, cold_uri }) => state !== 'restored' && cold_uri !== null)
  const whole = options.batches === undefined && options.sample === undefined
  let rows = 0n
  let done = 0
  for (const schema of schemas) {
    const batches = chosen.filter((batch) => batch.schema === schema)
    const { slices, missing } = await plan(db, schema, batches, whole)
    findings.push(...missing)
    for (const slice of slices) {
      throwIfStopped(signal)
      const found = await verifySlice(db, slice)
      findings.push(...found.findings)
      rows += found.rows
      onProgress({ label: `verify ${schema}`, done: Number(rows), unit: 'rows' })
    }
  }
  for (const { batch, schema } of options.cold === undefined ? [] : cold) {
    throwIfStopped(signal)
    onProgress({ label: 'verify cold files', done: done++, total: cold.length, unit: 'steps' })
    for (const finding of (await options.cold?.(batch)) ?? []) {
      findings.push({ schema, table: null, batch, code: 'cold-files', finding })
    }
  }
  return {
    findings,
    batches: chosen.length,
    rows,
    coldBatches: options.cold === undefined ? 0 : cold.length,
    coldLeft: options.cold === undefined ? cold.length : 0,
  }
}

async function choose(db: Database, { schemas, batches, sample }: VerifyOptions): Promise<readonly Batch[]> {
  const all = await listBatches(db, { schemas, batches })
  // One that was restored must have left nothing behind, but there is nothing to draw from it.
  if (sample === undefined) return all
  const drawn = all.filter(({ state }) => state !== 'restored').map((batch) => ({ batch, lot: Math.random() }))
  return drawn
    .sort((a, b) => a.lot - b.lot)
    .slice(0, sample)
    .map(({ batch }) => batch)
}

/** What is to be read, and what is not there to be read. */
async function plan(
  db: Database,
  schema: string,
  batches: readonly Batch[],
  whole: boolean,
): Promise<{ readonly slices: readonly Slice[]; readonly missing: readonly Finding[] }> {
  const found = new Map<string, Set<string>>()
  for (const { table, name } of await columns(db, archiveSchemaOf(schema))) {
    found.set(table, (found.get(table) ?? new Set()).add(name))
  }
  for (const [table, names] of found) if (!names.has(BATCH_COLUMN)) found.delete(table)
  const recorded = await recordedRows(db, schema, whole ? undefined : batches.map(({ batch }) => batch))
  const missing = recorded
    .filter(({ table, rows, state }) => state === 'archived' && rows > 0n && !found.has(table))
    .map(
      ({ table, batch, rows }): Finding => ({
        schema,
        table,
        batch,
        code: 'table-missing',
        finding: `${rows} ${rows === 1n ? 'row' : 'rows'} recorded, the archive table is gone`,
      }),
    )
  const keys = await primaryKeys(db, schema)
  const slices = [...found].flatMap(([table, names]) =>
    slicesOf({
      schema,
      table,
      columns: names,
      key: keys.get(table) ?? [],
      recorded: recorded.filter((one) => one.table === table),
      whole,
    }),
  )
  return { slices, missing }
}

async function primaryKeys(db: Database, schema: string): Promise<Map<string, readonly string[]>> {
  const found = await db.rows<{ table: string; columns: string[] }>(sql`
    SELECT
      c.relname AS "table",
      ARRAY(
        SELECT a.attname::text
        FROM unnest(k.conkey) AS key (number)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = key.number
      ) AS columns
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE k.contype = 'p'
      AND n.nspname = ${schema}`)
  return new Map(found.map(({ table, columns: names }) => [table, names]))
}
