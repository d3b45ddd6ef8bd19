/** Work that a stop request leaves alone, directly and as behind a transaction pooler. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { journalRun } from '../../src/db/journal.ts'
import { withLease } from '../../src/db/lease.ts'
import { InterruptedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.execute(sql`CREATE TABLE written (n integer)`)
})
afterAll(() => database.drop())

describe.each([
  ['directly', false],
  ['as behind a transaction pooler', true],
])('%s', (_how, pooler) => {
  const open = async (work: (db: Database, stopping: AbortController) => Promise<void>) => {
    const stopping = new AbortController()
    const options = { applicationName: 'steward:maintain run', statementTimeoutMs: 60_000, poolSize: 2, pooler }
    const db = await connect(database.endpoint, { ...options, signal: stopping.signal })
    try {
      await work(db, stopping)
    } finally {
      await db.close()
    }
  }

  test('a batch in flight is finished after a signal, and begun ones are not refused', () =>
    open(async (db, stopping) => {
      const own = await db.separate({ applicationName: 'steward:maintain run #7', poolSize: 1 })
      try {
        const inFlight = own.transaction(async (tx) => {
          await tx.execute(sql`INSERT INTO written VALUES (1)`)
          await tx.execute(sql`SELECT pg_sleep(0.2)`)
          const { name } = await tx.one<{ name: string }>(sql`SELECT current_setting('application_name') AS name`)
          return name
        })
        setTimeout(() => stopping.abort(new InterruptedError('SIGTERM')), 50)
        expect(await inFlight).toBe('steward:maintain run #7')
        expect(await own.execute(sql`DELETE FROM written`)).toBe(1)
        await expect(db.execute(sql`SELECT 1`)).rejects.toMatchObject({ exitCode: 143 })
      } finally {
        await own.close()
      }
    }))

  test('a run that was stopped is recorded with its counts, and its lease given back', () =>
    open(async (db, stopping) => {
      const actor = { osUser: 'ada', host: 'desk' }
      const holder = { command: 'maintain run', ...actor }
      const lease = { leaseMs: 30_000, signal: stopping.signal }
      await withLease(db, ['shop'], holder, lease, (held, signal) =>
        journalRun(db, { command: holder.command, argv: [], actor }, async () => {
          const own = await db.separate({ poolSize: 1 })
          await own.transaction((tx) => held.guard(tx))
          stopping.abort(new InterruptedError('SIGTERM'))
          expect(signal.aborted).toBe(true)
          await own.transaction((tx) => held.guard(tx))
          await own.close()
          return { value: undefined, counts: { rows: 1 }, exitCode: 143, reason: 'SIGTERM' }
        }),
      )
      const [run] = await database.db.rows(sql`
        SELECT outcome, counts, reason FROM steward.journal ORDER BY run_id DESC LIMIT 1`)
      expect(run).toEqual({ outcome: 'interrupted', counts: { rows: 1 }, reason: 'SIGTERM' })
      const [row] = await database.db.rows(sql`SELECT released_at IS NOT NULL AS free FROM steward.leases`)
      expect(row).toEqual({ free: true })
    }))
})
