/** `maintain partitions --drop`: what is made and dropped in one plan, on the systems' own tables. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
const EXECUTION = '00000000-0000-4000-8000-000000000001'

beforeAll(async () => {
  database = await createTestDatabase()
  await run(`WITH task AS (
      INSERT INTO agentvine.tasks (title, task_type, permission_level, status)
      VALUES ('t', 'docs', 'autonomous', 'completed') RETURNING id
    )
    INSERT INTO agentvine.executions (id, task_id, status, started_at, completed_at)
    SELECT '${EXECUTION}', id, 'completed', '2026-01-01', '2026-01-02' FROM task`)
  for (const month of ['2026-01', '2026-02']) {
    const name = month.replace('-', 'm')
    await run(`CREATE TABLE agentvine.execution_logs_y${name} PARTITION OF agentvine.execution_logs
      FOR VALUES FROM ('${month}-01 00:00+00') TO ('${month}-01 00:00+00'::timestamptz + interval '1 month')`)
  }
  await run(`INSERT INTO agentvine.execution_logs (execution_id, level, message, logged_at)
    SELECT '${EXECUTION}', 'INFO', 'line ' || n, '2026-01-15 00:00+00'::timestamptz + n * interval '1 hour'
    FROM generate_series(1, 1000) AS n`)
})
afterAll(() => database?.drop())

const partitions = (...argv: string[]) =>
  runCli(['--url', database.url, 'maintain', 'partitions', '--system', 'agentvine', ...argv])

const months = (text: string) => text.replace(/\d{4}m\d\d\b/g, 'YYYYmMM').replace(/\d{4}-\d\d-\d\d/g, 'DAY')

test('the plan names every partition with its bounds, what becomes of it and why', async () => {
  const shown = await partitions('--drop', '--dry-run', '--json')
  expect(shown.exitCode).toBe(0)
  const rows: { partition: string; action: string; rows: number; reason: string }[] = JSON.parse(shown.stdout)
  expect(
    rows
      .filter(({ action }) => action === 'drop')
      .map(({ partition, rows: count, reason }) => [partition, count, months(reason)]),
  ).toEqual([
    ['execution_logs_y2026m01', 407, 'over since DAY, before the cutoff of DAY'],
    ['execution_logs_y2026m02', 593, 'over since DAY, before the cutoff of DAY'],
  ])
  expect(rows.find(({ partition }) => partition === 'execution_logs_default')).toMatchObject({
    action: 'keep',
    reason: 'the default partition, nothing in it is due',
  })
})

test('dropping asks, making does not; the logs are in the archive when their months are gone', async () => {
  expect(await partitions('--drop')).toMatchObject({ exitCode: 2 })
  const before = await database.db.rows(
    sql`SELECT id, execution_id, message FROM agentvine.execution_logs ORDER BY id`,
  )
  const done = await partitions('--drop', '--yes')
  expect(done.exitCode, done.stderr).toBe(0)
  expect(done.stdout.replace(/ \d+ ms| [\d.]+ s/g, '')).toContain('execution_logs_y2026m01  drop    done')
  expect(await database.db.rows(sql`SELECT FROM agentvine.execution_logs`)).toEqual([])
  expect(
    await database.db.rows(sql`SELECT id, execution_id, message FROM agentvine_archive.execution_logs ORDER BY id`),
  ).toEqual(before)
  expect(await database.db.rows(sql`SELECT command, outcome, plan FROM steward.journal`)).toEqual([
    {
      command: 'maintain partitions',
      outcome: 'done',
      plan: { 'agentvine/execution-logs': ['execution_logs_y2026m01', 'execution_logs_y2026m02'] },
    },
  ])
  expect(await partitions('--drop', '--yes')).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('No partition is missing, and none is to be dropped'),
  })
})

test('what was archived so is sound, and comes back', async () => {
  const steward = (...argv: string[]) => runCli(['--url', database.url, ...argv])
  expect(await steward('archive', 'verify')).toMatchObject({ exitCode: 0 })
  const batches = await database.db.rows<{ batch_id: bigint }>(sql`SELECT batch_id FROM steward.archive_batches`)
  const [first] = batches.map(({ batch_id }) => String(batch_id))
  const restored = await steward('archive', 'restore', '--batch', first ?? '')
  expect(restored.exitCode, restored.stderr).toBe(0)
  expect(await database.db.one(sql`SELECT count(*) AS rows FROM agentvine.execution_logs`)).toEqual({ rows: 407n })
  // The execution that the others name may go, and they stay.
  await run('DELETE FROM agentvine.executions')
  expect(await database.db.one(sql`SELECT count(*) AS rows FROM agentvine_archive.execution_logs`)).toEqual({
    rows: 593n,
  })
})

test('the jobs of maintain run do the same', async () => {
  await run(`CREATE TABLE autopr.execution_logs_y2026m01 PARTITION OF autopr.execution_logs
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00')`)
  await run(`WITH workflow AS (
      INSERT INTO autopr.workflows (name, config) VALUES ('w', '{}') RETURNING id
    ), execution AS (
      INSERT INTO autopr.workflow_executions (workflow_id, execution_id, status, trigger_type)
      SELECT id, 'e', 'pending', 'manual' FROM workflow RETURNING id
    )
    INSERT INTO autopr.execution_logs (execution_id, level, message, created_at)
    SELECT id, 'INFO', 'x', at FROM execution, (VALUES ('2026-01-15'::timestamptz), ('2026-01-16'), (now())) AS v (at)`)
  const done = await runCli([
    ...[
      '--url',
      database.url,
      'maintain',
      'run',
      '--only',
      'drop-partitions,partitions,vacuum',
      '--skip',
      'agentvine',
    ],
    ...['--yes', '--json'],
  ])
  expect(done.exitCode, done.stderr).toBe(0)
  const jobs: { job: string; outcome: string; rows: number; returnedBytes: number | null }[] = JSON.parse(
    done.stdout,
  ).jobs
  expect(
    jobs.map(({ job, outcome, rows }) => [job, outcome, rows]).filter(([, outcome]) => outcome !== 'nothing'),
  ).toEqual([['autopr/old-logs', 'done', 2]])
  expect(jobs.find(({ job }) => job === 'autopr/old-logs')?.returnedBytes).toBeGreaterThan(0)
  expect(jobs.map(({ job }) => job)).toEqual([
    'autopr/partitions',
    'autopr/old-logs',
    ...['skyvern', 'autopr', 'agensium', 'devflow'].map((name) => `${name}/vacuum`),
  ])
  expect(await database.db.one(sql`SELECT count(*) AS rows FROM autopr.execution_logs`)).toEqual({ rows: 1n })
})

function run(text: string): Promise<number> {
  return database.db.execute(raw(text))
}
