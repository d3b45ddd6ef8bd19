/** A database as features see it: statements, transactions, cursors, COPY, sessions, stopping, closing. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { actingAs } from '../../src/db/acting.ts'
import { type ConnectOptions, connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { InterruptedError, OperationError, UsageError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
const opened: Database[] = []

beforeAll(async () => {
  database = await createEmptyDatabase()
  await database.db.execute(sql`CREATE TABLE numbers (n integer PRIMARY KEY, word text)`)
  await database.db.execute(sql`INSERT INTO numbers SELECT n, 'word ' || n FROM generate_series(1, 2500) AS g(n)`)
})
afterEach(() => Promise.all(opened.splice(0).map((db) => db.close())))
afterAll(() => database.drop())

async function open(options: Partial<ConnectOptions> = {}): Promise<Database> {
  const db = await connect(database.endpoint, {
    applicationName: 'steward:test',
    statementTimeoutMs: 30_000,
    poolSize: 2,
    ...options,
  })
  opened.push(db)
  return db
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('statements', () => {
  test('the session is in UTC and named after the command', async () => {
    const db = await open({ applicationName: 'steward:skyvern task list' })
    const row = await db.one(sql`
      SELECT current_setting('TimeZone') AS zone, current_setting('application_name') AS name,
             current_setting('statement_timeout') AS timeout`)
    expect(row).toEqual({ zone: 'UTC', name: 'steward:skyvern task list', timeout: '30s' })
    expect(db.serverVersion).toBeGreaterThanOrEqual(180000)
  })

  test('execute counts rows; one and maybeOne insist on their number', async () => {
    const { db } = database
    expect(await db.execute(sql`UPDATE numbers SET word = word WHERE n <= 7`)).toBe(7)
    expect(await db.maybeOne(sql`SELECT n FROM numbers WHERE n = ${-1}`)).toBeUndefined()
    await expect(db.one(sql`SELECT n FROM numbers WHERE n < 3`)).rejects.toThrow('expected one row, got 2')
  })

  test('more statements at once than connections wait for their turn', async () => {
    const db = await open({ poolSize: 2 })
    const rows = await Promise.all([1, 2, 3, 4, 5].map((n) => db.one(sql`SELECT ${n}::int AS n, pg_sleep(0.01)`)))
    expect(rows.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5])
  })

  test('a read-only connection refuses changes, in transactions too', async () => {
    const db = await open({ readOnly: true })
    expect(await refusal(db.execute(sql`DELETE FROM numbers`))).toMatchObject({ code: 'read-only', exitCode: 6 })
    await expect(db.transaction((tx) => tx.execute(sql`DELETE FROM numbers`))).rejects.toThrow(OperationError)
  })

  test('a statement that takes too long is ended, and the message says after how long', async () => {
    const db = await open({ statementTimeoutMs: 50 })
    expect(await refusal(db.execute(sql`SELECT pg_sleep(5)`))).toMatchObject({
      code: 'statement-timeout',
      message: 'The server ended the statement after 0.05 s (statement timeout)',
    })
  })
})

describe('transactions', () => {
  test('commit when the work returns, roll back when it throws', async () => {
    const db = await open()
    await db.transaction((tx) => tx.execute(sql`INSERT INTO numbers VALUES (-1, 'kept')`))
    await expect(
      db.transaction(async (tx) => {
        await tx.execute(sql`INSERT INTO numbers VALUES (-2, 'lost')`)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await db.rows(sql`DELETE FROM numbers WHERE n < 0 RETURNING word`)).toEqual([{ word: 'kept' }])
  })

  test('a swallowed error does not pass for a commit', async () => {
    const db = await open()
    const outcome = db.transaction(async (tx) => {
      await tx.execute(sql`INSERT INTO numbers VALUES (1, 'twice')`).catch(() => {})
    })
    expect(await refusal(outcome)).toMatchObject({ code: 'transaction-failed' })
  })

  test('who acts is said in each transaction that may change something, and to nobody after it', async () => {
    const db = await open({ poolSize: 1 })
    const who = sql`SELECT nullif(current_setting('house.actor', true), '') AS who`
    const acting = actingAs(db, 'house.actor', "o'brien \\ co")
    expect(await acting.transaction((tx) => tx.one(who))).toEqual({ who: "o'brien \\ co" })
    expect(await acting.transaction((tx) => tx.one(who), { readOnly: true })).toEqual({ who: null })
    expect(await acting.one(who)).toEqual({ who: null })
  })

  test('settings hold for the transaction only', async () => {
    const db = await open({ poolSize: 1 })
    const settings = sql`
      SELECT current_setting('transaction_isolation') AS isolation, current_setting('transaction_read_only') AS ro,
             current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement`
    const inside = await db.transaction((tx) => tx.one(settings), {
      isolation: 'repeatable read',
      readOnly: true,
      lockTimeoutMs: 500,
      statementTimeoutMs: 0,
    })
    expect(inside).toEqual({ isolation: 'repeatable read', ro: 'on', lock: '500ms', statement: '0' })
    expect(await db.one(settings)).toEqual({ isolation: 'read committed', ro: 'off', lock: '0', statement: '30s' })
  })

  test('statements of one transaction may be asked for at once', async () => {
    const db = await open()
    const found = await db.transaction((tx) =>
      Promise.all([1, 2, 3].map((n) => tx.one<{ n: number }>(sql`SELECT n FROM numbers WHERE n = ${n}`))),
    )
    expect(found.map(({ n }) => n)).toEqual([1, 2, 3])
  })

  test('a cursor yields every row in batches, with other statements in between', async () => {
    const db = await open()
    const sum = await db.transaction(async (tx) => {
      let total = 0
      for await (const { n } of tx.stream<{ n: number }>(sql`SELECT n FROM numbers WHERE n <= ${2500}`, 1000)) {
        total += n
        if (n === 1500) await tx.one(sql`SELECT 1 AS one`)
      }
      return total
    })
    expect(sum).toBe((2500 * 2501) / 2)
  })

  test('a reader may stop in the middle and go on with the transaction', async () => {
    const db = await open()
    const left = await db.transaction(async (tx) => {
      for await (const { n } of tx.stream<{ n: number }>(sql`SELECT n FROM numbers`, 10)) if (n === 15) break
      return tx.rows(sql`SELECT name FROM pg_cursors`)
    })
    expect(left).toEqual([])
  })

  test('the statement timeout does not count the time the reader takes', async () => {
    const db = await open({ statementTimeoutMs: 100 })
    const read: number[] = []
    await db.transaction(async (tx) => {
      for await (const { n } of tx.stream<{ n: number }>(sql`SELECT n FROM numbers ORDER BY n LIMIT 30`, 10)) {
        read.push(n)
        if (n % 10 === 0) await delay(60)
      }
    })
    expect(read).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
  })
})

describe('COPY', () => {
  test('out and in, as bytes', async () => {
    const db = await open()
    const csv = await db.transaction((tx) =>
      text(tx.copyOut('SELECT n, word FROM public.numbers WHERE n <= 2 ORDER BY n', 'FORMAT csv, HEADER true')),
    )
    expect(csv).toBe('n,word\n1,word 1\n2,word 2\n')
    await db.transaction(async (tx) => {
      await pipeline(Readable.from(['-5,five\n', '-6,six\n']), tx.copyIn('public.numbers (n, word)', 'FORMAT csv'))
    })
    expect(await db.execute(sql`DELETE FROM numbers WHERE n < 0`)).toBe(2)
  })

  test('a refused row names the constraint, and nothing stays', async () => {
    const db = await open()
    const outcome = db.transaction(async (tx) => {
      await pipeline(Readable.from(['-5,five\n', '1,one\n']), tx.copyIn('public.numbers (n, word)', 'FORMAT csv'))
    })
    expect(await refusal(outcome)).toMatchObject({
      code: 'unique-violation',
      exitCode: 5,
      details: { constraint: 'numbers_pkey', table: 'numbers', columns: ['n'] },
    })
    expect(await db.rows(sql`SELECT 1 FROM numbers WHERE n = -5`)).toEqual([])
  })

  test('a source that fails rolls back and leaves the pool usable', async () => {
    const db = await open({ poolSize: 1 })
    async function* source() {
      yield '-7,seven\n'
      throw new Error('the file ended early')
    }
    const outcome = db.transaction((tx) => pipeline(source, tx.copyIn('public.numbers (n, word)', 'FORMAT csv')))
    await expect(outcome).rejects.toThrow('the file ended early')
    expect(await db.rows(sql`SELECT 1 FROM numbers WHERE n = -7`)).toEqual([])
  })

  test('a reader that leaves in the middle hangs nothing', async () => {
    const db = await open({ poolSize: 1 })
    const outcome = db.transaction(async (tx) => {
      const rows = tx.copyOut(`SELECT repeat('x', 1000) FROM generate_series(1, 100000)`, 'FORMAT text')
      for await (const _ of rows) break
      throw new Error('the reader left')
    })
    await expect(outcome).rejects.toThrow('the reader left')
    expect(await db.one(sql`SELECT 1 AS one`)).toEqual({ one: 1 })
  })
})

describe('sessions', () => {
  test('are pinned, run what no transaction may hold, and hear notices', async () => {
    const db = await open()
    await db.session(async (session) => {
      const heard: string[] = []
      const stop = session.onNotice((message) => heard.push(message))
      await session.execute(sql`VACUUM (VERBOSE) numbers`)
      stop()
      expect(heard.join('\n')).toContain('numbers')
      expect(await session.one(sql`SELECT pg_backend_pid() AS pid`)).toEqual({ pid: session.pid })
    })
  })

  test('carry timeouts of their own', async () => {
    const db = await open()
    const limits = await db.session(
      (session) =>
        session.one(
          sql`SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement`,
        ),
      { lockTimeoutMs: 1000, statementTimeoutMs: 0 },
    )
    expect(limits).toEqual({ lock: '1s', statement: '0' })
  })

  test('a lock that another holds is reported as such', async () => {
    const db = await open()
    await db.transaction(async (tx) => {
      await tx.execute(sql`LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE`)
      const waiting = db.session((session) => session.execute(sql`VACUUM numbers`), { lockTimeoutMs: 20 })
      expect(await refusal(waiting)).toMatchObject({ code: 'lock-timeout', exitCode: 8 })
    })
  })
})

describe('behind a transaction pooler', () => {
  test('nothing but tracked settings is set on the session; limits are local to transactions', async () => {
    const db = await open({ pooler: true, readOnly: true, lockTimeoutMs: 700, poolSize: 1 })
    const limits = sql`
      SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
             current_setting('transaction_read_only') AS ro, current_setting('default_transaction_read_only') AS always`
    const expected = { statement: '30s', lock: '700ms', ro: 'on', always: 'off' }
    expect(await db.one(limits)).toEqual(expected)
    expect(await db.transaction((tx) => tx.one(limits))).toEqual(expected)
  })

  test('a session needs the direct endpoint', async () => {
    const pooled = await open({ pooler: true })
    await expect(pooled.session(async () => {})).rejects.toThrow(UsageError)
    const direct = await open({ pooler: true, direct: database.endpoint })
    expect(await direct.session((session) => session.one(sql`SELECT 1 AS one`))).toEqual({ one: 1 })
  })
})

describe('stopping', () => {
  const running = async (marker: string) =>
    (
      await database.db.rows(sql`SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE ${`%${marker}%`}
      AND pid <> pg_backend_pid()`)
    ).length

  test.each(['statement', 'cursor', 'session'])('a stop request cancels a running %s', async (kind) => {
    const stop = new AbortController()
    const db = await open({ signal: stop.signal })
    const slow = sql`SELECT pg_sleep(30), 'stop me' AS marker`
    const outcome = refusal(
      kind === 'statement'
        ? db.rows(slow)
        : kind === 'session'
          ? db.session((session) => session.rows(slow))
          : db.transaction(async (tx) => {
              for await (const _ of tx.stream(slow));
            }),
    )
    while ((await running(kind === 'cursor' ? 'FETCH' : 'stop me')) === 0) await delay(5)
    stop.abort(new InterruptedError('SIGTERM'))
    expect(await outcome).toMatchObject({ code: 'interrupted', exitCode: 143 })
    expect(await refusal(db.rows(sql`SELECT 1`))).toBeInstanceOf(InterruptedError)
    expect(await db.session((session) => session.one(sql`SELECT 1 AS one`))).toEqual({ one: 1 })
  })

  test('a load that waits for its input is stopped too', async () => {
    const stop = new AbortController()
    const db = await open({ signal: stop.signal })
    const input = new Readable({ read() {} })
    const outcome = db.transaction(async (tx) => {
      const copy = tx.copyIn('public.numbers (n, word)', 'FORMAT csv')
      const done = pipeline(input, copy)
      input.push('-9,nine\n')
      await delay(20)
      stop.abort()
      await done
    })
    expect(await refusal(outcome)).toBeInstanceOf(InterruptedError)
    expect(await database.db.rows(sql`SELECT 1 FROM numbers WHERE n = -9`)).toEqual([])
  })

  test('close cancels what runs and leaves no backend', async () => {
    const db = await open({ applicationName: 'steward:closing' })
    const outcome = refusal(db.rows(sql`SELECT pg_sleep(30), 'close me'`))
    while ((await running('close me')) === 0) await delay(5)
    await db.close()
    expect(await outcome).toBeInstanceOf(OperationError)
    const backends = sql`SELECT 1 FROM pg_stat_activity WHERE application_name = 'steward:closing'`
    for (let tries = 0; (await database.db.rows(backends)).length > 0; tries++) {
      expect(tries).toBeLessThan(100)
      await delay(10)
    }
  })
})

describe('a connection that goes away', () => {
  const terminate = (pid: number) => database.db.execute(sql`SELECT pg_terminate_backend(${pid})`)

  test('in a statement: says so, and the next statement gets a new connection', async () => {
    const db = await open({ poolSize: 1 })
    const { pid } = await db.one<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
    const outcome = refusal(db.rows(sql`SELECT pg_sleep(30)`))
    await delay(20)
    await terminate(pid)
    expect(await outcome).toMatchObject({ code: 'connection-lost', exitCode: 6 })
    expect(await db.one(sql`SELECT 1 AS one`)).toEqual({ one: 1 })
  })

  test('between two statements of a transaction', async () => {
    const db = await open()
    const outcome = db.transaction(async (tx) => {
      const { pid } = await tx.one<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
      await terminate(pid)
      await delay(20)
      await tx.rows(sql`SELECT 1`)
    })
    expect(await refusal(outcome)).toMatchObject({ code: 'connection-lost' })
  })

  test('while idle in the pool', async () => {
    const db = await open({ poolSize: 1 })
    const { pid } = await db.one<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
    await terminate(pid)
    await delay(30)
    expect(await db.one(sql`SELECT 1 AS one`)).toEqual({ one: 1 })
  })

  test('in the middle of COPY', async () => {
    const db = await open()
    const outcome = db.transaction(async (tx) => {
      const { pid } = await tx.one<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
      const rows = tx.copyOut(`SELECT pg_sleep(30)`, 'FORMAT text')
      setTimeout(() => void terminate(pid), 20)
      rows.resume()
      await once(rows, 'end')
    })
    expect(await refusal(outcome)).toMatchObject({ code: 'connection-lost' })
  })
})
