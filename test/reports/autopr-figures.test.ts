/** Every figure of AutoPR's reports against an independent computation over the same rows, read whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { autoprSeeds } from '../../seeds/autopr/index.ts'
import type { Database } from '../../src/db/database.ts'
import { autopr } from '../../src/systems/autopr/index.ts'
import { seed, UNTIL } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
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
import { ask, expectSame, reportNamed } from './compare.ts'
import type { Period } from './raw.ts'

const OF_WORKFLOW = {
  'execution-outcomes': expectedOutcomes,
  'failure-reasons': expectedFailures,
  'log-volume': expectedVolume,
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
    expect(raw.executions.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
    expect(raw.lines.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
    expect(raw.executions.some((row) => row.started_at !== null && row.started_at < row.created_at)).toBe(true)
    expect(raw.executions.some(({ status, started_at }) => status === 'cancelled' && started_at === null)).toBe(true)
    expect(raw.executions.some(({ status, error_message }) => status === 'failed' && error_message === null)).toBe(
      true,
    )
    expect(new Set(raw.lines.map(({ execution_id }) => execution_id)).size).toBeLessThan(raw.executions.length)
    expect(raw.events.some(({ status, retry_count }) => status === 'processing' && retry_count > 0)).toBe(true)
    const reasons = new Set(raw.executions.map(({ error_message }) => error_message))
    expect(reasons.size).toBeGreaterThan(21)
  })
})

describe('over the demo data', () => {
  const end = '2026-10-01T00:00:00.000000Z'
  const periods: readonly Period[] = [
    { since: '2026-07-03T00:00:00.000000Z', until: end },
    { since: '2026-08-24T07:11:13.171923Z', until: '2026-09-29T18:00:00.000000Z' },
  ]
  figures(
    async (db) => {
      expect(UNTIL).toBe('2026-10-01T00:00:00Z')
      await seed(db, { schema: 'autopr' }, autoprSeeds)
    },
    periods,
    (raw) => expect(raw.executions).toHaveLength(300),
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

  for (const [name, compute] of Object.entries(OF_WORKFLOW)) {
    it(`${name}, of workflows and of all together`, async () => {
      for (const period of periods) {
        for (const workflow of [undefined, ...raw.workflows.slice(0, 6)]) {
          const result = await ask(database.db, autopr, name, { workflow_id: workflow?.id }, period)
          expect(result.about).toEqual({ workflow_id: workflow?.id ?? null, name: workflow?.name ?? null, ...period })
          const expected = compute(raw, workflow?.id, period)
          expectSame(reportNamed(autopr, name), result, expected, `${workflow?.name} ${period.since}`)
        }
      }
    })
  }

  it('event-queue, of every integration and of all together', async () => {
    for (const period of periods) {
      for (const integration of [undefined, ...raw.integrations]) {
        const result = await ask(database.db, autopr, 'event-queue', { integration_id: integration?.id }, period)
        const expected = expectedQueue(raw, integration?.id, period)
        expectSame(reportNamed(autopr, 'event-queue'), result, expected, `${integration?.name} ${period.since}`)
      }
    }
  })

  it('integration-health, with what it advises', async () => {
    for (const period of periods) {
      const result = await ask(database.db, autopr, 'integration-health', {}, period)
      const { rows, recommendations } = expectedHealth(raw, period)
      expectSame(reportNamed(autopr, 'integration-health'), result, rows, period.since)
      expect(result.recommendations).toEqual(recommendations.map((beginning) => expect.stringContaining(beginning)))
    }
  })

  it('takes workflows and integrations by name as well as by id, and says which it does not know', async () => {
    const report = (...argv: string[]) => runCli(['--url', database.url, 'autopr', 'report', ...argv])
    const [workflow] = raw.workflows
    const period = ['--since', '2026-01-01', '--until', '2026-10-01', '--json']
    const byName = await report('execution-outcomes', workflow?.name ?? '', ...period)
    expect(byName).toMatchObject({ exitCode: 0, stderr: '' })
    expect(byName).toEqual(await report('execution-outcomes', workflow?.id ?? '', ...period))
    expect(JSON.parse(byName.stdout).about).toMatchObject({ workflow_id: workflow?.id, name: workflow?.name })
    expect(await report('event-queue', 'No such thing')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('No such thing'),
    })
  })
}
