/** What was restored is left alone by retention for a while; months that were dropped are made again for it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { requireBatches } from '../../src/archive/batches.ts'
import { planArchive } from '../../src/archive/plan.ts'
import { runRestore } from '../../src/archive/restore.ts'
import type { RestoreRequest } from '../../src/archive/restore-request.ts'
import type { Database } from '../../src/db/database.ts'
import { forgetHolds, mayBeHeld } from '../../src/db/holds.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { idleRun, request } from './by-hand.ts'
import { archiveShop, execute, freshShop, gone, keys, OLD, shopSelection } from './engine.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())

const DAY = 86_400_000
const hold = (days: number, tables: readonly string[] = []) => ({
  milliseconds: days * DAY,
  tables: tables.map((table) => ({ schema: 'shop', table, key: ['id'] })),
})
const restore = (what: RestoreRequest['what'], over: Partial<RestoreRequest> = {}) =>
  runRestore(db, request('shop', what, over), idleRun(db), { thaw: async () => {} })
const order = (...ids: readonly string[]): RestoreRequest['what'] => ({
  kind: 'rows',
  table: 'orders',
  roots: ids.map((id) => ({ name: id, by: [{ id }] })),
  cold: [],
})
const everyBatch = async (): Promise<RestoreRequest['what']> => {
  const found = await db.rows<{ batch: bigint }>(raw('SELECT batch_id AS batch FROM steward.archive_batches'))
  return {
    kind: 'batches',
    batches: await requireBatches(
      db,
      found.map(({ batch }) => batch),
    ),
  }
}
const holds = () =>
  db.rows(sql`
    SELECT schema_name || '.' || table_name AS table, row_key AS key, round(extract(epoch FROM until - held_at) / 86400)::integer AS days
    FROM steward.retention_holds ORDER BY 1, 2`)

describe('rows that were restored', () => {
  beforeEach(() =>
    execute(
      db,
      ...freshShop,
      'TRUNCATE steward.retention_holds',
      'CREATE TABLE shop.orders (id integer PRIMARY KEY, at timestamptz)',
      'CREATE TABLE shop.lines (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders ON DELETE CASCADE)',
      'CREATE INDEX ON shop.lines (order_id)',
      `INSERT INTO shop.orders SELECT n, ${OLD} FROM generate_series(1, 4) n`,
      'INSERT INTO shop.lines SELECT n * 10 + k, n FROM generate_series(1, 4) n, generate_series(1, 2) k',
    ),
  )

  test('are no longer due, and the plan and the run say until when', async () => {
    await archiveShop(db, 'orders')
    const result = await restore(order('2', '3'), { hold: hold(30) })
    expect(result.held).toEqual({ rows: 2, until: expect.any(String) })
    expect(await holds()).toEqual([
      { table: 'shop.orders', key: ['2'], days: 30 },
      { table: 'shop.orders', key: ['3'], days: 30 },
    ])
    const kept = [{ reason: `held until ${result.held.until?.slice(0, 10)} after a restore`, rows: 2n }]
    const planned = await planArchive(db, await shopSelection(db, 'orders'))
    expect(planned).toMatchObject({ due: 0n, roots: 0, kept })
    expect(await archiveShop(db, 'orders')).toMatchObject({ outcome: 'nothing', kept })
    expect(await keys(db, 'shop.orders')).toEqual(['2', '3'])
  })

  test('go again once the hold is over, which is then forgotten', async () => {
    await archiveShop(db, 'orders')
    await restore(order('2'), { hold: hold(30) })
    await execute(db, 'UPDATE steward.retention_holds SET until = now()')
    expect(gone(await archiveShop(db, 'orders'))).toEqual({ orders: 1, lines: 2 })
    let asked = 0
    expect(await forgetHolds(db, async () => void asked++)).toBe(1)
    expect([asked, await holds()]).toEqual([1, []])
  })

  test('are not held for no time at all, and a longer hold is not made shorter', async () => {
    await archiveShop(db, 'orders')
    expect((await restore(order('1'), { hold: hold(0) })).held).toEqual({ rows: 0 })
    await restore(order('2'), { hold: hold(90) })
    await execute(db, 'UPDATE steward.retention_holds SET until = now()')
    await archiveShop(db, 'orders')
    await restore(order('1', '2'), { hold: hold(90) })
    await execute(db, 'DELETE FROM shop.orders')
    await execute(db, `INSERT INTO shop.orders SELECT n, ${OLD} FROM generate_series(1, 2) n`)
    await execute(db, 'UPDATE steward.retention_holds SET until = now() WHERE row_key = \'["1"]\'')
    await archiveShop(db, 'orders')
    await restore(order('1'), { hold: hold(7) })
    expect(await holds()).toEqual([
      { table: 'shop.orders', key: ['1'], days: 7 },
      { table: 'shop.orders', key: ['2'], days: 90 },
    ])
  })

  test('of a batch are held by its root table, and by every table that a rule is about', async () => {
    await archiveShop(db, 'orders')
    await restore(await everyBatch(), { hold: hold(30, ['lines']) })
    expect((await holds()).length).toBe(4 + 8)
  })

  test('hold the row that was named when only parts of it were archived', async () => {
    await archiveShop(db, 'orders')
    await execute(db, `INSERT INTO shop.orders SELECT * FROM (SELECT 4, ${OLD}) AS o`)
    await execute(db, 'UPDATE shop.orders SET at = (SELECT at FROM shop_archive.orders WHERE id = 4) WHERE id = 4')
    await restore(order('4'), { hold: hold(30) })
    expect(await holds()).toEqual([{ table: 'shop.orders', key: ['4'], days: 30 }])
  })
})

test('nobody holds anything where the table of holds is not there, or for a role that could not move rows', async () => {
  expect(await mayBeHeld(db)).toBe(true)
  const undo = new Error('undo')
  const without = async (...statements: readonly string[]) => {
    let answer: boolean | undefined
    await db
      .transaction(async (tx) => {
        for (const statement of statements) await tx.execute(raw(statement))
        answer = await mayBeHeld(tx)
        throw undo
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error
      })
    return answer
  }
  const role = ['CREATE ROLE holds_reader', 'SET LOCAL ROLE holds_reader']
  expect(await without('DROP TABLE steward.retention_holds')).toBe(false)
  expect(await without(...role)).toBe(false)
  const usage = 'GRANT USAGE ON SCHEMA steward TO holds_reader'
  const withGrants = (...grants: readonly string[]) => without(role[0] ?? '', ...grants, role[1] ?? '')
  expect(await withGrants(usage)).toBe(false)
  expect(await withGrants(usage, 'GRANT SELECT ON steward.retention_holds TO holds_reader')).toBe(true)
  // It would take away what somebody holds: better that the server refuses it.
  expect(await withGrants(usage, 'GRANT UPDATE ON steward.leases TO holds_reader')).toBe(true)
})

describe('a month that was dropped', () => {
  beforeEach(() =>
    execute(
      db,
      ...freshShop,
      'TRUNCATE steward.retention_holds',
      `CREATE TABLE shop.logs (id integer, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)`,
      'CREATE TABLE shop.logs_default PARTITION OF shop.logs DEFAULT',
      `CREATE TABLE shop.quarter PARTITION OF shop.logs FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2024-03-15 00:00+00')`,
      `INSERT INTO shop.logs VALUES (1, '2023-12-31 23:59:59.999999+00'), (2, '2024-01-01 00:00+00'),
        (3, '2024-03-20 00:00+00'), (4, '2024-05-01 00:00+00'), (5, '-infinity')`,
    ),
  )
  const leaves = () => db.rows(sql`SELECT tableoid::regclass::text AS leaf, id FROM shop.logs ORDER BY id`)

  test('is made again before its rows come back', async () => {
    await archiveShop(db, 'logs')
    const monthly = [{ schema: 'shop', table: 'logs', field: 'at' }]
    const result = await restore(await everyBatch(), { monthly, hold: hold(30) })
    expect(result.tables).toEqual([expect.objectContaining({ table: 'logs', rows: 5n })])
    expect(await leaves()).toEqual([
      { leaf: 'shop.logs_y2023m12', id: 1 },
      { leaf: 'shop.quarter', id: 2 },
      // Somebody's partition has a part of that month.
      { leaf: 'shop.logs_default', id: 3 },
      { leaf: 'shop.logs_y2024m05', id: 4 },
      // A month without a name.
      { leaf: 'shop.logs_default', id: 5 },
    ])
    expect((await holds()).map(({ key }) => key)).toContainEqual(['1', '2023-12-31 23:59:59.999999+00'])
  })
})
