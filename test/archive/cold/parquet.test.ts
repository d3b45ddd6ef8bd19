/** Parquet files as others read them: DuckDB (C++) and hyparquet (JavaScript) say what is in them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { archiveItems, archiveRows, createShop, exported, fileStore, type TestStore } from './support.ts'

let database: TestDatabase
let cold: TestStore
let duck: DuckDBInstance

beforeAll(async () => {
  database = await createTestDatabase()
  await createShop(database.db)
  cold = await fileStore()
  duck = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
})
afterAll(async () => {
  duck.closeSync()
  await database.drop()
  await cold.remove()
})

/** Path of the Parquet file of a batch that is exported for it. */
async function parquetOf(batchId: bigint): Promise<string> {
  const result = await exported(database, [batchId], cold.store)
  expect(result.failures).toEqual([])
  const folder = join('archive', database.db.database, 'shop', 'old-items', `batch-${batchId}`)
  return join(cold.folder, folder, 'items.parquet')
}

async function asked(sql: string): Promise<Record<string, unknown>[]> {
  const connection = await duck.connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson()
  } finally {
    connection.closeSync()
  }
}

async function readByHyparquet(path: string) {
  const bytes = await readFile(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  return { rows: await parquetReadObjects({ file, utf8: false }), metadata: parquetMetadata(file) }
}

describe('every column type', () => {
  let path: string
  let rows: Record<string, unknown>[]
  beforeAll(async () => {
    path = await parquetOf(await archiveItems(database.db))
    rows = await asked(`SELECT *, epoch_us("at") AS at_us FROM '${path}' ORDER BY id`)
  })

  test('has the type that computes with it, or text where that would lose something', async () => {
    const types = await asked(`DESCRIBE SELECT * FROM '${path}'`)
    expect(Object.fromEntries(types.map((row) => [row.column_name, row.column_type]))).toEqual({
      id: 'BIGINT',
      flag: 'BOOLEAN',
      small: 'INTEGER',
      whole: 'INTEGER',
      single: 'FLOAT',
      double: 'DOUBLE',
      price: 'DECIMAL(12,2)',
      huge: 'DECIMAL(38,10)',
      exact: 'VARCHAR',
      label: 'VARCHAR',
      code: 'VARCHAR',
      fixed: 'VARCHAR',
      day: 'DATE',
      local_at: 'TIMESTAMP',
      at: 'TIMESTAMP WITH TIME ZONE',
      clock: 'VARCHAR',
      zoned: 'VARCHAR',
      span: 'VARCHAR',
      uid: 'VARCHAR',
      doc: 'JSON',
      docb: 'JSON',
      raw: 'BLOB',
      numbers: 'JSON',
      amounts: 'JSON',
      words: 'JSON',
      docs: 'JSON',
      mood: 'VARCHAR',
      moods: 'JSON',
      short: 'DECIMAL(6,3)',
      place: 'VARCHAR',
      period: 'VARCHAR',
      address: 'VARCHAR',
      money: 'VARCHAR',
      doubled: 'BIGINT',
    })
  })

  test('keeps every digit', () => {
    expect(rows.map(({ id }) => id)).toEqual(['1', '2', '4', '5', '9007199254740993'])
    expect(rows[0]).toMatchObject({
      small: 7,
      whole: -2147483648,
      single: 1.5,
      double: 0.1,
      price: '12.30',
      huge: '1234567890123456789012345678.0123456789',
      exact: '0.1000',
      local_at: '2024-02-29 23:59:59.999999',
      at_us: '1709243999123456',
      doc: '{"a": 1.0,  "a": 2}',
      docb: '{"n": 12345678901234567890.10, "s": "ü"}',
      raw: '\\x00\\xFF\\x0A',
      numbers: '[1,null,-3]',
      amounts: '[1.10,"NaN"]',
      words: '["a,b","\\"q\\"","back\\\\slash",null,"","NULL"]',
      docs: '[{"k": [1, 2]},null]',
      moods: '["not, \\"fine\\""]',
      short: '1.250',
      place: '(1,"a ""b"", c")',
      doubled: '2',
    })
    expect(rows[2]).toMatchObject({
      label: 'tab\tnewline\ncarriage\rback\\slash \\. \\N \b\f\v',
      code: '\\.',
      local_at: '1969-12-31 23:59:59.999999',
      at_us: '0',
      raw: '\\xC3\\x9F\\xC3\\x9F\\xC3\\x9F',
      numbers: '[[1,2],[3,4]]',
      words: '["ünï","日本","🙂","a\\tb"]',
    })
    expect(rows[4]).toMatchObject({
      single: 'NaN',
      price: '-0.01',
      huge: '-0.0000000001',
      exact: 'NaN',
      day: '0044-03-15 (BC)',
      at_us: String(BigInt(Date.UTC(12345, 5, 7, 8, 9, 10)) * 1000n),
      clock: '24:00:00',
    })
  })

  test('tells NULL from what is empty', () => {
    const { id, doubled, ...others } = rows[1] ?? {}
    expect({ id, doubled }).toEqual({ id: '2', doubled: '4' })
    expect(new Set(Object.values(others))).toEqual(new Set([null]))
    expect(rows[4]).toMatchObject({ label: '', code: '', fixed: '     ', raw: '', docb: '""', numbers: '[]' })
  })

  test('reads the same by hyparquet', async () => {
    const { rows: read, metadata } = await readByHyparquet(path)
    expect(metadata.created_by).toMatch(/^steward version \d/)
    expect(read.map((row) => row.id)).toEqual([1n, 2n, 4n, 5n, 9007199254740993n])
    expect(read[0]).toMatchObject({ uid: '00000000-0000-4000-8000-000000000001', numbers: [1, null, -3] })
    expect(read[0]?.raw).toEqual(new Uint8Array([0, 255, 10]))
    expect(read[1]).toMatchObject({ label: null, raw: null, docb: null })
    expect(read[3]).toMatchObject({ label: 'ünïcödé 日本語 🙂 \u00a0\u0085(paren), "quote"', code: '(' })
    expect(Object.is(read[4]?.double, -0)).toBe(true)
  })
})

test('a column with a value beyond its type is text, in this file only', async () => {
  const columns = ['id', 'price', 'day', 'local_at', 'at']
  const infinite = `SELECT 1::bigint, 'NaN'::numeric, 'infinity'::date, '-infinity'::timestamp,
                           '294250-01-01 00:00:00.5+00'::timestamptz
                    UNION ALL SELECT 2::bigint, 1.50, '2024-01-01', '2024-01-01 00:00', '2024-01-01 00:00+00'`
  const path = await parquetOf(await archiveRows(database.db, { items: { select: infinite, columns } }))
  expect(await asked(`SELECT * FROM '${path}' ORDER BY id`)).toEqual([
    { id: '1', price: 'NaN', day: 'infinity', local_at: '-infinity', at: '294250-01-01 00:00:00.5+00' },
    { id: '2', price: '1.50', day: '2024-01-01', local_at: '2024-01-01 00:00:00', at: '2024-01-01 00:00:00+00' },
  ])
})

test('many rows are several row groups, and add up', async () => {
  const select = `SELECT i::bigint, i::numeric(12,2) / 4, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'row ' || i END,
                         timestamptz '2024-01-01 00:00+00' + i * interval '1 microsecond'
                  FROM generate_series(1, 60000) AS i`
  const columns = ['id', 'price', 'label', 'at']
  const path = await parquetOf(await archiveRows(database.db, { items: { select, columns } }))
  const [facts] = await asked(`
    SELECT count(*) AS rows, sum(id) AS ids, sum(price) AS prices, count(label) AS labels,
           count(*) FILTER (label = '') AS empty, max(epoch_us("at")) AS last
    FROM '${path}'`)
  expect(facts).toEqual({
    rows: '60000',
    ids: '1800030000',
    prices: '450007500.00',
    labels: '40000',
    empty: '20000',
    last: String(Date.UTC(2024, 0, 1) * 1000 + 60_000),
  })
  expect((await readByHyparquet(path)).metadata.row_groups.map((group) => Number(group.num_rows))).toEqual([
    50_000, 10_000,
  ])
})

test('a number that is none is found by those who ask for great ones', async () => {
  const select = `SELECT i::bigint, CASE WHEN i <> 2 THEN i ELSE real 'NaN' END, CASE WHEN i <> 1 THEN i ELSE float8 'NaN' END
                  FROM generate_series(1, 3) AS i`
  const columns = ['id', 'single', 'double']
  const path = await parquetOf(await archiveRows(database.db, { items: { select, columns } }))
  expect(await asked(`SELECT id FROM '${path}' WHERE single > 5`)).toEqual([{ id: '2' }])
  expect(await asked(`SELECT id FROM '${path}' WHERE double > 5`)).toEqual([{ id: '1' }])
})

test('no row at all is a file with columns', async () => {
  const path = await parquetOf(
    await archiveRows(database.db, {
      items: { select: 'SELECT 1::bigint, 1.5 WHERE false', columns: ['id', 'price'] },
    }),
  )
  expect(await asked(`SELECT count(*) AS rows, max(price) AS price FROM '${path}'`)).toEqual([
    { rows: '0', price: null },
  ])
})
