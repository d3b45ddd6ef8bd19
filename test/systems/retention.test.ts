/**
 * Every retention rule finds exactly the rows that it should: its condition runs on the system's own tables, and is
 * compared with the same question answered in TypeScript over raw rows, seeded ones and such as are easily counted
 * wrong.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeds } from '../../seeds/registry.ts'
import { backlogOf } from '../../src/db/backlog.ts'
import type { Database, Transaction } from '../../src/db/database.ts'
import { dueSql, type RuleScope } from '../../src/model/due.ts'
import type { Entity } from '../../src/model/entity.ts'
import { linkOf } from '../../src/model/field.ts'
import { statesOf } from '../../src/model/lifecycle.ts'
import { appliedRule, type RetentionRule } from '../../src/model/retention.ts'
import { identifier, join, raw, type Sql, sql } from '../../src/model/sql.ts'
import { entityNamed, type System } from '../../src/model/system.ts'
import { seedRequest } from '../../src/seeds/request.ts'
import { runSeeds } from '../../src/seeds/run.ts'
import { systems } from '../../src/systems/registry.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const loaded = await Promise.all(systems.map(({ load }) => load()))

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
  for (const { name } of loaded) {
    const definition = await seeds[name]?.()
    if (definition === undefined) throw new Error(`no seeds of ${name}`)
    const asked = {
      schema: name,
      scale: undefined,
      rows: 120,
      seed: 7,
      until: undefined,
      now: new Date(),
      append: false,
    }
    const quiet = { onProgress: () => {}, signal: new AbortController().signal }
    await runSeeds(db, seedRequest(definition, { ...asked, stores: [] }), quiet)
  }
}, 60_000)
afterAll(() => database?.drop())

type Row = Readonly<Record<string, unknown>>

describe.each(loaded)('the rules of $name', (system: System) => {
  it.each(system.retention.map((rule) => [rule.name, rule] as const))('%s', async (_name, rule) => {
    const entity = entityOf(system, rule.entity)
    const scope: RuleScope = { system, schema: system.name, applied: appliedRule(rule, 'on') }
    await inVain(async (tx) => {
      await compare(tx, scope, entity)
      await makeOdd(tx, system, entity, rule)
      // The odd rows are of both kinds, or the comparison says nothing.
      const due = await compare(tx, scope, entity)
      expect(due.length).toBeGreaterThan(0)
      await hold(tx, system, entity, due)
      const free = await compare(tx, scope, entity)
      if (rule.action === 'expire') expect(free).toEqual(due)
      else expect(free.length).toBeLessThan(due.length)
    })
  })
})

describe.each(loaded)('what waits under the rules of $name', (system: System) => {
  const rules = system.retention.filter(({ action }) => action !== 'drop-partitions')
  it.each(rules.map((rule) => [rule.name, rule] as const))('%s', async (_name, rule) => {
    const scope: RuleScope = { system, schema: system.name, applied: appliedRule(rule, 'on') }
    const table = identifier(system.name, entityOf(system, rule.entity).table)
    const open = rule.files === undefined ? raw('TRUE') : sql`${identifier(rule.files.cleanedAt)} IS NULL`
    const due = await db.one(sql`SELECT count(*) AS rows FROM ${table} AS r WHERE ${dueSql(scope, 'r')} AND ${open}`)
    expect(await backlogOf(db, scope)).toMatchObject({ ...due, atLeast: false })
  })
})

/** Asks both ways. @returns keys of the rows that are due */
async function compare(tx: Transaction, scope: RuleScope, entity: Entity): Promise<string[]> {
  const { system, applied } = scope
  const table = identifier(system.name, entity.table)
  const key = identifier('r', entity.primaryKey)
  const found = await tx.rows<{ id: string }>(sql`
    SELECT ${key}::text AS id FROM ${table} AS r WHERE ${dueSql(scope, 'r')} ORDER BY ${key}::text COLLATE "C"`)
  const whole = (await primaryKeyOf(tx, system, entity)).map((column) => sql`${identifier('r', column)}::text`)
  const rows = await tx.rows<Row>(
    sql`SELECT ${key}::text AS steward_id, ARRAY[${join(whole)}] AS steward_key, r.* FROM ${table} AS r`,
  )
  const holds = await tx.rows<{ schema: string; table: string; key: string[]; stands: boolean }>(sql`
    SELECT schema_name AS schema, table_name AS table, row_key AS key, until > now() AS stands
    FROM steward.retention_holds`)
  const held = new Set(
    holds
      .filter((one) => one.stands && one.schema === system.name && one.table === entity.table)
      .map((one) => one.key.join(' ')),
  )
  const { now } = await tx.one<{ now: string }>(sql`SELECT now() AS now`)
  const parents = await activeParents(tx, system, entity, applied.rule)
  const cutoff = before(micros(now), applied.olderThan)
  const due = rows.filter(
    (row) =>
      isDue(row, entity, applied.rule, cutoff, parents) &&
      (applied.rule.action === 'expire' || !held.has([row.steward_key].flat().join(' '))),
  )
  expect(found.map(({ id }) => id)).toEqual(due.map((row) => String(row.steward_id)).sort(byCode))
  expect(due.length).toBeLessThan(rows.length)
  return found.map(({ id }) => id)
}

/** The rule in words, over one row. */
function isDue(
  row: Row,
  entity: Entity,
  { ageOf, only = {}, except = {}, action, unlessActive = [] }: RetentionRule,
  cutoff: bigint,
  active: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const age = [ageOf]
    .flat()
    .map((field) => row[field])
    .find((value) => value !== null)
  if (age === undefined || age === '' || micros(String(age)) >= cutoff) return false
  if (Object.entries(only).some(([field, values]) => row[field] === null || !values.includes(String(row[field])))) {
    return false
  }
  if (Object.entries(except).some(([field, values]) => row[field] !== null && values.includes(String(row[field])))) {
    return false
  }
  const mark = entity.softDelete
  const isMarked = mark !== undefined && row[mark.field] !== null
  if (action === 'purge' ? !isMarked : ['expire', 'soft-delete'].includes(action) && isMarked) return false
  if (
    action === 'soft-delete' &&
    mark?.only?.some(({ field, isOneOf }) => !isOneOf.some((value) => value === row[field]))
  ) {
    return false
  }
  return unlessActive.every((field) => row[field] === null || !active.get(field)?.has(String(row[field])))
}

/** Keys of the parents that are waiting or at work, by the field that refers to them. */
async function activeParents(tx: Transaction, system: System, entity: Entity, { unlessActive = [] }: RetentionRule) {
  const found = new Map<string, ReadonlySet<string>>()
  for (const field of unlessActive) {
    const parent = parentOf(system, entity, field)
    const { lifecycle } = parent
    if (!lifecycle) throw new Error(`${parent.name} has no lifecycle`)
    const rows = await tx.rows<{ id: string; state: string }>(sql`
      SELECT ${identifier(parent.primaryKey)}::text AS id, ${identifier(lifecycle.field)}::text AS state
      FROM ${identifier(system.name, parent.table)}`)
    const open = statesOf(lifecycle, 'waiting', 'active')
    found.set(field, new Set(rows.filter(({ state }) => open.includes(state)).map(({ id }) => id)))
  }
  return found
}

/**
 * Gives the first rows of the table ages around the cutoff, none at all, and without end; marks some as deleted; makes
 * the parents of some active. Checks and triggers are off meanwhile: the question is what the condition says.
 */
async function makeOdd(tx: Transaction, system: System, entity: Entity, rule: RetentionRule): Promise<void> {
  const table = identifier(system.name, entity.table)
  await tx.execute(raw('SET LOCAL session_replication_role = replica'))
  await loosen(tx, system.name, entity.table)
  const fields = [rule.ageOf].flat()
  const cutoff = sql`(now() - ${rule.olderThan}::interval)`
  const ages: Sql[] = [
    sql`${cutoff}`,
    sql`${cutoff} - interval '1 microsecond'`,
    sql`${cutoff} + interval '1 microsecond'`,
    // A duration that the table makes of it could not be written down.
    ...(Object.values(entity.fields).some(({ generated, kind }) => generated !== undefined && kind === 'integer')
      ? []
      : [sql`'-infinity'::timestamptz`, sql`'infinity'::timestamptz`]),
    sql`now()`,
    sql`NULL::timestamptz`,
  ]
  // Each age in each field, with every other field empty, and with every other one just old enough.
  const partitioned = entity.partitionedBy !== undefined
  const variants = fields.flatMap((field) =>
    ages.flatMap((age) => [raw('NULL'), sql`${cutoff} - interval '1 day'`].map((other) => ({ field, age, other }))),
  )
  const ids = await tx.rows<{ id: string }>(sql`
    SELECT ${identifier(entity.primaryKey)}::text AS id FROM ${table} ORDER BY 1 LIMIT ${variants.length * 3}`)
  for (const [place, { id }] of ids.entries()) {
    const variant = variants[place % variants.length]
    if (variant === undefined || (partitioned && place % variants.length >= variants.length - 2)) continue
    const round = Math.floor(place / variants.length)
    const sets = fields.map(
      (field) => sql`${identifier(field)} = ${field === variant.field ? variant.age : variant.other}`,
    )
    for (const [field, values] of Object.entries(rule.only ?? {})) {
      sets.push(sql`${identifier(field)} = ${raw(`'${values[place % values.length]}'`)}`)
    }
    const mark = entity.softDelete?.field
    // Of a purge, the mark is the age.
    if (mark !== undefined && !fields.includes(mark)) {
      sets.push(sql`${identifier(mark)} = ${round === 2 ? raw('now()') : raw('NULL')}`)
    }
    if (rule.action === 'soft-delete' && round < 2) {
      sets.push(raw(`inputs_cleaned_at = now(), outputs_cleaned_at = ${place % 5 === 0 ? 'NULL' : 'now()'}`))
    }
    await tx.execute(sql`UPDATE ${table} SET ${join(sets)} WHERE ${identifier(entity.primaryKey)}::text = ${id}`)
    for (const field of rule.unlessActive ?? []) {
      const parent = parentOf(system, entity, field)
      const { lifecycle } = parent
      if (!lifecycle) continue
      await loosen(tx, system.name, parent.table)
      const [waiting] = statesOf(lifecycle, 'waiting', 'active')
      const [over] = statesOf(lifecycle, 'terminal')
      await tx.execute(sql`
        UPDATE ${identifier(system.name, parent.table)} AS p
        SET ${identifier(lifecycle.field)} = ${raw(`'${round === 1 ? waiting : over}'`)}
        FROM ${table} AS r
        WHERE r.${identifier(entity.primaryKey)}::text = ${id}
          AND p.${identifier(parent.primaryKey)} = r.${identifier(field)}`)
    }
  }
}

/** Holds some of the rows; for some the hold is over, and some have the key of a row of another table that is held. */
async function hold(tx: Transaction, system: System, entity: Entity, ids: readonly string[]): Promise<void> {
  const key = (await primaryKeyOf(tx, system, entity)).map((column) => sql`${identifier('r', column)}::text`)
  await tx.execute(sql`
    INSERT INTO steward.retention_holds (schema_name, table_name, row_key, until, run_id)
    SELECT
      ${system.name},
      CASE WHEN place % 4 = 2 THEN 'others' ELSE ${entity.table} END,
      jsonb_build_array(${join(key)}),
      CASE WHEN place % 4 = 3 THEN now() ELSE now() + interval '1 microsecond' END,
      1
    FROM unnest(${[...ids]}::text[]) WITH ORDINALITY AS due (id, place)
    JOIN ${identifier(system.name, entity.table)} AS r ON ${identifier('r', entity.primaryKey)}::text = due.id
    WHERE place % 4 > 0`)
}

/** As the catalog has it, by which a restore holds rows. */
async function primaryKeyOf(tx: Transaction, system: System, entity: Entity): Promise<string[]> {
  const { columns } = await tx.one<{ columns: string[] }>(sql`
    SELECT array_agg(a.attname::text ORDER BY array_position(k.conkey, a.attnum)) AS columns
    FROM pg_constraint AS k
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
    WHERE k.contype = 'p' AND k.conrelid = ${`${system.name}.${entity.table}`}::regclass`)
  return columns
}

/** Takes checks and NOT NULL off a table, as far as no key needs them. */
async function loosen(tx: Transaction, schema: string, table: string): Promise<void> {
  const name = `${schema}.${table}`
  const found = await tx.rows<{ statement: string }>(sql`
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', ${name}::regclass, conname) AS statement
    FROM pg_constraint
    WHERE conrelid = ${name}::regclass AND contype = 'c'
    UNION ALL
    SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', ${name}::regclass, attname)
    FROM pg_attribute
    WHERE attrelid = ${name}::regclass
      AND attnum > 0
      AND attnotnull
      AND NOT attisdropped
      AND atttypid = 'timestamptz'::regtype
      AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey))`)
  for (const { statement } of found) await tx.execute(raw(statement))
}

/** Runs in a transaction that is undone. */
async function inVain(work: (tx: Transaction) => Promise<void>): Promise<void> {
  const undo = new Error('undo')
  await db
    .transaction(async (tx) => {
      await work(tx)
      throw undo
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error
    })
}

function entityOf(system: System, name: string): Entity {
  const found = entityNamed(system, name)
  if (found === undefined) throw new Error(`no entity ${name}`)
  return found
}

function parentOf(system: System, entity: Entity, field: string): Entity {
  const declared = entity.fields[field]
  return entityOf(system, (declared && linkOf(declared)?.entity) ?? '')
}

const END = 10n ** 30n

/** Microseconds since 1970 of `2026-11-22T03:51:04.100000Z`. */
function micros(text: string): bigint {
  if (text === 'infinity') return END
  if (text === '-infinity') return -END
  const [, second = '', fraction = '0'] = /^(.*)\.(\d{6})Z$/.exec(text) ?? []
  return BigInt(Date.parse(`${second}Z`)) * 1000n + BigInt(fraction)
}

/** The instant so long before, by the calendar in UTC. */
function before(instant: bigint, interval: string): bigint {
  const [, count = '', unit = ''] = /^(\d+) (second|minute|hour|day|year)s?$/.exec(interval) ?? []
  const fixed: Readonly<Record<string, bigint>> = { second: 1n, minute: 60n, hour: 3600n, day: 86_400n }
  const seconds = fixed[unit]
  if (seconds !== undefined) return instant - BigInt(count) * seconds * 1_000_000n
  expect(unit).toBe('year')
  const date = new Date(Number(instant / 1000n))
  const earlier = Date.UTC(date.getUTCFullYear() - Number(count), date.getUTCMonth(), date.getUTCDate())
  const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  return instant - BigInt(midnight - earlier) * 1000n
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
