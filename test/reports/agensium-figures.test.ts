/** Every figure of Agensium's reports against an independent computation over the same rows, read whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agensiumSeeds } from '../../seeds/agensium/index.ts'
import type { Database } from '../../src/db/database.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { seed, UNTIL } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  expectedCredits,
  expectedFilesDue,
  expectedFunnel,
  expectedProgress,
  expectedPurchases,
  expectedUnmatched,
  type Raw,
  readRaw,
} from './agensium-expected.ts'
import { insertFixture, PERIOD } from './agensium-fixture.ts'
import { ask, expectSame, reportNamed } from './compare.ts'
import { type Period, percentile } from './raw.ts'

const OF_USER = {
  credits: expectedCredits,
  purchases: expectedPurchases,
  'task-funnel': expectedFunnel,
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
    expect(raw.tasks.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
    expect(raw.entries.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
    expect(raw.entries.some(({ type, agent_id }) => type === 'CONSUME' && agent_id === null)).toBe(true)
    expect(raw.entries.some(({ delta_credits }) => delta_credits > 2n ** 53n)).toBe(true)
    const owners = new Map(raw.tasks.map(({ task_id, user_id }) => [task_id, user_id]))
    const named = raw.entries.filter(({ analysis_id }) => analysis_id !== null)
    expect(
      named.some(({ analysis_id, user_id }) => ![undefined, user_id].includes(owners.get(analysis_id ?? ''))),
    ).toBe(true)
  })
})

describe('over the demo data', () => {
  const end = '2026-10-01T00:00:00.000000Z'
  const periods: readonly Period[] = [
    { since: '2026-08-01T00:00:00.000000Z', until: end },
    { since: '2025-07-01T00:00:00.000000Z', until: '2026-09-12T07:11:13.171923Z' },
  ]
  figures(
    async (db) => {
      expect(UNTIL).toBe('2026-10-01T00:00:00Z')
      await seed(db, { schema: 'agensium' }, agensiumSeeds)
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

  for (const [name, compute] of Object.entries(OF_USER)) {
    it(`${name}, of users and of all together`, async () => {
      for (const period of periods) {
        for (const user of [undefined, ...raw.users.slice(0, 12)]) {
          const id = user?.id
          const result = await ask(database.db, agensium, name, { user_id: id }, period)
          expect(result.about).toEqual({ user_id: id ?? null, email: user?.email ?? null, ...period })
          expectSame(reportNamed(agensium, name), result, compute(raw, id, period), `${id} ${period.since}`)
        }
      }
    })
  }

  it('files-due, whole and cut short', async () => {
    for (const first of [undefined, 3, 100_000]) {
      const now = BigInt(Date.now()) * 1000n
      const result = await ask(database.db, agensium, 'files-due', { first })
      expectSame(reportNamed(agensium, 'files-due'), result, expectedFilesDue(raw, now, first ?? 100), `${first}`)
      expect(result.rows.due?.length).toBeGreaterThan(2)
    }
  })

  it('unmatched-analysis', async () => {
    const result = await ask(database.db, agensium, 'unmatched-analysis', {})
    expectSame(reportNamed(agensium, 'unmatched-analysis'), result, expectedUnmatched(raw), 'all')
    expect(result.rows.analyses?.length).toBeGreaterThan(1)
  })

  it('task-progress, of every task', async () => {
    for (const task of raw.tasks) {
      const result = await ask(database.db, agensium, 'task-progress', { task_id: task.task_id })
      expectSame(reportNamed(agensium, 'task-progress'), result, expectedProgress(raw, task), task.task_id)
    }
  })
}

it('interpolates percentiles as the standard has it', () => {
  expect(percentile(0.95, [1, 2, null, 3])).toBeCloseTo(2.9, 12)
})
