/** What Skyvern's migrations do to rows, and to ids under another schema; the rest `migrations.test.ts` holds. */
import { afterEach, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { migrateSkyvern } from './support/migrate.ts'

let database: TestDatabase
afterEach(() => database?.drop())

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

it('two deployments side by side have ids and triggers of their own', async () => {
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
