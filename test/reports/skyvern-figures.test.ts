/** Every figure of Skyvern's reports against an independent computation over the same rows, read whole. */
import { expect, it } from 'vitest'
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { expectAdvice } from './compare.ts'
import {
  expectedOrganizationPerformance,
  expectedOrganizationUsage,
  expectedStepMetrics,
  expectedTaskSummary,
  expectedWorkflowAnalytics,
  expectedWorkflowBottlenecks,
} from './expected.ts'
import { checkFigures, DEMO_END, periodsAround } from './figures.ts'
import { insertFixture, PERIOD } from './fixture.ts'
import { type Raw, readRaw } from './raw.ts'

const OF_ORGANIZATION = {
  'step-metrics': expectedStepMetrics,
  'organization-usage': expectedOrganizationUsage,
  'organization-performance': expectedOrganizationPerformance,
}

checkFigures<Raw>({
  system: skyvern,
  read: readRaw,
  hard: {
    insert: insertFixture,
    periods: [
      ...periodsAround(PERIOD),
      // Daylight saving time begins in Europe; and one that ends shortly after a midnight.
      { since: '2026-03-28T22:30:00.000000Z', until: '2026-03-30T00:00:00.000000Z' },
      { since: '2026-03-30T00:00:00.000000Z', until: '2026-04-02T00:00:00.000500Z' },
    ],
    has(raw) {
      const stepsOf = new Set(raw.steps.map(({ task_id }) => task_id))
      expect(raw.tasks.some(({ task_id }) => !stepsOf.has(task_id))).toBe(true)
      expect(raw.tasks.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
      expect(raw.tasks.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
      expect(raw.tasks.some(({ status, failure_reason }) => status === 'failed' && failure_reason === null)).toBe(
        true,
      )
      expect(raw.steps.some(({ retry_index }) => retry_index > 0)).toBe(true)
      expect(raw.workflow_blocks.some((block) => block.started_at !== null && block.completed_at === null)).toBe(true)
      expect(raw.workflow_blocks.some(({ started_at }) => started_at === null)).toBe(true)
    },
  },
  demo: {
    seeds: skyvernSeeds,
    periods: [
      { since: '2026-07-03T00:00:00.000000Z', until: DEMO_END },
      { since: '2026-09-24T07:11:13.171923Z', until: '2026-09-29T18:00:00.000000Z' },
    ],
    has: (raw) => expect(raw.tasks).toHaveLength(300),
  },
  tests(subject) {
    it('task-summary, of every task', async () => {
      for (const { task_id } of subject.raw.tasks) {
        const wanted = expectedTaskSummary(subject.raw, task_id)
        const { about } = await subject.same('task-summary', { task_id }, wanted)
        expect(about).toEqual({ task_id })
      }
    })

    const organizations = {
      parameter: 'organization_id',
      label: 'organization_name',
      rows: (raw: Raw) => raw.organizations.map(({ organization_id: id, organization_name: name }) => ({ id, name })),
    }
    subject.ofEach(organizations, OF_ORGANIZATION)

    it('workflow-analytics and workflow-bottlenecks, of every workflow', async () => {
      for (const period of subject.periods) {
        for (const { workflow_id, title } of subject.raw.workflows) {
          const about = { workflow_id, title, ...period }
          const runs = expectedWorkflowAnalytics(subject.raw, workflow_id, period)
          expect((await subject.same('workflow-analytics', { workflow_id }, runs, period)).about).toEqual(about)
          const { rows, recommendations } = expectedWorkflowBottlenecks(subject.raw, workflow_id, period)
          const bottlenecks = await subject.same('workflow-bottlenecks', { workflow_id }, rows, period)
          expect(bottlenecks.about).toEqual(about)
          expectAdvice(bottlenecks, recommendations)
        }
      }
    })
  },
})
