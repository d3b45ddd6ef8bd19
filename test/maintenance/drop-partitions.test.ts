/** Retention by whole months: what goes, what stays and why, who is in the way, and what a kill leaves behind. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migrations } from '../../migrations/registry.ts'
import { archivePartition } from '../../src/archive/partition.ts'
import { dropDue } from '../../src/commands/maintain/drop.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database, Queryable } from '../../src/db/database.ts'
import type { DropWaits } from '../../src/db/drop-locks.ts'
import { partitionsBefore } from '../../src/db/partition-catalog.ts'
import { InterruptedError } from '../../src/errors.ts'
import { planDrops } from '../../src/maintenance/drop-partitions.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { throwFailure } from '../../src/migrations/outcomes.ts'
import type { RuleScope } from '../../src/model/due.ts'
import { entity } from '../../src/model/entity.ts'
import { integer, text, timestamp } from '../../src/model/field.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { system } from '../../src/model/system.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asRun } from '../support/job-run.ts'
import { until } from '../support/until.ts'
import { somebodyWaits } from '../support/waiting.ts'
import { installedBinaries, startInstalled } from '../systems/support/installed-server.ts'

const line = entity({
  name: 'line',
  table: 'lines',
  summary: 'Lines',
  primaryKey: 'id',
  fields: {
    id: integer({ summary: 'line id' }),
    run: integer({ summary: 'run', nullable: true }),
    at: timestamp({ summary: 'when' }),
    line: text({ summary: 'text', nullable: true }),
  },
  verbs: ['list'],
  list: { columns: ['id'], sort: 'id' },
})

const mill = system({
  name: 'mill',
  title: 'Mill',
  summary: 'Lines for tests',
  entities: [line],
  reports: [],
  retention: [
    {
      name: 'old-lines',
      summary: 'Old',
      entity: 'line',
      action: 'drop-partitions',
      ageOf: 'at',
      olderThan: '90 days',
    },
  ],
  overview: { entity: 'line' },
})

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())

const monthly = { schema: 'mill', table: 'lines', field: 'at' }

function scope(archives = false): RuleScope {
  const [rule] = mill.retention
  if (rule === undefined) throw new Error('no rule')
  return { system: mill, schema: 'mill', applied: { rule: { ...rule, archives }, olderThan: '90 days' } }
}

/** A table of lines by month: 2025 in three partitions, one of them made by hand, and what is coming. */
async function table(on: Database = db): Promise<void> {
  const make = (statement: string) => on.execute(raw(statement))
  await make('DROP SCHEMA IF EXISTS mill CASCADE')
  await make('DROP SCHEMA IF EXISTS mill_archive CASCADE')
  await make('CREATE SCHEMA mill')
  await make('CREATE TABLE mill.runs (id integer PRIMARY KEY)')
  await make('INSERT INTO mill.runs VALUES (1)')
  await make(`CREATE TABLE mill.lines (
    id integer, run integer REFERENCES mill.runs (id) ON DELETE CASCADE, at timestamptz, line text, PRIMARY KEY (id, at)
  ) PARTITION BY RANGE (at)`)
  const part = (name: string, from: string, to: string) =>
    make(`CREATE TABLE mill.${name} PARTITION OF mill.lines FOR VALUES FROM (${from}) TO (${to})`)
  await part('ancient', 'MINVALUE', `'2025-01-01 00:00+00'`)
  await part('lines_y2025m01', `'2025-01-01 00:00+00'`, `'2025-02-01 00:00+00'`)
  await part('lines_y2025m02', `'2025-02-01 00:00+00'`, `'2025-03-01 00:00+00'`)
  await part('coming', `'2025-04-01 00:00+00'`, 'MAXVALUE')
  await make('CREATE TABLE mill.lines_default PARTITION OF mill.lines DEFAULT')
  await make(`INSERT INTO mill.lines
    SELECT n, 1, '2025-01-01 00:00+00'::timestamptz + n * interval '6 hours', 'line ' || n FROM generate_series(0, 300) AS n`)
}

beforeEach(async () => {
  await table()
  await run('TRUNCATE steward.archive_batches, steward.archive_batch_tables, steward.retention_cursors CASCADE')
})

const waits: DropWaits = { lockTimeoutMs: 200, attempts: 3, pause: () => Promise.resolve() }

const drop = (changes: Partial<DropWaits> = {}, archives = false, on = database) =>
  asRun(on, ['mill'], async (job) =>
    dropDue(on.db, scope(archives), await planDrops(on.db, scope(archives)), job, { ...waits, ...changes }),
  )

async function archivedTable(): Promise<void> {
  await run('CREATE SCHEMA mill_archive')
  await run(
    'CREATE TABLE mill_archive.lines (id integer, run integer, at timestamptz, line text, steward_batch_id bigint NOT NULL)',
  )
}

const names = async () => (await partitionsBefore(db, monthly, sql`now()`)).map(({ name }) => name)
const all = sql`SELECT id, run, at, line FROM mill.lines ORDER BY id`
const archived = sql`SELECT id, run, at, line FROM mill_archive.lines ORDER BY id`

test('a partition is past when its upper bound is at the cutoff, and not a microsecond before; never the current month', async () => {
  const past = async (cutoff: string) =>
    (await partitionsBefore(db, monthly, sql`${cutoff}::timestamptz`))
      .filter((one) => one.isPast)
      .map((one) => one.name)
  expect(await past('2025-02-01 00:00:00+00')).toEqual(['ancient', 'lines_y2025m01'])
  expect(await past('2025-01-31 23:59:59.999999+00')).toEqual(['ancient'])
  expect(await past('infinity')).toEqual(['ancient', 'lines_y2025m01', 'lines_y2025m02'])
})

describe('the plan', () => {
  test('shows each partition with its bounds, rows, what becomes of it and why', async () => {
    const { items } = await planDrops(db, scope())
    expect(
      items.map(({ partition, since, until, rows, action, way }) => [partition, since, until, rows, action, way]),
    ).toEqual([
      ['ancient', '-infinity', '2025-01-01 00:00:00+00', 0n, 'drop', 'drop'],
      ['lines_y2025m01', '2025-01-01 00:00:00+00', '2025-02-01 00:00:00+00', 124n, 'drop', 'drop'],
      ['lines_y2025m02', '2025-02-01 00:00:00+00', '2025-03-01 00:00:00+00', 112n, 'drop', 'drop'],
      ['coming', '2025-04-01 00:00:00+00', 'infinity', 0n, 'keep', 'none'],
      ['lines_default', null, null, 65n, 'drop', 'rows'],
    ])
    expect(items.map(({ reason }) => reason.replace(/\d{4}-\d\d-\d\d$/, 'DAY'))).toEqual([
      'over since 2025-01-01, before the cutoff of DAY',
      'over since 2025-02-01, before the cutoff of DAY',
      'over since 2025-03-01, before the cutoff of DAY',
      'holds the current month',
      'rows of no month of their own, removed one by one',
    ])
  })

  test('says which month cannot go: rows or views of others need it', async () => {
    await run(
      'CREATE TABLE mill.notes (id integer, line integer, at timestamptz, FOREIGN KEY (line, at) REFERENCES mill.lines)',
    )
    await run(`INSERT INTO mill.notes SELECT 1, id, at FROM mill.lines WHERE id = 0`)
    await run('CREATE VIEW mill.seen AS SELECT id FROM mill.lines_y2025m02')
    const kept = (await planDrops(db, scope())).items.filter(({ action }) => action === 'keep')
    expect(kept.map(({ partition, reason }) => [partition, reason])).toEqual([
      ['lines_y2025m01', 'still referenced by mill.notes (notes_line_at_fkey)'],
      ['lines_y2025m02', 'the view mill.seen is made of it'],
      ['coming', 'holds the current month'],
    ])
    const { job } = await drop()
    expect(job).toMatchObject({ outcome: 'done', rows: 65n })
    expect(job.kept).toEqual([
      { reason: 'mill.lines_y2025m01: still referenced by mill.notes (notes_line_at_fkey)', rows: 124n },
      { reason: 'mill.lines_y2025m02: the view mill.seen is made of it', rows: 112n },
    ])
    // The one that nobody needs is detached and gone, although another table refers to the table.
    expect(await names()).toEqual(['lines_y2025m01', 'lines_y2025m02', 'coming', 'lines_default'])
  })
})

describe('dropping', () => {
  test('takes the months, and the due rows of the default partition, and nothing else', async () => {
    await run(`INSERT INTO mill.lines VALUES (1000, 1, now(), 'new')`)
    const { job, results } = await drop()
    expect(job).toMatchObject({ outcome: 'done', rows: 301n, kept: [], failures: [], why: 'nothing more is due' })
    expect(results.map(({ partition, outcome, removed }) => [partition, outcome, removed])).toEqual([
      ['ancient', 'done', 0n],
      ['lines_y2025m01', 'done', 124n],
      ['lines_y2025m02', 'done', 112n],
      ['lines_default', 'done', 65n],
    ])
    expect(job.bytes).toBeGreaterThan(0n)
    expect(await names()).toEqual(['coming', 'lines_default'])
    expect(await db.rows(sql`SELECT id FROM mill.lines`)).toEqual([{ id: 1000 }])
    expect((await drop()).job).toMatchObject({ outcome: 'nothing', rows: 0n })
  })

  test('waits for others only briefly, lets them through between its attempts, and names what it could not have', async () => {
    const other = await connect(database.endpoint, {
      applicationName: 'reader',
      statementTimeoutMs: 5000,
      poolSize: 2,
    })
    try {
      await other.transaction(async (reader) => {
        await reader.execute(raw('SELECT count(*) FROM mill.lines'))
        const between: number[] = []
        const { job } = await drop({
          pause: async () => {
            // Nobody queues behind it meanwhile.
            const { rows } = await other.one<{ rows: bigint }>(sql`SELECT count(*) AS rows FROM mill.lines`)
            between.push(Number(rows))
          },
        })
        // Once it knows that somebody is there, one attempt for each of the others is enough.
        expect(between).toEqual([301, 301])
        expect(job).toMatchObject({ outcome: 'partial', rows: 65n })
        expect(job.failures).toEqual([
          expect.stringMatching(
            /^mill\.ancient: mill\.\w+ is in use by session \d+ \(reader\), in a transaction since 2.*; mill\.ancient was not dropped$/,
          ),
          expect.stringMatching(
            /^mill\.lines_y2025m01: mill\.\w+ is in use by session \d+ \(reader\), in a transaction since 2.*; mill\.lines_y2025m01 was not dropped$/,
          ),
          expect.stringMatching(
            /^mill\.lines_y2025m02: mill\.\w+ is in use by session \d+ \(reader\), in a transaction since 2.*; mill\.lines_y2025m02 was not dropped$/,
          ),
        ])
      })
    } finally {
      await other.close()
    }
    expect((await drop()).job).toMatchObject({ outcome: 'done', rows: 236n })
  })

  test('drops nothing once the lease is lost', async () => {
    await expect(
      asRun(database, ['mill'], async (job) => {
        const plan = await planDrops(db, scope())
        await run('UPDATE steward.leases SET token = token + 1')
        return dropDue(db, scope(), plan, job, waits)
      }),
    ).rejects.toMatchObject({ code: 'lease-lost' })
    await run('TRUNCATE steward.leases')
    expect((await names()).length).toBe(5)
  })

  test('asks again: what is no partition any more stays, and what reaches further now is named', async () => {
    const plan = await planDrops(db, scope())
    await run('ALTER TABLE mill.lines DETACH PARTITION mill.lines_y2025m01')
    await run('ALTER TABLE mill.lines DETACH PARTITION mill.ancient')
    await run('ALTER TABLE mill.lines DETACH PARTITION mill.coming')
    await run("ALTER TABLE mill.lines ATTACH PARTITION mill.ancient FOR VALUES FROM ('2026-01-01') TO (MAXVALUE)")
    const { results, job } = await asRun(database, ['mill'], (job) => dropDue(db, scope(), plan, job, waits))
    expect(results.map(({ partition, outcome, removed }) => [partition, outcome, removed])).toEqual([
      ['ancient', 'failed', undefined],
      ['lines_y2025m01', 'done', 0n],
      ['lines_y2025m02', 'done', 112n],
      ['lines_default', 'done', 65n],
    ])
    expect(job).toMatchObject({ outcome: 'partial', failures: [expect.stringContaining('mill.ancient is not over')] })
    expect(await db.one(sql`SELECT count(*) AS rows FROM mill.lines_y2025m01`)).toEqual({ rows: 124n })
  })

  test('asks again: a month with a row that was held meanwhile stays', async () => {
    const plan = await planDrops(db, scope())
    const [held] = await db.rows<{ at: string }>(sql`SELECT at::text AS at FROM mill.lines WHERE id = 3`)
    await db.execute(sql`
      INSERT INTO steward.retention_holds (schema_name, table_name, row_key, until, run_id)
      VALUES ('mill', 'lines', jsonb_build_array('3', ${held?.at}::text), '2999-01-01', 1)`)
    try {
      for (const archives of [false, true]) {
        const { job } = await asRun(database, ['mill'], (job) => dropDue(db, scope(archives), plan, job, waits))
        expect(job.failures).toEqual([
          'mill.lines_y2025m01: mill.lines_y2025m01 is held until 2999-01-01 after a restore',
        ])
      }
      expect(await db.one(sql`SELECT count(*) AS rows FROM mill.lines_y2025m01`)).toEqual({ rows: 124n })
    } finally {
      await run('TRUNCATE steward.retention_holds')
    }
  })

  test('goes row by row where the table is not partitioned', async () => {
    await run('DROP TABLE mill.lines')
    await run('CREATE TABLE mill.lines (id integer PRIMARY KEY, run integer, at timestamptz, line text)')
    await run(`INSERT INTO mill.lines VALUES (1, 1, '2025-01-01', 'x'), (2, 1, now(), 'y'), (3, 1, NULL, 'z')`)
    expect((await drop()).job).toMatchObject({ outcome: 'done', rows: 1n })
    expect(await db.rows(sql`SELECT id FROM mill.lines ORDER BY id`)).toEqual([{ id: 2 }, { id: 3 }])
  })
})

describe('without a default partition and foreign keys', () => {
  beforeEach(async () => {
    await run('DROP TABLE mill.lines_default')
    await run('ALTER TABLE mill.lines DROP CONSTRAINT lines_run_fkey')
  })

  test('detaches concurrently, so that nobody waits for the table', async () => {
    expect((await planDrops(db, scope())).items.map(({ way }) => way)).toEqual([
      'detach-concurrently',
      'detach-concurrently',
      'detach-concurrently',
      'none',
    ])
    expect((await drop()).job).toMatchObject({ outcome: 'done', rows: 236n, failures: [] })
    expect(await names()).toEqual(['coming'])
    expect(await db.rows(sql`SELECT FROM pg_class WHERE relname LIKE 'lines_y%'`)).toEqual([])
  })

  test('a partition that was marked and never detached is not taken for one that was, once somebody detaches it', async () => {
    await run(`COMMENT ON TABLE mill.coming IS 'steward drops it: a partition of mill.lines that is over'`)
    expect((await drop()).job).toMatchObject({ outcome: 'done', failures: [] })
    await run('ALTER TABLE mill.lines DETACH PARTITION mill.coming')
    expect((await drop()).job).toMatchObject({ outcome: 'nothing' })
    expect(await db.one(sql`SELECT count(*) AS rows FROM mill.coming`)).toEqual({ rows: 0n })
  })

  test('finishes what a killed run left: a detach that is pending, a table that was detached and not dropped', async () => {
    const other = await connect(database.endpoint, { applicationName: 'reader', statementTimeoutMs: 0, poolSize: 1 })
    try {
      await other.transaction(async (reader) => {
        await reader.execute(raw('SELECT count(*) FROM mill.lines'))
        const detach = db.session(
          (session) =>
            session.execute(raw('ALTER TABLE mill.lines DETACH PARTITION mill.lines_y2025m01 CONCURRENTLY')),
          { lockTimeoutMs: 100 },
        )
        await expect(detach).rejects.toMatchObject({ code: 'lock-timeout' })
      })
    } finally {
      await other.close()
    }
    await run(`COMMENT ON TABLE mill.lines_y2025m02 IS 'steward drops it: a partition of mill.lines that is over'`)
    await run('ALTER TABLE mill.lines DETACH PARTITION mill.lines_y2025m02')
    const { items } = await planDrops(db, scope())
    expect(items.map(({ partition, way, reason }) => [partition, way, reason.replace(/.*; /, '')])).toEqual([
      ['lines_y2025m01', 'drop', 'a detach was begun and not ended'],
      ['ancient', 'detach-concurrently', expect.any(String)],
      ['coming', 'none', 'holds the current month'],
      ['lines_y2025m02', 'left-behind', 'was detached by a run that ended before it dropped it'],
    ])
    expect((await drop()).job).toMatchObject({ outcome: 'done', failures: [] })
    expect(await db.rows(sql`SELECT FROM pg_class WHERE relname LIKE 'lines_y%'`)).toEqual([])
  })
})

describe('archived before it is dropped', () => {
  test('every row is in the archive as it was, in batches that are recorded, and the partition gone', async () => {
    const before = await db.rows(all)
    const { job } = await drop({}, true)
    expect(job).toMatchObject({ outcome: 'done', rows: 301n, failures: [] })
    expect(await db.rows(archived)).toEqual(before)
    expect(await db.rows(all)).toEqual([])
    expect(await names()).toEqual(['coming', 'lines_default'])
    const batches = sql`
      SELECT b.rule, b.roots, t.rows, t.columns, b.state, b.oldest < b.newest AS ordered
      FROM steward.archive_batches AS b JOIN steward.archive_batch_tables AS t USING (batch_id) ORDER BY batch_id LIMIT 2`
    const columns = ['id', 'run', 'at', 'line']
    expect(await db.rows(batches)).toEqual([
      { rule: 'old-lines', roots: 124n, rows: 124n, columns, state: 'archived', ordered: true },
      { rule: 'old-lines', roots: 112n, rows: 112n, columns, state: 'archived', ordered: true },
    ])
  })

  test('a copy that differs, or rows that are hidden, keep the partition as it is', async () => {
    await archivedTable()
    await run(`CREATE FUNCTION mill_archive.lose() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.line := upper(NEW.line); RETURN NEW; END $$`)
    await run(
      'CREATE TRIGGER lose BEFORE INSERT ON mill_archive.lines FOR EACH ROW EXECUTE FUNCTION mill_archive.lose()',
    )
    const before = await db.rows(all)
    const { results } = await drop({}, true)
    expect(results.find(({ partition }) => partition === 'lines_y2025m01')).toMatchObject({
      outcome: 'failed',
      error: expect.stringContaining('the copy holds other values; nothing was changed'),
    })
    expect((await db.rows(all)).slice(0, 236)).toEqual(before.slice(0, 236))
  })

  test('a large partition becomes several batches, each row in one', async () => {
    await run(
      `INSERT INTO mill.lines SELECT 1000 + n, 1, '2025-01-10 00:00+00', 'x' FROM generate_series(1, 5000) AS n`,
    )
    const before = await db.rows(sql`SELECT id, run, at, line FROM mill.lines_y2025m01 ORDER BY id`)
    const options = { table: monthly, cutoff: sql`now()`, waits, batchRows: 1000 }
    const result = await asRun(database, ['mill'], (job) =>
      archivePartition(db, scope(true), { schema: 'mill', name: 'lines_y2025m01' }, job, options),
    )
    expect(result.rows).toBe(5124n)
    expect(result.batches).toBeGreaterThan(4)
    expect(await db.rows(archived)).toEqual(before)
    const batches = sql`
      SELECT count(*) AS batches, sum(roots)::bigint AS rows, max(roots) < 2000 AS bounded FROM steward.archive_batches`
    expect(await db.one(batches)).toEqual({ batches: BigInt(result.batches), rows: 5124n, bounded: true })
  })

  test('a server process that dies in the middle leaves every row where it was', async () => {
    await archivedTable()
    await run(`CREATE FUNCTION mill_archive.die() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.id = 100 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
      END $$`)
    await run(
      'CREATE TRIGGER die AFTER INSERT ON mill_archive.lines FOR EACH ROW EXECUTE FUNCTION mill_archive.die()',
    )
    const before = await db.rows(all)
    await expect(drop({}, true)).rejects.toMatchObject({ code: 'connection-lost' })
    expect(await db.rows(all)).toEqual(before)
    expect(await db.rows(archived)).toEqual([])
    expect(await db.rows(sql`SELECT FROM steward.archive_batches`)).toEqual([])
    await run('DROP TRIGGER die ON mill_archive.lines')
    expect((await drop({}, true)).job).toMatchObject({ outcome: 'done', rows: 301n })
    expect(await db.rows(archived)).toEqual(before)
  })

  test('a late row that comes during the copy is let in at once, and archived with the others', async () => {
    await archivedTable()
    await run(`INSERT INTO mill.lines
      SELECT 1000 + n, 1, '2025-01-10 00:00+00', 'x' FROM generate_series(1, 6000) AS n`)
    await run(`CREATE FUNCTION mill_archive.linger() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.id = 100 THEN PERFORM pg_advisory_xact_lock_shared(42); END IF;
        RETURN NEW;
      END $$`)
    await run(
      'CREATE TRIGGER linger AFTER INSERT ON mill_archive.lines FOR EACH ROW EXECUTE FUNCTION mill_archive.linger()',
    )
    const other = await connect(database.endpoint, {
      applicationName: 'writer',
      statementTimeoutMs: 9000,
      poolSize: 2,
    })
    try {
      const waitsFor = (kind: string, ask: Queryable) =>
        until(`somebody waits for a lock of kind ${kind}`, () => somebodyWaits(ask, { kind }))
      let dropping: ReturnType<typeof drop> | undefined
      let late: Promise<void> | undefined
      await other.transaction(async (gate) => {
        await gate.execute(raw('SELECT pg_advisory_xact_lock(42)'))
        const patient = { lockTimeoutMs: 1000, attempts: 20, pause: () => sleep(50) }
        dropping = drop(patient, true)
        await waitsFor('advisory', gate)
        late = other.transaction(async (writer) => {
          await writer.execute(raw(`INSERT INTO mill.lines VALUES (9000, 1, now(), 'now')`))
          await writer.execute(raw(`INSERT INTO mill.lines VALUES (9001, 1, '2025-01-11 00:00+00', 'late')`))
        })
        await waitsFor('relation', gate)
      })
      await late
      expect((await dropping)?.job).toMatchObject({ outcome: 'done', failures: [], rows: 6302n })
    } finally {
      await other.close()
    }
    expect(await names()).toEqual(['coming', 'lines_default'])
    expect(await db.one(sql`SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM mill_archive.lines`)).toEqual({
      rows: 6302n,
      ids: 6302n,
    })
    expect(await db.rows(sql`SELECT id FROM mill.lines`)).toEqual([{ id: 9000 }])
  })

  test('a stop request ends it between two slices, with nothing moved and the reason stated', async () => {
    await run(
      `INSERT INTO mill.lines SELECT 1000 + n, 1, '2025-01-10 00:00+00', 'x' FROM generate_series(1, 60000) AS n`,
    )
    const stop = new AbortController()
    const { job } = await asRun(
      database,
      ['mill'],
      async (job) => dropDue(db, scope(true), await planDrops(db, scope(true)), job, waits),
      {
        signal: stop.signal,
        onProgress: ({ label, done }) => {
          if (label.startsWith('archive') && done > 1000) stop.abort(new InterruptedError('SIGTERM'))
        },
      },
    )
    expect(job).toMatchObject({ outcome: 'interrupted', why: 'SIGTERM', rows: 0n, failures: [] })
    expect(await db.one(sql`SELECT count(*) AS rows FROM mill.lines`)).toEqual({ rows: 60301n })
    expect(await db.one(sql`SELECT count(*) AS rows FROM mill_archive.lines`)).toEqual({ rows: 0n })
  })

  test('somebody who reads it meanwhile reads on; when nobody gives way, nothing has happened', async () => {
    const other = await connect(database.endpoint, {
      applicationName: 'reader',
      statementTimeoutMs: 5000,
      poolSize: 1,
    })
    try {
      await other.transaction(async (reader) => {
        await reader.execute(raw('SELECT count(*) FROM mill.lines'))
        const attempt = asRun(database, ['mill'], (job) =>
          archivePartition(db, scope(true), { schema: 'mill', name: 'lines_y2025m01' }, job, {
            table: monthly,
            cutoff: sql`now()`,
            waits,
          }),
        )
        await expect(attempt).rejects.toMatchObject({ code: 'lock-timeout' })
        expect(await reader.one(sql`SELECT count(*) AS rows FROM mill.lines`)).toEqual({ rows: 301n })
      })
    } finally {
      await other.close()
    }
    expect(await db.rows(sql`SELECT FROM mill_archive.lines`)).toEqual([])
    expect(await db.rows(sql`SELECT FROM steward.archive_batches`)).toEqual([])
  })
})

const older = await installedBinaries(15)
test.skipIf(older === undefined)(
  'on PostgreSQL 15 as well',
  async () => {
    const server = await startInstalled(older ?? '')
    const own = await connect(server.endpoint, { applicationName: 'x', statementTimeoutMs: 0, poolSize: 3 })
    const on: TestDatabase = { endpoint: server.endpoint, url: '', db: own, drop: () => Promise.resolve() }
    try {
      const steward = await migrations.steward?.()
      throwFailure(
        await applyPending({
          db: own,
          systems: [{ system: 'steward', schema: 'steward', migrations: steward ?? [] }],
        }),
      )
      await table(own)
      expect((await drop({}, false, on)).job).toMatchObject({ outcome: 'done', rows: 301n, failures: [] })
      await table(own)
      const before = await own.rows(all)
      expect((await drop({}, true, on)).job).toMatchObject({ outcome: 'done', rows: 301n, failures: [] })
      expect(await own.rows(archived)).toEqual(before)
      await table(own)
      await own.execute(raw('DROP TABLE mill.lines_default'))
      await own.execute(raw('ALTER TABLE mill.lines DROP CONSTRAINT lines_run_fkey'))
      expect((await planDrops(own, scope())).items[0]).toMatchObject({ way: 'detach-concurrently' })
      expect((await drop({}, false, on)).job).toMatchObject({ outcome: 'done', rows: 236n, failures: [] })
      expect(await own.rows(sql`SELECT FROM pg_class WHERE relname LIKE 'lines_y%' AND relkind = 'r'`)).toEqual([])
    } finally {
      await own.close()
      await server.stop()
    }
  },
  60_000,
)

function run(text: string): Promise<number> {
  return db.execute(raw(text))
}
