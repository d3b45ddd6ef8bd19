import { spawn } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { isServerOf } from '../../src/server/postmaster.ts'
import { runProgram } from '../../src/server/program.ts'
import { withClient } from '../support/cluster.ts'
import { openDirectory, scratchDirectory, scratchServer } from './scratch.ts'

const directory = scratchDirectory()
await openDirectory(directory)
const server = scratchServer(join(directory, 'server'), { durable: true })

const ask = async (sql: string) => {
  const endpoint = await server.endpoint()
  return withClient(endpoint, endpoint.database, async (client) => (await client.query(sql)).rows[0])
}

describe('a server that never was', () => {
  test('is absent', async () => {
    expect(await server.exists()).toBe(false)
    expect(await server.status()).toEqual({
      state: 'absent',
      dataDirectory: server.paths.data,
      sizeBytes: 0,
      logFile: server.logFile,
    })
  })

  test('can be stopped and destroyed without anything happening', async () => {
    expect(await server.stop()).toBeUndefined()
    expect(await server.destroy()).toEqual({ stopped: false, freedBytes: 0 })
    expect(await readdir(directory)).toEqual([])
  })
})

describe('starting', () => {
  test('creates the server and the database', async () => {
    const labels: string[] = []
    const { started, created } = await server.start(({ label }) => labels.push(label))
    expect({ started, created }).toEqual({ started: true, created: true })
    expect(labels).toEqual(['creating a PostgreSQL 18 server', 'starting PostgreSQL'])
    expect(
      await ask(`
        SELECT current_database() AS database, current_user AS role,
               current_setting('server_version_num')::int / 10000 AS major,
               (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
               pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale,
               current_setting('data_checksums') AS checksums, current_setting('TimeZone') AS zone
        FROM pg_database WHERE datname = current_database()`),
    ).toEqual({
      database: 'steward',
      role: 'steward',
      major: 18,
      superuser: true,
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
      checksums: 'on',
      zone: 'UTC',
    })
  })

  test('counts statements', async () => {
    await ask('SELECT 40 + 2')
    expect(await ask(`SELECT count(*) > 0 AS counted FROM pg_stat_statements WHERE query LIKE '%$1 + $2%'`)).toEqual({
      counted: true,
    })
  })

  test('leaves a running server as it is', async () => {
    const before = await server.status()
    const { started, created, postmaster } = await server.start()
    expect({ started, created, pid: postmaster.pid }).toEqual({ started: false, created: false, pid: before.pid })
  })

  test('opens nothing that another user could enter', async () => {
    expect(await ask(`SELECT current_setting('listen_addresses') AS addresses`)).toEqual({ addresses: '' })
    const modes = await Promise.all(
      [server.paths.home, server.paths.data, server.paths.run].map(async (path) => (await stat(path)).mode & 0o777),
    )
    expect(modes).toEqual([0o700, 0o700, 0o700])
  })

  test('gives the server a session of its own, so that Ctrl-C and the end of steward do not reach it', async () => {
    const { pid } = await server.status()
    const { stdout } = await runProgram('ps', ['-o', 'sid=', '-p', String(pid)])
    expect(Number(stdout)).toBe(pid)
  })

  test.runIf(process.getuid?.() === 0)('does not run it as root', async () => {
    const { pid } = await server.status()
    const { stdout } = await runProgram('ps', ['-o', 'uid=', '-p', String(pid)])
    expect(Number(stdout)).not.toBe(0)
    expect((await stat(server.paths.data)).uid).toBe(Number(stdout))
  })
})

test('status tells process, start, version and size', async () => {
  const status = await server.status()
  expect(status).toMatchObject({ state: 'running', version: expect.stringMatching(/^18\./) })
  expect(await isServerOf(status.pid ?? 0, server.paths.data)).toBe(true)
  expect(Math.abs(Date.now() - (status.since?.getTime() ?? 0))).toBeLessThan(60_000)
  expect(status.sizeBytes).toBeGreaterThan(10_000_000)
})

describe('after the server was killed', () => {
  test('the next start recovers what was committed', async () => {
    await ask('CREATE TABLE kept AS SELECT 1 AS one')
    const { pid = 0 } = await server.status()
    process.kill(pid, 'SIGKILL')
    while ((await server.status()).state !== 'stopped') await sleep(10)
    expect(await server.ensureRunning()).toMatchObject({ database: 'steward', user: 'steward' })
    expect(await ask('SELECT one FROM kept')).toEqual({ one: 1 })
    expect((await server.status()).pid).not.toBe(pid)
  })

  test('a pid file whose number now belongs to another process does not keep it down', async () => {
    await server.stop()
    // This test's own process stands for the stranger that got the number after a reboot.
    const lines = [process.pid, server.paths.data, 1_700_000_000, 5432, server.paths.run, '', '1 1', 'ready   ']
    await writeFile(join(server.paths.data, 'postmaster.pid'), `${lines.join('\n')}\n`)
    expect((await server.status()).state).toBe('stopped')
    expect(await server.stop()).toBeUndefined()
    expect((await server.start()).started).toBe(true)
  })

  test('a number that now belongs to another process of the same user does not keep it down', async () => {
    await server.start()
    const { uid } = await stat(server.paths.data)
    const pidFile = join(server.paths.data, 'postmaster.pid')
    const socketLock = join(server.paths.run, '.s.PGSQL.5432.lock')
    const left = await Promise.all([pidFile, socketLock].map((file) => readFile(file, 'utf8')))
    await server.stop()
    const stranger = spawn('sleep', ['60'], { uid, stdio: 'ignore' })
    await Promise.all(
      [pidFile, socketLock].map((file, index) =>
        writeFile(file, (left[index] ?? '').replace(/^\d+/, String(stranger.pid))),
      ),
    )
    try {
      expect((await server.start()).started).toBe(true)
    } finally {
      stranger.kill()
    }
  })

  test('sessions that outlive it are waited for, even where nobody has collected the dead process', async () => {
    const endpoint = await server.ensureRunning()
    const { pid = 0 } = await server.status()
    const { uid } = await stat(server.paths.data)
    const pidFile = join(server.paths.data, 'postmaster.pid')
    await withClient(endpoint, 'steward', async (client) => {
      client.on('error', () => {})
      // Sorting and hashing a series looks at no latch, so the session does not notice that the server is gone.
      const busy = client.query('SELECT count(DISTINCT md5(n::text)) FROM generate_series(1, 600000) AS n')
      const ended = busy.then(
        () => Date.now(),
        () => Date.now(),
      )
      await sleep(100)
      process.kill(pid, 'SIGKILL')
      while ((await server.status()).state !== 'stopped') await sleep(10)
      const stranger = spawn('sleep', ['60'], { uid, stdio: 'ignore' })
      await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(stranger.pid)))
      try {
        expect((await server.start()).started).toBe(true)
        expect(Date.now()).toBeGreaterThanOrEqual(await ended)
      } finally {
        stranger.kill()
      }
    })
  })
})

describe('stopping', () => {
  test('ends the process and keeps the data', async () => {
    const { pid } = await server.status()
    expect((await server.stop())?.pid).toBe(pid)
    expect(await server.status()).toMatchObject({ state: 'stopped', version: '18' })
    expect(await server.exists()).toBe(true)
  })

  test('a stopped server again changes nothing', async () => {
    expect(await server.stop()).toBeUndefined()
  })

  test('disconnects who is connected', async () => {
    const endpoint = await server.ensureRunning()
    await withClient(endpoint, 'steward', async (client) => {
      client.on('error', () => {})
      await client.query('BEGIN')
      await server.stop()
    })
    expect((await server.status()).state).toBe('stopped')
  })
})

test('destroying deletes everything', async () => {
  await server.start()
  const { freedBytes, stopped } = await server.destroy()
  expect(stopped).toBe(true)
  expect(freedBytes).toBeGreaterThan(10_000_000)
  expect((await server.status()).state).toBe('absent')
  expect(await readdir(server.paths.home)).toEqual([])
})
