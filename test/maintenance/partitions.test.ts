/** `maintain partitions`: months ahead, rows that came too early, runs that meet, are kept waiting or are killed. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { partitionsOf } from '../../src/db/partitions.ts'
import { pauseUnless, type RunOptions } from '../../src/maintenance/job.ts'
import { applyPartitions, type PartitionedTable, planPartitions } from '../../src/maintenance/partitions.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

const logs: PartitionedTable = { schema: 'shop', table: 'logs', field: 'at', ahead: 2 }

let database: TestDatabase
let db: Database
let program: Program
/** Names of the partitions of this month and the next ones. */
let coming: string[]

beforeAll(async () => {
  program = await bundleProgram(join(import.meta.dirname, 'partitions-child.ts'))
  database = await createEmptyDatabase()
  db = database.db
  const rows = await db.rows<{ name: string }>(sql`
    SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month', '"logs_y"YYYY"m"MM') AS name
    FROM generate_series(0, 3) AS n`)
  coming = rows.map(({ name }) => name)
})
afterAll(async () => {
  await database?.drop()
  await program?.remove()
})

beforeEach(async () => {
  await run('DROP SCHEMA IF EXISTS shop CASCADE')
  await run('CREATE SCHEMA shop')
  await run('CREATE TABLE shop.runs (id integer PRIMARY KEY)')
  await run('INSERT INTO shop.runs VALUES (1)')
  await run(`CREATE TABLE shop.logs (
    id integer, run integer NOT NULL REFERENCES shop.runs (id), at timestamptz, line text, PRIMARY KEY (id, at)
  ) PARTITION BY RANGE (at)`)
  await run('CREATE TABLE shop.logs_default PARTITION OF shop.logs DEFAULT')
})

const plan = async (tables = [logs]) =>
  (await planPartitions(db, tables)).map(({ partition, action, reason, rows }) => ({
    partition,
    action,
    reason,
    rows,
  }))

describe('the plan', () => {
  test('names the months from this one to so many ahead, and those of rows in the default partition', async () => {
    await run(`INSERT INTO shop.logs VALUES
      (1, 1, '2024-02-29 23:59:59.999999+00', 'x'), (2, 1, '2024-03-01 00:30:00+01', 'x'), (3, 1, '2024-03-01 00:00:00+00', 'x'),
      (4, 1, 'infinity', 'x')`)
    expect(await plan()).toEqual([
      { partition: 'logs_y2024m02', action: 'create', reason: '2 rows of it in the default partition', rows: 2n },
      { partition: 'logs_y2024m03', action: 'create', reason: '1 row of it in the default partition', rows: 1n },
      ...coming.slice(0, 3).map((partition) => ({ partition, action: 'create', reason: 'missing', rows: 0n })),
    ])
  })

  test('goes by what partitions hold, not by what they are called', async () => {
    await run(
      `CREATE TABLE shop.long_ago PARTITION OF shop.logs FOR VALUES FROM (MINVALUE) TO ('2024-02-15 00:00:00+00')`,
    )
    await run(`INSERT INTO shop.logs VALUES (1, 1, '2024-02-20 00:00:00+00', 'x')`)
    await run(
      `CREATE TABLE shop.rest PARTITION OF shop.logs FOR VALUES FROM ('2024-03-01 00:00:00+00') TO (MAXVALUE)`,
    )
    expect(await plan()).toEqual([
      { partition: 'long_ago', action: 'keep', reason: 'part of the month lies in long_ago', rows: 1n },
      ...coming.slice(0, 3).map(() => ({ partition: 'rest', action: 'keep', reason: 'is there', rows: 0n })),
    ])
  })

  test('leaves alone what is not there, not partitioned, or partitioned otherwise, and says so', async () => {
    await run('CREATE TABLE shop.orders (id integer) PARTITION BY LIST (id)')
    const of = (table: string, schema = 'shop') => ({ ...logs, schema, table })
    expect(
      (await plan([of('runs'), of('orders'), of('nothing'), of('logs', 'nowhere')])).map(({ action, reason }) => [
        action,
        reason,
      ]),
    ).toEqual([
      ['keep', 'is not partitioned'],
      ['keep', 'is not partitioned by range of at'],
      ['keep', 'is not there; steward migrate up makes it'],
      ['keep', 'is not there; steward migrate up makes it'],
    ])
  })
})

describe('applying it', () => {
  test('makes the months, moves the rows, and leaves nothing to do', async () => {
    await run(`INSERT INTO shop.logs SELECT n, 1, '2024-01-31 12:00:00+00'::timestamptz + n * interval '1 hour', 'x'
      FROM generate_series(0, 47) AS n`)
    const before = await db.rows(sql`SELECT * FROM shop.logs ORDER BY id`)
    const results = await applyPartitions(db, await planPartitions(db, [logs]), options())
    expect(results.map(({ partition, outcome, moved }) => [partition, outcome, moved])).toEqual([
      ['logs_y2024m01', 'done', 12n],
      ['logs_y2024m02', 'done', 36n],
      ...coming.slice(0, 3).map((partition) => [partition, 'done', 0n]),
    ])
    expect(await db.rows(sql`SELECT * FROM shop.logs ORDER BY id`)).toEqual(before)
    expect(await db.rows(sql`SELECT FROM shop.logs_default`)).toEqual([])
    expect((await plan()).every(({ action }) => action === 'keep')).toBe(true)
  })

  test('moves rows out of a default partition of any name', async () => {
    await run('ALTER TABLE shop.logs_default RENAME TO the_rest')
    await run(`INSERT INTO shop.logs VALUES (1, 1, '2024-02-01 00:00:00+00', 'x')`)
    const results = await applyPartitions(db, await planPartitions(db, [logs]), options())
    expect(results[0]).toMatchObject({ partition: 'logs_y2024m02', moved: 1n })
  })

  test('two runs at once make each month once', async () => {
    await run(`INSERT INTO shop.logs VALUES (1, 1, '2024-02-01 00:00:00+00', 'x')`)
    const planned = await planPartitions(db, [logs])
    const both = await Promise.all([applyPartitions(db, planned, options()), applyPartitions(db, planned, options())])
    expect(both.flat().map(({ outcome, error }) => [outcome, error])).toEqual(
      Array.from({ length: 8 }, () => ['done', undefined]),
    )
    expect(both.flat().reduce((sum, { moved }) => sum + (moved ?? 0n), 0n)).toBe(1n)
  })

  test('gives up behind a lock after its attempts, and holds nothing up behind itself', async () => {
    await run(`INSERT INTO shop.logs VALUES (1, 1, '2024-02-01 00:00:00+00', 'x')`)
    const planned = await planPartitions(db, [logs])
    const other = await connect(database.endpoint, { applicationName: 'holder', statementTimeoutMs: 0, poolSize: 1 })
    try {
      await other.transaction(async (holder) => {
        await holder.execute(raw('SELECT count(*) FROM shop.logs_default'))
        const results = await applyPartitions(db, planned.slice(0, 1), options({ lockTimeoutMs: 50, attempts: 2 }))
        expect(results).toMatchObject([{ outcome: 'failed', error: expect.stringMatching(/lock/i) }])
      })
    } finally {
      await other.close()
    }
    expect(await partitionsOf(db, logs)).toEqual(['logs_default'])
    expect(await applyPartitions(db, planned, options())).toMatchObject([{ outcome: 'done', moved: 1n }, {}, {}, {}])
  })

  test('stops between two months when it is asked to', async () => {
    const stop = new AbortController()
    const results = await applyPartitions(db, await planPartitions(db, [logs]), {
      ...options(),
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 1) stop.abort()
      },
    })
    expect(results.map(({ outcome }) => outcome)).toEqual(['done', 'stopped', 'stopped'])
    expect(await partitionsOf(db, logs)).toEqual(['logs_default', coming[0]])
  })

  test('killed in between, it leaves whole months and every row, and the next run goes on', async () => {
    await run(`INSERT INTO shop.logs SELECT n, 1, '2020-01-01 00:00:00+00'::timestamptz + n * interval '1 day', 'x'
      FROM generate_series(0, 1500) AS n`)
    const args = [program.path, JSON.stringify(database.endpoint)]
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)))
    while ((await partitionsOf(db, logs)).length < 4) await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    expect(await ended).toBe('SIGKILL')
    // What its server process still does ends with the connection.
    const busy = sql`SELECT FROM pg_stat_activity WHERE application_name = 'steward:child' AND state <> 'idle'`
    while ((await db.rows(busy)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5))

    const misplaced = sql`
      SELECT FROM shop.logs
      WHERE tableoid::regclass::text <> 'shop.logs_default'
        AND tableoid::regclass::text <> to_char(at AT TIME ZONE 'UTC', '"shop.logs_y"YYYY"m"MM')`
    const count = sql`SELECT count(*) AS rows FROM shop.logs`
    expect(await db.rows(misplaced)).toEqual([])
    expect(await db.one(count)).toEqual({ rows: 1501n })
    expect((await partitionsOf(db, logs)).length).toBeLessThan(54)
    const results = await applyPartitions(db, await planPartitions(db, [logs]), options())
    expect(results.every(({ outcome }) => outcome === 'done')).toBe(true)
    expect(await db.one(count)).toEqual({ rows: 1501n })
    expect(await db.rows(sql`SELECT FROM shop.logs_default`)).toEqual([])
  })
})

describe('the command', () => {
  let systems: TestDatabase
  beforeAll(async () => {
    systems = await createTestDatabase()
  })
  afterAll(() => systems?.drop())
  const maintain = (...argv: string[]) => runCli(['--url', systems.url, 'maintain', 'partitions', ...argv])

  test('shows what is there, makes what is asked for, and is journalled when it did something', async () => {
    const shown = await maintain('--system', 'autopr', '--dry-run', '--json')
    expect(shown.exitCode).toBe(0)
    // The migrations made this month and three more.
    const months: { partition: string; action: string }[] = JSON.parse(shown.stdout)
    expect(months.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep', 'keep'])

    expect(await maintain('--system', 'autopr')).toMatchObject({
      exitCode: 0,
      stderr: 'No partition is missing; the plan (--dry-run) shows those that are there.\n',
    })
    const made = await maintain('--system', 'autopr', '--ahead', '5', '--json')
    expect(made.exitCode).toBe(0)
    expect(JSON.parse(made.stdout)).toMatchObject([
      { schema: 'autopr', table: 'execution_logs', outcome: 'done', moved: 0 },
      { schema: 'autopr', table: 'execution_logs', outcome: 'done', moved: 0 },
    ])
    expect(await systems.db.rows(sql`SELECT command, outcome, counts FROM steward.journal`)).toEqual([
      { command: 'maintain partitions', outcome: 'done', counts: { done: 2, failed: 0, stopped: 0 } },
    ])
  })

  test('says of a named system without partitions, or without its tables, what there is to say', async () => {
    for (const flags of [['--dry-run'], []]) {
      expect(await maintain('--system', 'skyvern', ...flags)).toMatchObject({
        exitCode: 0,
        stderr: 'No table of these systems is partitioned by month.\n',
      })
    }
    const url = database.url
    const absent = await runCli(['--url', url, 'maintain', 'partitions', '--system', 'autopr', '--dry-run', '--json'])
    expect(absent.exitCode).toBe(0)
    expect(JSON.parse(absent.stdout)).toMatchObject([
      { action: 'keep', reason: 'is not there; steward migrate up makes it' },
    ])
    expect(await runCli(['--url', url, 'maintain', 'partitions'])).toMatchObject({ exitCode: 0 })
  })
})

function options({ lockTimeoutMs = 1000, attempts = 5 } = {}): RunOptions {
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
  return db.execute(raw(text))
}
