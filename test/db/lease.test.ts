/** Leases, held by real processes: raced for, taken over, and lost. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { type Lease, withLease } from '../../src/db/lease.ts'
import { LockedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { somebodyWaits } from '../support/waiting.ts'

let program: Program
let database: TestDatabase
let db: Database

beforeAll(async () => {
  ;[program, database] = await Promise.all([
    bundleProgram(join(import.meta.dirname, 'lease-child.ts')),
    createTestDatabase(),
  ])
  db = database.db
  await db.execute(sql`CREATE TABLE written (position bigint GENERATED ALWAYS AS IDENTITY, name text, token bigint)`)
})
afterAll(() => Promise.all([program.remove(), database.drop()]))

const holder = { command: 'archive run', osUser: 'bo', host: 'shelf' }
const options = { leaseMs: 30_000, signal: new AbortController().signal }

interface Child {
  readonly process: ChildProcess
  readonly facts: Record<string, unknown>[]
  /** Lets it end. @returns its exit code */
  end(): Promise<number | null>
  readonly ended: Promise<number | null>
}

function start(names: readonly string[], leaseMs: number): Child {
  const child = spawn(process.execPath, [program.path, JSON.stringify([database.endpoint, names, leaseMs])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const facts: Record<string, unknown>[] = []
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (text + chunk.toString()).split('\n')
    text = lines.pop() ?? ''
    facts.push(...lines.map((line) => JSON.parse(line)))
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    process: child,
    facts,
    ended,
    end() {
      child.stdin.end()
      return ended
    },
  }
}

/** Stopped in a transaction it would keep everybody out until the server ends that. */
async function stopBetweenBatches(child: Child): Promise<void> {
  await until('it stands between two batches', async () => {
    child.process.kill('SIGSTOP')
    await sleep(20)
    const inside = await db.rows(sql`
      SELECT FROM pg_stat_activity WHERE application_name = 'steward:child' AND xact_start IS NOT NULL`)
    if (inside.length > 0) child.process.kill('SIGCONT')
    return inside.length === 0
  })
}

const holds = (child: Child) => until('it holds the lease', async () => child.facts.some((fact) => 'holds' in fact))

describe('of twenty that start together', () => {
  test('one wins and nineteen end with 8, naming it', { timeout: 60_000 }, async () => {
    const children = Array.from({ length: 20 }, () => start(['race', 'other'], 30_000))
    const told = () => children.filter(({ facts }) => facts.length > 0).length
    await until('all have tried', async () => told() === 20, { ms: 50_000 })
    const winners = children.filter(({ facts }) => facts[0]?.holds !== undefined)
    expect(winners).toHaveLength(1)
    const [winner] = winners
    expect(await winner?.end()).toBe(0)
    const codes = await Promise.all(children.map(({ ended }) => ended))
    expect(codes.filter((code) => code === 8)).toHaveLength(19)
    const refused = children.flatMap(({ facts }) => facts.filter(({ code }) => code !== undefined))
    const message = new RegExp(
      `^Another run is working on other: steward maintain run of ada@desk, pid ${winner?.process.pid}, ` +
        'since \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ, last sign \\d+ s ago$',
    )
    expect(refused.filter(({ message: said }) => message.test(String(said)))).toHaveLength(19)
    expect(refused[0]).toMatchObject({
      code: 'lease-held',
      details: { holder: { command: 'maintain run', user: 'ada', host: 'desk', pid: winner?.process.pid } },
    })
  })
})

describe('a holder that is gone', () => {
  test('killed is taken over once its time is up, with a greater token, and not before', async () => {
    const child = start(['killed'], 1500)
    await holds(child)
    child.process.kill('SIGKILL')
    await child.ended
    await expect(withLease(db, ['killed'], holder, options, async () => {})).rejects.toMatchObject({
      code: 'lease-held',
      exitCode: 8,
      hint: expect.stringMatching(/its lease ends by itself in [12] s at most$/),
    })
    const began = performance.now()
    let taken: Lease | undefined
    await until('its time is up', async () => {
      await withLease(db, ['killed'], holder, options, async (lease) => {
        taken = lease
      }).catch((error) => expect(error).toBeInstanceOf(LockedError))
      return taken !== undefined
    })
    expect(performance.now() - began).toBeLessThan(3000)
    expect(taken?.token('killed')).toBe(BigInt(String(child.facts[0]?.holds)) + 1n)
  })

  test('stopped and woken after the takeover finds its writes refused', async () => {
    const child = start(['stopped'], 1000)
    await holds(child)
    await stopBetweenBatches(child)
    let entered = false
    await until('its time is up', async () => {
      await withLease(db, ['stopped'], holder, options, async (lease) => {
        entered = true
        await db.transaction(async (tx) => {
          await lease.guard(tx)
          await tx.execute(sql`INSERT INTO written (name, token) VALUES ('stopped', ${lease.token('stopped')})`)
        })
        child.process.kill('SIGCONT')
        expect(await child.ended).toBe(8)
      }).catch((error) => expect(error).toBeInstanceOf(LockedError))
      return entered
    })
    expect(child.facts.at(-1)).toMatchObject({
      code: 'lease-lost',
      message: expect.stringMatching(
        /^The lease on stopped was lost: taken by steward archive run of bo@shelf, pid \d+/,
      ),
    })
    // Nothing of the stale holder follows what its successor wrote.
    const tokens = await db.rows<{ token: bigint }>(sql`
      SELECT token FROM written WHERE name = 'stopped' ORDER BY position`)
    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a.token - b.token)))
  })

  test('is not taken over while its batch is in flight', async () => {
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    let began = () => {}
    const inFlight = new Promise<void>((resolve) => {
      began = resolve
    })
    const order: string[] = []
    const lapsed = withLease(db, ['batch'], holder, options, async (lease) => {
      await db.transaction(async (tx) => {
        await lease.guard(tx)
        await tx.execute(sql`UPDATE steward.environment SET name = name`)
        began()
        await gate
        order.push('first')
      })
      await db.transaction((tx) => lease.guard(tx))
    })
    await inFlight
    // As if its heartbeat stayed away: the lease runs out while the transaction is open.
    await db.execute(sql`UPDATE steward.leases SET expires_at = now() - interval '1 s' WHERE name = 'batch'`)
    const successor = withLease(db, ['batch'], holder, options, async (lease) => {
      order.push('second')
      await db.transaction((tx) => lease.guard(tx))
      await expect(lapsed).rejects.toMatchObject({ code: 'lease-lost' })
    })
    await until('the successor waits', () => somebodyWaits(db))
    open()
    await successor
    expect(order).toEqual(['first', 'second'])
  })
})

describe('a lease', () => {
  test('is all or none, and given back also after an error', async () => {
    await withLease(db, ['b'], holder, options, async () => {
      const both = withLease(db, ['c', 'b', 'a'], holder, options, async () => {})
      await expect(both).rejects.toMatchObject({ code: 'lease-held', details: { lease: 'b' } })
      await withLease(db, ['a', 'c'], holder, options, async (lease) => {
        expect(lease.names).toEqual(['a', 'c'])
        expect(() => lease.token('b')).toThrow(RangeError)
      })
    })
    const failed = withLease(db, ['a', 'b', 'b'], holder, options, () => Promise.reject(new Error('work failed')))
    await expect(failed).rejects.toThrow('work failed')
    await withLease(db, ['a', 'b', 'c'], holder, options, async () => {})
  })

  test('is renewed for as long as the work goes on, also after the server cut its connection', async () => {
    await withLease(db, ['long'], holder, { ...options, leaseMs: 1000 }, async (lease, signal) => {
      await sleep(500)
      await db.execute(sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE '%steward.leases%' AND pid <> pg_backend_pid() AND datname = current_database()`)
      await sleep(1000)
      await expect(withLease(db, ['long'], holder, options, async () => {})).rejects.toBeInstanceOf(LockedError)
      await db.transaction((tx) => lease.guard(tx))
      expect(signal.aborted).toBe(false)
    })
  })

  test('that was taken aborts the signal of the run with the error that names the successor', async () => {
    await withLease(db, ['taken'], holder, { ...options, leaseMs: 300 }, async (_lease, signal) => {
      await db.execute(sql`UPDATE steward.leases SET token = token + 1, os_user = 'eve' WHERE name = 'taken'`)
      await until('the heartbeat finds out', async () => signal.aborted)
      expect(signal.reason).toMatchObject({ code: 'lease-lost', message: expect.stringContaining('eve@shelf') })
    })
  })

  test('needs the tables of Steward, and says so', async () => {
    const empty = await createEmptyDatabase()
    await expect(withLease(empty.db, ['a'], holder, options, async () => {})).rejects.toMatchObject({
      code: 'table-missing',
      hint: expect.stringContaining('steward migrate up'),
    })
    await empty.drop()
  })
})
