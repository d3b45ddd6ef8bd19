import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { downSql } from '../../src/archive/levels.ts'
import { type ArchivePlan, planArchive } from '../../src/archive/plan.ts'
import { prepare } from '../../src/archive/prepare.ts'
import { PLANNER_SETTINGS, Rows } from '../../src/archive/rows.ts'
import { runArchive } from '../../src/archive/run.ts'
import type { TableRequest } from '../../src/archive/selection-table.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { idleRun } from './by-hand.ts'
import { archiveShop, execute, freshShop, gone, OLD, shopSelection, YOUNG } from './engine.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(async () => {
  await execute(db, ...freshShop, 'DROP ROLE IF EXISTS archive_reader')
  await database?.drop()
})
beforeEach(() =>
  execute(
    db,
    ...freshShop,
    'CREATE TABLE shop.orders (id integer PRIMARY KEY, status text, note text, at timestamptz)',
    'CREATE TABLE shop.lines (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders ON DELETE CASCADE)',
    'CREATE TABLE shop.held (id integer PRIMARY KEY, line_id integer REFERENCES shop.lines)',
    `INSERT INTO shop.orders SELECT n, CASE WHEN n % 2 = 0 THEN 'done' ELSE 'open' END, repeat('x', 100), ${OLD}
     FROM generate_series(1, 20) n`,
    `INSERT INTO shop.orders VALUES (21, 'done', NULL, ${YOUNG})`,
    'INSERT INTO shop.lines SELECT n * 10 + k, n FROM generate_series(1, 21) n, generate_series(1, 3) k',
    'INSERT INTO shop.held VALUES (1, 21), (2, 22), (3, 11)',
  ),
)

const plan = async (table = 'orders', request: Partial<TableRequest> = {}) =>
  planArchive(db, await shopSelection(db, table, request))
/** So many rows that indexes matter. */
const many = () =>
  execute(
    db,
    `INSERT INTO shop.orders SELECT n, 'done', NULL, ${YOUNG} FROM generate_series(1000, 2999) n`,
    'INSERT INTO shop.lines SELECT n * 10, n FROM generate_series(1000, 2999) n',
    'INSERT INTO shop.held SELECT n, n * 10 FROM generate_series(1000, 2999) n',
    'ANALYZE shop.orders, shop.lines, shop.held',
  )
const would = ({ tables }: ArchivePlan) => Object.fromEntries(tables.map(({ table, rows }) => [table, rows]))

describe('a plan', () => {
  test('says what would go, what is kept back and why, and a run does just that', async () => {
    const only = [{ column: 'status', values: ['done', 'closed'] }]
    const planned = await plan('orders', { only })
    expect(planned).toMatchObject({ due: 10n, atLeast: false, examined: 10, roots: 9, problems: [] })
    expect(would(planned)).toEqual({ 'shop.orders': 9, 'shop.lines': 27 })
    expect(planned.kept).toEqual([{ reason: 'still referenced by shop.held (held_line_id_fkey)', rows: 1n }])
    const [first] = planned.tables
    expect(first).toMatchObject({ isEstimate: false })
    expect(Number(first?.bytes)).toBeGreaterThan(9 * 130)
    const done = await archiveShop(db, 'orders', { request: { only } })
    expect(gone(done)).toEqual({ orders: 9, lines: 27 })
    expect(done.kept).toEqual(planned.kept)
  })

  test('prints the statements that a run sends, those for the archive tables first', async () => {
    const { sql: statements } = await plan()
    expect(statements.map(({ does }) => does)).toEqual([
      ...Array(7).fill('Before the first batch'),
      'Find roots that are due',
      'Lock roots, and ask again whether they are due',
      'Lock what goes along of shop.lines',
      'Find what rows that stay still refer to',
      'Insert the rows into the archive',
      'Delete the rows',
    ])
    const [schema, table] = statements
    expect(schema?.sql).toBe('CREATE SCHEMA "shop_archive"')
    expect(table?.sql).toBe(
      'CREATE TABLE "shop_archive"."orders" ("id" integer, "status" text, "note" text, "at" timestamp with time zone, "steward_batch_id" bigint NOT NULL)',
    )
    for (const { sql: text } of statements) expect(text).not.toContain('undefined')
    await archiveShop(db, 'orders')
    expect((await plan()).sql.map(({ does }) => does)).not.toContain('Before the first batch')
  })

  test('names referring columns and ages without an index, and the statement that helps', async () => {
    await execute(
      db,
      'CREATE INDEX ON shop.held (line_id) WHERE line_id IS NOT NULL',
      'CREATE INDEX ON shop.orders (at) WHERE id > 5',
      'CREATE INDEX ON shop.lines (order_id) WHERE id IS NOT NULL',
    )
    // Tables with few rows need none.
    await execute(db, 'ANALYZE shop.orders, shop.lines, shop.held')
    expect((await plan()).indexes).toEqual([])
    await many()
    const { indexes } = await plan()
    expect(indexes).toEqual([
      {
        table: 'shop.lines',
        columns: ['order_id'],
        for: 'lines_order_id_fkey',
        statement: 'CREATE INDEX CONCURRENTLY ON "shop"."lines" ("order_id")',
      },
      {
        table: 'shop.orders',
        columns: ['at'],
        for: 'the age of orders',
        statement: 'CREATE INDEX CONCURRENTLY ON "shop"."orders" ("at")',
      },
    ])
    for (const { statement } of indexes) await execute(db, statement)
    expect((await plan()).indexes).toEqual([])
  })

  test('names them also where a table was filled and never analysed', async () => {
    await execute(
      db,
      'CREATE TABLE shop.parcels (order_id integer REFERENCES shop.orders ON DELETE CASCADE)',
      'INSERT INTO shop.parcels SELECT 1 FROM generate_series(1, 10000)',
    )
    expect((await plan()).indexes.map(({ table }) => table)).toEqual(['shop.parcels'])
  })

  test.each([
    ['(status, at) WHERE at IS NOT NULL', true],
    ['(status, note, at) WHERE (status IS NOT NULL) AND (at IS NOT NULL)', true],
    ['(at DESC, id)', true],
    ['(note, at)', false],
    ['(status, at) WHERE note IS NOT NULL', false],
    ['USING brin (at)', false],
  ])('takes an index %s for one that finds what is due: %s', async (index, serves) => {
    await many()
    await execute(db, `CREATE INDEX ON shop.orders ${index}`, 'CREATE INDEX ON shop.lines (order_id)')
    const only = [{ column: 'status', values: ['done'] }]
    if (index.includes('note, at')) only.push({ column: 'note', values: ['x'] })
    if (index === '(note, at)') only.pop()
    const { indexes } = await plan('orders', { only })
    expect(indexes.filter(({ table }) => table === 'shop.orders')).toHaveLength(serves ? 0 : 1)
  })

  test('never has a column indexed that each update sets', async () => {
    await many()
    await execute(db, 'ALTER TABLE shop.orders RENAME COLUMN at TO updated_at')
    const { indexes } = await plan('orders', { ageOf: 'updated_at' })
    expect(indexes.map(({ table }) => table)).not.toContain('shop.orders')
  })

  test('is open to a role that may only read; a run names all that it may not, and moves nothing', async () => {
    await execute(
      db,
      'DROP ROLE IF EXISTS archive_reader',
      'CREATE ROLE archive_reader LOGIN',
      'GRANT USAGE ON SCHEMA shop TO archive_reader',
      'GRANT SELECT ON ALL TABLES IN SCHEMA shop TO archive_reader',
      'GRANT DELETE ON shop.lines TO archive_reader',
    )
    const reader = await connect(
      { ...database.endpoint, user: 'archive_reader' },
      { applicationName: 'reader', statementTimeoutMs: 0, poolSize: 1 },
    )
    try {
      const selection = await shopSelection(reader, 'orders')
      const planned = await planArchive(reader, selection)
      expect(planned.roots).toBe(18)
      expect(planned.problems).toEqual([
        { where: 'shop.orders', reason: 'needs the privilege UPDATE, DELETE' },
        { where: 'shop.lines', reason: 'needs the privilege UPDATE' },
        { where: 'shop_archive', reason: 'is missing, and making it needs the privilege CREATE on the database' },
      ])
      const result = await runArchive(reader, selection, idleRun(reader))
      expect(result).toMatchObject({ outcome: 'failed', rows: 0n })
      expect(result.failures).toEqual([
        '2 things stand in the way of the archive; shop.orders needs the privilege UPDATE, DELETE; shop.lines needs the privilege UPDATE',
      ])
    } finally {
      await reader.close()
      await execute(db, 'DROP OWNED BY archive_reader', 'DROP ROLE archive_reader')
    }
  })

  test('bounds its work on a large backlog, and says so', async () => {
    await execute(db, `INSERT INTO shop.orders SELECT n, 'done', NULL, ${OLD} FROM generate_series(1000, 7999) n`)
    const planned = await plan()
    expect(planned).toMatchObject({ due: 7020n, atLeast: false, examined: 5000 })
    expect(would(planned)['shop.orders']).toBe(planned.roots)
  })

  test('goes to the rows of a level by their places and by the index of the key, with statistics or without', async () => {
    await execute(
      db,
      'CREATE INDEX ON shop.lines (order_id)',
      `ALTER TABLE shop.lines ADD COLUMN filler text DEFAULT repeat('x', 300)`,
      `INSERT INTO shop.orders SELECT n, 'done', repeat('x', 300), ${OLD} FROM generate_series(1000, 30000) n`,
      'INSERT INTO shop.lines SELECT n * 10 + k, n FROM generate_series(1000, 30000) n, generate_series(1, 3) k',
    )
    for (const analyzed of [false, true]) {
      if (analyzed) await execute(db, 'ANALYZE shop.orders', 'ANALYZE shop.lines')
      const { shape } = await prepare(db, await shopSelection(db, 'orders'))
      const [key] = shape.followed
      const lines = shape.tables.find(({ name }) => name === 'lines')
      if (!key || !lines) throw new Error('the key is missing')
      const answers = await db.rows<{ leaf: number; rows: number; tids: string }>(
        raw(`SELECT tableoid AS leaf, COUNT(*)::integer AS rows, array_agg(ctid)::text AS tids FROM shop.orders
             WHERE id < 3000 GROUP BY 1`),
      )
      const statement = downSql(lines, [{ key, parents: Rows.of(answers), parent: shape.root }], undefined, true)
      const rows = await db.transaction((tx) => tx.rows<{ 'QUERY PLAN': string }>(sql`EXPLAIN ${statement}`), {
        settings: PLANNER_SETTINGS,
      })
      const text = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(text).toMatch(/Index (Only )?Scan using lines_order_id_idx|Bitmap Index Scan on lines_order_id_idx/)
      expect(text).toContain('Tid Scan on orders x')
      expect(text).not.toContain('Seq Scan')
    }
  })
})

describe('what cannot be archived is refused, all of it at once', () => {
  const refusal = async (table: string) => {
    const selection = await shopSelection(db, table)
    await expect(planArchive(db, selection)).rejects.toThrow()
    return planArchive(db, selection).catch((error: Error & { problems: unknown }) => error)
  }

  test('views, materialized views, partitions, and tables that others inherit from', async () => {
    await execute(
      db,
      'CREATE VIEW shop.v AS SELECT * FROM shop.orders',
      'CREATE MATERIALIZED VIEW shop.m AS SELECT * FROM shop.orders',
      'CREATE TABLE shop.logs (id integer, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)',
      'CREATE TABLE shop.logs_rest PARTITION OF shop.logs DEFAULT',
      'CREATE TABLE shop.heir () INHERITS (shop.orders)',
      'CREATE TABLE shop.bare (id integer, at timestamptz)',
    )
    const messages = []
    for (const table of ['v', 'm', 'logs_rest', 'orders', 'bare']) messages.push((await refusal(table)).toString())
    expect(messages).toEqual([
      'OperationError: shop.v is a view: name the table that it reads',
      'OperationError: shop.m is a materialized view: name the table that it reads',
      'OperationError: shop.logs_rest is a partition: name the table that it is part of',
      'OperationError: shop.orders has tables that inherit from it, whose rows foreign keys do not see',
      'OperationError: shop.bare has neither a primary key nor a unique key without NULLs, by which its rows could be told apart',
    ])
  })

  test('a unique key without NULLs does in place of a primary key; children need none', async () => {
    await execute(
      db,
      'CREATE TABLE shop.bare (code text NOT NULL UNIQUE, at timestamptz)',
      'CREATE TABLE shop.kids (code text REFERENCES shop.bare (code) ON DELETE CASCADE)',
      `INSERT INTO shop.bare VALUES ('a', ${OLD})`,
      `INSERT INTO shop.kids VALUES ('a'), ('a'), (NULL)`,
    )
    expect(gone(await archiveShop(db, 'bare'))).toEqual({ bare: 1, kids: 2 })
  })

  test('rules on DELETE, and rows that row security hides', async () => {
    await execute(
      db,
      'CREATE RULE keep AS ON DELETE TO shop.lines DO INSTEAD NOTHING',
      'ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY',
      'ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY',
      'DROP ROLE IF EXISTS archive_reader',
      'CREATE ROLE archive_reader LOGIN',
      'GRANT USAGE ON SCHEMA shop TO archive_reader',
      'GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO archive_reader',
    )
    const other = await connect(
      { ...database.endpoint, user: 'archive_reader' },
      { applicationName: 'other', statementTimeoutMs: 0, poolSize: 1 },
    )
    try {
      const selection = await shopSelection(other, 'orders')
      await expect(planArchive(other, selection)).rejects.toMatchObject({
        code: 'cannot-archive',
        message: '2 things stand in the way of the archive',
        problems: [
          { where: 'shop.orders', reason: 'hides rows from this role by row security' },
          { where: 'shop.lines', reason: 'has rules on DELETE, which the batches would set off' },
        ],
      })
    } finally {
      await other.close()
      await execute(db, 'DROP OWNED BY archive_reader', 'DROP ROLE archive_reader')
    }
  })
})
