import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
let role: string
beforeAll(async () => {
  database = await createTestDatabase()
  role = `${database.endpoint.database}_reader`
  await database.db.execute(raw(`CREATE ROLE ${role} LOGIN`))
})
afterAll(async () => {
  await database.db.execute(raw(`DROP OWNED BY ${role}`))
  await database.db.execute(raw(`DROP ROLE ${role}`))
  await database.drop()
})

/** `status` as the role, whose every transaction is read-only whatever Steward asks for. */
async function statusOfRole() {
  const url = new URL(database.url)
  url.searchParams.set('user', role)
  const readOnly = `options=${encodeURIComponent('-c default_transaction_read_only=on')}`
  const { exitCode, stdout, stderr } = await runCli(['status', '--json', '--url', `${url.href}&${readOnly}`])
  return { exitCode, stderr, shown: stdout === '' ? undefined : JSON.parse(stdout) }
}

test('a role without any privilege gets what there is to say, and is told what it may not read', async () => {
  const { exitCode, stderr, shown } = await statusOfRole()
  expect(exitCode).toBe(0)
  expect(shown.connection).toMatchObject({ user: role, environment: null })
  expect(shown.systems).toContainEqual(expect.objectContaining({ system: 'skyvern', migrations: null, tables: 15 }))
  expect(stderr).toContain('may not read the environment marker')
  expect(stderr).toContain('may not read the migrations of skyvern')
})

test('a role that may only SELECT the rows of a system sees that system whole', async () => {
  await database.db.execute(raw(`GRANT USAGE ON SCHEMA skyvern TO ${role}`))
  await database.db.execute(raw(`GRANT SELECT ON ALL TABLES IN SCHEMA skyvern TO ${role}`))
  const { exitCode, stderr, shown } = await statusOfRole()
  expect(exitCode).toBe(0)
  expect(shown.systems[0]).toMatchObject({ migrations: '3 applied', rows: 0 })
  expect(stderr).not.toContain('migrations of skyvern')
})

describe('the backlog of retention', () => {
  const rule = (shown: { backlog: Record<string, unknown>[] }, job: string) =>
    shown.backlog.find((each) => each.job === job)
  const status = async (...argv: string[]) => {
    const { stdout } = await runCli(['status', ...argv, '--url', database.url])
    return stdout
  }
  const full = async () => JSON.parse(await status('--json'))

  test('says of each rule what is due, since when, and whether removal keeps up', async () => {
    await database.db.execute(sql`
      WITH ada AS (
        INSERT INTO agensium.users (email, full_name, hashed_password)
        VALUES ('ada@example.com', 'Ada', ${`$2b$12$${'a'.repeat(53)}`})
        RETURNING id
      )
      INSERT INTO agensium.tasks (user_id, tool_id, agents, status, created_at)
      SELECT id, 'profile-my-data', '["cleaner"]', 'CREATED', now() - make_interval(days => n)
      FROM ada, generate_series(1, 3) AS n`)
    // On a database for development the empty systems would be the next thing to look after.
    await database.db.execute(sql`UPDATE steward.environment SET name = 'staging'`)
    const shown = await full()
    expect(rule(shown, 'agensium/abandoned-tasks')).toMatchObject({
      kind: 'expire',
      rows: 3,
      olderThan: '15 minutes',
      oldest: expect.any(String),
      lastSuccess: null,
      removal: 'never run',
      overdue: true,
    })
    expect(shown.next).toContain('steward maintain run --dry-run   overdue maintenance: 3 rows of 1 rule')
    const short = await status()
    const section = short.slice(short.indexOf('Due by retention rules'), short.indexOf('Maintenance due'))
    expect(
      section
        .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, '<time>             ')
        .replace(/ (–|[\d.]+ K?i?B) /, ' <size> '),
    ).toMatchInlineSnapshot(`
      "Due by retention rules
      SYSTEM    RULES  ROWS  SIZE  SINCE                REMOVAL
      agensium      1     3     <size>  <time>               1 never run

      "
    `)

    await runCli(['maintain', 'run', '--only', 'agensium/abandoned-tasks', '--yes', '--url', database.url])
    const after = await full()
    expect(rule(after, 'agensium/abandoned-tasks')).toMatchObject({
      rows: 0,
      lastOutcome: 'done',
      lastSuccess: expect.any(String),
      removal: 'keeps up',
      overdue: false,
    })
    expect(after.next.join()).not.toContain('overdue')

    // What became due since the last run is not overdue.
    await database.db.execute(sql`
      INSERT INTO agensium.tasks (user_id, tool_id, agents, status, created_at)
      SELECT id, 'profile-my-data', '["cleaner"]', 'CREATED', now() - interval '1 hour' FROM agensium.users`)
    const next = 'steward maintain run --dry-run   due by retention rules: 1 row of 1 rule'
    expect((await full()).next).toContain(next)
    // Systems that are empty come first in development, and not instead.
    await database.db.execute(sql`UPDATE steward.environment SET name = 'development'`)
    expect((await full()).next).toEqual(expect.arrayContaining([expect.stringContaining('steward seed run'), next]))

    // One that succeeded yesterday may fail today.
    expect(await status('--full')).not.toContain('LAST OUTCOME')
    await database.db.execute(sql`UPDATE steward.job_runs SET outcome = 'failed'`)
    expect(await status('--full')).toMatch(/^agensium\/abandoned-tasks .* failed +fails$/m)
  })

  test('of a table that the role may not read is not guessed, and the rest is shown', async () => {
    const { exitCode, stderr, shown } = await statusOfRole()
    expect(exitCode).toBe(0)
    expect(rule(shown, 'skyvern/finished-tasks')).toMatchObject({ rows: 0, removal: null, unknown: null })
    expect(rule(shown, 'agensium/abandoned-tasks')).toMatchObject({
      rows: null,
      removal: null,
      unknown: expect.stringContaining('lacks a privilege'),
    })
    expect(stderr).toContain('may not read when maintenance last ran')
  })
})
