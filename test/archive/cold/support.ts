/** A schema with a table of every column type, and batches in its archive tables as the archive engine leaves them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ExportOptions, type ExportResult, exportBatches } from '../../../src/archive/cold/export.ts'
import { verifyCold } from '../../../src/archive/cold/verify.ts'
import { digestSql, TEXT_SETTINGS } from '../../../src/archive/digest.ts'
import { nextBatchId, recordBatch } from '../../../src/archive/record.ts'
import type { Database } from '../../../src/db/database.ts'
import type { JobRun } from '../../../src/db/job-run.ts'
import { identifier, join as joined, raw, sql } from '../../../src/model/sql.ts'
import { openStores, type Stores } from '../../../src/storage/open.ts'
import type { Store } from '../../../src/storage/store.ts'
import type { TestDatabase } from '../../support/database.ts'
import { asRun } from '../../support/job-run.ts'

/** Columns and their types; `doubled` is computed by the live table. */
export const COLUMNS: Readonly<Record<string, string>> = {
  id: 'bigint',
  flag: 'boolean',
  small: 'smallint',
  whole: 'integer',
  single: 'real',
  double: 'double precision',
  price: 'numeric(12,2)',
  huge: 'numeric(38,10)',
  exact: 'numeric',
  label: 'text',
  code: 'character varying(20)',
  fixed: 'character(5)',
  day: 'date',
  local_at: 'timestamp without time zone',
  at: 'timestamp with time zone',
  clock: 'time without time zone',
  zoned: 'time with time zone',
  span: 'interval',
  uid: 'uuid',
  doc: 'json',
  docb: 'jsonb',
  raw: 'bytea',
  numbers: 'integer[]',
  amounts: 'numeric[]',
  words: 'text[]',
  docs: 'jsonb[]',
  mood: 'shop.mood',
  moods: 'shop.mood[]',
  short: 'shop.short',
  place: 'shop.place',
  period: 'tstzrange',
  address: 'inet',
  money: 'money',
  doubled: 'bigint',
}

export const NAMES = Object.keys(COLUMNS)

export async function createShop(db: Database): Promise<void> {
  const columns = Object.entries(COLUMNS).map(([name, type]) =>
    name === 'doubled' ? `"doubled" ${type} GENERATED ALWAYS AS (id * 2) STORED` : `"${name}" ${type}`,
  )
  const plain = Object.entries(COLUMNS).map(([name, type]) => `"${name}" ${type}`)
  for (const statement of [
    'CREATE SCHEMA shop',
    'CREATE SCHEMA shop_archive',
    "CREATE TYPE shop.mood AS ENUM ('fine', 'not, \"fine\"')",
    'CREATE DOMAIN shop.short AS numeric(6,3)',
    'CREATE TYPE shop.place AS (x integer, name text)',
    `CREATE TABLE shop.items (${columns.join(', ')}, PRIMARY KEY (id))`,
    'CREATE TABLE shop.parts (id bigint PRIMARY KEY, uri text, bytes bigint)',
    `CREATE TABLE shop_archive.items (${plain.join(', ')}, steward_batch_id bigint NOT NULL)`,
    'CREATE TABLE shop_archive.parts (id bigint, uri text, bytes bigint, steward_batch_id bigint NOT NULL)',
  ]) {
    await db.execute(raw(statement))
  }
}

/** Rows with what COPY, composite literals and Parquet each have trouble with; `doubled` is id * 2. */
export const ROWS = `
  SELECT 1::bigint, true, 7::smallint, -2147483648, 1.5::real, 0.1::float8, 12.30, 1234567890123456789012345678.0123456789,
         0.1000, 'plain', 'x', 'ab', date '2024-02-29', timestamp '2024-02-29 23:59:59.999999',
         timestamptz '2024-02-29 23:59:59.123456+02', time '00:00:00.000001', timetz '12:00:00+05:30',
         interval '1 year 2 days 03:04:05.678', '00000000-0000-4000-8000-000000000001'::uuid, '{"a": 1.0,  "a": 2}'::json,
         '{"n": 12345678901234567890.10, "s": "ü"}'::jsonb, '\\x00ff0a'::bytea, ARRAY[1,NULL,-3], ARRAY[1.10,'NaN'::numeric],
         ARRAY['a,b','"q"','back\\slash',NULL,'','NULL'], ARRAY['{"k": [1, 2]}'::jsonb, 'null'::jsonb], 'fine'::shop.mood,
         ARRAY['not, "fine"']::shop.mood[], 1.250::shop.short, ROW(1, 'a "b", c')::shop.place,
         tstzrange('2024-01-01 00:00+00', NULL), inet '10.0.0.1/8', '12.34'::money, 2::bigint
  UNION ALL SELECT 2::bigint, ${'NULL,'.repeat(32)} 4::bigint
  UNION ALL
  SELECT 9007199254740993::bigint, false, -1::smallint, 2147483647, 'NaN'::real, '-0'::float8, -0.01, -0.0000000001,
         'NaN'::numeric, '', '', '', date '0044-03-15 BC', timestamp '0001-01-01 00:00:00', timestamptz '12345-06-07 08:09:10+00',
         time '24:00:00', timetz '23:59:59.999999-08', interval '-1 mons +1 day', 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid,
         'null'::json, '""'::jsonb, ''::bytea, '{}'::integer[], '{}'::numeric[], '[2:3]={x,"y\\nz"}'::text[], '{}'::jsonb[],
         'not, "fine"'::shop.mood, '{}'::shop.mood[], -0.001::shop.short, ROW(NULL, '')::shop.place, 'empty'::tstzrange,
         inet '::1', '-0.01'::money, 18014398509481986::bigint
  UNION ALL
  SELECT 4::bigint, true, 0::smallint, 0, '-Infinity'::real, 'Infinity'::float8, 9999999999.99, 0, 1e-20,
         E'tab\\tnewline\\ncarriage\\rback\\\\slash \\\\. \\\\N \\b\\f\\v', E'\\\\.', ' a ', date '9999-12-31',
         timestamp '1969-12-31 23:59:59.999999', timestamptz '1970-01-01 00:00:00+00', time '23:59:59', timetz '00:00:00+00',
         interval '0', '12345678-1234-1234-1234-123456789abc'::uuid, '[1,"\\u00fc"]'::json, '[]'::jsonb,
         convert_to(repeat('ß', 3), 'UTF8'), '{{1,2},{3,4}}'::integer[], '{}'::numeric[], ARRAY['ünï', '日本', '🙂', E'a\\tb'],
         '{}'::jsonb[], 'fine'::shop.mood, NULL, 0::shop.short, ROW(2, 'ü(🙂)')::shop.place, 'empty'::tstzrange, NULL,
         NULL, 8::bigint
  UNION ALL
  SELECT 5::bigint, ${'NULL,'.repeat(8)} 'ünïcödé 日本語 🙂 ' || chr(160) || chr(133) || '(paren), "quote"', '(', ${'NULL,'.repeat(22)} 10::bigint`

/** Archives rows of a SELECT as a batch of one table, as the engine would. @returns the batch's id */
export function archiveRows(
  db: Database,
  tables: Readonly<Record<string, { readonly select: string; readonly columns: readonly string[] }>>,
  { schema = 'shop', rule = 'old-items' } = {},
): Promise<bigint> {
  return db.transaction(
    async (tx) => {
      const batchId = await nextBatchId(tx)
      const recorded = []
      for (const [table, { select, columns }] of Object.entries(tables)) {
        const into = identifier(`${schema}_archive`, table)
        const names = joined(columns.map((name) => identifier(name)))
        await tx.execute(sql`
          INSERT INTO ${into} (${names}, steward_batch_id)
          SELECT s.*, ${batchId}::bigint FROM (${raw(select)}) AS s`)
        const facts = await tx.one<{ rows: bigint; digest: string }>(sql`
          SELECT count(*) AS rows, ${digestSql('r', columns)}::text AS digest
          FROM ${into} AS r WHERE steward_batch_id = ${batchId}`)
        recorded.push({ table, columns, ...facts })
      }
      const head = { runId: 1n, leaseToken: 1n, schema, rootTable: Object.keys(tables)[0] ?? '', rule }
      await recordBatch(tx, batchId, { ...head, oldest: '2020-01-01', newest: '2021-01-01', roots: 1n }, recorded)
      return batchId
    },
    { settings: TEXT_SETTINGS },
  )
}

export function archiveItems(db: Database, select = ROWS): Promise<bigint> {
  return archiveRows(db, { items: { select, columns: NAMES } })
}

export interface TestStore {
  readonly folder: string
  readonly stores: Stores
  readonly store: Store
  remove(): Promise<void>
}

export async function fileStore(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'steward-cold-'))
  const stores = openStores([{ name: 'cold', url: pathToFileURL(folder).href }])
  return {
    folder,
    stores,
    store: stores.named('cold'),
    async remove() {
      await stores.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const OPTIONS: ExportOptions = { formats: ['copy', 'parquet'], keepRows: false, filed: [] }

/** Exports as `maintain run` does. */
export function exported(
  test: TestDatabase,
  batches: readonly bigint[],
  store: Store,
  changes: Partial<ExportOptions> & { readonly run?: Partial<JobRun>; readonly through?: Database } = {},
): Promise<ExportResult> {
  const { run: changed, through = test.db, ...options } = changes
  return asRun(
    test,
    ['shop'],
    (run) => exportBatches(through, batches, store, run, { ...OPTIONS, ...options }),
    changed,
  )
}

/** Where the rows of a batch of items are: in the archive table, or in files that are as they were written. */
export async function whereabouts(db: Database, batchId: bigint, stores: Stores) {
  const { state, rows } = await db.one<{ state: string; rows: bigint }>(sql`
    SELECT state, (SELECT count(*) FROM shop_archive.items WHERE steward_batch_id = ${batchId}) AS rows
    FROM steward.archive_batches WHERE batch_id = ${batchId}`)
  const { findings, rows: filed } = await verifyCold(db, batchId, stores)
  return { state, rows, filed, findings }
}
