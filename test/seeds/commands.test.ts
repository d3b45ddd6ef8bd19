import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setEnvironment } from '../../src/db/environment.ts'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { NOW, rowCount } from './support.ts'

let database: TestDatabase
let project: string

beforeAll(async () => {
  database = await createTestDatabase()
  project = await mkdtemp(join(tmpdir(), 'steward-project-'))
  await mkdir(join(project, 'store'))
  const store = `stores: { files: 'file://${join(project, 'store')}' }`
  await writeFile(
    join(project, 'steward.yaml'),
    [
      'profiles:',
      `  dev: { url: '${database.url}', environment: development, ${store} }`,
      `  live: { url: '${database.url}', environment: production }`,
      '',
    ].join('\n'),
  )
})
afterAll(async () => {
  await database.drop()
  await rm(project, { recursive: true, force: true })
})

const steward = (...argv: string[]) => runCli([...argv, '--profile', 'dev'], { cwd: project, now: () => NOW })

describe('steward seed', () => {
  it('run loads, says what it loaded, and records the run', async () => {
    const { exitCode, stdout, stderr } = await steward('seed', 'run', 'skyvern', '--rows', '40', '--json')
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
    const { tables, seeded } = JSON.parse(stdout)
    expect(tables).toContainEqual({ table: 'tasks', rows: 40 })
    expect(seeded).toMatchObject({ status: 'loaded', scale: 'custom', size: 40, seed: 1 })
    expect(seeded.until).toMatch(/^2026-10-05T00:00:00/)
    expect(seeded.files).toBeGreaterThan(10)
    expect(await readdir(join(project, 'store', 'skyvern'))).not.toEqual([])
    const journal = await database.db.rows(
      sql`SELECT command, outcome, counts -> 'rows' -> 'tasks' AS tasks FROM steward.journal`,
    )
    expect(journal).toEqual([{ command: 'seed run', outcome: 'done', tasks: 40 }])
  })

  it('run again changes nothing and says so', async () => {
    const { exitCode, stdout, stderr } = await steward('seed', 'run', 'skyvern', '--rows', '40', '--json')
    expect(exitCode).toBe(0)
    expect(stderr).toContain('Already there: 40 tasks (custom). Nothing was changed.')
    expect(JSON.parse(stdout).seeded).toMatchObject({ status: 'unchanged', rows: 0 })
    const { runs } = await database.db.one<{ runs: bigint }>(sql`SELECT count(*) AS runs FROM steward.journal`)
    expect(runs).toBe(1n)
  })

  it('list shows the scales and what is loaded', async () => {
    const { stdout } = await steward('seed', 'list', '--json')
    const rows: Record<string, unknown>[] = JSON.parse(stdout)
    const own = rows.filter(({ system }) => system === 'skyvern')
    expect(own.map(({ scale, size, state }) => [scale, size, state])).toEqual([
      ['demo', 300, null],
      ['small', 5000, null],
      ['medium', 50_000, null],
      ['large', 1_000_000, null],
      ['custom', 40, 'loaded'],
    ])
  })

  it('refuses production, whoever says so, and a profile that is wrong about the database', async () => {
    const live = await runCli(['seed', 'run', 'skyvern', '--profile', 'live'], { cwd: project })
    expect(live).toMatchObject({ exitCode: 2, stdout: '' })
    expect(live.stderr).toContain('The profile live is marked production')

    await setEnvironment(database.db, 'production', 'tester@test')
    for (const argv of [
      ['run', 'skyvern'],
      ['clear', 'skyvern', '--yes'],
    ]) {
      const marked = await steward('seed', ...argv)
      expect(marked.exitCode).toBe(2)
      expect(marked.stderr).toContain('is marked production, where seed data has no place')
      expect(marked.stderr).toContain('Choose a development database')
    }

    await setEnvironment(database.db, 'staging', 'tester@test')
    const wrong = await steward('seed', 'run', 'skyvern')
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toContain('says development')
    expect(wrong.stderr).toContain('says staging')
    await setEnvironment(database.db, 'development', 'tester@test')
  })

  it('says what is wrong with what was asked for', async () => {
    const both = await steward('seed', 'run', 'skyvern', '--rows', '9', '--scale', 'demo')
    expect(both.exitCode).toBe(2)
    expect(both.stderr).toContain('give one of them')
    const relative = await steward('seed', 'run', 'skyvern', '--until', '7d')
    expect(relative.exitCode).toBe(2)
    expect(relative.stderr).toContain('--until must be a date')
    const unknown = await steward('seed', 'run', 'skyvrn')
    expect(unknown.exitCode).toBe(2)
    expect(unknown.stderr).toContain('skyvern')
  })

  it('clear shows its plan, asks, and removes exactly that', async () => {
    await database.db.execute(
      sql`INSERT INTO skyvern.api_keys (organization_id, name, key_hash, key_prefix)
          SELECT organization_id, 'mine', repeat('a', 64), 'sk_secret' FROM skyvern.organizations LIMIT 1`,
    )
    const unanswered = await steward('seed', 'clear', 'skyvern')
    expect(unanswered.exitCode).toBe(2)
    const dry = await steward('seed', 'clear', 'skyvern', '--dry-run')
    expect(dry.exitCode).toBe(0)
    expect(dry.stdout).toMatch(/api_keys ak_\d+/)
    expect(await rowCount(database.db)).toBeGreaterThan(500)

    const done = await steward('seed', 'clear', 'skyvern', '--yes', '--json')
    expect(done.exitCode).toBe(0)
    expect(JSON.parse(done.stdout).tables).toContainEqual({ table: 'tasks', deleted: 40 })
    expect(await rowCount(database.db)).toBe(0)
    expect(await readdir(join(project, 'store'))).toEqual([])
    const audited = await database.db.rows(
      sql`SELECT entity, action, before ->> 'name' AS name, before ->> 'key_hash' AS hash FROM steward.audit_log`,
    )
    expect(audited).toEqual([{ entity: 'api-key', action: 'delete', name: 'mine', hash: '***' }])

    const nothing = await steward('seed', 'clear', 'skyvern', '--yes')
    expect(nothing.exitCode).toBe(0)
    expect(nothing.stderr).toContain('No seed data of skyvern is there.')
  })

  it('says to migrate where the tables are missing', async () => {
    const empty = await createEmptyDatabase()
    try {
      const { exitCode, stderr } = await runCli(['seed', 'run', 'skyvern', '--url', empty.url])
      expect(exitCode).toBe(6)
      expect(stderr).toContain('steward migrate up')
    } finally {
      await empty.drop()
    }
  })
})
