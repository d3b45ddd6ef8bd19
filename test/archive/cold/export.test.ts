/** Batches become files, files become batches again, and every value survives. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { thaw } from '../../../src/archive/cold/thaw.ts'
import { verifyCold } from '../../../src/archive/cold/verify.ts'
import { digestSql, TEXT_SETTINGS } from '../../../src/archive/digest.ts'
import { OperationError } from '../../../src/errors.ts'
import { raw, sql } from '../../../src/model/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { asRun } from '../../support/job-run.ts'
import {
  archiveItems,
  archiveRows,
  createShop,
  exported,
  fileStore,
  NAMES,
  type TestStore,
  whereabouts,
} from './support.ts'
import { watched } from './watched.ts'

const run = promisify(execFile)

let database: TestDatabase
let cold: TestStore

beforeAll(async () => {
  database = await createTestDatabase()
  await createShop(database.db)
  cold = await fileStore()
})
afterAll(async () => {
  await database.drop()
  await cold.remove()
})

/** Every row as text, as the server prints it. */
async function rowsOf(table: string, where: string): Promise<string[]> {
  const names = NAMES.map((name) => `"${name}"`).join(', ')
  const rows = await database.db.transaction(
    (tx) =>
      tx.rows<{ row: string }>(
        sql`SELECT ROW(${raw(names)})::text AS row FROM ${raw(table)} AS r WHERE ${raw(where)} ORDER BY id`,
      ),
    { settings: TEXT_SETTINGS },
  )
  return rows.map(({ row }) => row)
}

function folderOf(batchId: bigint): string {
  return join(cold.folder, 'archive', database.db.database, 'shop', 'old-items', `batch-${batchId}`)
}

async function stateOf(batchId: bigint) {
  return database.db.one<{ state: string; cold_uri: string | null; cold_sha256: string | null }>(
    sql`SELECT state, cold_uri, cold_sha256 FROM steward.archive_batches WHERE batch_id = ${batchId}`,
  )
}

describe('a batch with every column type', () => {
  test('goes to files and comes back byte-equal', async () => {
    const batchId = await archiveItems(database.db)
    const before = await rowsOf('shop_archive.items', `steward_batch_id = ${batchId}`)
    expect(before).toHaveLength(5)

    const result = await exported(database, [batchId], cold.store)
    expect(result).toMatchObject({ outcome: 'done', rows: 5n, batches: 1, failures: [] })
    expect(await rowsOf('shop_archive.items', `steward_batch_id = ${batchId}`)).toEqual([])
    expect(await readdir(folderOf(batchId))).toEqual(['items.copy.gz', 'items.parquet', 'manifest.json'])
    expect(await stateOf(batchId)).toMatchObject({ state: 'cold', cold_uri: result.exported[0]?.uri })
    expect(await verifyCold(database.db, batchId, cold.stores)).toMatchObject({ files: 3, rows: 5n, findings: [] })

    const thawed = await asRun(database, ['shop'], (job) => thaw(database.db, batchId, cold.stores, job))
    expect(thawed).toEqual({ thawed: true, rows: 5n })
    expect(await rowsOf('shop_archive.items', `steward_batch_id = ${batchId}`)).toEqual(before)
    expect(await stateOf(batchId)).toMatchObject({ state: 'archived' })
  })

  test('can be loaded by psql', async () => {
    const batchId = await archiveItems(database.db)
    const before = await rowsOf('shop_archive.items', `steward_batch_id = ${batchId}`)
    await exported(database, [batchId], cold.store)
    await database.db.execute(raw('CREATE TABLE shop.copied (LIKE shop_archive.items)'))
    await database.db.execute(raw('ALTER TABLE shop.copied DROP COLUMN steward_batch_id'))
    const columns = NAMES.map((name) => `"${name}"`).join(', ')
    await run('/bin/sh', [
      '-ec',
      'gunzip -c "$1" | psql -X -q -v ON_ERROR_STOP=1 "$2" -c "$3"',
      'sh',
      join(folderOf(batchId), 'items.copy.gz'),
      database.url,
      `\\copy shop.copied (${columns}) from stdin`,
    ])
    expect(await rowsOf('shop.copied', 'true')).toEqual(before)
  })
})

test('a manifest says what there is', async () => {
  const batchId = await archiveRows(database.db, {
    items: { select: `SELECT 1, 'x'`, columns: ['id', 'label'] },
    parts: { select: 'SELECT 1, NULL::text, NULL::bigint WHERE false', columns: ['id', 'uri', 'bytes'] },
  })
  await exported(database, [batchId], cold.store)
  const manifest = JSON.parse(await readFile(join(folderOf(batchId), 'manifest.json'), 'utf8'))
  expect(manifest).toMatchObject({
    format: 'steward-archive',
    version: 1,
    createdBy: expect.stringMatching(/^steward version \d/),
    database: database.db.database,
    schema: 'shop',
    rule: 'old-items',
    batch: { id: String(batchId), oldest: '2020-01-01T00:00:00.000000Z', roots: '1' },
    tables: [
      {
        table: 'items',
        rows: '1',
        primaryKey: ['id'],
        columns: [
          { name: 'id', type: 'bigint', generated: false, parquet: 'int64' },
          { name: 'label', type: 'text', generated: false, parquet: 'string' },
        ],
        files: [{ name: 'items.copy.gz' }, { name: 'items.parquet' }],
      },
      { table: 'parts', rows: '0', digest: '0' },
    ],
    detached: [],
  })
})

test('the folder of a batch holds what its manifest names, whatever earlier runs left', async () => {
  const batchId = await archiveItems(database.db)
  const both = await exported(database, [batchId], cold.store, { keepRows: true })
  expect(both).toMatchObject({ outcome: 'done' })
  const folder = folderOf(batchId)
  const others = ['.steward-00000000-0000-4000-8000-000000000000.tmp', 'gone.copy.gz', 'notes.txt', 'deeper']
  await mkdir(join(folder, 'deeper'))
  for (const name of [...others.slice(0, 3), 'deeper/kept.parquet']) await writeFile(join(folder, name), 'x')
  // The rows are no longer those of the files, as after a part of them was restored.
  await database.db.transaction(
    async (tx) => {
      await tx.execute(sql`DELETE FROM shop_archive.items WHERE steward_batch_id = ${batchId} AND id = 2`)
      await tx.execute(sql`
        UPDATE steward.archive_batch_tables
        SET rows = 4, digest = (SELECT ${digestSql('r', NAMES)} FROM shop_archive.items AS r
                                WHERE steward_batch_id = ${batchId})
        WHERE batch_id = ${batchId}`)
    },
    { settings: TEXT_SETTINGS },
  )
  const copyOnly = await exported(database, [batchId], cold.store, { formats: ['copy'] })
  expect(copyOnly).toMatchObject({ outcome: 'done' })
  expect((await readdir(folder)).toSorted()).toEqual(['deeper', 'items.copy.gz', 'manifest.json', 'notes.txt'])
  expect(await readdir(join(folder, 'deeper'))).toEqual(['kept.parquet'])
  expect(await whereabouts(database.db, batchId, cold.stores)).toMatchObject({
    state: 'cold',
    filed: 4n,
    findings: [],
  })
})

test('a folder that cannot be listed keeps no batch from being exported', async () => {
  const batchId = await archiveItems(database.db)
  const store = watched(cold.store, async () => {})
  const said: string[] = []
  const closed: Store = {
    ...store,
    list() {
      throw new OperationError({ code: 'store-denied', message: 'Store cold could not list its files' })
    },
  }
  const result = await exported(database, [batchId], closed, { run: { say: (message) => void said.push(message) } })
  expect(result).toMatchObject({ outcome: 'done', batches: 1 })
  expect(said).toEqual([expect.stringMatching(/may be left in .*batch-\d+: Store cold could not list its files$/)])
})
