import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { applyPending } from '../../src/migrations/apply.ts'
import { throwFailure } from '../../src/migrations/outcomes.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { allToys, broken, concurrentIndex, jsonOperators, parts, things, toys } from './fixtures.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

describe('applyPending', () => {
  it('creates the mapped schema and applies everything, once', async () => {
    const { db } = database
    const first = await applyPending({ db, systems: [allToys] })
    expect(first.failure).toBeUndefined()
    expect(first.outcomes.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      '0001_things applied',
      '0002_json_operators applied',
      '0003_parts applied',
      '0004_concurrent_index applied',
    ])
    const rows = await db.rows(sql`SELECT name, note, settings FROM elsewhere.things`)
    expect(rows).toEqual([{ name: "it's \\ bound?", note: 'why?', settings: { depth: 2 } }])
    expect(await applyPending({ db, systems: [allToys] })).toEqual({ outcomes: [] })
  })
})
