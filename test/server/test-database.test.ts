import { expect, test } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, createTestDatabase } from '../support/database.ts'

test('every test file gets a migrated database of its own', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
  try {
    await one.db.execute(sql`CREATE TABLE skyvern.only_here ()`)
    const present = sql`SELECT to_regclass('skyvern.only_here') IS NOT NULL AS here,
                               to_regclass('skyvern.tasks') IS NOT NULL AS migrated`
    expect(await one.db.one(present)).toEqual({ here: true, migrated: true })
    expect(await other.db.one(present)).toEqual({ here: false, migrated: true })
  } finally {
    await Promise.all([one.drop(), other.drop()])
  }
})

test('an empty one has no schema of ours', async () => {
  const empty = await createEmptyDatabase()
  try {
    const schemas = await empty.db.rows(sql`
      SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname IN ('steward', 'skyvern')`)
    expect(schemas).toEqual([])
  } finally {
    await empty.drop()
  }
})
