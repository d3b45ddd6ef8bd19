import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { throwFailure } from '../../src/migrations/outcomes.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { migration, statements } from '../../src/model/migration.ts'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { allToys, broken, concurrentIndex, jsonOperators, parts, things, toys } from './fixtures.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

const said = ({ outcomes }: Awaited<ReturnType<typeof applyPending>>) =>
  outcomes.map(({ name, outcome }) => `${name} ${outcome}`)

describe('applyPending', () => {
  it('creates the mapped schema and applies everything, once', async () => {
    const { db } = database
    const first = await applyPending({ db, systems: [allToys] })
    expect(first.failure).toBeUndefined()
    expect(said(first)).toEqual([
      '0001_things applied',
      '0002_json_operators applied',
      '0003_parts applied',
      '0004_concurrent_index applied',
    ])
    const rows = await db.rows(sql`SELECT name, note, settings FROM elsewhere.things`)
    expect(rows).toEqual([{ name: "it's \\ bound?", note: 'why?', settings: { depth: 2 } }])
    expect(await applyPending({ db, systems: [allToys] })).toEqual({ outcomes: [] })
  })

  it('stops after the one named, or after so many', async () => {
    const { db } = database
    expect(said(await applyPending({ db, systems: [allToys], to: '0002_json_operators' }))).toHaveLength(2)
    expect(said(await applyPending({ db, systems: [allToys], count: 1 }))).toEqual(['0003_parts applied'])
    await expect(applyPending({ db, systems: [allToys], to: '0004_concurrent_indx' })).rejects.toMatchObject({
      exitCode: 4,
      message: 'There is no migration 0004_concurrent_indx',
      hint: 'Did you mean 0004_concurrent_index?',
    })
  })

  it("brings Steward's own schema first and whole, unless one of its migrations is where to stop", async () => {
    const { db } = database
    const own = { ...toys(parts, concurrentIndex), system: 'steward', schema: 'own' }
    const systems = [own, toys(things, jsonOperators)]
    expect(said(await applyPending({ db, systems, to: '0003_parts' }))).toEqual(['0003_parts applied'])
    expect(said(await applyPending({ db, systems, count: 1 }))).toEqual([
      '0004_concurrent_index applied',
      '0001_things applied',
    ])
  })

  it('keeps what came before a failure, nothing of what failed, and says so', async () => {
    const { db } = database
    const system = toys(things, jsonOperators, broken, concurrentIndex)
    const result = await applyPending({ db, systems: [system] })
    expect(said(result)).toEqual([
      '0001_things applied',
      '0002_json_operators applied',
      '0003_broken failed',
      '0004_concurrent_index not run',
    ])
    expect(() => throwFailure(result)).toThrow(
      expect.objectContaining({
        exitCode: 6,
        message:
          'Migration toys 0003_broken failed and was rolled back: type "no_such_type" does not exist; ' +
          '2 before it stay applied; 1 was not run',
        details: expect.objectContaining({
          sqlstate: '42704',
          migration: '0003_broken',
          migrations: result.outcomes,
        }),
      }),
    )
    const status = await migrationStatus(db, [system])
    expect(status.map(({ condition }) => condition)).toEqual(['applied', 'applied', 'pending', 'pending'])
    expect(await db.rows(sql`SELECT 1 AS found FROM pg_class WHERE relname = 'half'`)).toEqual([])
    expect((await applyPending({ db, systems: [toys(things, jsonOperators, parts)] })).failure).toBeUndefined()
  })

  it('says what an index build outside a transaction left behind, and how to go on', async () => {
    const { db } = database
    const uniqueIndex = migration({
      name: '0004_unique_labels',
      transaction: false,
      up: (knex, { schema }) =>
        statements(knex, `CREATE UNIQUE INDEX CONCURRENTLY parts_label ON ${schema}.parts (label)`),
      down: (knex, { schema }) => statements(knex, `DROP INDEX CONCURRENTLY ${schema}.parts_label`),
    })
    const system = toys(things, jsonOperators, parts, uniqueIndex)
    await applyPending({ db, systems: [toys(things, jsonOperators, parts)] })
    await db.execute(sql`INSERT INTO elsewhere.parts VALUES (1, 'same'), (2, 'same')`)

    const { failure } = await applyPending({ db, systems: [system] })
    expect(failure).toMatchObject({
      exitCode: 6,
      message: expect.stringContaining('failed half way, outside a transaction, and what it did so far stays: '),
      hint: 'Undo what is left first: DROP INDEX CONCURRENTLY "elsewhere"."parts_label"',
    })
    expect(failure?.message).not.toContain('same)')
    await db.execute(sql`DROP INDEX CONCURRENTLY elsewhere.parts_label`)
    await db.execute(sql`DELETE FROM elsewhere.parts WHERE part_id = 2`)
    expect(said(await applyPending({ db, systems: [system] }))).toEqual(['0004_unique_labels applied'])
  })

  it('refuses a database that is ahead of this Steward', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys] })
    await expect(applyPending({ db, systems: [toys(things, jsonOperators)] })).rejects.toMatchObject({
      exitCode: 6,
      code: 'migration-missing',
      message: expect.stringContaining('0003_parts, 0004_concurrent_index'),
    })
  })

  it('refuses schemas that cannot be told apart or that Knex would misread', async () => {
    const { db } = database
    const systems = [allToys, { ...allToys, system: 'games' }, { ...allToys, system: 'dots', schema: 'a.b' }]
    await expect(applyPending({ db, systems })).rejects.toMatchObject({
      exitCode: 2,
      problems: [
        { where: 'schemas.games', reason: 'schema elsewhere already belongs to toys' },
        { where: 'schemas.dots', reason: expect.stringMatching(/^"a\.b" must be a schema name that starts with/) },
      ],
    })
  })

  it('works where the role may create in the schema but create no schemas', async () => {
    const { db, endpoint } = database
    const role = `${endpoint.database}_owner`
    await db.execute(sql`DO $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN', current_database() || '_owner'); END $$`)
    await db.execute(sql`DO $$ BEGIN
      EXECUTE format('CREATE SCHEMA elsewhere AUTHORIZATION %I', current_database() || '_owner'); END $$`)
    const owner = await connect(
      { ...endpoint, user: role },
      { applicationName: 'steward:test', statementTimeoutMs: 0, poolSize: 1 },
    )
    try {
      expect((await applyPending({ db: owner, systems: [allToys] })).failure).toBeUndefined()
    } finally {
      await owner.close()
      await db.execute(sql`DO $$ BEGIN
        EXECUTE format('DROP OWNED BY %1$I; DROP ROLE %1$I', current_database() || '_owner'); END $$`)
    }
  })
})
