/** Each way a connection can fail has its own line, hint and code; each sslmode does what libpq's does. */
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { chmod, chown } from 'node:fs/promises'
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Endpoint, SslMode } from '../../src/config/config.ts'
import { type ConnectOptions, connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { ConnectionError, InterruptedError } from '../../src/errors.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { type EmbeddedServer, serverIn } from '../../src/server/embedded.ts'

const certificate = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url))
const ca = certificate('ca.pem')
const otherCa = certificate('other-ca.pem')

const PG_HBA = `
local     all  all         trust
host      app  ada         127.0.0.1/32  scram-sha-256
hostssl   app  tls_only    127.0.0.1/32  trust
hostnossl app  plain_only  127.0.0.1/32  trust
hostssl   app  certified   127.0.0.1/32  cert
host      all  open        127.0.0.1/32  trust
host      app  ghost       127.0.0.1/32  trust
`

let home: string
let server: EmbeddedServer
let admin: Database
let port: number
const opened: Database[] = []
const listening: Server[] = []

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'steward-tls-'))
  await chmod(home, 0o755)
  port = await freePort()
  server = serverIn(join(home, 'server'), {
    durable: false,
    settings: {
      listen_addresses: '127.0.0.1',
      port: String(port),
      shared_buffers: '16MB',
      log_min_messages: 'panic',
    },
  })
  const local = await server.ensureRunning()
  await install('server.key')
  await install('server.pem')
  await install('expired.pem')
  await install('ca.pem')
  writeFileSync(join(server.paths.data, 'pg_hba.conf'), PG_HBA)
  admin = await connect(local, { applicationName: 'steward:test', statementTimeoutMs: 0, poolSize: 1 })
  for (const statement of [
    `CREATE DATABASE app`,
    `CREATE ROLE ada LOGIN PASSWORD 'right'`,
    `CREATE ROLE tls_only LOGIN`,
    `CREATE ROLE plain_only LOGIN`,
    `CREATE ROLE certified LOGIN`,
    `CREATE ROLE open LOGIN`,
    `CREATE ROLE no_login`,
    `ALTER SYSTEM SET ssl_cert_file = 'server.pem'`,
    `ALTER SYSTEM SET ssl_key_file = 'server.key'`,
    `ALTER SYSTEM SET ssl_ca_file = 'ca.pem'`,
    `ALTER SYSTEM SET ssl = on`,
    `SELECT pg_reload_conf()`,
  ]) {
    await admin.execute(raw(statement))
  }
  await until(async () => (await connects({ user: 'tls_only', sslMode: 'require' })) === 'tls')
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.close()))
  for (const each of listening.splice(0)) each.close()
})
afterAll(async () => {
  await admin.close()
  await server.destroy()
  rmSync(home, { recursive: true })
})

/** The server's user must own its key. */
async function install(name: string): Promise<void> {
  const path = join(server.paths.data, name)
  copyFileSync(certificate(name), path)
  const { uid, gid } = statSync(server.paths.data)
  await chown(path, uid, gid)
  await chmod(path, 0o600)
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return free
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries === 200) throw new Error('it never came')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const endpointOf = (endpoint: Partial<Endpoint>): Endpoint => ({
  host: '127.0.0.1',
  port,
  database: 'app',
  user: 'open',
  sslMode: 'prefer',
  connectTimeout: 5,
  ...endpoint,
})

async function open(endpoint: Partial<Endpoint>, options: Partial<ConnectOptions> = {}): Promise<Database> {
  const db = await connect(endpointOf(endpoint), {
    applicationName: 'steward:test',
    statementTimeoutMs: 10_000,
    poolSize: 1,
    startupPatienceMs: 0,
    ...options,
  })
  opened.push(db)
  return db
}

/** `tls`, `plain`, or the code of the error. */
async function connects(endpoint: Partial<Endpoint>): Promise<string> {
  try {
    const db = await open(endpoint)
    const { ssl } = await db.one<{ ssl: boolean }>(sql`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)
    return ssl ? 'tls' : 'plain'
  } catch (error) {
    if (error instanceof ConnectionError) return error.code
    throw error
  }
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/** A server that is not PostgreSQL, or a PostgreSQL that has only one thing to say. */
async function fake(answer: (socket: Socket, connection: number) => void): Promise<number> {
  let connections = 0
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    answer(socket, ++connections)
  })
  listening.push(listener)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return (listener.address() as AddressInfo).port
}

/** ErrorResponse of the wire protocol (PostgreSQL manual, 54.7). */
function errorResponse(sqlstate: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlstate}\0M${message}\0\0`)
  const head = Buffer.alloc(5, 'E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

describe('the server says no', () => {
  test.each<[string, Partial<Endpoint>, string, string]>([
    ['wrong password', { user: 'ada', password: 'wr0ng' }, 'wrong-password', 'refused the password of user ada'],
    ['no password', { user: 'ada' }, 'password-needed', 'asks user ada for a password, and none is configured'],
    ['no pg_hba entry', { user: 'eve' }, 'not-admitted', 'does not admit user eve to database app'],
    ['no such role', { user: 'ghost' }, 'role-missing', 'There is no role ghost'],
    ['no such database', { database: 'nowhere' }, 'database-missing', 'There is no database nowhere'],
    [
      'client certificate',
      { user: 'certified', sslMode: 'require' },
      'client-certificate-needed',
      'asks for a client certificate',
    ],
  ])('%s', async (_name, endpoint, code, message) => {
    const error = await failure(open(endpoint))
    expect(error).toMatchObject({ code, exitCode: 3, message: expect.stringContaining(message) })
    expect(error).toHaveProperty('hint', expect.stringMatching(/\w+/))
    expect(JSON.stringify(error)).not.toContain('wr0ng')
  })

  test('the right password', async () => {
    expect(await connects({ user: 'ada', password: 'right' })).toBe('tls')
  })

  test('no connection left; a pool makes do with what it has', async () => {
    await admin.execute(raw('ALTER ROLE open CONNECTION LIMIT 1'))
    const db = await open({}, { poolSize: 3 })
    const sleepers = [1, 2, 3].map((n) => db.one(sql`SELECT ${n}::int AS n, pg_sleep(0.02)`))
    expect((await Promise.all(sleepers)).map(({ n }) => n)).toEqual([1, 2, 3])
    expect(await failure(open({}))).toMatchObject({ code: 'too-many-connections', exitCode: 3 })
    await admin.execute(raw('ALTER ROLE open CONNECTION LIMIT -1'))
  })

  test('starting up: waits for a short while, then says so', async () => {
    let tries = 0
    const starting = await fake((socket, connection) => {
      tries = connection
      socket.once('data', () => socket.end(errorResponse('57P03', 'the database system is starting up')))
    })
    const endpoint = { port: starting, sslMode: 'disable' } as const
    expect(await failure(open(endpoint, { startupPatienceMs: 300 }))).toMatchObject({
      code: 'starting-up',
      exitCode: 3,
      message: `The server at 127.0.0.1:${starting} is starting up and takes no connections yet`,
    })
    expect(tries).toBeGreaterThan(1)
  })

  test('starting up: goes on when the server is ready', async () => {
    const starting = await fake((socket, connection) => {
      if (connection > 1) socket.pipe(connectSocket(port, '127.0.0.1')).pipe(socket)
      else socket.once('data', () => socket.end(errorResponse('57P03', 'the database system is starting up')))
    })
    const db = await open({ port: starting, sslMode: 'disable' }, { startupPatienceMs: 5000 })
    expect(await db.one(sql`SELECT 1 AS one`)).toEqual({ one: 1 })
  })

  test('a pooler that refuses the settings of a session', async () => {
    const pooler = await fake((socket) =>
      socket.once('data', () =>
        socket.end(errorResponse('08P01', 'unsupported startup parameter: statement_timeout')),
      ),
    )
    expect(await failure(open({ port: pooler, sslMode: 'disable' }))).toMatchObject({
      code: 'pooler-refused',
      hint: 'Set pooler: true in the profile, and directUrl for migrations',
    })
  })
})

describe('the network says no', () => {
  test.each<[string, () => Promise<Partial<Endpoint>>, string]>([
    ['unknown host', async () => ({ host: 'no-such-host.invalid' }), 'unknown-host'],
    ['nothing listens', async () => ({ port: await freePort() }), 'connection-refused'],
    ['no socket', async () => ({ host: '/nowhere' }), 'socket-missing'],
    ['no answer', async () => ({ port: await fake(() => {}), connectTimeout: 0.1 }), 'connect-timeout'],
    ['hangs up', async () => ({ port: await fake((socket) => socket.destroy()) }), 'closed-during-login'],
    [
      'something else listens',
      async () => ({ port: await fake((socket) => socket.once('data', () => socket.end('HTTP/1.1 400\r\n\r\n'))) }),
      'not-postgresql',
    ],
  ])('%s', async (_name, endpoint, code) => {
    expect(await failure(open(await endpoint()))).toMatchObject({ code, exitCode: 3 })
  })

  test('a stop request while connecting', async () => {
    const silent = await fake(() => {})
    const stop = new AbortController()
    setTimeout(() => stop.abort(new InterruptedError('SIGINT')), 20)
    expect(await failure(open({ port: silent }, { signal: stop.signal }))).toMatchObject({ exitCode: 130 })
  })
})

describe('TLS', () => {
  test.each<[SslMode, Partial<Endpoint>, string]>([
    ['disable', {}, 'plain'],
    ['disable', { user: 'tls_only' }, 'not-admitted'],
    ['allow', {}, 'plain'],
    ['allow', { user: 'tls_only' }, 'tls'],
    ['prefer', {}, 'tls'],
    ['prefer', { user: 'plain_only' }, 'plain'],
    ['require', {}, 'tls'],
    ['require', { user: 'plain_only' }, 'not-admitted'],
    ['require', { sslRootCert: ca }, 'tls'],
    ['require', { sslRootCert: otherCa }, 'tls-certificate-refused'],
    ['verify-ca', {}, 'tls-root-missing'],
    ['verify-ca', { sslRootCert: ca }, 'tls'],
    ['verify-ca', { sslRootCert: otherCa }, 'tls-certificate-refused'],
    ['verify-ca', { sslRootCert: 'system' }, 'tls-certificate-refused'],
    ['verify-ca', { sslRootCert: '/nowhere/ca.pem' }, 'tls-file-unreadable'],
    ['verify-full', { sslRootCert: ca, host: 'localhost' }, 'tls'],
    ['verify-full', { sslRootCert: ca, host: '127.0.0.1' }, 'tls-host-mismatch'],
  ])('%s %j', async (sslMode, endpoint, outcome) => {
    expect(await connects({ sslMode, ...endpoint })).toBe(outcome)
  })

  test('on a Unix socket it is never used', async () => {
    expect(await connects({ host: server.paths.run, sslMode: 'verify-full' })).toBe('plain')
  })

  test('a server without TLS', async () => {
    const plain = await fake((socket) => socket.once('data', () => socket.write('N')))
    expect(await connects({ port: plain, sslMode: 'require' })).toBe('tls-unsupported')
  })

  test('an expired certificate', async () => {
    await admin.execute(raw(`ALTER SYSTEM SET ssl_cert_file = 'expired.pem'`))
    await admin.execute(raw('SELECT pg_reload_conf()'))
    const full = { sslMode: 'verify-ca', sslRootCert: ca } as const
    await until(async () => (await connects(full)) !== 'tls')
    expect(await connects(full)).toBe('tls-certificate-expired')
    await admin.execute(raw(`ALTER SYSTEM SET ssl_cert_file = 'server.pem'`))
    await admin.execute(raw('SELECT pg_reload_conf()'))
    await until(async () => (await connects(full)) === 'tls')
  })

  test('a statement on an encrypted connection can be stopped too', async () => {
    const stop = new AbortController()
    const db = await open({ sslMode: 'require' }, { signal: stop.signal })
    const outcome = failure(db.rows(sql`SELECT pg_sleep(10), 'stop over tls'`))
    await until(async () => {
      const running = sql`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%stop over tls%' AND state = 'active'
        AND pid <> pg_backend_pid()`
      return (await admin.rows(running)).length > 0
    })
    stop.abort(new InterruptedError('SIGINT'))
    expect(await outcome).toBeInstanceOf(InterruptedError)
  })
})
