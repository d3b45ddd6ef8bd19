/** A small system of its own for the reading tests: every kind of field, NULLs and ties in every sortable one. */
import type { Scope } from '../../src/crud/scope.ts'
import type { Database } from '../../src/db/database.ts'
import { entity } from '../../src/model/entity.ts'
import {
  bigint,
  boolean,
  enumeration,
  float,
  integer,
  json,
  numeric,
  oneOf,
  reference,
  text,
  textArray,
  timestamp,
  uuid,
  varchar,
} from '../../src/model/field.ts'
import { identifier, join, raw, sql } from '../../src/model/sql.ts'
import { system } from '../../src/model/system.ts'

export const STATES = ['waiting', 'running', 'done'] as const
/** Odd on purpose: names must be quoted wherever they go. */
export const SCHEMA = 'odd "schema"'

const maker = entity({
  name: 'maker',
  table: 'makers',
  summary: 'Makers',
  primaryKey: 'maker_id',
  fields: { maker_id: text({ summary: 'id' }), name: text({ summary: 'name' }) },
  verbs: ['list', 'get'],
  list: { columns: ['maker_id'], sort: 'name' },
})

export const thing = entity({
  name: 'thing',
  table: 'things',
  summary: 'Things',
  primaryKey: 'thing_id',
  fields: {
    thing_id: text({ summary: 'id' }),
    made_by: reference('maker', 'maker_id', { summary: 'maker', onDelete: 'set null', nullable: true }),
    state: enumeration('thing_state', STATES, { summary: 'state' }),
    size: oneOf(['small', 'large'], { summary: 'size', nullable: true }),
    name: text({ summary: 'name', nullable: true }),
    code: varchar(8, { summary: 'code' }),
    order: integer({ summary: 'place', nullable: true }),
    bytes: bigint({ summary: 'bytes', nullable: true, unit: 'bytes' }),
    ratio: float({ summary: 'ratio', nullable: true }),
    price: numeric({ summary: 'price', nullable: true }),
    is_new: boolean({ summary: 'new', nullable: true }),
    tags: textArray({ summary: 'tags', nullable: true }),
    settings: json({ summary: 'settings', nullable: true }),
    token: uuid({ summary: 'token', nullable: true }),
    secret_hash: text({ summary: 'secret', secret: true }),
    created_at: timestamp({ summary: 'created' }),
    ended_at: timestamp({ summary: 'ended', nullable: true }),
  },
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['thing_id', 'state', 'created_at'],
    sort: '-created_at',
    search: ['name', 'code'],
    time: 'created_at',
  },
})

const part = entity({
  name: 'part',
  table: 'parts',
  summary: 'Parts',
  primaryKey: 'part_id',
  fields: {
    part_id: text({ summary: 'id' }),
    thing_id: reference('thing', 'thing_id', { summary: 'thing', onDelete: 'cascade' }),
    place: integer({ summary: 'place', numberedWithin: ['thing_id'] }),
  },
  verbs: ['list', 'get'],
  list: { columns: ['part_id'], sort: '-part_id' },
})

export const workshop = system({
  name: 'workshop',
  title: 'Workshop',
  summary: 'Things and their parts',
  entities: [maker, thing, part],
  reports: [],
  retention: [],
  overview: { entity: 'thing' },
})

export const scope: Scope = { system: workshop, entity: thing, schema: SCHEMA }

export interface Thing {
  readonly thing_id: string
  readonly made_by: string | null
  readonly state: (typeof STATES)[number]
  readonly size: string | null
  readonly name: string | null
  readonly code: string
  readonly order: number | null
  readonly bytes: bigint | null
  readonly ratio: number | null
  readonly price: string | null
  readonly is_new: boolean | null
  readonly tags: readonly string[] | null
  readonly settings: unknown
  readonly token: string | null
  readonly secret_hash: string
  readonly created_at: string
  readonly ended_at: string | null
}

/** The same rows in every run. Names sort alike in every collation; few values, so that there are many ties. */
export function things(count: number): Thing[] {
  const next = random(7)
  const pick = <T>(...values: readonly T[]): T => values[Math.floor(next() * values.length)] as T
  const instants = ['2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000001Z', '2026-03-29T01:30:00.123456Z']
  return Array.from({ length: count }, (_, index) => ({
    thing_id: `t_${String(index).padStart(5, '0')}`,
    made_by: pick(null, 'm_1', 'm_2'),
    state: pick(...STATES),
    size: pick(null, 'small', 'large'),
    name: pick(null, 'anna', 'bert', 'carla', 'dora'),
    code: pick('aa', 'bb', 'cc'),
    order: pick(null, -1, 0, 1, 2, 2147483647),
    bytes: pick(null, 0n, 9007199254740993n, 9223372036854775807n),
    ratio: pick(null, -0.5, 0.1, 1 / 3, 1e300),
    price: pick(null, '0', '0.10', '12345678901234567890.123456789'),
    is_new: pick(null, true, false),
    tags: pick(null, [], ['red'], ['red', 'it"s, {odd}\\']),
    settings: pick<unknown>(null, {}, { a: 1 }, { a: 1, b: { c: ['x', "o'clock"] } }),
    token: pick(null, '11111111-1111-4111-8111-111111111111', 'aaaaaaaa-1111-4111-8111-111111111111'),
    secret_hash: 'hidden',
    created_at: pick(...instants),
    ended_at: pick(null, ...instants),
  }))
}

/** Creates the schema and fills `things`. */
export async function createWorkshop(db: Database, rows: readonly Thing[]): Promise<void> {
  const schema = identifier(SCHEMA)
  await db.execute(sql`CREATE SCHEMA ${schema}`)
  await db.execute(sql`CREATE TYPE ${schema}.thing_state AS ENUM (${raw(STATES.map((s) => `'${s}'`).join(', '))})`)
  await db.execute(sql`CREATE TABLE ${schema}.makers (maker_id text PRIMARY KEY, name text NOT NULL)`)
  const columns = Object.entries(thing.fields).map(([key, field]) => {
    const type = raw(field.sqlType.replace('{schema}', '"odd ""schema"""'))
    return sql`${identifier(key)} ${type} ${raw(field.nullable ? '' : 'NOT NULL')}`
  })
  await db.execute(sql`CREATE TABLE ${schema}.things (${join(columns)}, PRIMARY KEY (thing_id))`)
  await db.execute(sql`CREATE TABLE ${schema}.parts (
    part_id text PRIMARY KEY, thing_id text NOT NULL REFERENCES ${schema}.things, place integer NOT NULL)`)
  await db.execute(sql`INSERT INTO ${schema}.makers VALUES ('m_1', 'One'), ('m_2', 'Two')`)
  await insertThings(db, rows)
}

export async function insertThings(db: Database, rows: readonly Thing[]): Promise<void> {
  const keys = Object.keys(thing.fields)
  const written = rows.map((row) => ({ ...row, bytes: row.bytes === null ? null : String(row.bytes) }))
  const table = identifier(SCHEMA, 'things')
  await db.execute(sql`
    INSERT INTO ${table} (${join(keys.map((key) => identifier(key)))})
    SELECT ${join(keys.map((key) => identifier(key)))}
    FROM jsonb_populate_recordset(NULL::${table}, ${JSON.stringify(written)}::jsonb)`)
}

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
