/** `steward archive list, show, restore, verify` as an operator types them, on what `archive run` has archived. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TEXT_SETTINGS } from '../../src/archive/digest.ts'
import { identifier, raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
let project: string
let original: Record<string, string>
let lastBatch = 0

/** Every system with its demo data, and all that is due archived. */
beforeAll(async () => {
  database = await createTestDatabase()
  project = await mkdtemp(join(tmpdir(), 'steward-restore-'))
  await mkdir(join(project, 'cold'))
  const ages = `{ skyvern: { finished-tasks: '1 day' }, autopr: { finished-executions: '1 day' },
    agentvine: { finished-executions: '1 day', old-chat: '1 day' }, devflow: {} }`
  await writeFile(
    join(project, 'steward.yaml'),
    `profiles: { default: { url: '${database.url}', environment: development,
      stores: { cold: 'file://${join(project, 'cold')}' }, retention: ${ages} } }\n`,
  )
  for (const system of ['skyvern', 'autopr', 'agentvine', 'devflow']) {
    expect(await steward('seed', 'run', system, '--rows', '60')).toMatchObject({ exitCode: 0 })
  }
  original = await everything()
}, 120_000)
afterAll(async () => {
  await database?.drop()
  await rm(project, { recursive: true, force: true })
})

const steward = (...argv: readonly string[]) => runCli(argv, { cwd: project })
const json = async (...argv: readonly string[]) => JSON.parse((await steward(...argv, '--json')).stdout)

/** A digest of every row of every table of the systems. */
async function everything(): Promise<Record<string, string>> {
  const tables = await database.db.rows<{ schema: string; name: string }>(sql`
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('skyvern', 'autopr', 'agentvine', 'devflow') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY 1, 2`)
  return database.db.transaction(
    async (tx) => {
      const digests: Record<string, string> = {}
      for (const { schema, name } of tables) {
        const { digest } = await tx.one<{ digest: string }>(sql`
          SELECT count(*) || ' ' || COALESCE(sum(hashtextextended(to_jsonb(t)::text, 0)), 0) AS digest
          FROM ${identifier(schema, name)} AS t`)
        digests[`${schema}.${name}`] = digest
      }
      return digests
    },
    { settings: TEXT_SETTINGS },
  )
}

describe('what archive run has archived of four systems', () => {
  beforeAll(async () => {
    const { exitCode, stderr } = await steward('archive', 'run', '--yes', '--max-batch', '100')
    expect([exitCode, stderr]).toEqual([0, expect.anything()])
    expect(await everything()).not.toEqual(original)
  }, 60_000)

  test('is listed, a page at a time', async () => {
    const all = await json('archive', 'list', '--limit', '1000')
    lastBatch = all[0].batch
    const rules = all.map(({ schema, rule }: Record<string, string>) => `${schema}/${rule}`)
    expect(rules).toEqual(
      expect.arrayContaining(['skyvern/finished-tasks', 'autopr/finished-executions', 'agentvine/old-chat']),
    )
    const page = await steward('archive', 'list', '--rule', 'skyvern/finished-tasks', '--limit', '1', '--json')
    const [one] = JSON.parse(page.stdout)
    expect(one).toMatchObject({ schema: 'skyvern', table: 'tasks', state: 'archived', where: 'skyvern_archive' })
    expect(page.stderr).toContain(`--after ${one.batch}`)
    const next = await json(
      ...['archive', 'list', '--rule', 'skyvern/finished-tasks', '--limit', '1', '--after', String(one.batch)],
    )
    expect(next[0].batch).toBeLessThan(one.batch)
    expect(await json('archive', 'list', '--system', 'agensium')).toEqual([])
    const shown = await json('archive', 'show', String(one.batch))
    expect(shown.head).toMatchObject({ batch: one.batch, rows: one.rows })
    expect(shown.run).toMatchObject({ command: 'archive run', outcome: 'done' })
    expect(shown.tables.length).toBeGreaterThan(3)
  })

  test('is what the records say', async () => {
    const { exitCode, stdout } = await steward('archive', 'verify', '--json')
    expect([exitCode, JSON.parse(stdout).findings]).toEqual([0, []])
  })

  test('one task comes back whole by its id', async () => {
    const { id } = await database.db.one<{ id: string }>(sql`
      SELECT task_id AS id FROM skyvern_archive.tasks
      WHERE task_id IN (SELECT task_id FROM skyvern_archive.steps) ORDER BY task_id LIMIT 1`)
    const plan = await json('archive', 'restore', 'skyvern/task', id, '--dry-run')
    const done = await json('archive', 'restore', 'skyvern/task', id)
    expect(done.tables).toEqual(plan.tables)
    expect((await steward('skyvern', 'task', 'get', id, '--include', 'steps')).stdout).toContain(id)
    const again = await steward('archive', 'restore', 'skyvern/task', id)
    expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing to restore') })
    expect((await steward('archive', 'verify')).exitCode).toBe(0)
  })

  test('everything comes back, and is what it was', async () => {
    const { exitCode, stdout, stderr } = await steward('archive', 'restore', '--since', '1d', '--hold', '0', '--json')
    expect([exitCode, stderr]).toEqual([0, expect.anything()])
    expect(JSON.parse(stdout).waiting ?? []).toEqual([])
    expect(await everything()).toEqual(original)
    const states = await json('archive', 'list', '--state', 'archived,cold')
    expect(states).toEqual([])
    expect((await json('archive', 'verify')).findings).toEqual([])
  })
})

describe('a task of which a dependency is still archived', () => {
  const [a, b, c] = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`)
  const dependencies = async () =>
    (
      await database.db.one<{ on: string[] }>(sql`
        SELECT ARRAY(SELECT jsonb_array_elements(dependencies) ->> 'task_id') AS "on" FROM devflow.tasks WHERE id = ${a}`)
    ).on

  test('says what it depends on of what is there, and is what it was once all is', async () => {
    const run = (statement: string) => database.db.execute(raw(statement))
    await run(`INSERT INTO devflow.tasks (id, project_id, title, status, created_at, updated_at, completed_at, assigned_agent)
      SELECT id, (SELECT id FROM devflow.projects ORDER BY id LIMIT 1), 'task', status::devflow.task_status, at, at,
             CASE status WHEN 'completed' THEN at END, 'codegen'
      FROM (VALUES ('${a}'::uuid, 'completed'), ('${b}', 'completed'), ('${c}', 'in_progress')) AS t (id, status),
           (SELECT now() - interval '3 years' AS at) AS long_ago`)
    await run(
      `INSERT INTO devflow.dependencies (dependent_task_id, dependency_task_id) VALUES ('${a}', '${b}'), ('${a}', '${c}')`,
    )
    const before = await everything()
    expect((await steward('archive', 'run', 'devflow/completed-tasks', '--yes')).exitCode).toBe(0)
    const first = await json('archive', 'restore', 'devflow/task', a ?? '')
    expect(first.projected).toEqual([{ column: 'devflow.tasks.dependencies' }])
    expect(first.waiting).toEqual([expect.objectContaining({ table: 'dependencies', rows: 1 })])
    expect(await dependencies()).toEqual([c])
    expect((await steward('archive', 'restore', 'devflow/task', b ?? '')).exitCode).toBe(0)
    expect(await dependencies()).toEqual([b, c])
    expect((await steward('archive', 'restore', '--system', 'devflow', '--since', '1h')).exitCode).toBe(0)
    expect(await everything()).toEqual(before)
    original = before
  })

  test('is left alone for a while, as the next plan says', async () => {
    const { kept } = await json('archive', 'run', 'devflow/completed-tasks', '--dry-run')
    expect(kept).toContainEqual(
      expect.objectContaining({ reason: expect.stringMatching(/^held until \d{4}-\d\d-\d\d after a restore$/) }),
    )
  })
})

describe('from cold files', () => {
  let task: string
  beforeAll(async () => {
    await steward('archive', 'run', 'skyvern/finished-tasks', '--yes', '--max-batch', '100')
    const { id } = await database.db.one<{ id: string }>(sql`
      SELECT task_id AS id FROM skyvern_archive.tasks
      WHERE task_id IN (SELECT task_id FROM skyvern_archive.steps) ORDER BY task_id DESC LIMIT 1`)
    task = id
    expect((await steward('archive', 'export', '--store', 'cold', '--yes')).exitCode).toBe(0)
  }, 60_000)

  test('the files are verified', async () => {
    expect(await json('archive', 'verify', '--all')).toMatchObject({ findings: [] })
  })

  test('a flipped byte is found, and named, with exit code 10', async () => {
    const files = (await readdir(join(project, 'cold'), { recursive: true })).filter((name) =>
      /\/tasks\.copy/.test(name),
    )
    const path = join(project, 'cold', files[0] ?? '')
    const bytes = await readFile(path)
    await writeFile(
      path,
      bytes.map((byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte)),
    )
    const { exitCode, stdout } = await steward('archive', 'verify', '--all', '--json')
    await writeFile(path, bytes)
    expect(exitCode).toBe(10)
    expect(JSON.parse(stdout).findings).toEqual([expect.objectContaining({ code: 'cold-files', schema: 'skyvern' })])
  })

  test('one task is found in them, and comes back', async () => {
    const plan = await json('archive', 'restore', 'skyvern/task', task, '--dry-run')
    expect(plan.cold).toHaveLength(1)
    const { exitCode } = await steward('archive', 'restore', 'skyvern/task', task)
    expect(exitCode).toBe(0)
    expect((await steward('skyvern', 'task', 'get', task)).exitCode).toBe(0)
    expect((await steward('archive', 'restore', 'skyvern/task', 'tsk_1')).exitCode).toBe(4)
  })

  test('everything comes back, and is what it was', async () => {
    expect((await steward('archive', 'restore', '--rule', 'skyvern/finished-tasks', '--since', '1h')).exitCode).toBe(
      0,
    )
    expect(await everything()).toEqual(original)
  })
})

describe('of a table of nobody', () => {
  beforeAll(async () => {
    const run = (statement: string) => database.db.execute(raw(statement))
    await run('CREATE SCHEMA "My Shop"')
    await run(
      'CREATE TABLE "My Shop".orders (region text, number integer, closed timestamptz, PRIMARY KEY (region, number))',
    )
    await run(`CREATE TABLE "My Shop".lines (region text, "order" integer, line text,
      FOREIGN KEY (region, "order") REFERENCES "My Shop".orders)`)
    await run('CREATE INDEX ON "My Shop".lines (region, "order")')
    await run(
      `INSERT INTO "My Shop".orders SELECT 'eu', n, now() - interval '1 year' FROM generate_series(1, 3) AS n`,
    )
    await run(
      `INSERT INTO "My Shop".lines SELECT 'eu', n, 'x' FROM generate_series(1, 3) AS n, generate_series(1, 2)`,
    )
    const table = ['--table', '"My Shop".orders', '--age-of', 'closed', '--older-than', '90 days', '--with-children']
    expect((await steward('archive', 'run', ...table, '--yes')).exitCode).toBe(0)
  })

  test('a row comes back by its key, with those that refer to it', async () => {
    const row = ['--table', '"My Shop".orders', '--key', 'region=eu', '--key', 'number=2']
    const { tables } = await json('archive', 'restore', ...row, '--with-children')
    expect(tables).toEqual([
      { schema: 'My Shop', table: 'lines', rows: 2, there: 0, waiting: 0 },
      { schema: 'My Shop', table: 'orders', rows: 1, there: 0, waiting: 0 },
    ])
    expect(await json('archive', 'restore', '--table', '"My Shop".orders', '--key', 'region=eu')).toMatchObject({
      tables: [{ rows: 2 }],
    })
  })

  test('--window age needs a rule that says which instant counts', async () => {
    const { exitCode, stderr } = await steward('archive', 'restore', '--since', '1d', '--window', 'age')
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--rule is required with --window age')])
  })
})

describe('a command line that does not fit together', () => {
  test.each([
    [['archive', 'restore'], 'say what to restore'],
    [['archive', 'restore', 'skyvern/task'], 'must be followed by the ids'],
    [['archive', 'restore', 'skyvern/tusk', 'x'], 'did you mean skyvern/task'],
    [['archive', 'restore', '--table', 'orders'], '--key is required'],
    [['archive', 'restore', '--batch', '1', '--since', '1d'], '--batch and a window of time exclude'],
    [['archive', 'restore', '--batch', 'x'], 'must be the number of a batch'],
    [['archive', 'verify', '1', '--sample', '2'], 'exclude --sample'],
  ])('%j is refused', async (argv, words) => {
    const { exitCode, stderr } = await steward(...argv)
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(words)])
  })

  test.each([
    [['--table', 'devflow.tasks', '--key', 'id=5'], 2, 'id=5 is no key: id is uuid'],
    [['--table', 'devflow.tasks', '--key', 'idd=5'], 4, 'Did you mean id?'],
    [['--rule', 'skyvern/finished-task', '--since', '1d'], 4, 'did you mean skyvern/finished-tasks?'],
  ])('%j names what is wrong', async (argv, code, words) => {
    const { exitCode, stderr } = await steward('archive', 'restore', ...argv)
    expect([exitCode, stderr]).toEqual([code, expect.stringContaining(words)])
  })

  test('an unknown batch is not found', async () => {
    const unknown = String(lastBatch + 1000)
    expect((await steward('archive', 'show', unknown)).exitCode).toBe(4)
    expect((await steward('archive', 'restore', '--batch', unknown)).exitCode).toBe(4)
  })
})
