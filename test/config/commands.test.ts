/** `steward config show`, `check` and `init`, as an operator meets them. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { setEnvironment } from '../../src/db/environment.ts'
import { raw } from '../../src/model/sql.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let migrated: TestDatabase
let empty: TestDatabase
let cwd: string

beforeAll(async () => {
  ;[migrated, empty] = await Promise.all([createTestDatabase(), createEmptyDatabase()])
})
afterAll(() => Promise.all([migrated.drop(), empty.drop()]))
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'steward-project-'))
})
afterEach(() => rm(cwd, { recursive: true }))

const project = (text: string) => writeFile(join(cwd, 'steward.yaml'), text, { mode: 0o600 })
type Row = Record<'setting' | 'value' | 'origin' | 'check' | 'outcome' | 'detail', string>
const rowsOf = (stdout: string): Row[] => JSON.parse(stdout)

describe('config show', () => {
  test('says each value and its origin, and masks the password', async () => {
    const { stdout, stderr, exitCode } = await runCli(['config', 'show', '--json'], {
      cwd,
      env: { DATABASE_URL: 'postgresql://ada:hidden@db:5433/app', STEWARD_POOL_SIZE: '3', STEWARD_PROFIL: 'x' },
    })
    expect(exitCode).toBe(0)
    expect(stdout + stderr).not.toContain('hidden')
    expect(rowsOf(stdout)).toEqual(
      expect.arrayContaining([
        { setting: 'url', value: 'postgresql://ada:***@db:5433/app?sslmode=prefer', origin: 'DATABASE_URL' },
        { setting: 'password', value: '***', origin: 'DATABASE_URL' },
        { setting: 'sslMode', value: 'prefer', origin: 'default' },
        { setting: 'poolSize', value: '3', origin: 'STEWARD_POOL_SIZE' },
        { setting: 'statementTimeout', value: '60s', origin: 'default' },
      ]),
    )
    expect(stderr).toContain('STEWARD_PROFIL is set and means nothing to steward (did you mean STEWARD_PROFILE?)')
  })

  test('a broken file: every problem with its line, exit 2', async () => {
    await project('profiles:\n  dev:\n    hots: h\n    port: nine\n')
    const { stderr, exitCode } = await runCli(['config', 'show'], { cwd })
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/did you mean host\?/)
    expect(stderr).toMatch(/must be a whole number from 1 to 65535/)
    expect(stderr).toMatch(/3/)
  })
})

describe('config check', () => {
  const check = async (url: string, env: Record<string, string> = {}) => {
    const { stdout, exitCode } = await runCli(['config', 'check', '--json', '--url', url], { cwd, env })
    const outcomes = Object.fromEntries(rowsOf(stdout).map((row) => [row.check, row.outcome]))
    return { exitCode, outcomes, details: Object.fromEntries(rowsOf(stdout).map((row) => [row.check, row.detail])) }
  }

  test('a migrated database is well; an empty one gets warnings only', async () => {
    const well = await check(migrated.url)
    expect(well.exitCode).toBe(0)
    expect(well.outcomes).toMatchObject({
      connection: 'ok',
      version: 'ok',
      'schema steward': 'ok',
      'schema skyvern': 'ok',
    })
    const fresh = await check(empty.url)
    expect(fresh.exitCode).toBe(0)
    expect(fresh.outcomes).toMatchObject({ 'schema steward': 'warn', environment: 'warn' })
  })

  test('the key of credentials is named by its id, or what is wrong with it', async () => {
    const file = join(cwd, 'credentials.key')
    const env = { STEWARD_CREDENTIALS_KEY_FILE: file }
    const absent = await check(migrated.url, env)
    expect(absent).toMatchObject({ exitCode: 10, details: { credentials: `The key file ${file} is not there` } })
    await writeFile(file, `${'11'.repeat(32)}\n`, { mode: 0o600 })
    const found = await check(migrated.url, env)
    expect(found).toMatchObject({ exitCode: 0, details: { credentials: `key 02d449a3 from ${file}` } })
    const both = await runCli(['config', 'check', '--url', migrated.url], {
      env: { ...env, STEWARD_CREDENTIALS_KEY: '11'.repeat(32) },
    })
    expect(both.exitCode).toBe(2)
    expect(both.stderr).toContain('contradicts STEWARD_CREDENTIALS_KEY_FILE')
  })

  test('retention rules that nobody has are trouble, each with its place', async () => {
    await project(
      [
        'profiles:',
        '  default:',
        `    url: ${migrated.url}`,
        '    retention:',
        '      skyvern: { finished-task: off }',
        '      skyvrn: { finished-tasks: 3 days }',
      ].join('\n'),
    )
    const { stdout, exitCode } = await runCli(['config', 'check', '--json'], { cwd })
    expect(exitCode).toBe(10)
    const file = join(cwd, 'steward.yaml')
    expect(rowsOf(stdout).filter((row) => row.check === 'retention')).toEqual([
      {
        check: 'retention',
        outcome: 'bad',
        detail: `${file}:5: there is no rule of skyvern called finished-task (did you mean finished-tasks?)`,
      },
      {
        check: 'retention',
        outcome: 'bad',
        detail: `${file}:6: there is no system called skyvrn (did you mean skyvern?)`,
      },
    ])
  })

  test('what keeps maintenance waiting is pointed out', async () => {
    const file = join(cwd, 'stop')
    const env = { STEWARD_MAINTENANCE_STOP_FILE: file }
    expect((await check(migrated.url, env)).outcomes).not.toHaveProperty('maintenance')
    await writeFile(file, '')
    expect(await check(migrated.url, env)).toMatchObject({
      exitCode: 0,
      outcomes: { maintenance: 'warn' },
      details: { maintenance: `waits: the stop file ${file} is there` },
    })
    const paused = await check(migrated.url, { STEWARD_MAINTENANCE_PAUSE: 'on' })
    expect(paused.details.maintenance).toBe('paused by STEWARD_MAINTENANCE_PAUSE')
  })

  test('an environment that contradicts the marker is trouble', async () => {
    await setEnvironment(migrated.db, 'production', 'test')
    const { exitCode, details } = await check(migrated.url, { STEWARD_ENVIRONMENT: 'development' })
    expect(exitCode).toBe(10)
    expect(details.environment).toBe('profile default says development, the database says production')
    expect((await check(migrated.url, { STEWARD_ENVIRONMENT: 'production' })).exitCode).toBe(0)
  })

  test('a role without privileges is told what it lacks', async () => {
    await migrated.db.execute(raw('CREATE ROLE reader LOGIN'))
    await migrated.db.execute(raw('GRANT USAGE ON SCHEMA skyvern TO reader'))
    await migrated.db.execute(raw('GRANT SELECT ON ALL TABLES IN SCHEMA skyvern TO reader'))
    const { exitCode, details } = await check(
      migrated.url.replace(/user=\w+|\/\/\w+@/, (part) => part.replace('steward', 'reader')),
    )
    await migrated.db.execute(raw('DROP OWNED BY reader'))
    await migrated.db.execute(raw('DROP ROLE reader'))
    expect(exitCode).toBe(10)
    expect(details['schema skyvern']).toMatch(
      /^reader lacks INSERT on all of \d+ tables, UPDATE on all of \d+ tables, DELETE/,
    )
    expect(details['schema steward']).toMatch(/^reader lacks USAGE on the schema/)
  })

  test('no connection: exit 3, one line and a hint', async () => {
    const { stderr, exitCode } = await runCli(['config', 'check', '--url', 'postgresql://ada@127.0.0.1:1/app'], {
      cwd,
    })
    expect(exitCode).toBe(3)
    expect(stderr).toContain('Nothing listens on 127.0.0.1:1')
  })

  test('no connection, and the password file that is passed over is named', async () => {
    const passFile = join(cwd, 'pgpass')
    await writeFile(passFile, '*:*:*:*:hidden\n', { mode: 0o644 })
    const { stderr, exitCode } = await runCli(['config', 'check', '--url', 'postgresql://ada@127.0.0.1:1/app'], {
      cwd,
      env: { PGPASSFILE: passFile },
    })
    expect(exitCode).toBe(3)
    expect(stderr).toContain(`warning: ${passFile} is ignored, because others may read it`)
    expect(stderr).not.toContain('hidden')
  })

  test("any other command says a configuration's warning, and says only once that it is one", async () => {
    await project('profiles:\n  dev:\n    url: postgresql://ada:hidden@127.0.0.1:1/app\n')
    await chmod(join(cwd, 'steward.yaml'), 0o644)
    const { stderr } = await runCli(['status'], { cwd })
    expect(stderr).toMatch(/^warning: \S*steward\.yaml:3: the url of profile dev holds a password/)
  })
})

describe('config init', () => {
  test('writes a commented file that holds no password, and works', async () => {
    const url = migrated.url.replace('postgresql:///', 'postgresql://:hidden@/')
    const { exitCode, stderr } = await runCli(
      ['config', 'init', '--url', url, '--name', 'local', '--environment', 'staging', '--system', 'skyvern'],
      { cwd },
    )
    expect(stderr).toContain('Next: steward config check')
    expect(exitCode).toBe(0)
    const text = await readFile(join(cwd, 'steward.yaml'), 'utf8')
    expect(text).toContain('# The profile that is meant when none is named')
    expect(text).not.toContain('hidden')
    expect(await readdir(cwd)).toEqual(['steward.yaml'])
    const { stdout } = await runCli(['config', 'show', '--json'], { cwd })
    expect(rowsOf(stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ setting: 'profile', value: 'local' }),
        expect.objectContaining({ setting: 'database', value: migrated.db.database }),
        expect.objectContaining({ setting: 'environment', value: 'staging' }),
        expect.objectContaining({ setting: 'system', value: 'skyvern' }),
      ]),
    )
  })

  test('replaces no file unless it is told to', async () => {
    await project('# mine\n')
    const argv = ['config', 'init', '--url', migrated.url]
    const refused = await runCli(argv, { cwd })
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('is there already')
    expect(await readFile(join(cwd, 'steward.yaml'), 'utf8')).toBe('# mine\n')
    expect((await runCli([...argv, '--force'], { cwd })).exitCode).toBe(0)
    expect(await readFile(join(cwd, 'steward.yaml'), 'utf8')).toContain('profile: default')
  })

  test('a file that cannot be written is an error of the operation, not of Steward', async () => {
    const argv = ['config', 'init', '--url', 'postgresql://ada:hidden@127.0.0.1:1/app', '--untested']
    await writeFile(join(cwd, 'file'), '')
    const { exitCode, stderr } = await runCli([...argv, '--file', 'file/steward.yaml'], { cwd })
    expect(exitCode).toBe(6)
    expect(stderr).toContain('file/steward.yaml cannot be written (E')

    const written = await runCli(argv, { cwd })
    expect(written.exitCode).toBe(0)
    expect(written.stderr).toContain('warning: the password of --url is not in the file')
  })

  test('without a terminal and without flags it says what to give', async () => {
    const { exitCode, stderr } = await runCli(['config', 'init'], { cwd })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--url postgresql://user@host/database')
  })

  test('writes nothing when the connection fails, unless it is not to be tried', async () => {
    const argv = ['config', 'init', '--host', '127.0.0.1', '--port', '1', '--database', 'app', '--user', 'ada']
    expect((await runCli(argv, { cwd })).exitCode).toBe(3)
    expect(await readdir(cwd)).toEqual([])
    expect((await runCli([...argv, '--untested'], { cwd })).exitCode).toBe(0)
    expect((await stat(join(cwd, 'steward.yaml'))).isFile()).toBe(true)
  })
})
