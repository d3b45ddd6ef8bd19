/** Every figure of AgentVine's reports against an independent computation over the same rows, read whole. */
import { expect, it } from 'vitest'
import { agentvineSeeds } from '../../seeds/agentvine/index.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
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
import { checkFigures, DEMO_END, periodsAround } from './figures.ts'
import { micros } from './raw.ts'

const OF_PERIOD = {
  'worker-utilization': expectedUtilization,
  'queue-depth': expectedQueues,
  'task-times': expectedTimes,
  failures: expectedFailures,
}

checkFigures<Raw>({
  system: agentvine,
  read: readRaw,
  hard: {
    insert: insertFixture,
    periods: periodsAround(PERIOD),
    has(raw) {
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
    },
  },
  demo: {
    seeds: agentvineSeeds,
    periods: [
      { since: '2026-08-01T00:00:00.000000Z', until: DEMO_END },
      { since: '2026-09-01T00:00:00.000000Z', until: '2026-09-12T07:11:13.171923Z' },
    ],
    has: (raw) => expect(raw.tasks).toHaveLength(300),
  },
  tests(subject) {
    it.each(Object.entries(OF_PERIOD))('%s', async (name, compute) => {
      for (const period of subject.periods) {
        const { about } = await subject.same(name, {}, compute(subject.raw, period), period)
        expect(about).toEqual(period)
      }
    })

    it('capability-coverage, with advice for what nobody can do', async () => {
      const result = await subject.same('capability-coverage', {}, expectedCoverage(subject.raw))
      expect(result.rows.uncovered?.length).toBeGreaterThan(1)
      expect(result.recommendations?.join('\n')).toMatch(/asks? for Rust, which no worker/)
    })
  },
})
