/** Every figure of Agensium's reports against an independent computation over the same rows, read whole. */
import { expect, it } from 'vitest'
import { agensiumSeeds } from '../../seeds/agensium/index.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
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
import { checkFigures, DEMO_END, periodsAround } from './figures.ts'
import { percentile } from './raw.ts'

const OF_USER = {
  credits: expectedCredits,
  purchases: expectedPurchases,
  'task-funnel': expectedFunnel,
}

checkFigures<Raw>({
  system: agensium,
  read: readRaw,
  hard: {
    insert: insertFixture,
    periods: periodsAround(PERIOD),
    has(raw) {
      expect(raw.tasks.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
      expect(raw.entries.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
      expect(raw.entries.some(({ type, agent_id }) => type === 'CONSUME' && agent_id === null)).toBe(true)
      expect(raw.entries.some(({ delta_credits }) => delta_credits > 2n ** 53n)).toBe(true)
      const owners = new Map(raw.tasks.map(({ task_id, user_id }) => [task_id, user_id]))
      const named = raw.entries.filter(({ analysis_id }) => analysis_id !== null)
      expect(
        named.some(({ analysis_id, user_id }) => ![undefined, user_id].includes(owners.get(analysis_id ?? ''))),
      ).toBe(true)
    },
  },
  demo: {
    seeds: agensiumSeeds,
    periods: [
      { since: '2026-08-01T00:00:00.000000Z', until: DEMO_END },
      { since: '2025-07-01T00:00:00.000000Z', until: '2026-09-12T07:11:13.171923Z' },
    ],
    has: (raw) => expect(raw.tasks).toHaveLength(300),
  },
  tests(subject) {
    const users = {
      parameter: 'user_id',
      label: 'email',
      rows: (raw: Raw) => raw.users.slice(0, 12).map(({ id, email }) => ({ id, name: email })),
    }
    subject.ofEach(users, OF_USER)

    it('files-due, whole and cut short', async () => {
      for (const first of [undefined, 3, 100_000]) {
        const now = BigInt(Date.now()) * 1000n
        const result = await subject.same('files-due', { first }, expectedFilesDue(subject.raw, now, first ?? 100))
        expect(result.rows.due?.length).toBeGreaterThan(2)
      }
    })

    it('unmatched-analysis', async () => {
      const result = await subject.same('unmatched-analysis', {}, expectedUnmatched(subject.raw))
      expect(result.rows.analyses?.length).toBeGreaterThan(1)
    })

    it('task-progress, of every task', async () => {
      for (const task of subject.raw.tasks) {
        await subject.same('task-progress', { task_id: task.task_id }, expectedProgress(subject.raw, task))
      }
    })
  },
})

it('interpolates percentiles as the standard has it', () => {
  expect(percentile(0.95, [1, 2, null, 3])).toBeCloseTo(2.9, 12)
})
