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

  test('shows the plan and stops: for people in tables, for machines with the statements', async () => {
    await tasks(1, 3, 200)
    await run(
      `INSERT INTO skyvern.artifacts (artifact_id, organization_id, artifact_type, uri) VALUES ('a_0', 'o_1', 'screenshot_step', 'file:///y.png')`,
    )
    const people = await steward(['archive', 'run', 'skyvern/finished-tasks', '--dry-run'])
    expect(people.exitCode, people.stderr).toBe(0)
    expect(people.stdout.replaceAll(/ [\d.]+ KiB/g, ' … KiB')).toMatchSnapshot()
    const verbose = await steward(['archive', 'run', 'skyvern/finished-tasks', '--dry-run', '--verbose'])
    expect(verbose.stdout).toContain('FOR UPDATE SKIP LOCKED')
    const machine = await steward(['archive', 'run', 'skyvern/finished-tasks', '--dry-run', '--json'])
    const told = JSON.parse(machine.stdout)
    expect(Object.keys(told)).toEqual(['rules', 'tables', 'sql'])
    expect(told.sql.at(-1)).toMatchObject({ does: 'Delete the rows' })
    expect(await count('skyvern.tasks')).toBe(3)
    expect(await count(`pg_namespace WHERE nspname = 'skyvern_archive'`)).toBe(0)
  })

  test('leaves out for people the rules that nothing is due of, unless they were named or there is no other', async () => {
    const shown = async (...words: string[]) => {
      const { stdout, stderr } = await steward(['archive', 'run', '--dry-run', ...words])
      return [...`${stdout}${stderr}`.matchAll(/^(\S+\/\S+) .*(archived|deleted)$/gm)].map(([, rule]) => rule)
    }
    expect((await shown()).length).toBeGreaterThan(5)
    await tasks(1, 3, 200)
    expect(await shown()).toEqual(['skyvern/finished-tasks'])
    expect(await shown('skyvern', 'autopr/settled-events')).toEqual([
      'skyvern/finished-tasks',
      'autopr/settled-events',
    ])
    const { stdout } = await steward(['archive', 'run', '--dry-run', '--json'])
    expect(JSON.parse(stdout).rules.length).toBeGreaterThan(5)
  })

  test('takes a system for its archive rules; rules that delete are named in full', async () => {
    const rulesOf = async (...words: string[]) => {
      const { stdout } = await steward(['archive', 'run', ...words, '--dry-run', '--json'])
      return JSON.parse(stdout).rules.map(({ rule, becomes }: { rule: string; becomes: string }) => [rule, becomes])
    }
    expect(await rulesOf('autopr')).toEqual([['autopr/finished-executions', 'archived']])
    expect(await rulesOf('autopr/settled-events')).toEqual([['autopr/settled-events', 'deleted']])
    const none = await steward(['archive', 'run', 'agensium', '--yes'])
    expect(none.exitCode).toBe(2)
    expect(none.stderr).toContain('No archive rule of agensium is in force')
  })

  test('archives any table with what goes along, what is kept named', async () => {
    await shop()
    const words = ['archive', 'run', '--table', 'shop."or.ders"', '--age-of', 'closed', '--older-than', '90 days']
    const only = ['--only', 'status=done,failed', '--name', 'closed-orders']
    const { exitCode, stdout, stderr } = await steward([...words, ...only, '--yes'])
    expect(exitCode, stderr).toBe(0)
    expect(stdout).toMatchSnapshot()
    expect(await count('shop."or.ders"')).toBe(4)
    const [batch] = await db.rows(raw('SELECT rule, root_table, roots FROM steward.archive_batches'))
    expect(batch).toEqual({ rule: 'closed-orders', root_table: 'or.ders', roots: 3n })
    const again = await steward([...words, ...only, '--yes'])
    expect(again).toMatchObject({ exitCode: 0, stdout: '' })
    expect(again.stderr).toContain(
      'Nothing can go: 1 due aggregate is kept back (still referenced by shop.held (held_order_id_fkey)).',
    )
    const whole = await steward([...words, ...only, '--with-children', '--yes', '--json'])
    expect(JSON.parse(whole.stdout).tables).toMatchObject([
      { table: 'or.ders', rows: 1 },
      { table: 'held', rows: 1 },
    ])
  })

  test('records the run and what it did', async () => {
    await tasks(1, 2, 200)
    await steward(['archive', 'run', 'skyvern/finished-tasks', '--yes'])
    const { outcome, exit_code, counts, plan } = await db.one<Record<string, unknown>>(
      raw('SELECT outcome, exit_code, counts, plan FROM steward.journal ORDER BY run_id DESC LIMIT 1'),
    )
    expect({ outcome, exit_code }).toEqual({ outcome: 'done', exit_code: 0 })
    expect(counts).toMatchObject({ 'skyvern/finished-tasks': { outcome: 'done', rows: { tasks: '2' } } })
    expect(plan).toMatchObject({ 'skyvern/finished-tasks': { due: '2', rows: { 'skyvern.tasks': 2 } } })
  })

  test('ends with 9 when its time is over, and the next run goes on', async () => {
    await tasks(1, 300, 200)
    const words = ['archive', 'run', 'skyvern/finished-tasks', '--yes', '--json']
    const first = await steward([...words, '--run-time', '1ms'])
    expect(first.exitCode, first.stderr).toBe(9)
    expect(JSON.parse(first.stdout).rules).toMatchObject([
      { outcome: 'unfinished', why: '--run-time of 1ms is over' },
    ])
    const limited = await steward([...words, '--limit', '10', '--batch-time', '100ms', '--max-batch', '50'])
    expect(JSON.parse(limited.stdout).rules).toMatchObject([{ outcome: 'done', why: '--limit of 10 is reached' }])
    expect((await steward(words)).exitCode).toBe(0)
    expect(await count('skyvern.tasks')).toBe(0)
    expect(await count('skyvern_archive.tasks')).toBe(300)
  })

  test('ends with 6 where nothing could be done, 7 where some failed, and 8 beside another run', async () => {
    await shop()
    const words = ['archive', 'run', '--table', 'shop.plain', '--age-of', 'at', '--older-than', '90 days', '--yes']
    await run(`CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
    await run(
      `CREATE TRIGGER keep BEFORE DELETE ON shop.plain FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION shop.keep()`,
    )
    const some = await steward(words)
    expect(some.exitCode, some.stderr).toBe(7)
    expect(some.stdout).toContain('one of shop.plain: Not every row went that should have')
    const none = await steward(words)
    expect(none.exitCode).toBe(6)
    await run('DROP TRIGGER keep ON shop.plain')
    await run(`INSERT INTO steward.leases (name, token, command, os_user, host, pid, taken_at, heartbeat_at, expires_at)
      VALUES ('shop', 99, 'archive run', 'ann', 'elsewhere', 7, now(), now(), now() + interval '1 hour')
      ON CONFLICT (name) DO UPDATE SET os_user = 'ann', expires_at = now() + interval '1 hour', released_at = NULL`)
    const beside = await steward(words)
    expect(beside.exitCode).toBe(8)
    expect(beside.stderr).toContain('ann')
    await run(`DELETE FROM steward.leases WHERE name = 'shop'`)
    expect((await steward(words)).exitCode).toBe(0)
  })

  test.each([
    [
      ['--age-of', 'x', '--only', 'a=b'],
      ['2 problems', 'is about --table, which is missing'],
    ],
    [
      ['skyvern', '--table', 'shop.plain'],
      ['3 problems', 'and rules exclude each other', 'is required with --table'],
    ],
    [['--table', 'a.b.c'], ['--table must be a table such as']],
    [
      ['--table', 'shop.plain', '--age-of', 'id', '--older-than', '1 day', '--only', 'ids=1'],
      ['names id, which is integer, neither', 'names ids, which is no column (did you mean id?)'],
    ],
    [
      ['--table', 'shop.plain', '--age-of', 'at', '--older-than', '1 day', '--only', 'id=x'],
      ['names id, which is integer; one of the values is none'],
    ],
    [
      ['--table', 'shop.nothing', '--age-of', 'at', '--older-than', '1 day'],
      ['names shop.nothing, which is not there'],
    ],
    [['skyvern/finished-task'], ['did you mean skyvern/finished-tasks']],
  ])('says all that is wrong with %j', async (words, says) => {
    await shop()
    const { exitCode, stderr } = await steward(['archive', 'run', ...words, '--yes'])
    expect(exitCode).toBe(2)
    for (const one of says) expect(stderr).toContain(one)
  })
})

async function shop(): Promise<void> {
  await run('CREATE SCHEMA shop')
  await run('CREATE TABLE shop."or.ders" (id integer PRIMARY KEY, status varchar(6), closed date)')
  await run('CREATE TABLE shop.held (id integer PRIMARY KEY, order_id integer REFERENCES shop."or.ders")')
  await run(`INSERT INTO shop."or.ders" VALUES (1, 'done', '2020-01-01'), (2, 'failed', '2020-01-01'), (3, 'open', '2020-01-01'),
    (4, 'done', '2020-01-02'), (5, 'done', '2020-01-03'), (6, 'done', now()), (7, 'done', NULL)`)
  await run('INSERT INTO shop.held VALUES (1, 4)')
  await run('CREATE TABLE shop.plain (id integer PRIMARY KEY, at timestamp)')
  await run(`INSERT INTO shop.plain SELECT n, '2020-01-01' FROM generate_series(1, 3) n`)
}
