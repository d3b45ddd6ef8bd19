/** `verifyArchive`: whatever was done to the archive tables is found and named. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { listBatches, requireBatches } from '../../src/archive/batches.ts'
import { runRestore } from '../../src/archive/restore.ts'
import { type VerifyOptions, verifyArchive } from '../../src/archive/verify.ts'
import type { Database } from '../../src/db/database.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveByHand, idleRun, request } from './by-hand.ts'

let database: TestDatabase
let db: Database
let first: bigint
let second: bigint
beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())

/** The second batch has a column that the first did not know. */
beforeEach(async () => {
  await run('DROP SCHEMA IF EXISTS shop CASCADE; DROP SCHEMA IF EXISTS shop_archive CASCADE')
  await run('TRUNCATE steward.archive_batches CASCADE')
  await run('CREATE SCHEMA shop')
  await run('CREATE TABLE shop.items (id integer PRIMARY KEY, name text, note text, bytes bytea)')
  await run('CREATE TABLE shop.loose (word text)')
  await run("INSERT INTO shop.items SELECT n, 'name ' || n, 'note ' || n, '\\x00ff' FROM generate_series(1, 10) AS n")
  await run("INSERT INTO shop.loose VALUES ('x'), ('x'), ('y')")
  first = await archiveByHand(db, 'shop', [
    { table: 'items', where: 'id <= 4' },
    { table: 'loose', where: 'true' },
  ])
  await run("ALTER TABLE shop.items ADD extra text DEFAULT 'e'")
  second = await archiveByHand(db, 'shop', [{ table: 'items', where: 'id BETWEEN 5 AND 8' }])
})

const run = (statement: string) => db.execute(raw(statement))
const verify = (options: Partial<VerifyOptions> = {}) =>
  verifyArchive(db, { schemas: ['shop'], signal: new AbortController().signal, ...options })
const found = async (options: Partial<VerifyOptions> = {}) =>
  (await verify(options)).findings.map(({ table, batch, code }) => [table, batch, code])

test('an archive that nobody touched has no findings', async () => {
  expect(await verify()).toEqual({ findings: [], batches: 2, rows: 11n, coldBatches: 0, coldLeft: 0 })
  expect(await verify({ batches: [second] })).toMatchObject({ findings: [], batches: 1, rows: 4n })
  expect(await verify({ sample: 1 })).toMatchObject({ findings: [], batches: 1 })
})

describe('in rows', () => {
  test.each([
    ['a flipped byte', "UPDATE shop_archive.items SET bytes = '\\x01ff' WHERE id = 2", 'digest-differs'],
    ['a flipped bit of a text', "UPDATE shop_archive.items SET name = 'name 3' WHERE id = 2", 'digest-differs'],
    ['NULL in place of an empty text', "UPDATE shop_archive.items SET note = '' WHERE id = 2", 'digest-differs'],
    [
      'values swapped between two rows',
      "UPDATE shop_archive.items SET note = CASE id WHEN 1 THEN 'note 2' ELSE 'note 1' END WHERE id IN (1, 2)",
      'digest-differs',
    ],
    [
      'values swapped between two columns',
      'UPDATE shop_archive.items SET note = name, name = note WHERE id = 1',
      'digest-differs',
    ],
    [
      'a doubled row in place of another',
      'UPDATE shop_archive.items AS a SET id = 1, name = b.name, note = b.note, bytes = b.bytes FROM shop_archive.items AS b WHERE a.id = 2 AND b.id = 1',
      'digest-differs',
    ],
    ['a doubled row', 'INSERT INTO shop_archive.items SELECT * FROM shop_archive.items WHERE id = 2', 'rows-differ'],
    ['a missing row', 'DELETE FROM shop_archive.items WHERE id = 2', 'rows-differ'],
    [
      'rows given to another batch',
      'UPDATE shop_archive.items SET steward_batch_id = steward_batch_id + 100 WHERE id = 2',
      'rows-differ',
    ],
  ])('%s is found', async (_what, change, code) => {
    await run(change)
    expect(await found()).toContainEqual(['items', first, code])
    expect(await found({ batches: [first] })).toContainEqual(['items', first, code])
    expect(await found({ batches: [second] })).toEqual([])
  })

  test('a value in a column that came later is told of by its own batch', async () => {
    await run("UPDATE shop_archive.items SET extra = 'f' WHERE id = 6")
    expect(await found()).toEqual([['items', second, 'digest-differs']])
  })

  test('a doubled row of a table without a key is found', async () => {
    await run(`INSERT INTO shop_archive.loose VALUES ('x', ${first})`)
    expect((await verify()).findings).toEqual([
      { schema: 'shop', table: 'loose', batch: first, code: 'rows-differ', finding: '4 rows instead of 3' },
    ])
  })

  test('rows of batches that are not recorded are found below, between and above those that are', async () => {
    await run("INSERT INTO shop_archive.loose VALUES ('z', -5), ('z', 999999)")
    expect(await found()).toEqual([
      ['loose', -5n, 'unrecorded-rows'],
      ['loose', 999_999n, 'unrecorded-rows'],
    ])
  })

  test('rows that are in their table as well are found', async () => {
    await run('INSERT INTO shop.items (id) VALUES (3), (7)')
    expect((await verify()).findings).toEqual([
      {
        schema: 'shop',
        table: 'items',
        batch: first,
        code: 'live-too',
        finding: '1 row of the same key as a row of the table itself',
      },
      expect.objectContaining({ batch: second, code: 'live-too' }),
    ])
  })
})

describe('in tables', () => {
  test('one that is gone is found', async () => {
    await run('DROP TABLE shop_archive.items')
    expect(await found()).toEqual([
      ['items', first, 'table-missing'],
      ['items', second, 'table-missing'],
    ])
  })

  test('a column that is gone is found', async () => {
    await run('ALTER TABLE shop_archive.items DROP extra')
    expect((await verify()).findings).toEqual([
      {
        schema: 'shop',
        table: 'items',
        batch: second,
        code: 'column-missing',
        finding: '4 rows recorded, the archive table lost its column extra',
      },
    ])
  })
})

describe('after a restore', () => {
  test('of a part, the rest is still what it was; of all, nothing is left', async () => {
    const restore = async (what: Parameters<typeof request>[1]) =>
      runRestore(db, request('shop', what), idleRun(db), { thaw: async () => {} })
    const roots = [{ name: 'id=2', by: [{ id: '2' }] }]
    await restore({ kind: 'rows', table: 'items', roots, cold: [] })
    expect(await verify()).toMatchObject({ findings: [], rows: 10n })
    await restore({ kind: 'batches', batches: await requireBatches(db, [first, second]) })
    expect(await verify()).toMatchObject({ findings: [], rows: 0n })
    expect((await listBatches(db, {})).map(({ state }) => state)).toEqual(['restored', 'restored'])
    await run(`INSERT INTO shop_archive.loose VALUES ('x', ${first})`)
    expect(await found()).toEqual([['loose', first, 'rows-differ']])
  })
})

describe('of batches in files', () => {
  beforeEach(async () => {
    await db.execute(sql`
      UPDATE steward.archive_batches
      SET state = 'cold', cold_uri = 'file:///x', cold_sha256 = 'x', released_at = now()
      WHERE batch_id = ${second}`)
    await run('DELETE FROM shop_archive.items WHERE id > 4')
  })

  test('the files are read where that is asked for, and what is wrong with them is passed on', async () => {
    expect(await verify()).toMatchObject({ findings: [], coldBatches: 0, coldLeft: 1 })
    const cold = async (batch: bigint) => [`bad file of ${batch}`]
    expect(await verify({ cold })).toMatchObject({
      findings: [
        { schema: 'shop', table: null, batch: second, code: 'cold-files', finding: `bad file of ${second}` },
      ],
      coldBatches: 1,
    })
  })

  test('rows that lie in the archive tables all the same are found', async () => {
    await run(`INSERT INTO shop_archive.items (id, steward_batch_id) VALUES (5, ${second})`)
    expect(await found()).toEqual([['items', second, 'rows-of-cold-batch']])
  })
})

test('many batches are read some at a time', async () => {
  await run('TRUNCATE steward.archive_batches CASCADE; TRUNCATE shop_archive.items; TRUNCATE shop_archive.loose')
  await run(`INSERT INTO steward.archive_batches (run_id, lease_token, schema_name, root_table, rule, roots)
    SELECT 1, 1, 'shop', 'loose', 'r', 1 FROM generate_series(1, 4500)`)
  await run(`INSERT INTO shop_archive.loose SELECT 'w', batch_id FROM steward.archive_batches`)
  await run(`INSERT INTO steward.archive_batch_tables
    SELECT batch_id, 'loose', 1,
      ('x' || encode(substr(sha256(convert_to('(w)', 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint, '{word}'
    FROM steward.archive_batches`)
  const { lowest } = await db.one<{ lowest: bigint }>(
    sql`SELECT min(batch_id) + 2500 AS lowest FROM steward.archive_batches`,
  )
  await run(`UPDATE shop_archive.loose SET word = 'v' WHERE steward_batch_id = ${lowest}`)
  expect(await found()).toEqual([['loose', lowest, 'digest-differs']])
})
