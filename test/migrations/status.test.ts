import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { allToys, jsonOperators, parts, things, toys } from './fixtures.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

const objects = () =>
  database.db.rows(sql`
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'
    UNION ALL SELECT oid FROM pg_namespace`)

describe('migrationStatus', () => {
  it('tells an empty database what is pending and creates nothing, as a role that may only SELECT', async () => {
    const { db, endpoint } = database
    const role = `${endpoint.database}_reader`
    await db.execute(raw(`CREATE ROLE ${role} LOGIN`))
    const reader = await connect(
      { ...endpoint, user: role },
      { applicationName: 'steward:test', statementTimeoutMs: 0, poolSize: 1, readOnly: true },
    )
    try {
      const before = await objects()
      const pending = await migrationStatus(reader, [allToys])
      expect(pending.map(({ condition, appliedAt }) => [condition, appliedAt])).toEqual(
        Array.from({ length: 4 }, () => ['pending', null]),
      )
      expect(await objects()).toEqual(before)

      await applyPending({ db, systems: [allToys] })
      // Without USAGE the schema's tables cannot be read, and the answer is no guess.
      await expect(migrationStatus(reader, [allToys])).rejects.toMatchObject({ code: 'permission-denied' })
      await db.execute(raw(`GRANT USAGE ON SCHEMA elsewhere TO ${role}`))
      await db.execute(raw(`GRANT SELECT ON ALL TABLES IN SCHEMA elsewhere TO ${role}`))
      const applied = await migrationStatus(reader, [allToys])
      expect(new Set(applied.map(({ condition }) => condition))).toEqual(new Set(['applied']))
      expect(applied[0]).toEqual({
        system: 'toys',
        schema: 'elsewhere',
        name: '0001_things',
        condition: 'applied',
        appliedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        transactional: true,
      })
    } finally {
      await reader.close()
      await db.execute(raw(`DROP OWNED BY ${role}`))
      await db.execute(raw(`DROP ROLE ${role}`))
    }
  })

  it('names what is out of order and what this Steward does not contain', async () => {
    const { db } = database
    await applyPending({ db, systems: [toys(things, parts)] })
    const status = await migrationStatus(db, [toys(things, jsonOperators)])
    expect(status.map(({ name, condition }) => `${name} ${condition}`)).toEqual([
      '0001_things applied',
      '0002_json_operators pending',
      '0003_parts missing file',
    ])
    const late = await migrationStatus(db, [toys(things, jsonOperators, parts)])
    expect(late.map(({ name, condition }) => `${name} ${condition}`)).toEqual([
      '0001_things applied',
      '0002_json_operators out of order',
      '0003_parts applied',
    ])
  })
})
