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
    `CREATE DOMAIN shop.sum AS numeric`,
    `CREATE TYPE shop.pair AS (one integer, other integer)`,
    `CREATE TYPE shop.span AS RANGE (subtype = integer)`,
    `CREATE TABLE shop.visits (
       customer_id bigint REFERENCES shop.customers ON DELETE CASCADE DEFERRABLE,
       at timestamptz NOT NULL,
       page text CHECK (page <> ''),
       PRIMARY KEY (customer_id, at)
     ) PARTITION BY RANGE (at)`,
    `CREATE INDEX visits_by_page ON shop.visits (page COLLATE "C" text_pattern_ops DESC)`,
    `CREATE TABLE shop.visits_y2026m11 PARTITION OF shop.visits FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')`,
    `CREATE TABLE shop.visits_default PARTITION OF shop.visits DEFAULT`,
    `CREATE VIEW shop.dear AS SELECT id FROM shop.orders WHERE price > 1000`,
    `CREATE INDEX customers_by_mail ON shop.customers (lower("e mail"), id DESC NULLS LAST)`,
    `CREATE INDEX orders_recent ON shop.orders (customer_id, placed_at DESC) INCLUDE (price) WHERE state = 'open'`,
    `CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    `CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.nothing()`,
    `CREATE TRIGGER visited AFTER INSERT ON shop.visits FOR EACH ROW EXECUTE FUNCTION shop.nothing()`,
  ]) {
    await database.db.execute(raw(statement))
  }
})
afterAll(() => database.drop())

test('relations of every kind, and types', async () => {
  const { db } = database
  const plain = {
    kind: 'table',
    partitionedBy: null,
    hasDefaultPartition: false,
    persistence: 'permanent',
    rowSecurity: false,
  }
  expect(await catalog.relations(db, 'shop')).toEqual([
    { ...plain, name: 'customers' },
    { ...plain, name: 'dear', kind: 'view' },
    { ...plain, name: 'orders' },
    { ...plain, name: 'pair', kind: 'composite type' },
    // One table: its partitions are no relations of their own.
    { ...plain, name: 'visits', partitionedBy: 'RANGE (at)', hasDefaultPartition: true },
  ])
  expect(await catalog.withQualifiedNames(db, (tx) => catalog.views(tx, 'shop'))).toEqual([
    {
      name: 'dear',
      materialized: false,
      definition: 'SELECT id\n   FROM shop.orders\n  WHERE (price > (1000)::numeric)',
    },
  ])
  expect(await catalog.relations(db, 'Shop')).toEqual([])
  expect(await catalog.types(db, 'shop')).toEqual([
    // Without its multirange, and below without its functions: they are made along with it.
    { name: 'span', kind: 'range', labels: [] },
    { name: 'state', kind: 'enum', labels: ['open', 'closed', 'lost'] },
    { name: 'sum', kind: 'domain', labels: [] },
  ])
})

test('columns, with types that always name their schema', async () => {
  await database.db.execute(raw(`ALTER DATABASE "${database.db.database}" SET search_path = shop`))
  const columns = await catalog.withQualifiedNames(database.db, (db) => catalog.columns(db, 'shop'))
  const plain = { table: 'orders', nullable: true, default: null, identity: null, generated: null }
  expect([...new Set(columns.map(({ table }) => table))]).toEqual(['customers', 'dear', 'orders', 'visits'])
  expect(columns.find(({ table, name }) => table === 'customers' && name === 'id')).toEqual({
    ...plain,
    table: 'customers',
    name: 'id',
    type: 'bigint',
    nullable: false,
    identity: 'always',
  })
  expect(columns.filter(({ table }) => table === 'orders')).toEqual([
    { ...plain, name: 'id', type: 'integer', nullable: false },
    { ...plain, name: 'customer_id', type: 'bigint' },
    { ...plain, name: 'state', type: 'shop.state', nullable: false, default: "'open'::shop.state" },
    { ...plain, name: 'states', type: 'shop.state[]' },
    { ...plain, name: 'price', type: 'numeric(10,2)' },
    { ...plain, name: 'placed_at', type: 'timestamp with time zone', nullable: false, default: 'now()' },
    { ...plain, name: 'doubled', type: 'numeric', generated: '(price * (2)::numeric)' },
  ])
})

test('indexes with order, predicate and what they carry', async () => {
  const indexes = await catalog.withQualifiedNames(database.db, (db) => catalog.indexes(db, 'shop'))
  const plain = {
    method: 'btree',
    includes: [],
    unique: false,
    nullsNotDistinct: false,
    constraint: null,
    where: null,
    valid: true,
  }
  expect(indexes).toEqual([
    { ...plain, table: 'customers', name: 'customers_by_mail', on: ['lower("e mail")', 'id DESC NULLS LAST'] },
    {
      ...plain,
      table: 'customers',
      name: 'customers_e mail_key',
      on: ['e mail'],
      unique: true,
      constraint: 'customers_e mail_key',
    },
    {
      ...plain,
      table: 'customers',
      name: 'customers_pkey',
      on: ['id'],
      unique: true,
      constraint: 'customers_pkey',
    },
    { ...plain, table: 'orders', name: 'orders_pkey', on: ['id'], unique: true, constraint: 'orders_pkey' },
    {
      ...plain,
      table: 'orders',
      name: 'orders_recent',
      on: ['customer_id', 'placed_at DESC'],
      includes: ['price'],
      where: "(state = 'open'::shop.state)",
    },
    { ...plain, table: 'visits', name: 'visits_by_page', on: ['page COLLATE C text_pattern_ops DESC'] },
    {
      ...plain,
      table: 'visits',
      name: 'visits_pkey',
      on: ['customer_id', 'at'],
      unique: true,
      constraint: 'visits_pkey',
    },
  ])
})

test('constraints, foreign keys both ways, triggers, functions', async () => {
  const { db } = database
  const constraints = await catalog.constraints(db, 'shop')
  const checked = { expression: null, deferrability: 'not deferrable', validity: 'valid' }
  expect(constraints.filter(({ table }) => table.startsWith('visits'))).toEqual([
    {
      ...checked,
      table: 'visits',
      name: 'visits_page_check',
      kind: 'check',
      columns: ['page'],
      expression: "(page <> ''::text)",
    },
    { ...checked, table: 'visits', name: 'visits_pkey', kind: 'primary key', columns: ['customer_id', 'at'] },
  ])
  expect(constraints.filter(({ table }) => table === 'orders')).toEqual([
    { ...checked, table: 'orders', name: 'orders_pkey', kind: 'primary key', columns: ['id'] },
    {
      ...checked,
      table: 'orders',
      name: 'orders_price_check',
      kind: 'check',
      columns: ['price'],
      expression: '(price >= (0)::numeric)',
    },
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
    onUpdate: 'no action',
    deferrability: 'not deferrable',
    validity: 'valid',
  }
  // The key of the partitioned table once, its copies on the partitions not at all.
  const visits = {
    ...key,
    name: 'visits_customer_id_fkey',
    table: 'visits',
    deferrability: 'initially immediate',
  }
  expect(await catalog.foreignKeysTo(db, 'shop', 'customers')).toEqual([key, visits])
  expect(await catalog.foreignKeysIn(db, 'shop')).toEqual([key, visits])
  expect(await catalog.foreignKeysTo(db, 'shop', 'orders')).toEqual([])
  expect(await catalog.triggers(db, 'shop')).toEqual([
    { table: 'orders', name: 'touch', enabled: true },
    { table: 'visits', name: 'visited', enabled: true },
  ])
  expect(await catalog.functions(db, 'shop')).toEqual(['nothing()'])
})
