import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { applyPending } from '../../src/migrations/apply.ts'
import { redoLast, rehearseRollback, rollBack } from '../../src/migrations/rollback.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { migration, statements } from '../../src/model/migration.ts'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { allToys, jsonOperators, parts, things, toys } from './fixtures.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

const said = ({ outcomes }: Awaited<ReturnType<typeof rollBack>>) =>
  outcomes.map(({ name, outcome }) => `${name} ${outcome}`)

async function appliedNames(): Promise<string[]> {
  const status = await migrationStatus(database.db, [allToys])
  return status.filter(({ condition }) => condition === 'applied').map(({ name }) => name)
}

describe('rollBack', () => {
  it('takes the last migrations back, in reverse order, down to the one named', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys] })
    expect(said(await rollBack({ db, system: allToys }))).toEqual(['0004_concurrent_index rolled back'])
    expect(await appliedNames()).toEqual(['0001_things', '0002_json_operators', '0003_parts'])
    expect(said(await rollBack({ db, system: allToys, to: '0001_things', force: true }))).toEqual([
      '0003_parts rolled back',
      '0002_json_operators rolled back',
    ])
    expect(await appliedNames()).toEqual(['0001_things'])
    expect(said(await rollBack({ db, system: allToys, count: 9, force: true }))).toEqual(['0001_things rolled back'])
    expect(await db.rows(sql`SELECT relname FROM pg_class WHERE relname IN ('things', 'parts')`)).toEqual([])

    const again = await applyPending({ db, systems: [allToys] })
    expect(again.outcomes).toHaveLength(4)
    expect(again.failure).toBeUndefined()
  })

  it('refuses to lose rows and says how many, then does it when forced', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys], to: '0003_parts' })
    await db.execute(sql`INSERT INTO elsewhere.parts VALUES (1, 'a'), (2, NULL)`)

    await expect(rollBack({ db, system: allToys, count: 2 })).rejects.toMatchObject({
      exitCode: 5,
      code: 'would-lose-rows',
      message: 'Rolling back would lose 2 rows of elsewhere.parts, 1 value of elsewhere.things.note',
      details: {
        losses: [
          { schema: 'elsewhere', table: 'parts', column: null, rows: '2' },
          { schema: 'elsewhere', table: 'things', column: 'note', rows: '1' },
        ],
      },
    })
    const one = await rollBack({ db, system: allToys })
    expect(one.failure).toMatchObject({ message: 'Rolling back would lose 2 rows of elsewhere.parts' })
    expect(await appliedNames()).toHaveLength(3)
    expect(await db.rows(sql`SELECT part_id FROM elsewhere.parts`)).toHaveLength(2)

    const { failure } = await rollBack({ db, system: allToys, count: 2, force: true })
    expect(failure).toBeUndefined()
    expect(await appliedNames()).toEqual(['0001_things'])
  })

  it('counts rows that a migration deletes or truncates, and partitions once', async () => {
    const { db } = database
    const logs = migration({
      name: '0004_logs',
      async up(knex, { schema }) {
        await statements(
          knex,
          `CREATE TABLE ${schema}.logs (at date NOT NULL) PARTITION BY RANGE (at)`,
          `CREATE TABLE ${schema}.logs_1 PARTITION OF ${schema}.logs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`,
          `INSERT INTO ${schema}.logs VALUES ('2026-01-05'), ('2026-01-06')`,
          `INSERT INTO ${schema}.parts VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
        )
      },
      async down(knex, { schema }) {
        await statements(
          knex,
          `DROP TABLE ${schema}.logs`,
          `DELETE FROM ${schema}.parts WHERE part_id < 3`,
          `TRUNCATE ${schema}.things`,
        )
      },
    })
    const system = toys(things, jsonOperators, parts, logs)
    await applyPending({ db, systems: [system] })
    const rehearsal = await rehearseRollback({ db, system })
    expect(rehearsal.losses).toEqual([
      { schema: 'elsewhere', table: 'logs', column: null, rows: 2n },
      { schema: 'elsewhere', table: 'parts', column: null, rows: 2n },
      { schema: 'elsewhere', table: 'things', column: null, rows: 1n },
    ])
    expect(await db.one(sql`SELECT count(*) AS n FROM elsewhere.parts`)).toEqual({ n: 3n })
    expect(await appliedNames()).toEqual(['0001_things', '0002_json_operators', '0003_parts'])
  })

  it('keeps table and record together when the way down fails', async () => {
    const { db } = database
    const oneWay = migration({
      name: '0004_one_way',
      up: (knex, { schema }) => statements(knex, `CREATE TABLE ${schema}.one_way (id integer)`),
      down: (knex, { schema }) => statements(knex, `DROP TABLE ${schema}.one_way`, `DROP TABLE ${schema}.never_was`),
    })
    const system = toys(things, jsonOperators, parts, oneWay)
    await applyPending({ db, systems: [system] })
    const { failure, outcomes } = await rollBack({ db, system, count: 2, force: true })
    expect(failure).toMatchObject({
      exitCode: 6,
      message: 'Rolling back toys 0004_one_way failed and was rolled back: table "never_was" does not exist',
    })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['failed', 'not run'])
    expect(await db.rows(sql`SELECT * FROM elsewhere.one_way`)).toEqual([])
    const status = await migrationStatus(db, [system])
    expect(status.every(({ condition }) => condition === 'applied')).toBe(true)
  })

  it('says which migration is not applied', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys], count: 1 })
    await expect(rollBack({ db, system: allToys, to: '0001_thing' })).rejects.toMatchObject({
      exitCode: 4,
      hint: 'Did you mean 0001_things?',
    })
  })
})

describe('redoLast', () => {
  it('rolls the last one back and applies it again', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys], to: '0003_parts' })
    const before = await db.one<{ oid: number }>(sql`SELECT 'elsewhere.parts'::regclass::oid AS oid`)
    expect(said(await redoLast({ db, system: allToys }))).toEqual(['0003_parts redone'])
    const after = await db.one<{ oid: number }>(sql`SELECT 'elsewhere.parts'::regclass::oid AS oid`)
    expect(after.oid).not.toBe(before.oid)
    expect(await appliedNames()).toHaveLength(3)
  })

  it('changes nothing when the way up fails', async () => {
    const { db } = database
    let times = 0
    const moody = migration({
      name: '0004_moody',
      up: (knex, { schema }) =>
        statements(
          knex,
          times++ === 0 ? `CREATE TABLE ${schema}.moody (id integer)` : `CREATE TABLE ${schema}.moody ()()`,
        ),
      down: (knex, { schema }) => statements(knex, `DROP TABLE ${schema}.moody`),
    })
    const system = toys(things, jsonOperators, parts, moody)
    await applyPending({ db, systems: [system] })
    const { failure } = await redoLast({ db, system })
    expect(failure).toMatchObject({ exitCode: 6, message: expect.stringContaining('Redoing toys 0004_moody failed') })
    expect(await db.rows(sql`SELECT * FROM elsewhere.moody`)).toEqual([])
    expect((await migrationStatus(db, [system])).at(-1)?.condition).toBe('applied')
  })
})
