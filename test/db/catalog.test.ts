/** Questions to the catalog, asked of a small schema that has one of everything. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as catalog from '../../src/db/catalog.ts'
import { raw } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  for (const statement of [
    `CREATE SCHEMA shop`,
    `CREATE TYPE shop.state AS ENUM ('open', 'closed', 'lost')`,
    `CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "e mail" text NOT NULL UNIQUE)`,
    `CREATE TABLE shop.orders (
       id integer PRIMARY KEY,
       customer_id bigint REFERENCES shop.customers ON DELETE CASCADE,
       state shop.state NOT NULL DEFAULT 'open',
       states shop.state[],
       price numeric(10, 2) CHECK (price >= 0),
       placed_at timestamptz NOT NULL DEFAULT now(),
       doubled numeric GENERATED ALWAYS AS (price * 2) STORED
     )`,
    `COMMENT ON COLUMN shop.orders.price IS 'in euro'`,
    `CREATE INDEX orders_recent ON shop.orders (customer_id, placed_at DESC) INCLUDE (price) WHERE state = 'open'`,
    `CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    `CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.nothing()`,
    `INSERT INTO shop.customers ("e mail") VALUES ('a@example.org')`,
    `ANALYZE shop.customers`,
  ]) {
    await database.db.execute(raw(statement))
  }
})
afterAll(() => database.drop())

test('tables and schemas', async () => {
  const { db } = database
  expect(await catalog.schemaExists(db, 'shop')).toBe(true)
  expect(await catalog.schemaExists(db, 'Shop')).toBe(false)
  expect(await catalog.tables(db, 'shop')).toEqual([
    { name: 'customers', kind: 'table', estimatedRows: 1n, comment: null },
    { name: 'orders', kind: 'table', estimatedRows: null, comment: null },
  ])
})

test('columns, with types that always name their schema', async () => {
  await database.db.execute(raw(`ALTER DATABASE "${database.db.database}" SET search_path = shop`))
  const columns = await catalog.withQualifiedNames(database.db, (db) => catalog.columns(db, 'shop', 'orders'))
  const plain = { table: 'orders', nullable: true, default: null, identity: null, generated: false, comment: null }
  expect(columns).toEqual([
    { ...plain, name: 'id', position: 1, type: 'integer', nullable: false },
    { ...plain, name: 'customer_id', position: 2, type: 'bigint' },
    { ...plain, name: 'state', position: 3, type: 'shop.state', nullable: false, default: "'open'::shop.state" },
    { ...plain, name: 'states', position: 4, type: 'shop.state[]' },
    { ...plain, name: 'price', position: 5, type: 'numeric(10,2)', comment: 'in euro' },
    { ...plain, name: 'placed_at', position: 6, type: 'timestamp with time zone', nullable: false, default: 'now()' },
    {
      ...plain,
      name: 'doubled',
      position: 7,
      type: 'numeric',
      default: '(price * (2)::numeric)',
      generated: true,
    },
  ])
  const [id] = await catalog.columns(database.db, 'shop', 'customers')
  expect(id).toMatchObject({ name: 'id', identity: 'always' })
})

test('indexes with order, predicate and what they carry', async () => {
  const indexes = await catalog.withQualifiedNames(database.db, (db) => catalog.indexes(db, 'shop', 'orders'))
  expect(indexes).toMatchObject([
    { name: 'orders_pkey', on: ['id'], primary: true, unique: true, constraint: 'orders_pkey', valid: true },
    {
      name: 'orders_recent',
      on: ['customer_id', 'placed_at DESC'],
      includes: ['price'],
      unique: false,
      constraint: null,
      where: "(state = 'open'::shop.state)",
    },
  ])
})

test('constraints, foreign keys both ways, triggers, enums', async () => {
  const { db } = database
  expect(await catalog.constraints(db, 'shop', 'orders')).toMatchObject([
    { name: 'orders_customer_id_fkey', kind: 'foreign key', columns: ['customer_id'], validated: true },
    { name: 'orders_pkey', kind: 'primary key', columns: ['id'] },
    { name: 'orders_price_check', kind: 'check', columns: ['price'] },
  ])
  const key = {
    name: 'orders_customer_id_fkey',
    schema: 'shop',
    table: 'orders',
    columns: ['customer_id'],
    referencedSchema: 'shop',
    referencedTable: 'customers',
    referencedColumns: ['id'],
    onDelete: 'cascade',
  }
  expect(await catalog.foreignKeysTo(db, 'shop', 'customers')).toEqual([key])
  expect(await catalog.foreignKeysFrom(db, 'shop', 'orders')).toEqual([key])
  expect(await catalog.foreignKeysIn(db, 'shop')).toEqual([key])
  expect(await catalog.foreignKeysTo(db, 'shop', 'orders')).toEqual([])
  expect(await catalog.triggers(db, 'shop')).toMatchObject([{ table: 'orders', name: 'touch', enabled: true }])
  expect(await catalog.enumTypes(db, 'shop')).toEqual([{ name: 'state', labels: ['open', 'closed', 'lost'] }])
})

test('sizes add up', async () => {
  const sizes = await catalog.tableSizes(database.db, 'shop')
  expect(sizes.map(({ table }) => table).sort()).toEqual(['customers', 'orders'])
  for (const { heapBytes, indexBytes, toastBytes, totalBytes } of sizes) {
    expect(heapBytes + indexBytes + toastBytes).toBe(totalBytes)
  }
})
