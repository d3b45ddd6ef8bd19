/** AutoPR's seed data: retries after what they repeat, logs within their executions, a queue, every state and health. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { autoprSeeds } from '../../seeds/autopr/index.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { applyClear } from '../../src/seeds/clear.ts'
import { planClear } from '../../src/seeds/clear-plan.ts'
import { encodeRows } from '../../src/seeds/copy-text.ts'
import type { SeedPlan } from '../../src/seeds/definition.ts'
import { autopr } from '../../src/systems/autopr/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { quiet, seed, UNTIL } from './support.ts'

const parameters = { size: 4500, seed: 1, until: Date.parse(UNTIL) * 1000, artifactRoot: 'file:///store/autopr' }

function digest(part: ReturnType<SeedPlan['part']>): string {
  const hash = createHash('sha256')
  for (const { rows } of part.loads) for (const chunk of encodeRows(rows(), () => {})) hash.update(chunk)
  return hash.digest('hex')
}

describe('the generator', () => {
  it('gives the same on every machine: this digest changes only when the generator is changed on purpose', () => {
    const plan = autoprSeeds.plan({ ...parameters, size: 60 })
    const parts = Array.from({ length: plan.parts }, (_, index) => digest(plan.part(index)))
    expect(createHash('sha256').update(parts.join()).digest('hex')).toMatchInlineSnapshot(
      `"43a19110be38b1f56b31966380ce7957517355725bb92553806521684b8e6fa1"`,
    )
  })

  it('changes no workflow, trigger or integration after the end of the period, nor all of them on the hour', () => {
    const { loads } = autoprSeeds.plan({ ...parameters, size: 200_000 }).part(0)
    const times = loads.flatMap(({ table, rows: made }) =>
      [...made()].flatMap((row) =>
        table.columns.flatMap((column, place) => (column.endsWith('_at') && row[place] ? [String(row[place])] : [])),
      ),
    )
    expect(times.filter((time) => time.slice(0, 19).replace(' ', 'T') >= UNTIL.slice(0, 19))).toEqual([])
    expect(new Set(times.map((time) => time.slice(14, 19))).size).toBeGreaterThan(1000)
  })

  it('gives a part the same rows whatever was made before it', () => {
    const [forwards, backwards] = [autoprSeeds.plan(parameters), autoprSeeds.plan(parameters)]
    const indexes = Array.from({ length: forwards.parts }, (_, index) => index)
    const inOrder = indexes.map((index) => digest(forwards.part(index)))
    const reversed = indexes.toReversed().map((index) => digest(backwards.part(index)))
    expect(reversed.toReversed()).toEqual(inOrder)
  })
})

describe('in the database', () => {
  let database: TestDatabase
  let rows: ReadonlyMap<string, number>
  beforeAll(async () => {
    database = await createTestDatabase()
    rows = (await seed(database.db, { schema: 'autopr', rows: parameters.size }, autoprSeeds)).rows
  })
  afterAll(() => database?.drop())

  it('has about as many rows as the list of scales says', () => {
    for (const [table, expected] of autoprSeeds.expectedRows(parameters.size)) {
      const found = rows.get(table) ?? 0
      expect(Math.abs(found / expected - 1), `${table}: ${found} of ${expected}`).toBeLessThan(0.05)
    }
  })

  it('has every state, trigger type, level and health', async () => {
    const choices = autopr.entities.flatMap(({ table, fields }) =>
      Object.entries(fields)
        .filter(([, { kind }]) => kind === 'enumeration')
        .map(([key, { values }]) => ({ table, key, values: values ?? [] })),
    )
    for (const { table, key, values } of choices) {
      const found = await database.db.rows<{ value: string }>(sql`
        SELECT DISTINCT ${identifier(key)} AS value FROM ${identifier('autopr', table)}`)
      expect(found.map(({ value }) => value).toSorted(), `${table}.${key}`).toEqual([...values].sort())
    }
    for (const table of ['workflows', 'integrations']) {
      const deleted = sql`SELECT FROM ${identifier('autopr', table)} WHERE deleted_at IS NOT NULL`
      expect((await database.db.rows(deleted)).length, table).toBeGreaterThan(0)
    }
  })

  it('has the mix of a real platform: most succeed, a few workflows dominate, half of what fails is tried again', async () => {
    const shares = await database.db.one<Record<string, number>>(sql`
      SELECT
        (count(*) FILTER (WHERE status = 'completed'))::float8 / count(*) AS completed,
        (count(*) FILTER (WHERE status = 'failed'))::float8 / count(*) AS failed,
        (count(parent_execution_id))::float8
          / count(*) FILTER (WHERE status IN ('failed', 'timeout')) AS retried,
        (SELECT max(runs)::float8 / sum(runs) FROM (
          SELECT count(*) AS runs FROM autopr.workflow_executions GROUP BY workflow_id
        ) AS w) AS busiest
      FROM autopr.workflow_executions`)
    expect(shares.completed).toBeGreaterThan(0.74)
    expect(shares.failed).toBeLessThan(0.16)
    expect(shares.retried).toBeGreaterThan(0.4)
    expect(shares.busiest).toBeGreaterThan(0.1)
  })

  it('has times that agree with the states and with each other', async () => {
    const { db } = database
    const wrong = async (statement: ReturnType<typeof sql>) => (await db.rows(statement)).length
    expect(
      await wrong(sql`
        SELECT FROM autopr.workflow_executions AS e JOIN autopr.workflows AS w ON w.id = e.workflow_id
        WHERE (e.status NOT IN ('pending', 'running')) <> (e.completed_at IS NOT NULL)
           OR (e.status IN ('running', 'completed', 'failed', 'timeout') AND e.started_at IS NULL)
           OR (e.status = 'pending' AND e.started_at IS NOT NULL)
           OR e.started_at < e.created_at OR e.completed_at < e.created_at OR e.completed_at >= ${UNTIL}::timestamptz
           OR e.created_at < w.created_at OR w.status = 'draft'
           OR (e.status IN ('pending', 'running') AND w.status <> 'active')
           OR (e.status IN ('failed', 'timeout') AND e.error_message IS NULL)
           OR (e.status = 'completed') <> (e.result IS NOT NULL)`),
    ).toBe(0)
    // A retry is of the same workflow, one more, and after the end of what it repeats.
    expect(
      await wrong(sql`
        SELECT FROM autopr.workflow_executions AS e JOIN autopr.workflow_executions AS p ON p.id = e.parent_execution_id
        WHERE p.workflow_id <> e.workflow_id OR e.retry_count <> p.retry_count + 1 OR e.created_at < p.completed_at
           OR p.status NOT IN ('failed', 'timeout') OR e.trigger_type <> p.trigger_type`),
    ).toBe(0)
    expect(
      await wrong(sql`
        SELECT FROM autopr.execution_logs AS l JOIN autopr.workflow_executions AS e ON e.id = l.execution_id
        LEFT JOIN autopr.workflow_actions AS a ON a.id = l.action_id
        WHERE l.created_at < e.created_at OR l.created_at > COALESCE(e.completed_at, ${UNTIL}::timestamptz)
           OR a.workflow_id <> e.workflow_id`),
    ).toBe(0)
    expect(
      await wrong(sql`
        SELECT FROM autopr.integration_events AS e JOIN autopr.integrations AS i ON i.id = e.integration_id
        WHERE (e.status IN ('completed', 'failed', 'ignored')) <> (e.processed_at IS NOT NULL)
           OR (e.status IN ('processing', 'completed', 'failed')) <> (e.claimed_at IS NOT NULL)
           OR e.claimed_at < e.created_at OR e.processed_at < e.claimed_at OR NOT i.enabled
           OR (e.status = 'failed') <> (e.error_message IS NOT NULL)`),
    ).toBe(0)
    const { stale, waiting } = await db.one<{ stale: bigint; waiting: bigint }>(sql`
      SELECT
        count(*) FILTER (WHERE claimed_at < ${UNTIL}::timestamptz - interval '15 minutes' AND status = 'processing') AS stale,
        count(*) FILTER (WHERE status = 'pending') AS waiting
      FROM autopr.integration_events`)
    expect(stale).toBeGreaterThan(0n)
    expect(waiting).toBeGreaterThan(100n)
  })

  it('keeps settings that the rules of the declarations accept', async () => {
    for (const { table, fields } of autopr.entities) {
      for (const [key, { kind, rules }] of Object.entries(fields)) {
        if (kind !== 'json' || rules.length === 0) continue
        const found = await database.db.rows<{ value: unknown }>(sql`
          SELECT DISTINCT ${identifier(key)} AS value FROM ${identifier('autopr', table)}
          WHERE ${identifier(key)} IS NOT NULL`)
        const faults = found.flatMap(({ value }) => rules.flatMap(({ check }) => check(value) ?? []))
        expect(faults, `${table}.${key}`).toEqual([])
      }
    }
  })

  it('lies in the partitions of its months, over ninety days, none in the default one', async () => {
    expect(await database.db.rows(sql`SELECT FROM autopr.execution_logs_default`)).toEqual([])
    const { days } = await database.db.one<{ days: number }>(sql`
      SELECT EXTRACT(EPOCH FROM max(created_at) - min(created_at))::float8 / 86400 AS days FROM autopr.execution_logs`)
    expect(days).toBeGreaterThan(85)
    expect(days).toBeLessThan(91)
  })

  it('is cleared without a trace, with what hangs on it', async () => {
    const plan = await planClear(database.db, autoprSeeds, 'autopr')
    if (plan === undefined) throw new Error('nothing seems to be seeded')
    const request = {
      definition: autoprSeeds,
      schema: 'autopr',
      store: undefined,
      entities: autopr.entities,
      onByHand: async () => {},
    }
    await applyClear(database.db, request, plan, quiet)
    for (const { table } of autopr.entities) {
      expect(await database.db.rows(sql`SELECT FROM ${identifier('autopr', table)}`), table).toEqual([])
    }
  })
})
