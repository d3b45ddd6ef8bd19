/** Where a connection goes, and what else is configured: flags, environment, files, and who wins. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Config, Endpoint } from '../../src/config/config.ts'
import { describeConfig } from '../../src/config/describe.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { StewardError } from '../../src/errors.ts'

let root: string
let cwd: string
let home: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'steward-config-'))
  cwd = join(root, 'project', 'inner')
  home = join(root, 'home')
  await Promise.all([mkdir(cwd, { recursive: true }), mkdir(home)])
})
afterEach(() => rm(root, { recursive: true }))

type Env = Record<string, string>
type Flags = { readonly profile?: string; readonly url?: string }

const resolve = (env: Env = {}, flags: Flags = {}): Promise<Config> =>
  resolveConfig({
    flags,
    env: { STEWARD_DATA_HOME: join(root, 'data'), ...env },
    cwd,
    homeDirectory: home,
    platform: 'linux',
  })

async function endpoint(env: Env = {}, flags: Flags = {}): Promise<Endpoint> {
  const { target } = await resolve(env, flags)
  if (target.kind !== 'server') throw new Error('embedded')
  return target.endpoint
}

async function write(path: string, text: string, mode = 0o600): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  await chmod(path, mode)
  return path
}

const project = (text: string, mode?: number) => write(join(root, 'project', 'steward.yaml'), text, mode)

async function problems(env: Env = {}, flags: Flags = {}): Promise<string[]> {
  const error = await resolve(env, flags).catch((caught: unknown) => caught)
  if (!(error instanceof StewardError)) throw error
  return error.problems.map(
    ({ where = '', line, reason }) =>
      `${where.replace(join(root, 'project', 'steward.yaml'), 'FILE')}${line === undefined ? '' : `:${line}`}: ${reason}`,
  )
}

test('with nothing configured the embedded server is the target, with a store of its own', async () => {
  const config = await resolve()
  expect(config).toMatchObject({
    profile: 'default',
    target: { kind: 'embedded' },
    pooler: false,
    schemas: {},
    stores: [{ name: 'local', url: `file://${root}/data/artifacts` }],
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 1000,
    warnings: [],
  })
  expect(Object.isFrozen(config) && Object.isFrozen(config.stores) && Object.isFrozen(config.target)).toBe(true)
})

describe('URLs', () => {
  test('are read whole', async () => {
    const url =
      'postgresql://us%40er:p%3Ass%2F@db.example.org:6432/my%20db?sslmode=verify-full&sslrootcert=ca.pem&options=-c%20geqo%3Doff&connect_timeout=3'
    expect(await endpoint({}, { url })).toEqual({
      host: 'db.example.org',
      port: 6432,
      user: 'us@er',
      password: 'p:ss/',
      database: 'my db',
      sslMode: 'verify-full',
      sslRootCert: join(cwd, 'ca.pem'),
      options: '-c geqo=off',
      connectTimeout: 3,
    })
  })

  test.each([
    [
      'postgres:///app?host=/var/run/pg&port=5433&user=ada',
      { host: '/var/run/pg', port: 5433, user: 'ada', database: 'app' },
    ],
    ['postgres://ada@%2Fvar%2Frun%2Fpg/app', { host: '/var/run/pg', port: 5432, database: 'app' }],
    ['postgresql://ada@[::1]:5433/app', { host: '::1', port: 5433 }],
    ['postgresql+psycopg://skyvern@localhost/skyvern', { host: 'localhost', user: 'skyvern', database: 'skyvern' }],
    ['postgresql://ada@h', { database: 'ada', sslMode: 'prefer', connectTimeout: 10 }],
    ['postgresql://h/app?ssl=true', { sslMode: 'require', user: userInfo().username }],
    ['postgresql://h/app?sslrootcert=system', { sslMode: 'verify-full', sslRootCert: 'system' }],
  ])('%s', async (url, expected) => {
    expect(await endpoint({}, { url })).toMatchObject(expected)
  })

  test.each([
    ['mysql://h/app', '--url: has the scheme mysql://, and only postgresql:// is understood'],
    ['h/app', '--url: must be a URL such as postgresql://user@host:5432/database'],
    ['postgresql://h:99999/app', '--url: has a port that must be a whole number from 1 to 65535'],
    ['postgresql://a,b/app', '--url: names several hosts; only one is supported'],
    ['postgresql://h/app?sslmod=require', '--url: has the unknown parameter sslmod (did you mean sslmode?)'],
    [
      'postgresql://h/app?sslmode=on',
      '--url: has a sslmode that must be one of disable, allow, prefer, require, verify-ca, verify-full',
    ],
    [
      'postgresql://u:100%@h/app',
      '--url: holds a % that is not followed by two hexadecimal digits (write %25 for a percent sign)',
    ],
    ['postgresql://u:s@cret@h/app', '--url: holds more than one @; write %40 for one inside the password'],
  ])('%s is refused', async (url, reason) => {
    expect(await problems({}, { url })).toEqual([reason])
  })

  test('a pooler can be named in the URL', async () => {
    expect((await resolve({ DATABASE_URL: 'postgresql://h/app?pgbouncer=true' })).pooler).toBe(true)
  })
})

describe('the environment', () => {
  test('DATABASE_URL goes before PG*, which only completes it', async () => {
    const env = {
      DATABASE_URL: 'postgresql://h/app',
      PGHOST: 'other',
      PGDATABASE: 'other',
      PGUSER: 'ada',
      PGPASSWORD: 'x',
    }
    expect(await endpoint(env)).toMatchObject({ host: 'h', database: 'app', user: 'ada', password: 'x' })
  })

  test('PG* variables as libpq reads them', async () => {
    const env = {
      PGHOST: 'h',
      PGPORT: '5433',
      PGUSER: 'ada',
      PGSSLMODE: 'require',
      PGSSLROOTCERT: '/ca',
      PGCONNECT_TIMEOUT: '4',
    }
    expect(await endpoint(env)).toEqual({
      host: 'h',
      port: 5433,
      user: 'ada',
      database: 'ada',
      sslMode: 'require',
      sslRootCert: '/ca',
      connectTimeout: 4,
    })
    expect(await problems({ PGHOST: 'h', PGPORT: 'x' })).toEqual(['PGPORT: must be a whole number from 1 to 65535'])
  })

  test('a mistyped PGSSLMODE is refused whoever says where, or the connection would be less safe than asked for', async () => {
    await project('profiles:\n  dev: { host: h, database: app }\n')
    const wrong = { PGSSLMODE: 'verify_full', PGPORT: 'x' }
    const reason = 'PGSSLMODE: must be one of disable, allow, prefer, require, verify-ca, verify-full'
    expect(await problems(wrong, { profile: 'dev' })).toEqual([reason])
    expect(await problems(wrong, { url: 'postgresql://h/app' })).toEqual([reason])
    expect(await problems({ PGSSLMODE: 'verify_full', DB_HOST: 'h' })).toEqual([reason])
  })

  test('PGUSER and PGPASSWORD alone name no server', async () => {
    expect((await resolve({ PGUSER: 'ada', PGPASSWORD: 'x' })).target.kind).toBe('embedded')
  })

  test('a service file', async () => {
    await write(
      join(home, '.pg_service.conf'),
      '# services\n[other]\nhost=wrong\n\n[app]\nhost=h\nport=5433\ndbname=app\nuser=ada\nsslmode=require\n[last]\nhost=wrong\n',
    )
    const expected = { host: 'h', port: 5433, database: 'app', user: 'ada', sslMode: 'require' }
    expect(await endpoint({ PGSERVICE: 'app' })).toMatchObject(expected)
    // As in libpq, the service goes before the other variables, and the URL before the service.
    expect(await endpoint({ PGSERVICE: 'app', PGHOST: 'mine', PGUSER: 'eve' })).toMatchObject(expected)
    expect(await endpoint({ PGUSER: 'eve' }, { url: 'postgresql://mine?service=app' })).toMatchObject({
      ...expected,
      host: 'mine',
    })
    expect(await endpoint({}, { url: 'postgresql:///?service=app' })).toMatchObject(expected)
    expect(await problems({ PGSERVICE: 'nope' })).toEqual([
      `PGSERVICE: names the service nope, which is in no service file (looked at ${home}/.pg_service.conf)`,
    ])
  })

  test('a password file, first fitting line, escapes and all', async () => {
    const lines = '# comment\nother:*:*:*:wrong\nh:5432:app:ada:p\\:w\\\\d\n*:*:*:*:last\n'
    const path = await write(join(home, '.pgpass'), lines)
    expect(await endpoint({}, { url: 'postgresql://ada@h/app' })).toMatchObject({ password: 'p:w\\d' })
    expect((await resolve({}, { url: 'postgresql://ada@h/app' })).origins.get('password')).toBe(`${path}:3`)
    expect(await endpoint({}, { url: 'postgresql://eve@h/app' })).toMatchObject({ password: 'last' })
    await chmod(path, 0o644)
    const config = await resolve({}, { url: 'postgresql://ada@h/app' })
    expect(config.warnings).toEqual([`${path} is ignored, because others may read it: chmod 600 ${path}`])
    expect(config.origins.has('password')).toBe(false)
  })

  test('the variables of the platforms themselves', async () => {
    expect(await endpoint({ DATABASE_STRING: 'postgresql+psycopg://skyvern@localhost/skyvern' })).toMatchObject({
      user: 'skyvern',
    })
    const env = {
      DB_HOST: 'h',
      DB_PORT: '5433',
      DB_NAME: 'n',
      DB_USER: 'u',
      DB_PASSWORD: 'p',
      DB_SSL_MODE: 'require',
    }
    expect(await endpoint(env)).toMatchObject({
      host: 'h',
      port: 5433,
      database: 'n',
      user: 'u',
      password: 'p',
      sslMode: 'require',
    })
    expect(await resolve({ DATABASE_STATEMENT_TIMEOUT_MS: '5000', DB_MAX_CONNECTIONS: '7' })).toMatchObject({
      statementTimeoutMs: 5000,
      poolSize: 7,
    })
    expect(await resolve({ DISABLE_CONNECTION_POOL: 'true', DB_MAX_CONNECTIONS: '7' })).toMatchObject({ poolSize: 1 })
  })

  test("Steward's own variables", async () => {
    const config = await resolve({
      STEWARD_URL: 'postgresql://ada:pw@pooler:6432/app',
      STEWARD_DIRECT_URL: 'postgresql://server:5432',
      STEWARD_REPLICA_URL: 'postgresql://reader@replica/other',
      STEWARD_POOLER: 'yes',
      STEWARD_SYSTEM: 'skyvern',
      STEWARD_ENVIRONMENT: 'staging',
      STEWARD_STATEMENT_TIMEOUT: '2m',
      STEWARD_LOCK_TIMEOUT: '0',
      STEWARD_POOL_SIZE: '9',
      STEWARD_SCHEMA_SKYVERN: 'tenant_7',
      DATABASE_URL: 'postgresql://elsewhere/app',
      DATABASE_STATEMENT_TIMEOUT_MS: '1',
    })
    expect(config).toMatchObject({
      target: { endpoint: { host: 'pooler', database: 'app' } },
      direct: { host: 'server', port: 5432, user: 'ada', password: 'pw', database: 'app' },
      replica: { host: 'replica', user: 'reader', password: 'pw', database: 'other' },
      pooler: true,
      system: 'skyvern',
      environment: 'staging',
      statementTimeoutMs: 120_000,
      lockTimeoutMs: 0,
      poolSize: 9,
      schemas: { skyvern: 'tenant_7' },
    })
    expect(config.origins.get('statementTimeout')).toBe('STEWARD_STATEMENT_TIMEOUT')
  })

  test('every wrong variable is reported at once', async () => {
    const env = { STEWARD_POOL_SIZE: '0', STEWARD_ENVIRONMENT: 'prodution', STEWARD_STATEMENT_TIMEOUT: '5 apples' }
    expect(await problems(env)).toEqual([
      'STEWARD_ENVIRONMENT: must be one of development, staging, production (did you mean production?)',
      'STEWARD_STATEMENT_TIMEOUT: must be a length of time such as 90s, 15m, 2h, 7d or 1w',
      'STEWARD_POOL_SIZE: must be a whole number from 1 to 100',
    ])
  })
})

describe('files', () => {
  const two = `
profile: dev
profiles:
  dev:
    url: postgresql://ada@dev-host/app
    environment: development
    system: skyvern
    statementTimeout: 5s
  prod:
    host: prod-host
    port: 6432
    database: app
    user: admin
    passwordFile: ./secret
    sslMode: require
    directUrl: postgresql://prod-direct:5432
    pooler: true
    environment: production
    schemas: { skyvern: tenant_7 }
    stores:
      cold: s3://bucket/prefix
    statementTimeout: 30s
    retention:
      skyvern:
        finished-tasks: 90 days
`

  test('the nearest steward.yaml above gives the default profile, each value with its line', async () => {
    const path = await project(two)
    const config = await resolve()
    expect(config).toMatchObject({
      profile: 'dev',
      target: { endpoint: { host: 'dev-host', user: 'ada' } },
      environment: 'development',
      system: 'skyvern',
      statementTimeoutMs: 5000,
      files: [path],
    })
    expect(config.origins.get('host')).toBe(`${path}:5`)
    expect(config.origins.get('profile')).toBe(`${path}:2`)
    expect(config.origins.get('statementTimeout')).toBe(`${path}:8`)
  })

  test('a named profile goes before every variable that was set for other programs', async () => {
    const path = await project(two)
    const secret = await write(join(root, 'project', 'secret'), 'from file\n')
    const env = {
      DATABASE_URL: 'postgresql://ambient/app',
      PGHOST: 'ambient',
      PGUSER: 'ambient',
      PGPASSWORD: 'ambient',
      PGCONNECT_TIMEOUT: '3',
      DATABASE_STATEMENT_TIMEOUT_MS: '1',
      STEWARD_ENVIRONMENT: 'development',
      STEWARD_DIRECT_URL: 'postgresql://elsewhere',
    }
    const config = await resolve(env, { profile: 'prod' })
    expect(config).toMatchObject({
      profile: 'prod',
      target: {
        endpoint: { host: 'prod-host', port: 6432, user: 'admin', password: 'from file', connectTimeout: 3 },
      },
      direct: { host: 'prod-direct', port: 5432, user: 'admin', database: 'app', password: 'from file' },
      pooler: true,
      environment: 'production',
      schemas: { skyvern: 'tenant_7' },
      stores: [{ name: 'cold', url: 's3://bucket/prefix' }],
      statementTimeoutMs: 30_000,
      retention: { skyvern: { 'finished-tasks': '90 days' } },
    })
    expect(config.origins.get('password')).toBe(secret)
    expect(config.origins.get('retention.skyvern.finished-tasks')).toBe(`${path}:25`)
    expect(await resolve({ ...env, STEWARD_PROFILE: 'prod' })).toMatchObject({
      profile: 'prod',
      environment: 'production',
    })
  })

  test('a variable that takes the place of the default profile takes none of its settings, and says so', async () => {
    const path = await project(two)
    const config = await resolve({ DATABASE_URL: 'postgresql://ambient/app' })
    expect(config).toMatchObject({
      profile: 'default',
      target: { endpoint: { host: 'ambient' } },
      system: 'skyvern',
      statementTimeoutMs: 60_000,
      warnings: [`DATABASE_URL is set, so profile dev of ${path} is not used`],
    })
    expect(config.environment).toBeUndefined()
  })

  test('--url with --profile: the URL says where, and no direct server of the profile comes along', async () => {
    await project(two)
    await write(join(root, 'project', 'secret'), 'from file\n')
    const config = await resolve({}, { url: 'postgresql://ada@else/app', profile: 'prod' })
    expect(config).toMatchObject({
      target: { endpoint: { host: 'else' } },
      pooler: false,
      environment: 'production',
      schemas: { skyvern: 'tenant_7' },
    })
    expect(config.direct).toBeUndefined()
    expect(config.target).not.toHaveProperty('endpoint.password')
  })

  test('--profile goes before STEWARD_URL, STEWARD_URL before STEWARD_PROFILE', async () => {
    await project(two)
    const env = { STEWARD_URL: 'postgresql://own/app', STEWARD_PROFILE: 'dev' }
    expect(await endpoint(env)).toMatchObject({ host: 'own' })
    expect(await endpoint(env, { profile: 'dev' })).toMatchObject({ host: 'dev-host' })
  })

  test('a profile that does not exist', async () => {
    await project(two)
    await expect(resolve({}, { profile: 'prd' })).rejects.toMatchObject({
      code: 'unknown-profile',
      exitCode: 2,
      message: 'There is no profile prd (--profile); did you mean prod?',
      hint: 'The profiles are dev, prod, embedded',
    })
  })

  test('several profiles and no default: someone must choose, and the embedded server can be chosen', async () => {
    await project('profiles:\n  a: { host: a }\n  b: { host: b }\n')
    await expect(resolve()).rejects.toMatchObject({ code: 'profile-needed', exitCode: 2 })
    expect((await resolve({}, { profile: 'embedded' })).target.kind).toBe('embedded')
    expect(await endpoint({ DATABASE_URL: 'postgresql://ambient/app' })).toMatchObject({ host: 'ambient' })
  })

  test("the user's file is read too; the project's profile of the same name hides it", async () => {
    const own = await write(
      join(home, '.config', 'steward', 'config.yaml'),
      'profiles: { dev: { host: own }, mine: { host: m } }',
    )
    expect((await resolve({}, { profile: 'mine' })).files).toEqual([own])
    await project(two)
    expect(await endpoint({}, { profile: 'dev' })).toMatchObject({ host: 'dev-host' })
    expect(await endpoint({}, { profile: 'mine' })).toMatchObject({ host: 'm' })
    const elsewhere = await write(join(root, 'other.yaml'), 'profiles: { x: { host: x } }')
    expect(await endpoint({ STEWARD_CONFIG: elsewhere })).toMatchObject({ host: 'x' })
  })

  test('every problem of a file is reported at once, with its line', async () => {
    await project(`
profiles:
  prod:
    hots: h
    port: 99999
    password: hidden
    ssl_mode: require
    environment: prod
    statementTimeout: 5 apples
    stores: { cold: ftp://x }
    schemas: { skyvern: pg_catalog }
    retention: { skyvern: { tasks: soon } }
profil: prod
`)
    expect(await problems()).toEqual([
      'FILE profiles.prod.port:5: must be a whole number from 1 to 65535',
      'FILE profiles.prod.environment:8: must be one of development, staging, production',
      'FILE profiles.prod.schemas.skyvern:11: must not be a schema of PostgreSQL itself',
      'FILE profiles.prod.stores.cold:10: must be file:///absolute/path or s3://bucket/prefix',
      'FILE profiles.prod.statementTimeout:9: must be a length of time such as 60s, or 0 for none',
      'FILE profiles.prod.retention.skyvern.tasks:12: must be an age such as 90 days or 1 year 6 months, or on or off',
      'FILE profiles.prod.hots:4: is not a setting (did you mean host?)',
      'FILE profiles.prod.password:6: must not stand in this file; name a passwordFile, or add a line to ~/.pgpass',
      'FILE profiles.prod.ssl_mode:7: is not a setting (did you mean sslMode?)',
      'FILE profil:13: is not a setting (did you mean profile?)',
    ])
  })

  test('stores with options, cold files, maintenance and switched rules', async () => {
    const path = await project(`
profiles:
  default:
    host: h
    stores:
      files: file:///srv/files
      minio: { url: s3://cold/prod, endpoint: 'http://minio:9000', region: eu-1, pathStyle: true }
    archive:
      cold: { store: minio, after: 14 days, formats: [parquet, copy] }
    maintenance:
      pause: true
      stopFile: run/stop
      replicaLag: 0
      batchTime: 500ms
      lease: 1m
    retention:
      skyvern: { finished-tasks: off, artifacts: on }
`)
    const config = await resolve({ STEWARD_MAINTENANCE_LEASE: '10s' })
    expect(config).toMatchObject({
      stores: [
        { name: 'files', url: 'file:///srv/files' },
        { name: 'minio', url: 's3://cold/prod', endpoint: 'http://minio:9000', region: 'eu-1', pathStyle: true },
      ],
      cold: { store: 'minio', after: '14 days', formats: ['copy', 'parquet'] },
      maintenance: {
        pause: true,
        stopFile: join(dirname(path), 'run/stop'),
        replicaLagSeconds: 0,
        batchMs: 500,
        leaseMs: 10_000,
      },
      retention: { skyvern: { 'finished-tasks': 'off', artifacts: 'on' } },
    })
    expect(describeConfig(config)).toEqual(
      expect.arrayContaining([
        { setting: 'stores.minio.endpoint', value: 'http://minio:9000', origin: `${path}:7` },
        { setting: 'archive.cold.formats', value: 'copy, parquet', origin: `${path}:9` },
        { setting: 'maintenance.pause', value: 'true', origin: `${path}:11` },
        { setting: 'maintenance.replicaLag', value: 'none', origin: `${path}:13` },
        { setting: 'maintenance.lease', value: '10s', origin: 'STEWARD_MAINTENANCE_LEASE' },
        { setting: 'retention.skyvern.finished-tasks', value: 'off', origin: `${path}:17` },
      ]),
    )
  })

  test('without a word of maintenance it has its usual pace, and archived rows stay in their tables', async () => {
    const config = await resolve({ STEWARD_DATA_HOME: '/data' })
    expect(config.maintenance).toEqual({
      pause: false,
      stopFile: '/data/maintenance.stop',
      replicaLagSeconds: 30,
      batchMs: 1000,
      leaseMs: 30_000,
    })
    expect(config.cold).toBeUndefined()
  })

  test('every problem of stores, cold files and maintenance is named where it stands', async () => {
    await project(`
profiles:
  default:
    host: h
    stores:
      a: { url: s3://bucket, endpiont: x, pathStyle: maybe }
      b: { region: x }
      c: 7
      d: { url: s3://bucket, endpoint: 'https://key:hidden@minio' }
    archive: { cold: { aftr: 3 days, formats: [copy, parqet] } }
    maintenance: { replicaLag: soon, lease: 1ms, stopfile: x, batchTime: 2h }
    retention: { shop: { a: 90, b: false, c: 90d, d: 2000 years, e: 1 year  6 months, f: 1 year 6 months } }
`)
    expect((await problems()).toSorted()).toEqual(
      [
        'FILE profiles.default.stores.a.endpiont:6: is not a setting (did you mean endpoint?)',
        'FILE profiles.default.stores.a.pathStyle:6: must be true or false',
        'FILE profiles.default.stores.b.url:7: must be there',
        'FILE profiles.default.stores.c:8: must be a URL, or url and options',
        'FILE profiles.default.stores.d.endpoint:9: must not hold a key; AWS_ACCESS_KEY_ID and the other sources of the SDK give it',
        'FILE profiles.default.archive.cold.aftr:10: is not a setting (did you mean after?)',
        'FILE profiles.default.archive.cold.formats.1:10: must be one of copy, parquet (did you mean parquet?)',
        'FILE profiles.default.archive.cold.store:10: must be text',
        'FILE profiles.default.maintenance.batchTime:11: must be from 10ms to 10m',
        'FILE profiles.default.maintenance.lease:11: must be from 1s to 1h',
        'FILE profiles.default.maintenance.replicaLag:11: must be a length of time such as 60s, or 0 for none',
        'FILE profiles.default.maintenance.stopfile:11: is not a setting (did you mean stopFile?)',
        ...['a', 'b', 'c', 'e'].map(
          (rule) =>
            `FILE profiles.default.retention.shop.${rule}:12: must be an age such as 90 days or 1 year 6 months, or on or off`,
        ),
        'FILE profiles.default.retention.shop.d:12: must not be more than 1000 years',
      ].toSorted(),
    )
    await project(`
profiles:
  default:
    host: h
    stores:
      files: { url: file:///srv/files, region: x }
    archive: { cold: { store: fils } }
`)
    expect(await problems({ STEWARD_MAINTENANCE_PAUSE: 'maybe' })).toEqual([
      'FILE:6: region of files is for s3:// stores only',
      'FILE:7: archive.cold.store names no store: fils (did you mean files?)',
      'STEWARD_MAINTENANCE_PAUSE: must be true or false',
    ])
  })

  test('a file that is no YAML', async () => {
    await project('profiles:\n  dev: {host: h\n  secret: [1\n')
    const [first] = await problems()
    expect(first).toMatch(/^FILE:\d: is not valid YAML: /)
    expect(first).not.toContain('secret')
  })

  test('two systems cannot share a schema', async () => {
    await project('profiles: { default: { host: h, schemas: { skyvern: s, autopr: s } } }')
    expect(await problems()).toEqual(['FILE:1: gives autopr the schema that skyvern already has'])
  })

  test.each([['Sky "Vern'], ['a.b'], ['a as b'], ['a[1]'], ['7up']])(
    'migrations could not run in a schema %s, in a file or a variable',
    async (schema) => {
      const reason = 'must be a schema name that starts with a letter or _ and holds letters, digits, _, $ and - only'
      await project(`profiles: { default: { host: h, schemas: { skyvern: ${JSON.stringify(schema)} } } }`)
      expect(await problems()).toEqual([`FILE profiles.default.schemas.skyvern:1: ${reason}`])
      await project('profiles: { default: { host: h } }')
      expect(await problems({ STEWARD_SCHEMA_SKYVERN: schema })).toEqual([`STEWARD_SCHEMA_SKYVERN: ${reason}`])
    },
  )

  test.each([['tenant_7'], ['Kunden-Ä$'], ['public']])('they can in %s', async (schema) => {
    await project(`profiles: { default: { host: h, schemas: { skyvern: ${schema} } } }`)
    expect((await resolve()).schemas).toEqual({ skyvern: schema })
  })

  test('a password that others may read is pointed out', async () => {
    const path = await project('profiles:\n  default:\n    url: postgresql://ada:pw@h/app\n', 0o644)
    expect((await resolve()).warnings).toEqual([
      `${path}:3: the url of profile default holds a password, and others may read the file; use passwordFile or ~/.pgpass`,
    ])
    await chmod(path, 0o600)
    expect((await resolve()).warnings).toEqual([])
  })

  test('a url and its parts in one profile contradict each other', async () => {
    await project('profiles:\n  default:\n    url: postgresql://h/app\n    host: other\n')
    expect(await problems()).toEqual(['FILE:4: host is already said by the url'])
  })
})
