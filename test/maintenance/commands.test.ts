import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'a rebuild that waits for an older transaction ends soon after %s, with exit %i',
  async (signal, code) => {
    const { db, endpoint, url } = database
    const other = await connect(endpoint, { applicationName: 'older', statementTimeoutMs: 0, poolSize: 1 })
    try {
      await other.transaction(async (older) => {
        await older.execute(raw('LOCK TABLE skyvern.users IN ROW EXCLUSIVE MODE'))
        let send: (signal: 'SIGINT' | 'SIGTERM') => void = () => {}
        const running = runCli(['--url', url, 'maintain', 'reindex', 'skyvern.users', '--json'], {
          signals: (deliver) => {
            send = deliver
          },
        })
        const waiting = sql`
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'REINDEX%' AND wait_event_type = 'Lock'
      `
        while ((await db.rows(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
        send(signal)
        // The older transaction goes on: whoever waited for its end would wait for ever.
        const { exitCode, stdout } = await running
        expect(exitCode).toBe(code)
        const outcomes = JSON.parse(stdout).map(({ outcome }: { outcome: string }) => outcome)
        expect(new Set(outcomes)).toEqual(new Set(['stopped']))
      })
    } finally {
      await other.close()
    }
    const last = sql`SELECT outcome, exit_code FROM steward.journal ORDER BY run_id DESC LIMIT 1`
    expect(await db.one(last)).toEqual({ outcome: 'interrupted', exit_code: code })
  },
)
