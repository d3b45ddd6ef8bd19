/** Skyvern's migrations go up, down and up again, in a schema of any name, on older servers too. */
import { afterEach, describe, expect, it } from 'vitest'
import skyvernMigrations from '../../migrations/skyvern/index.ts'
import { connect } from '../../src/db/connect.ts'
import { sql } from '../../src/model/sql.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { describeCatalog } from './support/catalog.ts'
import { describeDeclarations } from './support/declared.ts'
import { installedBinaries, startInstalled } from './support/installed-server.ts'
import { migrateSkyvern } from './support/migrate.ts'

let database: TestDatabase
afterEach(() => database?.drop())

const NOTHING = { tables: {}, types: {}, sequences: [], functions: [], others: [] }

it('the names of the migrations are in their order', () => {
  const names = skyvernMigrations.map(({ name }) => name)
  expect(names).toEqual([...names].sort())
  expect(new Set(names).size).toBe(names.length)
})

it('going down undoes each migration exactly, and going up again gives the same schema', async () => {
  database = await createEmptyDatabase()
  const { db, endpoint } = database
  const stages = [await emptySchema()]
  for (const { name } of skyvernMigrations) {
    await migrateSkyvern(endpoint, 'skyvern', 'up', (each) => each === name)
    stages.push(await describeCatalog(db, 'skyvern'))
  }
  expect(stages[0]).toEqual(NOTHING)
  for (const [place, { name }] of [...skyvernMigrations.entries()].reverse()) {
    await migrateSkyvern(endpoint, 'skyvern', 'down', (each) => each === name)
    expect(await describeCatalog(db, 'skyvern'), `after ${name} down`).toEqual(stages[place])
  }
  await migrateSkyvern(endpoint, 'skyvern', 'up')
  expect(await describeCatalog(db, 'skyvern')).toEqual(stages.at(-1))

  async function emptySchema() {
    await db.execute(sql`CREATE SCHEMA skyvern`)
    return describeCatalog(db, 'skyvern')
  }
})

it('the TOTP migration adds its columns to tasks that are there already, and keeps the rest going down', async () => {
  database = await createEmptyDatabase()
  const { db, endpoint } = database
  const isTotp = (name: string) => name === '0003_task_totp'
  await migrateSkyvern(endpoint, 'skyvern', 'up', (name) => !isTotp(name))
  await db.execute(sql`
    WITH owner AS (INSERT INTO skyvern.organizations (organization_name) VALUES ('Acme') RETURNING organization_id)
    INSERT INTO skyvern.tasks (organization_id, url, navigation_goal)
    SELECT organization_id, 'https://example.com', 'look' FROM owner`)
  await migrateSkyvern(endpoint, 'skyvern', 'up', isTotp)
  await db.execute(sql`UPDATE skyvern.tasks SET totp_identifier = 'someone@example.com'`)
  await migrateSkyvern(endpoint, 'skyvern', 'down', isTotp)
  expect(await db.rows(sql`SELECT url, navigation_goal FROM skyvern.tasks`)).toEqual([
    { url: 'https://example.com', navigation_goal: 'look' },
  ])
})

describe('a profile that maps the schema', () => {
  it.each([['prod_eu'], [`Kunde "Ä's"`], ['public']])(
    'to %s gets the same schema there and none elsewhere',
    async (name) => {
      database = await createEmptyDatabase()
      const { db, endpoint } = database
      await migrateSkyvern(endpoint, name, 'up')
      const { quoted } = await db.one<{ quoted: string }>(sql`SELECT quote_ident(${name}::text) AS quoted`)
      expect(await describeCatalog(db, name)).toEqual(describeDeclarations(skyvern, quoted))
      const schemas = await db.rows(sql`
      SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' AND nspname <> ${name}`)
      expect(schemas).toEqual([])
      await migrateSkyvern(endpoint, name, 'down')
      expect(await describeCatalog(db, name)).toEqual(NOTHING)
    },
  )

  it('may have two deployments side by side, each with ids and triggers of its own', async () => {
    database = await createEmptyDatabase()
    const { db, endpoint } = database
    await migrateSkyvern(endpoint, 'first', 'up')
    await migrateSkyvern(endpoint, 'second', 'up')
    await db.execute(sql`INSERT INTO second.organizations (organization_name) VALUES ('Acme')`)
    await migrateSkyvern(endpoint, 'first', 'down')
    await db.execute(sql`INSERT INTO second.organizations (organization_name) VALUES ('Beta')`)
    await db.execute(sql`UPDATE second.organizations SET domain = 'example.com'`)
    const ids = await db.rows(sql`SELECT organization_id FROM second.organizations`)
    expect(ids).toHaveLength(2)
  })
})

it('a rename of the schema leaves the defaults working', async () => {
  database = await createEmptyDatabase()
  const { db, endpoint } = database
  await migrateSkyvern(endpoint, 'skyvern', 'up')
  await db.execute(sql`ALTER SCHEMA skyvern RENAME TO renamed`)
  await db.execute(sql`INSERT INTO renamed.organizations (organization_name) VALUES ('Acme')`)
  await db.execute(sql`UPDATE renamed.organizations SET domain = 'example.com'`)
  expect(await db.rows(sql`SELECT organization_name, domain FROM renamed.organizations`)).toEqual([
    { organization_name: 'Acme', domain: 'example.com' },
  ])
})

for (const major of [14, 15, 16, 17]) {
  const binaries = await installedBinaries(major)
  it.skipIf(binaries === undefined)(
    `PostgreSQL ${major} ends with the same schema`,
    async () => {
      const server = await startInstalled(binaries ?? '')
      try {
        await migrateSkyvern(server.endpoint, 'skyvern', 'up')
        const db = await connect(server.endpoint, {
          applicationName: 'steward:test',
          statementTimeoutMs: 60_000,
          poolSize: 1,
        })
        try {
          expect(Math.trunc(db.serverVersion / 10_000)).toBe(major)
          expect(await describeCatalog(db, 'skyvern')).toEqual(describeDeclarations(skyvern, 'skyvern'))
        } finally {
          await db.close()
        }
        await migrateSkyvern(server.endpoint, 'skyvern', 'down')
      } finally {
        await server.stop()
      }
    },
    60_000,
  )
}
