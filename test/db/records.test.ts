/** Steward's own records: audit log, journal, environment marker. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordAudit } from '../../src/db/audit.ts'
import { connect } from '../../src/db/connect.ts'
import { readEnvironment, setEnvironment } from '../../src/db/environment.ts'
import { journalRun, type Run } from '../../src/db/journal.ts'
import { InterruptedError, OperationError, RefusedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let empty: TestDatabase

beforeAll(async () => {
  ;[database, empty] = await Promise.all([createTestDatabase(), createEmptyDatabase()])
})
afterAll(() => Promise.all([database.drop(), empty.drop()]))

const actor = { osUser: 'ada', host: 'desk' }
const run: Run = { command: 'seed run', argv: ['seed', 'run', 'skyvern'], actor }

describe('environment marker', () => {
  test('is absent until it is set, can be changed, and is absent where Steward has no schema', async () => {
    await database.db.execute(sql`DELETE FROM steward.environment`)
    expect(await readEnvironment(database.db)).toBeUndefined()
    await setEnvironment(database.db, 'production', 'ada@desk')
    expect(await readEnvironment(database.db)).toBe('production')
    await setEnvironment(database.db, 'staging', 'ada@desk')
    expect(await readEnvironment(database.db)).toBe('staging')
    expect(await readEnvironment(empty.db)).toBeUndefined()
  })

  test('an unreadable marker is not an absent one', async () => {
    await database.db.execute(sql`CREATE ROLE nobody_special LOGIN`)
    const db = await connect(
      { ...database.endpoint, user: 'nobody_special' },
      { applicationName: 'steward:test', statementTimeoutMs: 0, poolSize: 1 },
    )
    await expect(readEnvironment(db)).rejects.toMatchObject({ code: 'permission-denied' })
    await db.close()
    await database.db.execute(sql`DROP ROLE nobody_special`)
  })

  test('writing without the schema says what to run', async () => {
    const outcome = await setEnvironment(empty.db, 'staging', 'ada@desk').catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(OperationError)
    expect(outcome).toMatchObject({ code: 'table-missing', hint: expect.stringContaining('steward migrate up') })
  })
})

describe('audit log', () => {
  test('keeps each row as it was and became, with every digit', async () => {
    await database.db.transaction((tx) =>
      recordAudit(tx, { command: 'skyvern task update', argv: ['skyvern', 'task'], reason: 'typo', ...actor }, [
        {
          system: 'skyvern',
          entity: 'task',
          action: 'update',
          rowId: 'tsk_1',
          before: { task_id: 'tsk_1', bytes: 9007199254740993n },
          after: { task_id: 'tsk_1', bytes: null },
        },
        { system: 'skyvern', entity: 'task', action: 'delete', rowId: 'tsk_2', before: { a: '"' }, after: null },
      ]),
    )
    const rows = await database.db.rows(sql`
      SELECT os_user, host, command, reason, action, row_id, before ->> 'bytes' AS bytes, after IS NULL AS gone
      FROM steward.audit_log ORDER BY audit_id`)
    const words = { os_user: 'ada', host: 'desk', command: 'skyvern task update', reason: 'typo' }
    expect(rows).toEqual([
      { ...words, action: 'update', row_id: 'tsk_1', bytes: '9007199254740993', gone: false },
      { ...words, action: 'delete', row_id: 'tsk_2', bytes: null, gone: true },
    ])
  })
})

describe('journal', () => {
  const latest = async (count = 1) =>
    database.db.rows<{ outcome: string | null; ended_at: string | null }>(sql`
      SELECT command, arguments, ended_at, outcome, exit_code, plan, counts, reason
      FROM steward.journal
      ORDER BY run_id DESC
      LIMIT ${count}`)

  test('a run that fails after its idle connection was cut ends as what it is', async () => {
    const cut = () =>
      database.db.execute(sql`
        SELECT pg_terminate_backend(backend_pid, 5000) FROM steward.journal WHERE outcome IS NULL`)
    const failed = journalRun(database.db, run, async () => {
      await cut()
      throw new InterruptedError('SIGTERM')
    })
    await expect(failed).rejects.toBeInstanceOf(InterruptedError)
    expect(await latest()).toMatchObject([{ outcome: 'interrupted', exit_code: 143 }])
  })

  test('a run is running while it works and done afterwards', async () => {
    const value = await journalRun(database.db, { ...run, plan: { rows: 5 } }, async () => {
      expect(await latest()).toMatchObject([{ outcome: null, ended_at: null, plan: { rows: 5 } }])
      return { value: 'result', counts: { rows: 5 } }
    })
    expect(value).toBe('result')
    expect(await latest()).toMatchObject([
      {
        command: 'seed run',
        arguments: ['seed', 'run', 'skyvern'],
        outcome: 'done',
        exit_code: 0,
        counts: { rows: 5 },
      },
    ])
  })

  test.each<[string, Error, object]>([
    ['refused', new RefusedError({ code: 'x', message: 'no' }), { outcome: 'failed', exit_code: 5, reason: 'no' }],
    ['stopped', new InterruptedError('SIGTERM'), { outcome: 'interrupted', exit_code: 143 }],
    [
      'a bug',
      new Error('secret value'),
      { outcome: 'failed', exit_code: 1, reason: 'an unexpected error in Steward' },
    ],
  ])('a run that ends otherwise is recorded so: %s', async (_name, error, recorded) => {
    await expect(journalRun(database.db, run, () => Promise.reject(error))).rejects.toBe(error)
    expect(await latest()).toMatchObject([recorded])
  })

  test('a run whose connection died is settled as lost by the next, not running for ever', async () => {
    const value = await journalRun(database.db, run, async () => {
      const { backend_pid } = await database.db.one<{ backend_pid: number }>(
        sql`SELECT backend_pid FROM steward.journal WHERE outcome IS NULL`,
      )
      await database.db.one(sql`SELECT pg_terminate_backend(${backend_pid}, 5000)`)
      expect(await latest()).toMatchObject([{ outcome: null, ended_at: null }])

      await journalRun(database.db, { ...run, command: 'maintain vacuum' }, async () => ({ value: 1, counts: 1 }))
      const [, settled] = await latest(2)
      expect(settled).toMatchObject({ outcome: 'lost', reason: expect.stringContaining('killed') })
      expect(settled?.ended_at).not.toBeNull()
      return { value: 'result', counts: { rows: 1 } }
    })
    // It lived after all.
    expect(value).toBe('result')
    const [, ended] = await latest(2)
    expect(ended).toMatchObject({ outcome: 'done', exit_code: 0, counts: { rows: 1 }, reason: null })
  })

  test('two runs at once leave each other alone', async () => {
    await journalRun(database.db, run, async () => {
      await journalRun(database.db, { ...run, command: 'migrate up' }, async () => ({ value: 1, counts: 1 }))
      const outcomes = (await latest(2)).map(({ outcome }) => outcome)
      expect(outcomes).toEqual(['done', null])
      return { value: 1, counts: 1 }
    })
  })

  test('only through a transaction pooler, a killed run is known by its process', async () => {
    const { db } = database
    const pooled = await connect(database.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 0,
      poolSize: 1,
      pooler: true,
    })
    const counted = { value: 1, counts: { n: 1 } }
    await journalRun(pooled, run, async () => {
      await db.execute(sql`
        INSERT INTO steward.journal (command, arguments, os_user, host, db_user, pid)
        VALUES ('seed run', '[]', 'ada', 'desk', 'steward', 2147483646)`)
      await journalRun(pooled, run, async () => counted)
      return counted
    })
    await pooled.close()
    const outcomes = (await latest(3)).map(({ outcome }) => outcome)
    expect(outcomes).toEqual(['done', 'lost', 'done'])
  })
})
