import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { keepTime, timeKeeper } from '../../migrations/keep-time.ts'
import { closureOf } from '../../src/archive/closure.ts'
import { prepare } from '../../src/archive/prepare.ts'
import { Rows } from '../../src/archive/rows.ts'
import type { Database } from '../../src/db/database.ts'
import { raw } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { contents } from './by-hand.ts'
import { archiveShop, execute, freshShop, gone, keys, OLD, shopSelection, YOUNG } from './engine.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())
beforeEach(() => execute(db, ...freshShop))

describe('what goes along', () => {
  test('composite keys, several levels, and a table that two keys lead to', async () => {
    await execute(
      db,
      'CREATE TABLE shop.orders (region text, id integer, at timestamptz, PRIMARY KEY (region, id))',
      `CREATE TABLE shop.lines (id integer PRIMARY KEY, region text, order_id integer,
        FOREIGN KEY (order_id, region) REFERENCES shop.orders (id, region) ON DELETE CASCADE)`,
      `CREATE TABLE shop.notes (id integer PRIMARY KEY, line_id integer REFERENCES shop.lines ON DELETE CASCADE,
        region text, order_id integer, FOREIGN KEY (region, order_id) REFERENCES shop.orders ON DELETE CASCADE)`,
      `INSERT INTO shop.orders VALUES ('n', 1, ${OLD}), ('s', 1, ${YOUNG}), ('s', 2, ${OLD})`,
      `INSERT INTO shop.lines VALUES (1, 'n', 1), (2, 'n', 1), (3, 's', 1), (4, 's', 2), (5, NULL, 1)`,
      `INSERT INTO shop.notes VALUES (1, 1, 'n', 1), (2, NULL, 's', 2), (3, 3, 's', 1), (4, 2, 's', 1), (5, NULL, NULL, NULL)`,
    )
    const result = await archiveShop(db, 'orders')
    expect(result).toMatchObject({ outcome: 'done', why: 'nothing more is due', kept: [], failures: [], roots: 2 })
    expect(gone(result)).toEqual({ orders: 2, lines: 3, notes: 3 })
    expect(await keys(db, 'shop.lines')).toEqual(['3', '5'])
    expect(await keys(db, 'shop_archive.notes')).toEqual(['1', '2', '4'])
  })

  test('rows of the same table, level by level, due or not', async () => {
    await execute(
      db,
      'CREATE TABLE shop.folders (id integer PRIMARY KEY, parent integer REFERENCES shop.folders ON DELETE CASCADE, at timestamptz)',
      `INSERT INTO shop.folders
       SELECT n, CASE WHEN n > 1 THEN n - 1 END, CASE n WHEN 1 THEN ${OLD} ELSE ${YOUNG} END FROM generate_series(1, 40) n`,
      `INSERT INTO shop.folders VALUES (100, NULL, ${YOUNG}), (101, 100, ${YOUNG})`,
    )
    const result = await archiveShop(db, 'folders')
    expect(gone(result)).toEqual({ folders: 40 })
    expect(result.roots).toBe(1)
    expect(await keys(db, 'shop.folders')).toEqual(['100', '101'])
  })

  test('a ring of tables whose keys forbid the delete, where children go along whatever their key says', async () => {
    await execute(
      db,
      'CREATE TABLE shop.a (id integer PRIMARY KEY, c_id integer, at timestamptz)',
      'CREATE TABLE shop.b (id integer PRIMARY KEY, a_id integer REFERENCES shop.a ON DELETE RESTRICT)',
      'CREATE TABLE shop.c (id integer PRIMARY KEY, b_id integer REFERENCES shop.b)',
      'ALTER TABLE shop.a ADD FOREIGN KEY (c_id) REFERENCES shop.c ON DELETE RESTRICT',
      `INSERT INTO shop.a VALUES (1, NULL, ${OLD}), (2, NULL, ${YOUNG}), (3, NULL, ${YOUNG})`,
      'INSERT INTO shop.b VALUES (1, 1), (2, 2), (3, 3)',
      'INSERT INTO shop.c VALUES (1, 1), (2, 2), (3, 3)',
      'UPDATE shop.a SET c_id = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE 3 END',
    )
    const plain = await archiveShop(db, 'a')
    expect(plain.kept).toEqual([{ reason: 'still referenced by shop.b (b_a_id_fkey)', rows: 1n }])
    // 1 is referred to by b1, c1, a2, b2, c2, and again by a1.
    const result = await archiveShop(db, 'a', { request: { withChildren: true } })
    expect(result.failures).toEqual([])
    expect(gone(result)).toEqual({ a: 2, b: 2, c: 2 })
    expect(await keys(db, 'shop.a')).toEqual(['3'])
  })

  test('partitioned tables, and a key that leads to one partition only', async () => {
    await execute(
      db,
      'CREATE TABLE shop.orders (id integer, part integer, at timestamptz, PRIMARY KEY (id, part)) PARTITION BY LIST (part)',
      'CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES IN (1)',
      'CREATE TABLE shop.orders_2 PARTITION OF shop.orders FOR VALUES IN (2) PARTITION BY RANGE (id)',
      'CREATE TABLE shop.orders_2_low PARTITION OF shop.orders_2 FOR VALUES FROM (0) TO (10)',
      'CREATE TABLE shop.orders_2_rest PARTITION OF shop.orders_2 DEFAULT',
      `CREATE TABLE shop.lines (id integer, order_id integer, part integer, day date,
        FOREIGN KEY (order_id, part) REFERENCES shop.orders ON DELETE CASCADE) PARTITION BY RANGE (day)`,
      `CREATE TABLE shop.lines_old PARTITION OF shop.lines FOR VALUES FROM (MINVALUE) TO ('2020-01-01')`,
      'CREATE TABLE shop.lines_rest PARTITION OF shop.lines DEFAULT',
      'ALTER TABLE shop.orders_1 ADD UNIQUE (id)',
      'CREATE TABLE shop.flags (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders_1 (id) ON DELETE CASCADE)',
      `INSERT INTO shop.orders SELECT n, p, CASE WHEN n % 2 = 0 THEN ${OLD} ELSE ${YOUNG} END
       FROM generate_series(1, 20) n, generate_series(1, 2) p`,
      `INSERT INTO shop.lines SELECT row_number() OVER (), n, p, d FROM generate_series(1, 20) n, generate_series(1, 2) p,
       unnest('{2019-05-05,2021-05-05}'::date[]) d`,
      'INSERT INTO shop.flags SELECT n, n FROM generate_series(1, 3) n',
    )
    const result = await archiveShop(db, 'orders', { mostRows: 12 })
    expect(result.failures).toEqual([])
    expect(gone(result)).toEqual({ orders: 20, lines: 40, flags: 1 })
    expect(result.batches).toBeGreaterThan(2)
    expect(await keys(db, 'shop.orders', "id || '/' || part")).toHaveLength(20)
    expect(await keys(db, 'shop_archive.flags')).toEqual(['2'])
  })

  test('names with capitals, quotes and dots; columns named like what the statements use', async () => {
    await execute(
      db,
      `CREATE TABLE shop."Or.d""ers" ("x" integer, "Key ""1" text, "t" integer, "c" text, "r" integer, "k0" date, "at" timestamptz, PRIMARY KEY ("x", "Key ""1"))`,
      `CREATE TABLE shop."p" ("c" integer, "g" text, "k" text, FOREIGN KEY ("c", "g") REFERENCES shop."Or.d""ers" ON DELETE CASCADE)`,
      `INSERT INTO shop."Or.d""ers" VALUES (1, 'a''b', 2, 'c', 3, '2020-01-01', ${OLD})`,
      `INSERT INTO shop."p" VALUES (1, 'a''b', 'q'), (1, 'a''b', 'q'), (NULL, 'a''b', 'q')`,
    )
    const before = await contents(db, 'shop', 'Or.d"ers')
    expect(gone(await archiveShop(db, 'Or.d"ers'))).toEqual({ 'Or.d"ers': 1, p: 2 })
    expect((await contents(db, 'shop_archive', 'Or.d"ers')).map((row) => row.replace(/,\d+\)$/, ')'))).toEqual(before)
  })

  test('domains, enums, arrays, generated and identity columns, and what was dropped', async () => {
    const { serverVersion } = db
    await execute(
      db,
      `CREATE DOMAIN shop.code AS varchar(5) DEFAULT 'none' NOT NULL CHECK (VALUE <> 'bad')`,
      'CREATE DOMAIN shop.inner_code AS shop.code',
      `CREATE TYPE shop.mood AS ENUM ('sad', 'glad')`,
      `CREATE TABLE shop.things (gone integer, id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code shop.inner_code,
        moods shop.mood[], price numeric(8, 3), twice numeric GENERATED ALWAYS AS (price * 2) STORED,
        ${serverVersion >= 180000 ? 'thrice numeric GENERATED ALWAYS AS (price * 3) VIRTUAL,' : ''}
        name text COLLATE "C" DEFAULT 'x', note text, at timestamptz)`,
      'ALTER TABLE shop.things DROP COLUMN gone',
      `INSERT INTO shop.things (code, moods, price, note, at) VALUES
        ('abc', '{glad,NULL}', 1.500, NULL, ${OLD}), ('', '{}', 'NaN', '', ${OLD})`,
    )
    const before = await contents(db, 'shop', 'things')
    const result = await archiveShop(db, 'things')
    expect(gone(result)).toEqual({ things: 2 })
    const archived = await contents(db, 'shop_archive', 'things')
    expect(archived.map((row) => row.replace(/,\d+\)$/, ')'))).toEqual(before)
    // What is new on the table is NULL in what was archived before, whatever its default or domain says.
    await execute(
      db,
      `ALTER TABLE shop.things ADD COLUMN extra shop.code DEFAULT 'new'`,
      `INSERT INTO shop.things (code, at) VALUES ('d', ${OLD})`,
    )
    expect(gone(await archiveShop(db, 'things'))).toEqual({ things: 1 })
    expect(await keys(db, 'shop_archive.things', 'extra')).toEqual(['new', null, null])
  })
})

describe('what keeps a root', () => {
  test('a row that stays, over each action that is not followed, and rows of another schema', async () => {
    await execute(
      db,
      'CREATE SCHEMA other',
      'CREATE TABLE shop.orders (id integer PRIMARY KEY DEFAULT 0, at timestamptz)',
      'CREATE TABLE shop.lines (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders ON DELETE CASCADE)',
      'CREATE TABLE shop.held (id integer PRIMARY KEY, line_id integer REFERENCES shop.lines)',
      'CREATE TABLE shop.strict (order_id integer REFERENCES shop.orders ON DELETE RESTRICT)',
      'CREATE TABLE shop.loose (order_id integer REFERENCES shop.orders ON DELETE SET NULL)',
      'CREATE TABLE shop.fallback (order_id integer DEFAULT 0 REFERENCES shop.orders ON DELETE SET DEFAULT)',
      'CREATE TABLE other.audit (order_id integer REFERENCES shop.orders ON DELETE CASCADE)',
      `INSERT INTO shop.orders SELECT n, ${OLD} FROM generate_series(1, 7) n`,
      'INSERT INTO shop.lines SELECT n, n FROM generate_series(1, 7) n',
      'INSERT INTO shop.held VALUES (1, 1)',
      'INSERT INTO shop.strict VALUES (2)',
      'INSERT INTO shop.loose VALUES (3), (3), (NULL)',
      'INSERT INTO shop.fallback VALUES (4)',
      'INSERT INTO other.audit VALUES (5)',
    )
    const result = await archiveShop(db, 'orders')
    expect(gone(result)).toEqual({ orders: 2, lines: 2 })
    expect(result.outcome).toBe('done')
    expect(result.kept).toEqual(
      [
        'other.audit (audit_order_id_fkey), and rows of another schema do not go along',
        'shop.fallback (fallback_order_id_fkey)',
        'shop.held (held_line_id_fkey)',
        'shop.loose (loose_order_id_fkey)',
        'shop.strict (strict_order_id_fkey)',
      ].map((key) => ({ reason: `still referenced by ${key}`, rows: 1n })),
    )
    expect(await keys(db, 'shop.lines')).toEqual(['1', '2', '3', '4', '5'])
  })

  test('references that the rule lets go of are recorded, and keep nothing', async () => {
    await execute(
      db,
      'CREATE TABLE shop.orders (id integer PRIMARY KEY, at timestamptz)',
      `CREATE TABLE shop.mails (code text, n numeric(6, 3), order_id integer REFERENCES shop.orders ON DELETE SET NULL,
        PRIMARY KEY (code, n))`,
      `INSERT INTO shop.orders VALUES (1, ${OLD}), (2, ${YOUNG})`,
      `INSERT INTO shop.mails VALUES ('a', 1.500, 1), ('b', 2, 2)`,
    )
    const detaches = [{ schema: 'shop', table: 'mails', columns: ['order_id'] }]
    const result = await archiveShop(db, 'orders', { selection: { detaches } })
    expect(result).toMatchObject({ roots: 1, detached: 1, kept: [] })
    expect(
      await db.rows(
        raw('SELECT constraint_name, table_name, row_key::text, reference::text FROM steward.archive_detached'),
      ),
    ).toEqual([
      {
        constraint_name: 'mails_order_id_fkey',
        table_name: 'mails',
        row_key: '{"n": 1.500, "code": "a"}',
        reference: '{"order_id": 1}',
      },
    ])
    expect(await contents(db, 'shop', 'mails')).toEqual(['(a,1.500,)', '(b,2.000,2)'])
  })

  test('a row that loses its reference keeps the time of its last change', async () => {
    await execute(
      db,
      'CREATE TABLE shop.orders (id integer PRIMARY KEY, at timestamptz)',
      `CREATE TABLE shop.mails (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders ON DELETE SET NULL,
        updated_at timestamptz)`,
      timeKeeper('shop'),
      keepTime('shop', 'mails'),
      `INSERT INTO shop.orders VALUES (1, ${OLD})`,
      `INSERT INTO shop.mails VALUES (1, 1, '2020-01-01 00:00:00Z')`,
    )
    const detaches = [{ schema: 'shop', table: 'mails', columns: ['order_id'] }]
    expect(await archiveShop(db, 'orders', { selection: { detaches } })).toMatchObject({ roots: 1, detached: 1 })
    expect(await contents(db, 'shop', 'mails')).toEqual(['(1,,"2020-01-01 00:00:00+00")'])
  })

  test('rows of other due aggregates do not: they come along, however far the chain goes', async () => {
    await execute(
      db,
      'CREATE TABLE shop.runs (id integer PRIMARY KEY, retry_of integer REFERENCES shop.runs, at timestamptz)',
      'CREATE INDEX ON shop.runs (retry_of)',
      // 300 due ones in a chain, of which a batch takes 100; and a chain whose last is young.
      `INSERT INTO shop.runs SELECT n, NULLIF(n - 1, 0), ${OLD} + n * interval '1 s' FROM generate_series(1, 300) n`,
      `INSERT INTO shop.runs SELECT n, NULLIF(n - 1, 400), CASE n WHEN 420 THEN ${YOUNG} ELSE ${OLD} END
       FROM generate_series(401, 420) n`,
    )
    const result = await archiveShop(db, 'runs')
    expect(gone(result)).toEqual({ runs: 300 })
    expect(result.kept).toEqual([{ reason: 'still referenced by shop.runs (runs_retry_of_fkey)', rows: 19n }])
  })

  test('a ring that is too large for a batch, which is said', async () => {
    await execute(
      db,
      'CREATE TABLE shop.runs (id integer PRIMARY KEY, retry_of integer REFERENCES shop.runs, at timestamptz)',
      `INSERT INTO shop.runs SELECT n, n % 50 + 1, ${OLD} + n * interval '1 s' FROM generate_series(1, 50) n`,
    )
    const selection = await shopSelection(db, 'runs')
    const { shape } = await prepare(db, selection)
    const asked = await db.rows<{ leaf: number; rows: number; tids: string }>(
      raw(
        `SELECT tableoid AS leaf, 5 AS rows, array_agg(ctid)::text AS tids FROM shop.runs WHERE id <= 5 GROUP BY 1`,
      ),
    )
    const closure = await closureOf(db, Rows.of(asked), { shape, selection, lock: false, ringRows: 10 })
    expect(closure.kept).toEqual([{ reason: 'part of a ring of more than 10 rows', rows: 5n }])
    expect(closure.roots.count).toBe(0)
    const whole = await closureOf(db, Rows.of(asked), { shape, selection, lock: false })
    expect(whole.roots.count).toBe(50)
  })
})
