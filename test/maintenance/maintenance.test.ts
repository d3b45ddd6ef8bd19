import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { ANALYZE_NEED, applyAnalyze, planAnalyze } from '../../src/maintenance/analyze.ts'
import { pauseUnless, type RunOptions } from '../../src/maintenance/job.ts'
import { applyReindex, planReindex, REINDEX_NEED } from '../../src/maintenance/reindex.ts'
import { applyVacuum, planVacuum, VACUUM_NEED, type VacuumNeed } from '../../src/maintenance/vacuum.ts'
import { removedRows, VacuumReport } from '../../src/maintenance/vacuum-space.ts'
import { raw, type Sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { somebodyWaits } from '../support/waiting.ts'

let test_: TestDatabase
let db: Database

const everything = { schemas: ['shop'], tables: [], all: false }

beforeAll(async () => {
  test_ = await createEmptyDatabase()
  db = test_.db
})
afterAll(() => test_.drop())

beforeEach(async () => {
  await run('DROP SCHEMA IF EXISTS shop CASCADE')
  await run('CREATE SCHEMA shop')
  // Autovacuum would do the work that the tests watch for.
  await run('CREATE TABLE shop.orders (id integer PRIMARY KEY, note text) WITH (autovacuum_enabled = false)')
  await run("INSERT INTO shop.orders SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n")
  await run('CREATE TABLE shop.quiet (id integer PRIMARY KEY) WITH (autovacuum_enabled = false)')
})

describe('vacuum', () => {
  test('works on tables with many dead rows, says how many it removed and what it gave back', async () => {
    await run('DELETE FROM shop.orders WHERE id > 5000')
    await run('SELECT pg_stat_force_next_flush()')

    const plan = await planVacuum(db, everything, VACUUM_NEED)
    expect(plan.map(({ table, action }) => ({ table, action }))).toEqual([
      { table: 'orders', action: 'vacuum' },
      { table: 'quiet', action: 'keep' },
    ])
    expect(plan[0]?.reason).toBe('75 % of its rows are dead')

    const [result, ...others] = await applyVacuum(db, plan, options())
    expect(others).toEqual([])
    expect(result).toMatchObject({ table: 'orders', outcome: 'done', removed: 15_000n })
    // The dead rows fill the end of the table, so most of it goes back to the operating system.
    expect(result?.returnedBytes).toBeGreaterThan(1_000_000n)

    await run('SELECT pg_stat_force_next_flush()')
    expect((await planVacuum(db, everything, VACUUM_NEED)).every((item) => item.action === 'keep')).toBe(true)
  })

  test('gives up on a locked table after its attempts, goes on with the next, and names it', async () => {
    const other = await connect(test_.endpoint, { applicationName: 'holder', statementTimeoutMs: 0, poolSize: 1 })
    try {
      await other.transaction(async (holder) => {
        await holder.execute(raw('LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE'))
        const plan = await planVacuum(db, { ...everything, all: true }, VACUUM_NEED)
        const results = await applyVacuum(db, plan, options({ lockTimeoutMs: 50, attempts: 2 }))
        const outcomes = new Map(results.map((result) => [result.table, result]))
        expect(outcomes.get('quiet')).toMatchObject({ outcome: 'done' })
        expect(outcomes.get('orders')).toMatchObject({ outcome: 'failed', error: expect.stringMatching(/lock/i) })
      })
    } finally {
      await other.close()
    }
  })

  test('fails on a table that the role may not work on, which PostgreSQL passes over with a warning', async () => {
    await run('CREATE ROLE passer LOGIN')
    await run('GRANT USAGE ON SCHEMA shop TO passer')
    const passer = await connect(
      { ...test_.endpoint, user: 'passer' },
      { applicationName: 'passer', statementTimeoutMs: 0, poolSize: 1 },
    )
    try {
      const chosen = { ...everything, tables: ['orders'] }
      for (const [action, results] of [
        ['vacuum', await applyVacuum(passer, await planVacuum(passer, chosen, VACUUM_NEED), options())],
        ['analyze', await applyAnalyze(passer, await planAnalyze(passer, chosen, ANALYZE_NEED), options())],
      ] as const) {
        expect(results).toMatchObject([
          {
            outcome: 'failed',
            error: `only the owner of shop.orders, of the database, or a superuser may ${action} it`,
          },
        ])
      }
    } finally {
      await passer.close()
      await run('DROP OWNED BY passer')
      await run('DROP ROLE passer')
    }
  })

  test('plans without waiting for a table that another session waits to lock', async () => {
    const [reader, writer] = await Promise.all(
      ['reader', 'writer'].map((applicationName) =>
        connect(test_.endpoint, { applicationName, statementTimeoutMs: 0, poolSize: 1 }),
      ),
    )
    if (!reader || !writer) throw new Error('two connections were asked for')
    let queued: Promise<unknown> = Promise.resolve()
    try {
      await reader.transaction(async (holder) => {
        await holder.execute(raw('SELECT FROM shop.orders LIMIT 1'))
        queued = writer.execute(raw('ALTER TABLE shop.orders ADD COLUMN more text'))
        await until('the other waits', () => somebodyWaits(db, { mode: 'AccessExclusiveLock' }))
        // Were it to wait, this transaction would never end.
        const limit = { statementTimeoutMs: 2000 }
        await db.transaction((tx) => planVacuum(tx, everything, VACUUM_NEED), limit)
        await db.transaction((tx) => planReindex(tx, everything, REINDEX_NEED), limit)
      })
    } finally {
      await queued
      await Promise.all([reader.close(), writer.close()])
    }
  })

  test('stops between tables when asked to, and says which were left', async () => {
    const stop = new AbortController()
    const plan = await planVacuum(db, { ...everything, all: true }, VACUUM_NEED)
    const results = await applyVacuum(db, plan, {
      ...options(),
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    expect(results.map((result) => result.outcome)).toEqual(['stopped', 'stopped'])
  })

  test('reads the removed rows in every version’s words', () => {
    expect(removedRows('finished vacuuming "db.shop.orders": index scans: 0\ntuples: 17 removed, 3 remain')).toBe(17n)
    expect(removedRows('table "orders": found 5 removable, 10 nonremovable row versions in 1 pages')).toBe(5n)
    expect(removedRows('vacuuming "db.shop.orders"')).toBeUndefined()
  })

  test('tells the rows of a table from those of its TOAST table, and estimates what they leave free', () => {
    const space = { bytes: 81_920n, toastBytes: 819_200n, rowBytes: 100, blockSize: 8192 }
    const report = new VacuumReport()
    report.read(`finished vacuuming "db.shop.orders": index scans: 1
pages: 2 removed, 8 remain, 10 scanned (100.00% of total)
tuples: 500 removed, 300 remain, 0 are dead but not yet removable
index "orders_pkey": pages: 57 in total, 41 newly deleted, 41 currently deleted, 0 reusable`)
    report.read(`finished vacuuming "db.pg_toast.pg_toast_1": index scans: 0
pages: 0 removed, 100 remain, 100 scanned (100.00% of total)
tuples: 200 removed, 200 remain, 0 are dead but not yet removable`)
    report.read('table "orders": truncated 10 to 8 pages')
    expect(report.removed).toBe(500n)
    // 500 rows of 100 bytes, less two pages that went; half of the TOAST table; 41 pages of the index.
    const after = { ...space, bytes: 65_536n }
    expect(report.freedBytes(space, after)).toBe(50_000n - 16_384n + 409_600n + 41n * 8192n)
  })

  test('says apart what became free for new rows, and what went back to the operating system', async () => {
    await run('ANALYZE shop.orders')
    await run('DELETE FROM shop.orders WHERE id % 2 = 0')
    await run('SELECT pg_stat_force_next_flush()')
    const [spread] = await applyVacuum(db, await planVacuum(db, everything, VACUUM_NEED), options())
    // Every page still has rows, so none goes back; what is free is about half.
    expect(spread).toMatchObject({ removed: 10_000n, returnedBytes: 0n })
    const { size } = await db.one<{ size: bigint }>(raw("SELECT pg_relation_size('shop.orders') AS size"))
    expect(Number(spread?.freedBytes) / Number(size)).toBeCloseTo(0.5, 1)
    const before = await db.one<{ size: bigint }>(raw("SELECT pg_relation_size('shop.orders') AS size"))
    await run(`INSERT INTO shop.orders SELECT 100000 + n, repeat('x', 100) FROM generate_series(1, 9500) n`)
    expect(await db.one(raw("SELECT pg_relation_size('shop.orders') AS size"))).toEqual(before)
  })

  test('is due after a large delete, however many rows are left', async () => {
    await run('DELETE FROM shop.orders WHERE id <= 1500')
    await run('SELECT pg_stat_force_next_flush()')
    const reasons = async (need: VacuumNeed) => (await planVacuum(db, everything, need))[0]?.reason
    expect(await reasons(VACUUM_NEED)).toBe('has dead rows and was never vacuumed')
    expect(await reasons({ ...VACUUM_NEED, manyRows: 1500 })).toBe('1,500 of its rows are dead')
  })

  test('refuses a table that is not there, with the name that was meant', async () => {
    await expect(planVacuum(db, { ...everything, tables: ['ordres'] }, VACUUM_NEED)).rejects.toMatchObject({
      exitCode: 4,
      hint: 'Did you mean orders?',
    })
  })
})

describe('analyze', () => {
  test('works on tables never analysed or much changed, and leaves the rest alone', async () => {
    await run('SELECT pg_stat_force_next_flush()')
    const first = await planAnalyze(db, everything, ANALYZE_NEED)
    expect(first.map(({ table, action, reason }) => ({ table, action, reason }))).toEqual([
      { table: 'orders', action: 'analyze', reason: 'was never analysed' },
      { table: 'quiet', action: 'keep', reason: 'empty' },
    ])
    await applyAnalyze(db, first, options())
    const estimate = await db.one<{ reltuples: number }>(
      raw("SELECT reltuples FROM pg_class WHERE oid = 'shop.orders'::regclass"),
    )
    expect(estimate.reltuples).toBe(20_000)
    expect((await planAnalyze(db, everything, ANALYZE_NEED))[0]?.action).toBe('keep')

    await run('UPDATE shop.orders SET note = note WHERE id <= 4000')
    await run('SELECT pg_stat_force_next_flush()')
    expect((await planAnalyze(db, everything, ANALYZE_NEED))[0]).toMatchObject({
      action: 'analyze',
      reason: '20 % of its rows changed since it was analysed',
    })
  })
})

describe('reindex', () => {
  const need = { ...REINDEX_NEED, minimumBytes: 0n }

  test('rebuilds an index that lost most of its rows, and gives its space back', async () => {
    await run('DELETE FROM shop.orders WHERE id % 20 <> 0')
    await run('VACUUM ANALYZE shop.orders')
    const plan = await planReindex(db, { ...everything, tables: [] }, need)
    const orders = plan.find((item) => item.index === 'orders_pkey')
    expect(orders).toMatchObject({ action: 'reindex' })
    expect(orders?.reason).toMatch(/^estimated bloat (8|9)\d(\.\d)? %$/)

    const results = await applyReindex(db, plan, options())
    const result = results.find((each) => each.index === 'orders_pkey')
    expect(result).toMatchObject({ outcome: 'done' })
    expect(result?.returnedBytes).toBeGreaterThan(200_000n)
  })

  test('a fresh index counts as free of bloat', async () => {
    await run('VACUUM ANALYZE shop.orders')
    await run('REINDEX INDEX shop.orders_pkey')
    const plan = await planReindex(db, everything, need)
    expect(plan.find((item) => item.index === 'orders_pkey')).toMatchObject({ action: 'keep' })
  })

  test('finds and drops what an interrupted concurrent rebuild left behind', async () => {
    await run('CREATE INDEX orders_note ON shop.orders (note)')
    await run('CREATE INDEX orders_note_ccnew ON shop.orders (note)')
    await invalidate('orders_note_ccnew')

    const plan = await planReindex(db, everything, REINDEX_NEED)
    expect(plan.find((item) => item.index === 'orders_note_ccnew')).toMatchObject({
      action: 'drop',
      reason: 'left behind by an interrupted rebuild',
    })
    await applyReindex(db, plan, options())
    expect(await indexNames()).toEqual(['orders_note', 'orders_pkey', 'quiet_pkey'])
  })

  test('rebuilds an index that an interrupted build left invalid', async () => {
    await run('CREATE INDEX orders_note ON shop.orders (note)')
    await invalidate('orders_note')
    const plan = await planReindex(db, everything, REINDEX_NEED)
    expect(plan.find((item) => item.index === 'orders_note')).toMatchObject({
      action: 'reindex',
      reason: 'invalid: an interrupted build left it unusable',
    })
    await applyReindex(db, plan, options())
    const row = await db.one(raw("SELECT indisvalid FROM pg_index WHERE indexrelid = 'shop.orders_note'::regclass"))
    expect(row).toEqual({ indisvalid: true })
  })

  test('a rebuild that fails leaves no half-built copy', async () => {
    await run('CREATE INDEX orders_note ON shop.orders (note)')
    const other = await connect(test_.endpoint, { applicationName: 'holder', statementTimeoutMs: 0, poolSize: 1 })
    try {
      await other.transaction(async (holder) => {
        // An older transaction that has written keeps the concurrent rebuild waiting.
        await holder.execute(raw('UPDATE shop.orders SET note = note WHERE id = 1'))
        const plan = await planReindex(db, { ...everything, tables: ['orders'] }, need)
        const only = plan.filter((item) => item.index === 'orders_note')
        const results = await applyReindex(db, only, options({ lockTimeoutMs: 200, attempts: 1 }))
        expect(results[0]).toMatchObject({ outcome: 'failed' })
      })
    } finally {
      await other.close()
    }
    // Dropping a copy waits for the same transaction; what could not be dropped is in the next plan.
    const next = await planReindex(db, everything, REINDEX_NEED)
    await applyReindex(db, next, options())
    expect(await indexNames()).toEqual(['orders_note', 'orders_pkey', 'quiet_pkey'])
  })
})

function options({ lockTimeoutMs = 1000, attempts = 3 } = {}): RunOptions {
  const { signal } = new AbortController()
  return {
    label: 'test',
    onProgress: () => {},
    signal,
    waits: { lockTimeoutMs, attempts, pause: pauseUnless(signal) },
    elapsed: () => performance.now(),
  }
}

function run(text: string): Promise<number> {
  return db.execute(raw(text) satisfies Sql)
}

/** As a crash between the phases of a concurrent build would leave it (superuser may touch the catalog in tests). */
async function invalidate(index: string): Promise<void> {
  await run(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.${index}'::regclass`)
}

async function indexNames(): Promise<string[]> {
  const rows = await db.rows<{ name: string }>(
    raw("SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'shop' ORDER BY 1"),
  )
  return rows.map((row) => row.name)
}
