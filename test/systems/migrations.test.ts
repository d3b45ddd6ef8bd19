/** The migrations of every system go up, down and up again, in a schema of any name, on older servers too. */
import { afterEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import type { System } from '../../src/model/system.ts'
import { describeDeclarations } from '../../src/schema/declared.ts'
import { describeLive } from '../../src/schema/live.ts'
import { systems } from '../../src/systems/registry.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { installedBinaries, startInstalled } from './support/installed-server.ts'
import { migrateSystem, migrationsOf } from './support/migrate.ts'

let database: TestDatabase | undefined
afterEach(async () => {
  await database?.drop()
  database = undefined
})

const NOTHING = { tables: {}, types: {}, sequences: [], functions: [], views: [], others: [] }

/** What a mapped schema may be called; the default name is tested besides. */
const NAMES = ['prod_eu', `Kunde "Ä's"`, 'public']

const loaded = await Promise.all(systems.map(({ load }) => load()))

describe.each(loaded)('the migrations of $name', (system: System) => {
  it('are named in their order', async () => {
    const names = (await migrationsOf(system.name)).map(({ name }) => name)
    expect(names).toEqual([...new Set(names)].sort())
  })

  it('going down undoes each exactly, and going up again gives the same schema', async () => {
    database = await createEmptyDatabase()
    const { db, endpoint } = database
    await db.execute(sql`CREATE SCHEMA ${identifier(system.name)}`)
    const stages = [await describeLive(db, system.name)]
    const migrations = await migrationsOf(system.name)
    for (const { name } of migrations) {
      await migrateSystem(endpoint, system.name, 'up', { only: (each) => each === name })
      stages.push(await describeLive(db, system.name))
    }
    expect(stages[0]).toEqual(NOTHING)
    for (const [place, { name }] of [...migrations.entries()].reverse()) {
      await migrateSystem(endpoint, system.name, 'down', { only: (each) => each === name })
      expect(await describeLive(db, system.name), `after ${name} down`).toEqual(stages[place])
      expect(place > 0 ? [] : await leftIn(db, system.name), `after ${name} down`).toEqual([])
    }
    await migrateSystem(endpoint, system.name, 'up')
    expect(await describeLive(db, system.name)).toEqual(stages.at(-1))
  })

  it('give the same schema under whatever name a profile maps it to, and none elsewhere', async () => {
    database = await createEmptyDatabase()
    const { db, endpoint } = database
    for (const schema of NAMES) {
      await migrateSystem(endpoint, system.name, 'up', { schema })
      const { quoted } = await db.one<{ quoted: string }>(sql`SELECT quote_ident(${schema}::text) AS quoted`)
      expect(await describeLive(db, schema), schema).toEqual(describeDeclarations(system, quoted))
    }
    const schemas = await db.rows<{ name: string }>(sql`
      SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'`)
    expect(schemas.map(({ name }) => name).sort()).toEqual([...NAMES].sort())
    // Going down in one leaves its neighbours as they are.
    for (const [place, schema] of NAMES.entries()) {
      await migrateSystem(endpoint, system.name, 'down', { schema })
      expect(await describeLive(db, schema)).toEqual(NOTHING)
      const next = NAMES[place + 1]
      if (next !== undefined) expect(await describeLive(db, next)).not.toEqual(NOTHING)
    }
  })
})

/** Whatever is still in a schema, partitions and sequences of columns too. */
async function leftIn(db: Database, schema: string): Promise<string[]> {
  const rows = await db.rows<{ name: string }>(sql`
    SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${schema})
    UNION ALL
    SELECT p.proname FROM pg_proc p WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${schema})
    UNION ALL
    SELECT t.typname FROM pg_type t WHERE t.typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${schema})`)
  return rows.map(({ name }) => name)
}

for (const major of [14, 15, 16, 17]) {
  const binaries = await installedBinaries(major)
  it.skipIf(binaries === undefined)(
    `PostgreSQL ${major} ends with the same schemas`,
    async () => {
      const server = await startInstalled(binaries ?? '')
      try {
        const db = await connect(server.endpoint, {
          applicationName: 'steward:test',
          statementTimeoutMs: 60_000,
          poolSize: 1,
        })
        try {
          expect(Math.trunc(db.serverVersion / 10_000)).toBe(major)
          for (const system of loaded) {
            await migrateSystem(server.endpoint, system.name, 'up')
            expect(await describeLive(db, system.name)).toEqual(describeDeclarations(system, system.name))
            await migrateSystem(server.endpoint, system.name, 'down')
            expect(await leftIn(db, system.name)).toEqual([])
          }
        } finally {
          await db.close()
        }
      } finally {
        await server.stop()
      }
    },
    60_000,
  )
}
