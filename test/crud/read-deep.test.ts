/** Rows that another program nested deeper than any recursion can follow. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

const LEVELS = 5_000
const TEXT = `${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`
let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.execute(
    sql`INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'One')`,
  )
  await database.db.execute(sql`
    INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, navigation_payload)
    VALUES ('tsk_1', 'o_1', 'https://example.com', 'Look', ${TEXT})`)
})
afterAll(() => database?.drop())

const run = (...argv: string[]) => runCli(['skyvern', 'task', ...argv], { env: { DATABASE_URL: database.url } })

it('are listed, shown and exported whole', async () => {
  for (const argv of [
    ['list', '-o', 'ndjson'],
    ['list', '-o', 'json'],
    ['list', '--all', '-o', 'csv'],
    ['get', 'tsk_1', '-o', 'ndjson'],
    ['get', 'tsk_1'],
    ['export', '--format', 'ndjson'],
  ]) {
    const { exitCode, stdout } = await run(...argv)
    expect([argv, exitCode, stdout.replaceAll(/\s/g, '').includes(TEXT)]).toEqual([argv, 0, true])
  }
})

it('are refused in YAML, with the row and the field', async () => {
  const { exitCode, stderr } = await run('list', '-o', 'yaml')
  expect([exitCode, stderr]).toEqual([6, expect.stringContaining('task_id tsk_1 cannot be written as YAML')])
  expect(stderr).toContain('navigation_payload is nested deeper than 500 levels')
})

it('are refused by what would have to record them, with the row and the field', async () => {
  for (const argv of [
    ['queue', 'tsk_1'],
    ['update', 'tsk_1', '--failure-reason', 'x'],
    ['delete', 'tsk_1', '--yes'],
  ]) {
    const { exitCode, stderr } = await run(...argv)
    expect([argv, exitCode, stderr]).toEqual([
      argv,
      5,
      expect.stringContaining('task tsk_1 cannot be recorded in the audit log: navigation_payload is nested deeper'),
    ])
  }
})
