/** Every figure of AgentVine's reports against an independent computation over the same rows, read whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentvineSeeds } from '../../seeds/agentvine/index.ts'
import type { Database } from '../../src/db/database.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { seed, UNTIL } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  expectedCoverage,
  expectedFailures,
  expectedQueues,
  expectedTimes,
  expectedUtilization,
  type Raw,
  readRaw,
} from './agentvine-expected.ts'
import { insertFixture, PERIOD } from './agentvine-fixture.ts'
import { ask, expectSame, reportNamed } from './compare.ts'
import { micros, type Period } from './raw.ts'

const OF_PERIOD = {
  'worker-utilization': expectedUtilization,
  'queue-depth': expectedQueues,
  'task-times': expectedTimes,
  failures: expectedFailures,
}

describe('over rows that are easily counted wrong', () => {
  const periods: readonly Period[] = [
    PERIOD,
    // Everything, nothing, one instant, and one that ends with a midnight.
    { since: '2026-01-01T00:00:00.000000Z', until: '2026-06-01T00:00:00.000000Z' },
    { since: '2020-02-28T00:00:00.000000Z', until: '2020-03-02T00:00:00.000000Z' },
    { since: PERIOD.since, until: '2026-03-28T22:30:00.000002Z' },
    { since: '2026-03-28T22:30:00.000000Z', until: '2026-03-29T00:00:00.000000Z' },
  ]
  figures(insertFixture, periods, (raw) => {
    // What makes the rows worth it: were any of these missing, a report could be wrong unnoticed.
    const [since, until] = [micros(PERIOD.since), micros(PERIOD.until)]
    expect(raw.tasks.some(({ completed_at }) => completed_at === PERIOD.since)).toBe(true)
    expect(raw.orders.some(({ enqueued_at }) => enqueued_at === PERIOD.until)).toBe(true)
    expect(raw.executions.some(({ completed_at }) => completed_at === null)).toBe(true)
    expect(raw.executions.some(({ worker_id }) => worker_id === null)).toBe(true)
    const over = (bound: bigint) => (row: Raw['executions'][number]) =>
      micros(row.started_at) < bound && row.completed_at !== null && micros(row.completed_at) > bound
    expect(raw.executions.some(over(since))).toBe(true)
    expect(raw.executions.some(over(until))).toBe(true)
    expect(raw.tasks.some(({ status, started_at }) => status === 'completed' && started_at === null)).toBe(true)
    expect(raw.orders.some(({ status, error_message }) => status === 'failed' && error_message === null)).toBe(true)
    expect(raw.tasks.some(({ context }) => typeof context.capabilities === 'string')).toBe(true)
  })
})

describe('over the demo data', () => {
  const end = '2026-10-01T00:00:00.000000Z'
  const periods: readonly Period[] = [
    { since: '2026-08-01T00:00:00.000000Z', until: end },
    { since: '2026-09-01T00:00:00.000000Z', until: '2026-09-12T07:11:13.171923Z' },
  ]
  figures(
    async (db) => {
      expect(UNTIL).toBe('2026-10-01T00:00:00Z')
      await seed(db, { schema: 'agentvine' }, agentvineSeeds)
    },
    periods,
    (raw) => expect(raw.tasks).toHaveLength(300),
  )
})

function figures(
  fill: (db: Database) => Promise<unknown>,
  periods: readonly Period[],
  check: (raw: Raw) => void,
): void {
  let database: TestDatabase
  let raw: Raw
  beforeAll(async () => {
    database = await createTestDatabase()
    await fill(database.db)
    raw = await readRaw(database.db)
  })
  afterAll(() => database?.drop())

  it('has the rows that matter', () => check(raw))

  it.each(Object.entries(OF_PERIOD))('%s', async (name, compute) => {
    for (const period of periods) {
      const result = await ask(database.db, agentvine, name, {}, period)
      expect(result.about).toEqual(period)
      expectSame(reportNamed(agentvine, name), result, compute(raw, period), period.since)
    }
  })

  it('capability-coverage, with advice for what nobody can do', async () => {
    const result = await ask(database.db, agentvine, 'capability-coverage', {})
    expectSame(reportNamed(agentvine, 'capability-coverage'), result, expectedCoverage(raw), 'now')
    expect(result.rows.uncovered?.length).toBeGreaterThan(1)
    expect(result.recommendations?.join('\n')).toMatch(/asks? for Rust, which no worker/)
  })
}
