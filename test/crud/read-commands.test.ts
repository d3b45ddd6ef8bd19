/** The reading commands from end to end: a command line in, two streams and an exit code out. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextPageCommand } from '../../src/commands/entity/next-page.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-read-'))
  database = await createTestDatabase()
  const { db } = database
  await db.execute(sql`INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'One')`)
  await db.execute(sql`
    INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, status, failure_reason, created_at)
    SELECT 'tsk_' || n, 'o_1', 'https://example.com/' || n, 'Look', (ARRAY['created', 'failed'])[1 + n % 2]::skyvern.task_status,
      CASE WHEN n % 2 = 1 THEN 'timeout' END, '2026-01-01T00:00:00Z'::timestamptz + make_interval(hours => n)
    FROM generate_series(1, 25) AS n`)
  await db.execute(sql`
    INSERT INTO skyvern.steps (step_id, task_id, "order", step_type) VALUES ('stp_1', 'tsk_1', 1, 'action')`)
  await db.execute(sql`
    INSERT INTO skyvern.actions (action_id, step_id, action_type) VALUES ('act_1', 'stp_1', 'click')`)
  await db.execute(sql`
    INSERT INTO skyvern.api_keys (api_key_id, organization_id, name, key_hash, key_prefix)
    VALUES ('ak_1', 'o_1', 'main', ${'ab'.repeat(32)}, 'sk_abc')`)
})
afterAll(async () => {
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

const run = (...argv: string[]) => runCli(['skyvern', ...argv], { env: { DATABASE_URL: database.url }, cwd: folder })
const lines = (text: string) => text.trimEnd().split('\n')

describe('list', () => {
  it('shows the newest first, and how to go on', async () => {
    const first = await run('task', 'list', '--limit', '3', '--status', 'failed')
    expect(first.exitCode).toBe(0)
    expect(first.stdout).toMatchInlineSnapshot(`
      "TASK ID  STATUS  CREATED AT           URL                     FAILURE REASON
      tsk_25   failed  2026-01-02 01:00:00  https://example.com/25  timeout
      tsk_23   failed  2026-01-01 23:00:00  https://example.com/23  timeout
      tsk_21   failed  2026-01-01 21:00:00  https://example.com/21  timeout
      "
    `)
    const next = /Next page: steward (.*)$/m.exec(first.stderr)?.[1] ?? ''
    expect(next).toMatch(/^skyvern task list --limit 3 --status failed --after \S+$/)
    const second = await runCli(next.split(' '), { env: { DATABASE_URL: database.url }, cwd: folder })
    expect(second.stdout).toMatch(/tsk_19 [\s\S]*tsk_17 [\s\S]*tsk_15 /)
  })

  it('accepts the plural, gives machines every field, and nothing of a cursor on the last page', async () => {
    const { stdout, stderr } = await run('tasks', 'list', '--filter', 'task_id=tsk_7', '--json')
    const [row] = JSON.parse(stdout)
    expect(row).toMatchObject({
      task_id: 'tsk_7',
      navigation_goal: 'Look',
      created_at: '2026-01-01T07:00:00.000000Z',
    })
    expect(stderr).toBe('')
  })

  it.each(['list', 'count', 'export'])(
    'reports with %s all that is wrong with filter and fields together',
    async (verb) => {
      const sort = verb === 'list' ? ['--sort', 'bogus'] : []
      const { exitCode, stdout, stderr } = await run('task', verb, '--filter', 'nope=1', ...sort, '--fields', 'a,b')
      expect([exitCode, stdout]).toEqual([2, ''])
      expect(stderr).toContain(`error: ${3 + sort.length / 2} problems with the input`)
      for (const said of ["no field 'nope'", "names 'a'", "names 'b'"]) expect(stderr).toContain(said)
      if (verb === 'list') expect(stderr).toContain("no field 'bogus'")
      expect((await run('task', 'count', '--fields', 'count', '--json')).stdout).toContain('"count": 25')
    },
  )

  it('streams everything with --all', async () => {
    const { stdout } = await run(
      'task',
      'list',
      '--all',
      '--sort',
      'created_at',
      '-o',
      'csv',
      '--fields',
      'task_id,status',
    )
    expect(lines(stdout)).toHaveLength(26)
    expect(lines(stdout).slice(0, 3)).toEqual(['task_id,status', 'tsk_1,failed', 'tsk_2,created'])
  })

  it('says so when nothing matches', async () => {
    const { exitCode, stdout, stderr } = await run('task', 'list', '--search', 'nothing like this')
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: 'No tasks match the filters\n' })
  })

  it('names every problem at once', async () => {
    const { exitCode, stderr } = await run(
      'task',
      'list',
      '--filter',
      'statsu=x',
      '--sort',
      'creatd_at',
      '--all',
      '--limit',
      '1',
    )
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/did you mean status/)
    expect(stderr).toMatch(/did you mean created_at/)
    expect(stderr).toMatch(/--limit.*contradicts --all/)
  })

  it('hides secrets, and shows them when asked by name', async () => {
    expect((await run('api-key', 'list', '--json')).stdout).not.toContain('abab')
    expect((await run('api-key', 'list', '--json', '--reveal', 'key_hash')).stdout).toContain('abab')
    const refused = await run('api-key', 'list', '--fields', 'key_hash')
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' })
    expect(refused.stderr).toMatch(/--reveal key_hash/)
    expect(await run('task', 'list', '--reveal', 'status')).toMatchObject({ exitCode: 2 })
  })
})

describe('get', () => {
  it('shows one with what belongs to it', async () => {
    const { stdout } = await run('task', 'get', 'tsk_1', '--include', 'steps.actions,organization', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      task_id: 'tsk_1',
      steps: [{ step_id: 'stp_1', actions: [{ action_id: 'act_1' }] }],
      organization: { organization_name: 'One' },
    })
  })

  it('gives people the second level as a table of its own', async () => {
    const { stdout } = await run('task', 'get', 'tsk_1', '--include', 'steps.actions')
    expect(stdout).toMatch(/stp_1 [\s\S]*act_1 /)
  })

  it('gives several as a list', async () => {
    const { stdout } = await run('task', 'get', 'tsk_2', 'tsk_1', '--include', 'steps', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ task_id: 'tsk_2', steps: [] }, { steps: [{ step_id: 'stp_1' }] }])
  })

  it('gives people all of each, one below the other', async () => {
    const { stdout } = await run('task', 'get', 'tsk_2', 'tsk_1', '--include', 'steps')
    expect(stdout).toMatch(/task id +tsk_2[\s\S]*navigation goal[\s\S]*task id +tsk_1[\s\S]*stp_1 /)
  })

  it('exits 4 and names what is not there', async () => {
    const { exitCode, stdout, stderr } = await run('task', 'get', 'tsk_1', 'tsk_nope')
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toMatch(/There is no task tsk_nope/)
  })

  it('exits 2 for a relation that is not there', async () => {
    const { exitCode, stderr } = await run('task', 'get', 'tsk_1', '--include', 'stesp')
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/did you mean steps/)
  })
})

describe('count', () => {
  it('counts what the filters leave', async () => {
    expect(JSON.parse((await run('task', 'count', '--json')).stdout)).toEqual({ count: 25 })
    expect(JSON.parse((await run('task', 'count', '--status', 'failed', '--json')).stdout)).toEqual({ count: 13 })
  })
})

describe('export', () => {
  it('writes rows to stdout, and nothing else', async () => {
    const { stdout, stderr } = await run('task', 'export', '--filter', 'failure_reason not null')
    expect(lines(stdout)).toHaveLength(13)
    expect(JSON.parse(lines(stdout)[0] ?? '')).toMatchObject({ status: 'failed' })
    expect(stderr).toBe('')
  })

  it('writes a file and says what is in it', async () => {
    const { stdout } = await run('task', 'export', '--out', 'tasks.csv', '--fields', 'status,task_id', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ format: 'csv', rows: 25, file: join(folder, 'tasks.csv') })
    const written = lines(await readFile(join(folder, 'tasks.csv'), 'utf8'))
    expect(written[0]).toBe('status,task_id')
    expect(written).toHaveLength(26)
  })

  it('keeps secrets out', async () => {
    expect((await run('api-key', 'export')).stdout).not.toMatch(/key_hash|abab/)
    expect((await run('api-key', 'export', '--reveal', 'key_hash')).stdout).toMatch(/abab/)
  })

  it('is csv or ndjson', async () => {
    expect((await run('task', 'export', '-o', 'csv', '--fields', 'task_id')).stdout).toMatch(/^task_id\ntsk_/)
    expect(await run('task', 'export', '-o', 'yaml')).toMatchObject({ exitCode: 2, stdout: '' })
  })
})

describe('the next page', () => {
  it('is the same command with another cursor, quoted for the shell', () => {
    expect(nextPageCommand(['task', 'list', '--after', 'old', '--filter', "name~it's"], 'new')).toBe(
      `steward task list --filter 'name~it'\\''s' --after new`,
    )
    expect(nextPageCommand(['--url', 'postgresql://me:secret@host/db', 'task', 'list'], 'new')).toBe(
      "steward --url 'postgresql://me:***@host/db' task list --after new",
    )
    expect(nextPageCommand(['task', 'list', '--after=old', '-o', 'csv'], 'new')).toBe(
      'steward task list -o csv --after new',
    )
  })
})

describe('help', () => {
  it('is made from the declaration', async () => {
    const { stdout } = await runCli(['skyvern', 'task', 'list', '--help'])
    expect(stdout).toMatch(/--status <values> +where it stands: created, queued,/)
    expect(stdout).toMatch(/--organization-id <ids>/)
    expect(stdout).toMatch(/steward skyvern task list --status failed --since 7d/)
    const artifact = await runCli(['skyvern', 'artifact', 'list', '--help'])
    expect(artifact.stdout).toMatch(/file_size_bytes>=1000000/)
  })
})
