import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { setEnvironment } from '../../src/db/environment.ts'
import { embeddedServer } from '../../src/server/embedded.ts'
import { withClient } from '../support/cluster.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { migrateTemplate } from '../support/template.ts'
import { openDirectory, scratchDirectory } from './scratch.ts'

const home = await openDirectory(scratchDirectory())
const env = { STEWARD_DATA_HOME: home }
const server = embeddedServer({ env })
afterAll(() => server.destroy())

const steward = (line: string, options: CliOptions = {}) =>
  runCli(line.split(' '), { ...options, env: { ...env, ...options.env } })

describe('steward server, before there is one', () => {
  test('status says so, and that is no failure', async () => {
    const { exitCode, stdout, stderr } = await steward('server status --json')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      state: 'absent',
      pid: null,
      since: null,
      version: null,
      url: null,
      data_directory: server.paths.data,
      size: null,
      log_file: null,
    })
    expect(stderr).toContain('There is no embedded server yet: steward server start')
  })

  test('stop, logs and destroy have nothing to do', async () => {
    expect(await steward('server stop')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'The embedded server is not running.\n',
    })
    expect(await steward('server logs')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'There is no log: the embedded server was never started.\n',
    })
    expect(await steward('server destroy --yes')).toMatchObject({ exitCode: 0 })
  })
})

describe('steward server start', () => {
  test('creates and starts it', async () => {
    const { exitCode, stdout, stderr } = await steward('server start --json')
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/Created and started PostgreSQL 18\.\d+ \(process \d+\)\.\n$/)
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running', version: expect.stringMatching(/^18\./) })
  })

  test('twice is fine', async () => {
    const { exitCode, stderr } = await steward('server start')
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/PostgreSQL 18\.\d+ is already running \(process \d+\)\.\n$/)
  })

  test('where it cannot be is one line and a hint', async () => {
    const file = join(home, 'file')
    await writeFile(file, '')
    const { exitCode, stdout, stderr } = await steward('server start', { env: { STEWARD_DATA_HOME: file } })
    expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: '' })
    expect(stderr).toContain("The embedded server's files cannot be worked on")
    expect(stderr.trim().split('\n')).toHaveLength(2)
  })
})

test('steward server url connects other programs', async () => {
  const { exitCode, stdout } = await steward('server url')
  expect(exitCode).toBe(0)
  const url = stdout.trim()
  const parameters = new URL(url).searchParams
  expect(url.startsWith('postgresql:///steward?')).toBe(true)
  const endpoint = { ...(await server.endpoint()), host: parameters.get('host') ?? '' }
  await withClient(endpoint, 'steward', async (client) => {
    expect((await client.query('SELECT current_user AS me')).rows).toEqual([{ me: parameters.get('user') }])
  })
})

test('steward server logs prints the last lines, control sequences made visible', async () => {
  await appendFile(server.logFile, 'a statement with \u001b[31mcolour\nthe last\n')
  expect(await steward('server logs --lines 2')).toEqual({
    exitCode: 0,
    stdout: 'a statement with \\x1b[31mcolour\nthe last\n',
    stderr: '',
  })
  const { stdout } = await steward('server logs -n 1 -o ndjson')
  expect(JSON.parse(stdout)).toEqual({ line: 'the last' })
})

test('steward server logs --follow ends with the code of the signal', async () => {
  const { exitCode, stdout } = await steward('server logs --lines 1 --follow', {
    signals: (send) => setTimeout(() => send('SIGINT'), 1_000),
  })
  expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: 'the last\n' })
})

describe('steward server destroy', () => {
  test('asks, and without a terminal does nothing', async () => {
    const { exitCode, stderr } = await steward('server destroy')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--yes')
    expect((await server.status()).state).toBe('running')
  })

  test('shows what would be deleted, of a stopped server too, and leaves it stopped', async () => {
    await steward('server stop')
    const { exitCode, stdout } = await steward('server destroy --dry-run --json')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      server: { state: 'stopped', environment: null, data_directory: server.paths.data },
      databases: [{ name: 'steward' }],
    })
    expect((await server.status()).state).toBe('stopped')
  })

  test('wants the name of a production server', async () => {
    const endpoint = await server.ensureRunning()
    await migrateTemplate(endpoint)
    const db = await connect(endpoint, { applicationName: 'steward:test', statementTimeoutMs: 0, poolSize: 1 })
    await setEnvironment(db, 'production', 'tester@test-host')
    await db.close()
    const refused = await steward('server destroy --yes')
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('--confirm steward')
    expect(await server.exists()).toBe(true)
  })

  test('deletes it', async () => {
    const { exitCode, stdout } = await steward('server destroy --confirm steward --json')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ stopped: true })
    expect(await server.exists()).toBe(false)
  })

  test('can delete one that does not start any more, when it is named', async () => {
    await mkdir(server.paths.data, { recursive: true })
    await writeFile(join(server.paths.data, 'PG_VERSION'), '12\n')
    expect((await steward('server destroy --yes')).exitCode).toBe(2)
    const { exitCode, stderr } = await steward('server destroy --confirm steward')
    expect(exitCode).toBe(0)
    expect(stderr).toContain('What it holds could not be read:')
    expect((await server.status()).state).toBe('absent')
  })
})
