/** Comparing two descriptions of a schema: one difference for each thing that differs, said in words. */
import { expect, test } from 'vitest'
import { differences, inWords } from '../../src/schema/compare.ts'
import type { IndexDescription, SchemaDescription, TableDescription } from '../../src/schema/description.ts'

const index: IndexDescription = {
  on: ['name DESC'],
  method: 'btree',
  unique: false,
  nullsNotDistinct: false,
  where: null,
  valid: true,
}
const table: TableDescription = {
  columns: {
    id: { type: 'uuid', nullable: false, default: 'gen_random_uuid()', generated: null, identity: null },
    name: { type: 'text', nullable: true, default: null, generated: null, identity: null },
  },
  primaryKey: ['id'],
  foreignKeys: {},
  uniques: { uq_things_name: { on: ['name'], nullsNotDistinct: false, deferrability: 'not deferrable' } },
  checks: {},
  indexes: { ix_things_name: index },
  triggers: { touch: 'enabled' },
  partitionedBy: null,
  persistence: 'permanent',
  rowSecurity: false,
}
const schema: SchemaDescription = {
  tables: { things: table },
  types: { state: ['open', 'closed'] },
  sequences: [],
  functions: ['next()'],
  views: [],
  others: [],
}

/** `object: words` of every difference between the schema and a changed one. */
function changed(live: Partial<SchemaDescription>, thing: Partial<TableDescription> = {}): string[] {
  const tables = { things: { ...table, ...thing } }
  return differences(schema, { ...schema, tables, ...live }).map((each) => `${each.object}: ${inWords(each)}`)
}

test('equal descriptions have no difference', () => {
  expect(differences(schema, structuredClone(schema))).toEqual([])
})

test('what is missing as a whole is one difference, and so is what no declaration knows', () => {
  expect(changed({ tables: {} })).toEqual(['things: table is missing'])
  expect(changed({ tables: { things: table, more: table } })).toEqual(['more: table is not declared'])
  const { name, id } = table.columns
  expect(changed({}, { columns: id === undefined ? {} : { id } })).toEqual(['things.name: column is missing: text'])
  expect(changed({}, { columns: { ...table.columns, ...(name && { extra: name }) } })).toEqual([
    'things.extra: column is not declared: text',
  ])
})

test('every property of a table is compared', () => {
  const column = { type: 'integer', nullable: false, default: '7', generated: null, identity: null } as const
  expect(changed({}, { columns: { ...table.columns, name: column } })).toEqual([
    'things.name: column is integer, declared text',
    'things.name: default is 7, declared none',
    'things.name: nullability is NOT NULL, declared nullable',
  ])
  expect(changed({}, { primaryKey: ['id', 'name'] })).toEqual(['things: primary key is (id, name), declared (id)'])
  expect(changed({}, { partitionedBy: 'RANGE (id)' })).toEqual(['things: partitioning is RANGE (id), declared none'])
  expect(changed({}, { triggers: { touch: 'disabled' } })).toEqual([
    'things.touch: trigger is disabled, declared enabled',
  ])
  expect(changed({}, { persistence: 'unlogged', rowSecurity: true })).toEqual([
    'things: persistence is unlogged, declared permanent',
    'things: row security is on, declared off',
  ])
  const unique = { on: ['name'], nullsNotDistinct: true, deferrability: 'initially deferred' } as const
  expect(changed({}, { uniques: { uq_things_name: unique } })).toEqual([
    'things.uq_things_name: unique is (name) NULLS NOT DISTINCT INITIALLY DEFERRED, declared (name)',
  ])
  expect(
    changed(
      {},
      {
        indexes: {
          ix_things_name: { ...index, on: ['name'], method: 'gin', unique: true, where: '(id > 1)', valid: false },
        },
      },
    ),
  ).toEqual([
    'things.ix_things_name: index is UNIQUE gin (name) WHERE (id > 1) (invalid: its build was interrupted or is under way), declared btree (name DESC)',
  ])
  expect(
    changed(
      {},
      {
        foreignKeys: {
          fk_things_name: {
            on: ['name'],
            table: 'others',
            columns: ['id'],
            onDelete: 'set null',
            onUpdate: 'cascade',
            deferrability: 'not deferrable',
            validity: 'not valid',
          },
        },
      },
    ),
  ).toEqual([
    'things.fk_things_name: foreign key is not declared: (name) to others (id) ON DELETE SET NULL ON UPDATE CASCADE NOT VALID',
  ])
})

test('types by their labels in order, and functions, sequences, views and the rest by their names', () => {
  expect(changed({ types: { state: ['closed', 'open'] } })).toEqual([
    'state: enum is closed, open, declared open, closed',
  ])
  expect(changed({ functions: [], sequences: ['numbers'], views: ['recent'], others: ['domain sum'] })).toEqual([
    'domain sum: object is not declared',
    'next(): function is missing',
    'numbers: sequence is not declared',
    'recent: view is not declared',
  ])
})
