import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { outcomeFigures, type Placed, tableFigures } from '../../src/inspect/overview.ts'
import { raw } from '../../src/model/sql.ts'
import { systems } from '../../src/systems/registry.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let placed: Placed[]
beforeAll(async () => {
  database = await createTestDatabase()
  placed = await Promise.all(systems.map(async (entry) => ({ system: await entry.load(), schema: entry.name })))
})
afterAll(() => database.drop())

test('a table that a migration has locked is not counted, and nothing waits for it', async () => {
  const { db, endpoint } = database
  const other = await connect(endpoint, { applicationName: 'holder', statementTimeoutMs: 0, poolSize: 1 })
  try {
    await other.transaction(async (holder) => {
      await holder.execute(raw('LOCK TABLE skyvern.tasks IN ACCESS EXCLUSIVE MODE'))
      const limit = { statementTimeoutMs: 2000 }
      const figures = await db.transaction((tx) => tableFigures(tx, placed), limit)
      const of = (name: string) => figures.find(({ table }) => table === name)
      expect(of('tasks')).toMatchObject({ estimated: true })
      expect(of('steps')).toMatchObject({ estimated: false, rows: 0n })
      expect(await db.transaction((tx) => outcomeFigures(tx, placed), limit)).toEqual([])
    })
  } finally {
    await other.close()
  }
})
