import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { InterruptedError, UnfinishedError } from '../../src/errors.ts'
import { raw } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveShop, execute, freshShop, gone, keys, OLD, YOUNG } from './engine.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())
beforeEach(() =>
  execute(
    db,
    ...freshShop,
    'CREATE TABLE shop.orders (id integer PRIMARY KEY, at timestamptz)',
    'CREATE TABLE shop.lines (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders ON DELETE CASCADE)',
    'CREATE INDEX ON shop.lines (order_id)',
  ),
)

const orders = (first: number, last: number, at = OLD) =>
  execute(
    db,
    `INSERT INTO shop.orders SELECT n, ${at} + n * interval '1 s' FROM generate_series(${first}, ${last}) n`,
    `INSERT INTO shop.lines SELECT n * 10 + k, n FROM generate_series(${first}, ${last}) n, generate_series(1, 2) k`,
  )

const count = async (from: string) =>
  (await db.one<{ n: number }>(raw(`SELECT COUNT(*)::integer AS n FROM ${from}`))).n

/** Runs `work` beside another session's open transaction. */
async function beside<T>(statements: readonly string[], work: () => Promise<T>): Promise<T> {
  const other = await connect(database.endpoint, { applicationName: 'other', statementTimeoutMs: 0, poolSize: 1 })
  try {
    return await other.transaction(async (tx) => {
      for (const statement of statements) await tx.execute(raw(statement))
      return work()
    })
  } finally {
    await other.close()
  }
}

/** Does something once, before the batch of this number. */
const before = (batch: number, work: () => Promise<unknown>) => {
  let asked = 0
  return {
    async next() {
      if (++asked === batch) await work()
      return undefined
    },
  }
}

describe('a batch', () => {
  test('is recorded with what it moved, from when to when, and a digest of each table', async () => {
    await orders(1, 3)
    await orders(4, 4, YOUNG)
    const result = await archiveShop(db, 'orders')
    expect(result).toMatchObject({ outcome: 'done', roots: 3, batches: 1, rows: 9n })
    const [batch] = await db.rows(
      raw(`SELECT schema_name, root_table, rule, roots, state, newest - oldest AS span FROM steward.archive_batches`),
    )
    expect(batch).toEqual({
      schema_name: 'shop',
      root_table: 'orders',
      rule: 'orders',
      roots: 3n,
      state: 'archived',
      span: '00:00:02',
    })
    expect(
      await db.rows(raw('SELECT table_name, rows, columns FROM steward.archive_batch_tables ORDER BY table_name')),
    ).toEqual([
      { table_name: 'lines', rows: 6n, columns: ['id', 'order_id'] },
      { table_name: 'orders', rows: 3n, columns: ['id', 'at'] },
    ])
    // Nothing more is due, so that there is nothing to go on with.
    expect(await count('steward.retention_cursors')).toBe(0)
    expect(await archiveShop(db, 'orders')).toMatchObject({ outcome: 'nothing', rows: 0n, batches: 0 })
  })

  test('grows and shrinks with the time that it takes, within the rows it may have', async () => {
    await orders(1, 500)
    const small = await archiveShop(db, 'orders', { mostRows: 30 })
    expect(small).toMatchObject({ outcome: 'done', roots: 500 })
    const { most } = await db.one<{ most: bigint }>(
      raw(
        'SELECT MAX(rows)::bigint AS most FROM (SELECT SUM(rows) AS rows FROM steward.archive_batch_tables GROUP BY batch_id) AS b',
      ),
    )
    expect(most).toBeLessThanOrEqual(30n)
  })

  test('leaves alone what another session works with, and says so', async () => {
    await orders(1, 5)
    await execute(db, `INSERT INTO shop.lines VALUES (100, NULL)`)
    const result = await beside(
      [
        'SELECT FROM shop.orders WHERE id = 1 FOR SHARE',
        'UPDATE shop.lines SET id = 21 + 1000 WHERE id = 21',
        // A child that is not there yet for anybody else holds its parent.
        'INSERT INTO shop.lines VALUES (999, 3)',
        'DELETE FROM shop.lines WHERE id = 42',
      ],
      () => archiveShop(db, 'orders'),
    )
    expect(result).toMatchObject({
      outcome: 'done',
      roots: 1,
      kept: [{ reason: 'in use by another transaction', rows: 4n }],
      failures: [],
    })
    expect(await keys(db, 'shop.orders')).toEqual(['1', '2', '3', '4'])
    expect(gone(await archiveShop(db, 'orders'))).toEqual({ orders: 4, lines: 8 })
    expect(await keys(db, 'shop_archive.lines')).toEqual([
      '11',
      '12',
      '22',
      '31',
      '32',
      '41',
      '51',
      '52',
      '999',
      '1021',
    ])
  })

  test('asks again whether a root is due', async () => {
    await orders(1, 3)
    const renew = () =>
      execute(db, `UPDATE shop.orders SET at = now() WHERE id = 2`, 'DELETE FROM shop.orders WHERE id = 3')
    const result = await archiveShop(db, 'orders', { run: { pace: before(1, renew) } })
    expect(result).toMatchObject({ roots: 1, kept: [] })
    expect(await keys(db, 'shop.orders')).toEqual(['2'])
  })

  test('ends nothing when a whole table is locked: it says so', async () => {
    await orders(1, 3)
    const result = await beside(['LOCK TABLE shop.lines IN ACCESS EXCLUSIVE MODE'], () => archiveShop(db, 'orders'))
    expect(result).toMatchObject({ outcome: 'failed', rows: 0n })
    expect(result.why).toContain('Another session holds a lock on shop.orders or a table below it')
  })
})

describe('a run', () => {
  test('ends when its time is over or a signal comes, with work left, and the next goes on behind it', async () => {
    await orders(1, 250)
    await execute(
      db,
      'CREATE TABLE shop.held (order_id integer REFERENCES shop.orders)',
      'INSERT INTO shop.held VALUES (1)',
    )
    const stop = (error: InterruptedError | UnfinishedError) => {
      let asked = 0
      return { next: async () => (++asked === 2 ? { why: error.message, error } : undefined) }
    }
    const over = new UnfinishedError({ code: 'run-time-over', message: '--run-time of 1s is over' })
    const first = await archiveShop(db, 'orders', { run: { pace: stop(over) } })
    expect(first).toMatchObject({ outcome: 'unfinished', why: '--run-time of 1s is over', roots: 99, batches: 1 })
    const { position } = await db.one<{ position: { key: string[] } }>(
      raw('SELECT position FROM steward.retention_cursors'),
    )
    expect(position.key).toEqual(['100'])
    const second = await archiveShop(db, 'orders', { run: { pace: stop(new InterruptedError('SIGTERM')) } })
    expect(second).toMatchObject({ outcome: 'interrupted', roots: 100, batches: 1, kept: [] })
    const third = await archiveShop(db, 'orders')
    expect(third).toMatchObject({ outcome: 'done', roots: 50 })
    // The pass from the beginning finds again what was kept.
    expect(third.kept).toEqual([{ reason: 'still referenced by shop.held (held_order_id_fkey)', rows: 1n }])
    expect(await keys(db, 'shop.orders')).toEqual(['1'])
  })

  test('begins anew where the question is another', async () => {
    await orders(1, 150)
    const over = new UnfinishedError({ code: 'run-time-over', message: 'over' })
    let asked = 0
    await archiveShop(db, 'orders', {
      request: { olderThan: '190 days', name: 'mine' },
      run: { pace: { next: async () => (++asked === 2 ? { why: 'over', error: over } : undefined) } },
    })
    await orders(1000, 1000, `now() - interval '300 days'`)
    expect(await archiveShop(db, 'orders', { request: { name: 'mine' }, limit: 1 })).toMatchObject({
      outcome: 'done',
      why: '--limit of 1 is reached',
      roots: 1,
    })
    expect(await keys(db, 'shop_archive.orders')).toContain('1000')
  })

  test('takes at most so many aggregates, the oldest', async () => {
    await orders(1, 20)
    expect(await archiveShop(db, 'orders', { limit: 7 })).toMatchObject({ roots: 7, why: '--limit of 7 is reached' })
    expect((await keys(db, 'shop.orders'))[0]).toBe('8')
  })

  test('plans anew when a column or a foreign key comes in the middle', async () => {
    await orders(1, 250)
    const said: string[] = []
    const change = () =>
      execute(
        db,
        `ALTER TABLE shop.lines ADD COLUMN note text DEFAULT 'new'`,
        'CREATE TABLE shop.parts (id integer PRIMARY KEY, line_id integer REFERENCES shop.lines ON DELETE CASCADE)',
        'INSERT INTO shop.parts SELECT id, id FROM shop.lines',
        'CREATE TABLE shop.held (order_id integer REFERENCES shop.orders)',
        'INSERT INTO shop.held VALUES (200)',
      )
    const result = await archiveShop(db, 'orders', {
      run: { pace: before(2, change), say: (line) => said.push(line) },
    })
    expect(result.failures).toEqual([])
    expect(gone(result)).toEqual({ orders: 249, lines: 498, parts: 298 })
    expect(result.kept).toEqual([{ reason: 'still referenced by shop.held (held_order_id_fkey)', rows: 1n }])
    expect(said).toContain('plans orders anew: its tables have changed')
    expect(await count('shop_archive.lines WHERE note IS NULL')).toBe(200)
    expect(await count(`shop_archive.lines WHERE note = 'new'`)).toBe(298)
  })

  test('refuses a column whose type has changed, with the statement that mends the archive', async () => {
    await orders(1, 2)
    await archiveShop(db, 'orders', { limit: 1 })
    await execute(db, 'ALTER TABLE shop.lines ALTER COLUMN order_id TYPE bigint')
    const result = await archiveShop(db, 'orders')
    expect(result).toMatchObject({ outcome: 'failed', rows: 0n })
    expect(result.why).toBe(
      'shop_archive.lines.order_id is integer, and shop.lines has bigint now: ' +
        'ALTER TABLE shop_archive.lines ALTER COLUMN "order_id" TYPE bigint',
    )
    await execute(db, 'ALTER TABLE shop_archive.lines ALTER COLUMN order_id TYPE bigint')
    expect(await archiveShop(db, 'orders')).toMatchObject({ outcome: 'done', roots: 1 })
  })

  test('leaves live and archive exact when its backend is killed in the middle of a batch', async () => {
    await orders(1, 250)
    await execute(
      db,
      `CREATE FUNCTION shop.die() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         PERFORM pg_terminate_backend(pg_backend_pid());
         RETURN OLD;
       END $$`,
      'CREATE TRIGGER die BEFORE DELETE ON shop.orders FOR EACH ROW WHEN (OLD.id = 150) EXECUTE FUNCTION shop.die()',
    )
    const own = await connect(database.endpoint, { applicationName: 'run', statementTimeoutMs: 0, poolSize: 2 })
    try {
      await expect(archiveShop(own, 'orders')).rejects.toMatchObject({ code: 'connection-lost', exitCode: 6 })
    } finally {
      await own.close()
    }
    expect(await count('shop.orders')).toBe(150)
    expect(await count('shop_archive.orders')).toBe(100)
    expect(await count('shop_archive.lines')).toBe(200)
    expect(await count('steward.archive_batches')).toBe(1)
    await execute(db, 'DROP TRIGGER die ON shop.orders')
    expect(await archiveShop(db, 'orders')).toMatchObject({ outcome: 'done', roots: 150 })
    expect(await count('shop_archive.orders')).toBe(250)
  })
})

describe('what a database does by itself', () => {
  const trigger = (table: string, body: string, when: string) =>
    execute(
      db,
      `CREATE FUNCTION shop.act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`,
      `CREATE TRIGGER act BEFORE DELETE ON shop.${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION shop.act()`,
    )

  test('a trigger that holds rows back: that aggregate stays and is named, the others go', async () => {
    await orders(1, 40)
    await trigger('lines', 'RETURN NULL;', 'OLD.order_id = 7')
    const result = await archiveShop(db, 'orders')
    expect(result).toMatchObject({ outcome: 'partial', roots: 39, why: 'nothing more is due, but for what failed' })
    expect(result.failures).toEqual([
      'one of shop.orders: Not every row went that should have: shop.lines (2 locked, 2 archived, 0 deleted); the batch was rolled back',
    ])
    expect(await keys(db, 'shop.orders')).toEqual(['7'])
    expect(await count('shop_archive.lines')).toBe(78)
  })

  test('a trigger that deletes rows besides: nothing that is not archived goes', async () => {
    await orders(1, 2)
    await orders(3, 3, YOUNG)
    await trigger('orders', 'DELETE FROM shop.lines WHERE order_id = 3; RETURN OLD;', 'OLD.id = 1')
    const result = await archiveShop(db, 'orders')
    expect(result).toMatchObject({ outcome: 'partial', roots: 1 })
    expect(result.failures[0]).toContain('Deleting took along rows that were not archived, of shop.lines')
    expect(await keys(db, 'shop.lines')).toEqual(['11', '12', '31', '32'])
  })

  test('a trigger that refuses everything ends the rule, not the run', async () => {
    await orders(1, 60)
    await trigger('orders', `RAISE EXCEPTION 'never';`, 'true')
    const result = await archiveShop(db, 'orders')
    expect(result.outcome).toBe('failed')
    expect(result.why).toMatch(
      /^25 aggregates in a row were refused; the first: one of shop.orders: PostgreSQL: never/,
    )
    expect(await count('shop.orders')).toBe(60)
  })

  test('a key that is checked at the commit is checked in time', async () => {
    await execute(
      db,
      'CREATE TABLE shop.late (order_id integer REFERENCES shop.orders DEFERRABLE INITIALLY DEFERRED)',
      'INSERT INTO shop.orders SELECT 1',
    )
    await orders(2, 3)
    await trigger('lines', 'INSERT INTO shop.late VALUES (OLD.order_id); RETURN OLD;', 'OLD.order_id = 2')
    const result = await archiveShop(db, 'orders')
    expect(result).toMatchObject({ outcome: 'partial', roots: 1 })
    expect(result.failures[0]).toContain('late_order_id_fkey')
  })
})
