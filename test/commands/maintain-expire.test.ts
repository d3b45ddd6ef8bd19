/** `maintain expire`: the plan, exactly that, and an exit code that says how it went. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await run(`INSERT INTO agensium.users (id, email, full_name, hashed_password)
    VALUES (1, 'ada@example.com', 'Ada', '$2b$12$${'a'.repeat(53)}')`)
})
afterAll(() => database?.drop())

beforeEach(async () => {
  await run('DELETE FROM agensium.tasks')
  await run('TRUNCATE steward.leases')
  await run(`INSERT INTO agensium.tasks (user_id, tool_id, agents, status, created_at, queued_at)
    VALUES (1, 'clean-my-data', '["a"]', 'QUEUED', '2026-01-01', '2026-01-02T03:04:05Z'),
           (1, 'clean-my-data', '["a"]', 'QUEUED', '2026-01-01', '2026-01-03T03:04:05Z'),
           (1, 'clean-my-data', '["a"]', 'QUEUED', '2026-01-01', '2026-01-04T03:04:05Z'),
           (1, 'clean-my-data', '["a"]', 'CREATED', '2026-02-01', NULL)`)
})

const expire = (...argv: string[]) => runCli(['--url', database.url, 'maintain', 'expire', ...argv])
const queued = async () =>
  (
    await database.db.one<{ rows: number }>(
      sql`SELECT count(*)::integer AS rows FROM agensium.tasks WHERE status = 'QUEUED'`,
    )
  ).rows

test('the plan says what is over its time under each rule, and changes nothing', async () => {
  const shown = await expire('agensium', '--dry-run')
  expect(shown).toMatchObject({ exitCode: 0 })
  expect(shown.stdout).toMatchSnapshot()
  const plan = JSON.parse((await expire('--dry-run', '--json')).stdout)
  expect(plan.rules.map(({ rule, rows }: { rule: string; rows: number }) => [rule, rows])).toEqual([
    ['agensium/abandoned-tasks', 1],
    ['agensium/stalled-uploads', 0],
    ['agensium/failed-uploads', 0],
    ['agensium/forgotten-tasks', 3],
    ['agensium/hung-tasks', 0],
    ['agentvine/stale-workers', 0],
    ['agentvine/overdue-orders', 0],
  ])
  expect(await queued()).toBe(3)
})

test('without a terminal it needs --yes; then it does it, is journalled and gives the lease back', async () => {
  expect(await expire('agensium')).toMatchObject({ exitCode: 2 })
  expect(await queued()).toBe(3)
  const done = await expire('agensium', '--yes')
  expect(done.exitCode).toBe(0)
  expect(done.stdout).toMatchSnapshot()
  expect(await queued()).toBe(0)
  expect(await database.db.rows(sql`SELECT command, outcome, exit_code, plan, counts FROM steward.journal`)).toEqual([
    {
      command: 'maintain expire',
      outcome: 'done',
      exit_code: 0,
      plan: { 'agensium/abandoned-tasks': '1', 'agensium/forgotten-tasks': '3' },
      counts: {
        'agensium/abandoned-tasks': { rows: '1', outcome: 'done' },
        'agensium/forgotten-tasks': { rows: '3', outcome: 'done' },
      },
    },
  ])
  expect(await database.db.rows(sql`SELECT FROM steward.leases WHERE released_at IS NULL`)).toEqual([])
  expect(await expire('agensium', '--yes')).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('Nothing is over its time; nothing to do.'),
  })
})

test('one rule, so many rows; what refuses is named, with exit 7', async () => {
  expect(await expire('agensium/forgotten-tasks', '--limit', '1', '--yes')).toMatchObject({ exitCode: 0 })
  expect(await queued()).toBe(2)
  const { id } = await database.db.one<{ id: string }>(
    sql`SELECT min(task_id) AS id FROM agensium.tasks WHERE status = 'QUEUED'`,
  )
  await run(`CREATE FUNCTION agensium.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.task_id = '${id}' THEN RAISE check_violation USING CONSTRAINT = 'chk_status', TABLE = 'tasks'; END IF;
      RETURN NEW;
    END $$`)
  await run('CREATE TRIGGER refuse BEFORE UPDATE ON agensium.tasks FOR EACH ROW EXECUTE FUNCTION agensium.refuse()')
  try {
    const partly = await expire('agensium', '--yes', '--json')
    expect(partly.exitCode).toBe(7)
    expect(JSON.parse(partly.stdout).failures).toEqual([
      { rule: 'agensium/forgotten-tasks', reason: expect.stringContaining(id) },
    ])
  } finally {
    await run('DROP FUNCTION agensium.refuse CASCADE')
  }
  expect(await queued()).toBe(1)
})

test('the plan says what happens to other rows', async () => {
  await run(`WITH task AS (
      INSERT INTO agentvine.tasks (title, task_type, permission_level, status)
      VALUES ('t', 'docs', 'autonomous', 'queued') RETURNING id
    )
    INSERT INTO agentvine.work_orders (task_id, queue_name, expires_at)
    SELECT id, 'q', '2026-01-01' FROM task`)
  const shown = await expire('agentvine', '--dry-run')
  expect(shown.stdout).toContain('agentvine/overdue-orders     1  task    becomes pending (unqueue)')
  expect(await expire('agentvine', '--yes')).toMatchObject({ exitCode: 0 })
  expect(await database.db.rows(sql`SELECT status FROM agentvine.tasks`)).toEqual([{ status: 'pending' }])
})

test('a rule that is none, or is off, is named before anything is done', async () => {
  const wrong = await expire('agensium/forgoten-tasks', 'skyvern', 'autopr/stale-events', '--yes')
  expect(wrong).toMatchObject({ exitCode: 2, stdout: '' })
  expect(wrong.stderr).toMatchSnapshot()
})

test('while another run holds the lease it names the holder, with exit 8, and changes nothing', async () => {
  await run(`INSERT INTO steward.leases VALUES
    ('agensium', 7, 'maintain run', 'bob', 'db1', 4242, now(), now(), now() + interval '1 minute', NULL)`)
  const late = await expire('agensium', '--yes')
  expect(late).toMatchObject({ exitCode: 8, stdout: '' })
  expect(late.stderr).toContain('steward maintain run of bob@db1, pid 4242')
  expect(await queued()).toBe(3)
})

function run(text: string): Promise<number> {
  return database.db.execute(raw(text))
}
