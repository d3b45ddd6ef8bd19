/** `steward migrate …` as an operator meets it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

const migrate = (...argv: readonly string[]): Promise<CliResult> =>
  runCli(['--url', database.url, 'migrate', ...argv])

interface Row {
  readonly system: string
  readonly name: string
  readonly [key: string]: unknown
}
const rowsOf = ({ stdout }: CliResult): Row[] => JSON.parse(stdout)

describe('steward migrate', () => {
  it('goes from pending to applied to nothing pending', async () => {
    const before = await migrate('status', '--json')
    expect(before.exitCode).toBe(10)
    expect(before.stderr).toContain('pending: steward migrate plan shows the SQL, steward migrate up applies it')
    expect(new Set(rowsOf(before).map(({ condition }) => condition))).toEqual(new Set(['pending']))
    expect(rowsOf(before)[0]).toMatchObject({ system: 'steward', applied_at: null, schema: 'steward' })

    const up = await migrate('up', '--json')
    expect(up).toMatchObject({ exitCode: 0, stderr: '' })
    expect(rowsOf(up).map(({ system, name }) => `${system} ${name}`)).toEqual(
      rowsOf(before).map(({ system, name }) => `${system} ${name}`),
    )
    expect(rowsOf(up)[0]).toEqual({
      system: 'steward',
      name: '0001_records',
      outcome: 'applied',
      duration_ms: expect.any(Number),
    })

    expect(await migrate('up')).toEqual({ exitCode: 0, stdout: '', stderr: 'Nothing pending.\n' })
    expect((await migrate('status')).exitCode).toBe(0)

    const { db } = database
    expect(await db.rows(sql`SELECT name, set_by FROM steward.environment`)).toEqual([
      { name: 'development', set_by: 'tester@test-host' },
    ])
    // The run that made the journal is in it; the one that did nothing is not.
    expect(await db.rows(sql`SELECT command, outcome, counts ->> 'applied' AS applied FROM steward.journal`)).toEqual(
      [{ command: 'migrate up', outcome: 'done', applied: String(rowsOf(up).length) }],
    )
  })

  it('prints a plan that is SQL for a person, data for a program, and nothing when there is nothing', async () => {
    const plan = await migrate('plan', '--system', 'skyvern', '--count', '1')
    expect(plan.exitCode).toBe(0)
    expect(plan.stdout).toContain('CREATE SCHEMA "steward";')
    expect(plan.stdout).toContain('-- skyvern 0001_initial_schema: up, in schema skyvern')
    expect(plan.stdout).not.toContain('0002_query_indexes')
    expect(await database.db.rows(sql`SELECT 1 AS found FROM pg_namespace WHERE nspname = 'steward'`)).toEqual([])
    expect((await migrate('up', '--dry-run', '--system', 'skyvern', '--count', '1')).stdout).toBe(plan.stdout)

    const data = rowsOf(await migrate('plan', '--json'))
    expect(data[0]).toMatchObject({ system: 'steward', name: '0001_records', direction: 'up', transactional: true })

    await migrate('up')
    expect(await migrate('plan')).toEqual({ exitCode: 0, stdout: '', stderr: 'Nothing to run.\n' })
    expect((await migrate('plan', '--down', '--system', 'skyvern')).stdout).toContain(
      'delete from "skyvern"."steward_migrations"',
    )
  })

  it('asks before it rolls back, refuses to lose rows, and does it when forced', async () => {
    await migrate('up', '--system', 'skyvern')
    const unasked = await migrate('down')
    expect(unasked).toMatchObject({ exitCode: 2, stdout: '' })

    const { db } = database
    await db.execute(sql`
      INSERT INTO skyvern.organizations (organization_name) VALUES ('Acme'), ('Umbrella')`)
    const tried = await migrate('down', '--count', '9', '--dry-run', '--json')
    expect(tried.exitCode).toBe(0)
    expect(JSON.parse(tried.stdout)).toMatchObject({
      losses: [{ schema: 'skyvern', table: 'organizations', column: null, rows: 2 }],
    })
    const refused = await migrate('down', '--count', '9', '--yes')
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain('Rolling back would lose 2 rows of skyvern.organizations')
    expect(refused.stderr).toContain('--force')
    expect((await migrate('status', '--system', 'skyvern')).exitCode).toBe(0)

    const forced = await migrate('down', '--count', '9', '--yes', '--force', '--json')
    expect(forced.exitCode).toBe(0)
    expect(rowsOf(forced).map(({ outcome }) => outcome)).toEqual(['rolled back', 'rolled back', 'rolled back'])
    expect((await migrate('status')).exitCode).toBe(10)
    expect(await migrate('down', '--yes')).toMatchObject({ exitCode: 0, stderr: 'Nothing to roll back.\n' })
    expect(await db.rows(sql`SELECT command, outcome FROM steward.journal ORDER BY run_id`)).toEqual([
      { command: 'migrate up', outcome: 'done' },
      { command: 'migrate down', outcome: 'done' },
    ])
  })

  it('redoes the last migration', async () => {
    await migrate('up')
    const redone = await migrate('redo', '--system', 'skyvern', '--yes', '--json')
    expect(redone.exitCode).toBe(0)
    expect(rowsOf(redone)).toEqual([
      { system: 'skyvern', name: expect.any(String), outcome: 'redone', duration_ms: expect.any(Number) },
    ])
    expect((await migrate('status')).exitCode).toBe(0)
  })

  it('takes even its own records back, which then hold no run of it', async () => {
    await migrate('up', '--system', 'steward')
    const down = await migrate('down', '--system', 'steward', '--count', '9', '--yes', '--force')
    expect(down.exitCode).toBe(0)
    expect((await migrate('up', '--system', 'steward')).exitCode).toBe(0)
  })

  it('ends with 6, names what failed, and says what became of the others', async () => {
    // Somebody's table is in the way of the second migration.
    await migrate('up', '--system', 'steward')
    await database.db.execute(sql`CREATE SCHEMA skyvern`)
    await database.db.execute(sql`CREATE TABLE skyvern.organizations (organization_id text)`)
    const up = await migrate('up', '--system', 'skyvern', '--json')
    expect(up).toMatchObject({ exitCode: 6, stdout: '' })
    const { error } = JSON.parse(up.stderr.slice(up.stderr.indexOf('{')))
    expect(error.message).toContain('Migration skyvern 0001_initial_schema failed and was rolled back: ')
    expect(error.message).toContain('already exists')
    expect(error.details.migrations.map(({ outcome }: Row) => outcome)).toEqual(['failed', 'not run', 'not run'])
    expect(
      await database.db.rows(sql`SELECT outcome, exit_code FROM steward.journal ORDER BY run_id DESC LIMIT 1`),
    ).toEqual([{ outcome: 'failed', exit_code: 6 }])
  })
})
