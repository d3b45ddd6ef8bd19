import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const run = (argv: readonly string[], env: Record<string, string> = {}) =>
  runCli(argv, { env: { STEWARD_URL: database.url, ...env } })

describe('confirming', () => {
  test('a dry run shows the plan and changes nothing', async () => {
    const { exitCode, stdout } = await run(['config', 'environment', 'staging', '--dry-run', '--json'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ from: 'development', to: 'staging' })
    const again = await run(['config', 'environment', 'staging', '--dry-run', '--json'])
    expect(again.stdout).toBe(stdout)
  })

  test('without a terminal and without --yes it ends at once, before it connects', async () => {
    const { exitCode, stderr } = await run(['config', 'environment', 'staging'], {
      STEWARD_URL: 'postgresql://nobody@127.0.0.1:1/none',
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Look at the plan with --dry-run, then add --yes')
  })

  test('a name that is not that of the database stops it, --yes or not', async () => {
    const wrong = await run(['config', 'environment', 'staging', '--yes', '--confirm', 'another'])
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toContain('does not name what would be changed')
    expect((await run(['config', 'environment', 'development', '--yes'])).stderr).toContain(
      'is marked development already',
    )
  })

  test('--yes is enough on development and is not on production, which wants its name', async () => {
    expect((await run(['config', 'environment', 'production', '--yes'])).exitCode).toBe(0)

    const refused = await run(['config', 'environment', 'staging', '--yes'])
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain(`Add --confirm ${database.endpoint.database}`)

    const wrong = await run(['config', 'environment', 'staging', '--confirm', 'another'])
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toContain('does not name what would be changed')

    const right = await run(['config', 'environment', 'staging', '--confirm', database.endpoint.database])
    expect(right.exitCode).toBe(0)
    const nothing = await run(['config', 'environment', 'staging', '--yes'])
    expect(nothing).toMatchObject({ exitCode: 0, stdout: '' })
    expect(nothing.stderr).toContain('is marked staging already')
  })

  test('a profile that disagrees with the database counts as production', async () => {
    const { exitCode, stderr } = await run(['config', 'environment', 'development', '--yes'], {
      STEWARD_ENVIRONMENT: 'production',
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('says production, the database')
  })

  test('the change is in the journal, without the password of the URL', async () => {
    const withPassword = database.url.replace('postgresql://', 'postgresql://steward:hunter2 with more@')
    const url = `${withPassword.replace('&user=steward', '')}&password=hunter2`
    const { exitCode } = await runCli(['--url', url, 'config', 'environment', 'development', '--yes'])
    expect(exitCode).toBe(0)
    const rows = await database.db.rows<{ command: string; words: string }>(sql`
      SELECT command, arguments::text AS words FROM steward.journal ORDER BY run_id DESC LIMIT 1
    `)
    expect(rows[0]?.command).toBe('config environment')
    expect(rows[0]?.words).toContain(':***@')
    expect(rows[0]?.words).toContain('password=***')
    expect(rows[0]?.words).not.toMatch(/hunter2|with more/)
  })
})
