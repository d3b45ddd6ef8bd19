import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { raw } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())

beforeEach(async () => {
  await run('TRUNCATE skyvern.organizations, steward.archive_batches, steward.retention_cursors CASCADE')
  await run('DROP SCHEMA IF EXISTS skyvern_archive, shop, shop_archive CASCADE')
  await run(`INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'Acme')`)
})

const run = (text: string) => db.execute(raw(text))
const count = async (table: string) =>
  (await db.one<{ n: number }>(raw(`SELECT COUNT(*)::integer AS n FROM ${table}`))).n
const steward = (argv: readonly string[], options?: CliOptions) => runCli([...argv, '--url', database.url], options)

/** Tasks with two steps, three actions, logs and an artifact each. */
async function tasks(first: number, last: number, days: number, status = 'completed'): Promise<void> {
  const each = `FROM generate_series(${first}, ${last}) AS n`
  await run(`
    INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, status, created_at, completed_at)
    SELECT 'tsk_' || n, 'o_1', 'https://example.com', 'look', '${status}',
           now() - interval '${days} days',
           CASE WHEN '${status}' = 'running' THEN NULL ELSE now() - interval '${days} days' + n * interval '1 second' END
    ${each}`)
  await run(`
    INSERT INTO skyvern.steps (step_id, task_id, "order", step_type)
    SELECT 'stp_' || n || '_' || s, 'tsk_' || n, s, 'action' ${each}, generate_series(1, 2) AS s`)
  await run(`
    INSERT INTO skyvern.actions (action_id, step_id, action_type)
    SELECT 'act_' || n || '_' || a, 'stp_' || n || '_1', 'click' ${each}, generate_series(1, 3) AS a`)
  await run(
    `INSERT INTO skyvern.task_logs (task_log_id, task_id, message) SELECT 'tl_' || n, 'tsk_' || n, 'hello' ${each}`,
  )
  await run(`
    INSERT INTO skyvern.artifacts (artifact_id, organization_id, task_id, step_id, artifact_type, uri)
    SELECT 'a_' || n, 'o_1', 'tsk_' || n, 'stp_' || n || '_1', 'screenshot_step', 'file:///x.png' ${each}`)
}

describe('archive run', () => {
  test('moves whole aggregates of a rule, and says what it did', async () => {
    await tasks(1, 20, 200)
    await tasks(21, 25, 10)
    await tasks(26, 27, 400, 'running')
    const { exitCode, stdout, stderr } = await steward([
      'archive',
      'run',
      'skyvern/finished-tasks',
      '--yes',
      '--json',
    ])
    expect(exitCode, stderr).toBe(0)
    const told = JSON.parse(stdout)
    expect(told.rules).toMatchObject([
      { rule: 'skyvern/finished-tasks', outcome: 'done', why: 'nothing more is due' },
    ])
    expect(told.tables.map(({ table, rows }: { table: string; rows: number }) => [table, rows])).toEqual([
      ['tasks', 20],
      ['task_logs', 20],
      ['steps', 40],
      ['actions', 60],
      ['artifacts', 20],
    ])
    expect(await count('skyvern.tasks')).toBe(7)
    expect(await count('skyvern_archive.tasks')).toBe(20)
  })
})
