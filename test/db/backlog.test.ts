/** What waits for a rule: counted as it is, bounded where there is much of it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { backlogOf, NO_BACKLOG } from '../../src/db/backlog.ts'
import { connect } from '../../src/db/connect.ts'
import { dueSql, type RuleScope } from '../../src/model/due.ts'
import type { Entity } from '../../src/model/entity.ts'
import { entity } from '../../src/model/entity.ts'
import { identityId, oneOf, text, timestamp } from '../../src/model/field.ts'
import type { RetentionRule } from '../../src/model/retention.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { system } from '../../src/model/system.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const lines = (name: string, table: string): Entity =>
  entity({
    name,
    table,
    summary: 'Lines',
    primaryKey: 'id',
    fields: {
      id: identityId('bigint', 'line id'),
      state: oneOf(['open', 'over'], { summary: 'state' }),
      ended_at: timestamp({ summary: 'when it ended', nullable: true }),
      changed_at: timestamp({ summary: 'when it changed' }),
      cleaned_at: timestamp({ summary: 'when its files went', nullable: true }),
      line: text({ summary: 'text' }),
    },
    verbs: ['list'],
    list: { columns: ['id'], sort: 'id' },
  })

const RULE: RetentionRule = {
  name: 'old',
  summary: 'Old lines',
  entity: 'line',
  action: 'delete',
  ageOf: ['ended_at', 'changed_at'],
  olderThan: '30 days',
  only: { state: ['over'] },
}

const mill = system({
  name: 'mill',
  title: 'Mill',
  summary: 'Lines for tests',
  entities: [lines('line', 'lines'), lines('month-line', 'month_lines'), lines('lost-line', 'lost')],
  reports: [],
  retention: [RULE],
  overview: { entity: 'line' },
})

let database: TestDatabase

const COLUMNS = `id bigint GENERATED ALWAYS AS IDENTITY, state text NOT NULL, ended_at timestamptz,
  changed_at timestamptz NOT NULL, cleaned_at timestamptz, line text NOT NULL DEFAULT repeat('x', 200)`

beforeAll(async () => {
  database = await createTestDatabase()
  await run('CREATE SCHEMA mill')
})
afterAll(() => database?.drop())

beforeEach(async () => {
  await run('DROP TABLE IF EXISTS mill.lines, mill.month_lines')
  await run(`CREATE TABLE mill.lines (${COLUMNS})`)
  await run('CREATE INDEX ON mill.lines (ended_at)')
  await run('CREATE INDEX ON mill.lines (changed_at)')
  await run(`CREATE TABLE mill.month_lines (${COLUMNS}) PARTITION BY RANGE (changed_at)`)
})

const backlog = (changes: Partial<RetentionRule> = {}, olderThan = '30 days') =>
  backlogOf(database.db, { system: mill, schema: 'mill', applied: { rule: { ...RULE, ...changes }, olderThan } })

test('counts what is due, its oldest, and what became due within a day, whichever field its age is in', async () => {
  await run(`INSERT INTO mill.lines (state, ended_at, changed_at) VALUES
    ('over', now() - interval '40 days', now()),
    ('over', NULL, now() - interval '30 days 12 hours'),
    -- Ended too lately, however long ago it changed; of another state; at the very instant, which is too young.
    ('over', now() - interval '3 days', now() - interval '90 days'),
    ('open', now() - interval '90 days', now()),
    ('over', now() + interval '1 hour' - interval '30 days', now())`)
  const found = await backlog()
  expect(found).toMatchObject({ rows: 2n, atLeast: false, arrivedInADay: 1n })
  expect(Date.now() - Number(found.oldest)).toBeCloseTo(40 * 86_400_000, -6)
})

test('estimates the bytes by the average row, once somebody counted the rows', async () => {
  await run(
    `INSERT INTO mill.lines (state, changed_at) SELECT 'over', now() - interval '60 days' FROM generate_series(1, 2000)`,
  )
  await run(`INSERT INTO mill.lines (state, changed_at) SELECT 'over', now() FROM generate_series(1, 2000)`)
  await run('ANALYZE mill.lines')
  const { bytes, rows } = await backlog()
  expect(rows).toBe(2000n)
  const { size } = await database.db.one<{ size: bigint }>(sql`SELECT pg_table_size('mill.lines') AS size`)
  expect(Math.abs(Number(bytes) / (Number(size) / 2) - 1)).toBeLessThan(0.02)
})

test('of files by prefix, those that are cleaned wait for nothing', async () => {
  await run(`INSERT INTO mill.lines (state, changed_at, cleaned_at) VALUES
    ('over', now() - interval '60 days', NULL), ('over', now() - interval '61 days', now())`)
  const files = { prefix: 'x/{id}/', cleanedAt: 'cleaned_at' }
  expect(await backlog({ action: 'delete-files', files })).toMatchObject({ rows: 1n, arrivedInADay: 0n })
})

test('by months, what lies in partitions that are over, whatever they are called, and in the default one', async () => {
  const rule: Partial<RetentionRule> = {
    entity: 'month-line',
    action: 'drop-partitions',
    ageOf: 'changed_at',
  }
  await run(
    `CREATE TABLE mill.ancient PARTITION OF mill.month_lines FOR VALUES FROM (MINVALUE) TO ('2020-01-01 00:00+00')`,
  )
  await run(`CREATE TABLE mill.twenty PARTITION OF mill.month_lines
    FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00')`)
  await run(`CREATE TABLE mill.coming PARTITION OF mill.month_lines
    FOR VALUES FROM ('2020-02-01 00:00+00') TO ('2200-01-01 00:00+00')`)
  await run('CREATE TABLE mill.rest PARTITION OF mill.month_lines DEFAULT')
  await run(`INSERT INTO mill.month_lines (state, changed_at)
    SELECT 'over', '2020-01-05 00:00+00' FROM generate_series(1, 10)`)
  // Past the cutoff, but in a partition that is not over.
  await run(`INSERT INTO mill.month_lines (state, changed_at) VALUES ('over', '2020-02-01 00:00+00')`)
  const { only: _, ...plain } = { ...RULE, ...rule }
  const found = await backlogOf(database.db, {
    system: mill,
    schema: 'mill',
    applied: { rule: plain, olderThan: '30 days' },
  })
  expect(found).toMatchObject({
    rows: 10n,
    atLeast: false,
    oldest: new Date('2020-01-05T00:00:00Z'),
    arrivedInADay: 0n,
  })
  const { size } = await database.db.one<{ size: bigint }>(sql`
    SELECT pg_total_relation_size('mill.ancient') + pg_total_relation_size('mill.twenty') AS size`)
  expect(found.bytes).toBe(size)
})

test('where the table is not there, nothing waits', async () => {
  expect(await backlog({ entity: 'lost-line' })).toEqual(NO_BACKLOG)
})

test('says how far it could look when the table is locked, and holds nobody up', async () => {
  const other = await connect(database.endpoint, { applicationName: 'holder', statementTimeoutMs: 0, poolSize: 1 })
  try {
    await other.transaction(async (holder) => {
      await holder.execute(raw('LOCK TABLE mill.lines IN ACCESS EXCLUSIVE MODE'))
      expect(await backlog()).toMatchObject({ rows: 0n, atLeast: true, oldest: null, arrivedInADay: null })
    })
  } finally {
    await other.close()
  }
})

test('counting ends at its bound, and walks an index where there is one', async () => {
  await run(`INSERT INTO mill.lines (state, changed_at, line)
    SELECT 'over', now() - n * interval '1 minute', '' FROM generate_series(1, 60000) AS n`)
  await run('ANALYZE mill.lines')
  const rule = { ...RULE, ageOf: 'changed_at' }
  const scope: RuleScope = { system: mill, schema: 'mill', applied: { rule, olderThan: '30 days' } }
  expect(await backlogOf(database.db, scope, 2000)).toMatchObject({
    rows: 2000n,
    atLeast: true,
    arrivedInADay: 1440n,
  })
  const plan = await database.db.rows<{ 'QUERY PLAN': string }>(sql`
    EXPLAIN SELECT MIN(r.changed_at) FROM mill.lines AS r WHERE ${dueSql(scope, 'r')}`)
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toMatch(/Index (Only )?Scan using lines_changed_at_idx/)
})

function run(text: string): Promise<number> {
  return database.db.execute(raw(text))
}
