/** Every figure of AutoPR's reports against an independent computation over the same rows, read whole. */
import { expect, it } from 'vitest'
import { autoprSeeds } from '../../seeds/autopr/index.ts'
import { autopr } from '../../src/systems/autopr/index.ts'
import {
  expectedFailures,
  expectedHealth,
  expectedOutcomes,
  expectedQueue,
  expectedVolume,
  type Raw,
  readRaw,
} from './autopr-expected.ts'
import { insertFixture, PERIOD } from './autopr-fixture.ts'
import { expectAdvice } from './compare.ts'
import { checkFigures, DEMO_END, periodsAround } from './figures.ts'

const OF_WORKFLOW = {
  'execution-outcomes': expectedOutcomes,
  'failure-reasons': expectedFailures,
  'log-volume': expectedVolume,
}

checkFigures<Raw>({
  system: autopr,
  read: readRaw,
  hard: {
    insert: insertFixture,
    periods: periodsAround(PERIOD),
    has(raw) {
      expect(raw.executions.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
      expect(raw.lines.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
      expect(raw.executions.some((row) => row.started_at !== null && row.started_at < row.created_at)).toBe(true)
      expect(raw.executions.some(({ status, started_at }) => status === 'cancelled' && started_at === null)).toBe(
        true,
      )
      expect(raw.executions.some(({ status, error_message }) => status === 'failed' && error_message === null)).toBe(
        true,
      )
      expect(new Set(raw.lines.map(({ execution_id }) => execution_id)).size).toBeLessThan(raw.executions.length)
      expect(raw.events.some(({ status, retry_count }) => status === 'processing' && retry_count > 0)).toBe(true)
      const reasons = new Set(raw.executions.map(({ error_message }) => error_message))
      expect(reasons.size).toBeGreaterThan(21)
    },
  },
  demo: {
    seeds: autoprSeeds,
    periods: [
      { since: '2026-07-03T00:00:00.000000Z', until: DEMO_END },
      { since: '2026-08-24T07:11:13.171923Z', until: '2026-09-29T18:00:00.000000Z' },
    ],
    has: (raw) => expect(raw.executions).toHaveLength(300),
  },
  tests(subject) {
    const workflows = { parameter: 'workflow_id', label: 'name', rows: (raw: Raw) => raw.workflows.slice(0, 6) }
    const integrations = { parameter: 'integration_id', label: 'name', rows: (raw: Raw) => raw.integrations }
    subject.ofEach(workflows, OF_WORKFLOW)
    subject.ofEach(integrations, { 'event-queue': expectedQueue })

    it('integration-health, with what it advises', async () => {
      for (const period of subject.periods) {
        const { rows, recommendations } = expectedHealth(subject.raw, period)
        const result = await subject.same('integration-health', {}, rows, period)
        expectAdvice(result, recommendations)
      }
    })

    subject.takesNames('execution-outcomes', workflows)
    subject.takesNames('event-queue', integrations)
  },
})
