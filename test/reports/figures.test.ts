/** Every figure of every report against an independent computation over the same rows, read whole from the tables. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import type { ReportResult } from '../../src/reports/run.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { seed, UNTIL } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { ask, expectSame, reportNamed } from './compare.ts'
import {
  type Expected,
  expectedOrganizationPerformance,
  expectedOrganizationUsage,
  expectedStepMetrics,
  expectedTaskSummary,
  expectedWorkflowAnalytics,
  expectedWorkflowBottlenecks,
} from './expected.ts'
import { insertFixture, PERIOD } from './fixture.ts'
import { type Period, type Raw, readRaw } from './raw.ts'

const OF_ORGANIZATION = {
  'step-metrics': expectedStepMetrics,
  'organization-usage': expectedOrganizationUsage,
  'organization-performance': expectedOrganizationPerformance,
}
const OF_WORKFLOW = {
  'workflow-analytics': expectedWorkflowAnalytics,
  'workflow-bottlenecks': expectedWorkflowBottlenecks,
}

describe('over rows that are easily counted wrong', () => {
  const periods: readonly Period[] = [
    PERIOD,
    // Everything, nothing, one instant, and periods that end with a midnight and shortly after one.
    { since: '2026-01-01T00:00:00.000000Z', until: '2026-06-01T00:00:00.000000Z' },
    { since: '2020-02-28T00:00:00.000000Z', until: '2020-03-02T00:00:00.000000Z' },
    { since: PERIOD.since, until: '2026-03-28T22:30:00.000002Z' },
    { since: '2026-03-28T22:30:00.000000Z', until: '2026-03-30T00:00:00.000000Z' },
    { since: '2026-03-30T00:00:00.000000Z', until: '2026-04-02T00:00:00.000500Z' },
  ]
  figures(insertFixture, periods, (raw) => {
    // What makes the rows worth it: were any of these missing, a report could be wrong unnoticed.
    const stepsOf = new Set(raw.steps.map(({ task_id }) => task_id))
    expect(raw.tasks.some(({ task_id }) => !stepsOf.has(task_id))).toBe(true)
    expect(raw.tasks.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
    expect(raw.tasks.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
    expect(raw.tasks.some(({ status, failure_reason }) => status === 'failed' && failure_reason === null)).toBe(true)
    expect(raw.steps.some(({ retry_index }) => retry_index > 0)).toBe(true)
    expect(raw.workflow_blocks.some((block) => block.started_at !== null && block.completed_at === null)).toBe(true)
    expect(raw.workflow_blocks.some(({ started_at }) => started_at === null)).toBe(true)
  })
})

describe('over the demo data', () => {
  const end = '2026-10-01T00:00:00.000000Z'
  const periods: readonly Period[] = [
    { since: '2026-07-03T00:00:00.000000Z', until: end },
    { since: '2026-09-24T07:11:13.171923Z', until: '2026-09-29T18:00:00.000000Z' },
  ]
  figures(
    async (db) => {
      expect(UNTIL).toBe('2026-10-01T00:00:00Z')
      await seed(db)
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

  it('task-summary, of every task', async () => {
    for (const { task_id } of raw.tasks) {
      const result = await ask(database.db, skyvern, 'task-summary', { task_id })
      expect(result.about).toEqual({ task_id })
      same('task-summary', result, expectedTaskSummary(raw, task_id), task_id)
    }
  })

  for (const [name, compute] of Object.entries(OF_ORGANIZATION)) {
    it(`${name}, of every organization and of all together`, async () => {
      for (const period of periods) {
        for (const organization of [undefined, ...raw.organizations]) {
          const id = organization?.organization_id
          const result = await ask(database.db, skyvern, name, { organization_id: id }, period)
          expect(result.about).toEqual({
            organization_id: id ?? null,
            organization_name: organization?.organization_name ?? null,
            ...period,
          })
          same(name, result, compute(raw, id, period), `${id} ${period.since}`)
        }
      }
    })
  }

  for (const [name, compute] of Object.entries(OF_WORKFLOW)) {
    it(`${name}, of every workflow`, async () => {
      for (const period of periods) {
        for (const { workflow_id, title } of raw.workflows) {
          const result = await ask(database.db, skyvern, name, { workflow_id }, period)
          expect(result.about).toEqual({ workflow_id, title, ...period })
          same(name, result, compute(raw, workflow_id, period), `${workflow_id} ${period.since}`)
        }
      }
    })
  }
}

/** As `expectSame`, and the recommendations begin as they should. */
function same(name: string, result: ReportResult, expected: Expected, of: string): void {
  expectSame(reportNamed(skyvern, name), result, expected.rows, of)
  if (expected.recommendations === undefined) expect(result.recommendations).toBeUndefined()
  else {
    expect(result.recommendations).toHaveLength(expected.recommendations.length)
    for (const [place, beginning] of expected.recommendations.entries()) {
      expect(result.recommendations?.[place], of).toMatch(new RegExp(`^${escaped(beginning)}`))
    }
  }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
