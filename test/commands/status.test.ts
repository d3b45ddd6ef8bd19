import { afterAll, beforeAll, expect, test } from 'vitest'
import { raw } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
let role: string
beforeAll(async () => {
  database = await createTestDatabase()
  role = `${database.endpoint.database}_reader`
  await database.db.execute(raw(`CREATE ROLE ${role} LOGIN`))
})
afterAll(async () => {
  await database.db.execute(raw(`DROP OWNED BY ${role}`))
  await database.db.execute(raw(`DROP ROLE ${role}`))
  await database.drop()
})

/** `status` as the role, whose every transaction is read-only whatever Steward asks for. */
async function status() {
  const url = new URL(database.url)
  url.searchParams.set('user', role)
  const readOnly = `options=${encodeURIComponent('-c default_transaction_read_only=on')}`
  const { exitCode, stdout, stderr } = await runCli(['status', '--json', '--url', `${url.href}&${readOnly}`])
  return { exitCode, stderr, shown: stdout === '' ? undefined : JSON.parse(stdout) }
}

test('a role without any privilege gets what there is to say, and is told what it may not read', async () => {
  const { exitCode, stderr, shown } = await status()
  expect(exitCode).toBe(0)
  expect(shown.connection).toMatchObject({ user: role, environment: null })
  expect(shown.systems).toContainEqual(expect.objectContaining({ system: 'skyvern', migrations: null, tables: 15 }))
  expect(stderr).toContain('may not read the environment marker')
  expect(stderr).toContain('may not read the migrations of skyvern')
})

test('a role that may only SELECT the rows of a system sees that system whole', async () => {
  await database.db.execute(raw(`GRANT USAGE ON SCHEMA skyvern TO ${role}`))
  await database.db.execute(raw(`GRANT SELECT ON ALL TABLES IN SCHEMA skyvern TO ${role}`))
  const { exitCode, stderr, shown } = await status()
  expect(exitCode).toBe(0)
  expect(shown.systems[0]).toMatchObject({ migrations: '3 applied', rows: 0 })
  expect(stderr).not.toContain('migrations of skyvern')
})
