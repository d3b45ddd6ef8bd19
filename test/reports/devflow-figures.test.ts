/** Every figure of DevFlow's reports against an independent computation over the same rows, read whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devflowSeeds } from '../../seeds/devflow/index.ts'
import type { Database } from '../../src/db/database.ts'
import { sql } from '../../src/model/sql.ts'
import { devflow } from '../../src/systems/devflow/index.ts'
import { seed } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { ask, expectSame, reportNamed } from './compare.ts'
import {
  expectedActive,
  expectedAgents,
  expectedCycle,
  expectedExecutions,
  expectedTrail,
  expectedValidation,
  type Raw,
  readRaw,
  subjectOf,
} from './devflow-expected.ts'
import { GONE, insertFixture, PERIOD } from './devflow-fixture.ts'
import type { Period } from './raw.ts'

const OF_PERIOD = {
  'execution-summary': expectedExecutions,
  'pr-validation': expectedValidation,
  'agent-performance': expectedAgents,
  'pull-request-cycle': expectedCycle,
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
    const tried = new Set(raw.executions.map(({ task_id }) => task_id))
    expect(raw.tasks.some(({ id, status }) => status === 'pending' && !tried.has(id))).toBe(true)
    expect(raw.executions.some(({ created_at }) => created_at === PERIOD.since)).toBe(true)
    expect(raw.pullRequests.some(({ created_at }) => created_at === PERIOD.until)).toBe(true)
    expect(raw.executions.some((row) => row.execution_status === 'failed' && row.started_at === null)).toBe(true)
    expect(raw.validations.some(({ pr_id }) => pr_id === null)).toBe(true)
    expect(raw.validations.some(({ completed_at }) => completed_at === null)).toBe(true)
    const validated = new Set(raw.validations.map(({ pr_id }) => pr_id))
    expect(raw.pullRequests.some(({ id }) => !validated.has(id))).toBe(true)
    expect(raw.events.some((event) => subjectOf(event) === GONE)).toBe(true)
  })
})

describe('over the demo data', () => {
  const end = '2026-10-01T00:00:00.000000Z'
  const periods: readonly Period[] = [
    { since: '2026-01-03T00:00:00.000000Z', until: end },
    { since: '2026-08-24T07:11:13.171923Z', until: '2026-09-29T18:00:00.000000Z' },
  ]
  figures(
    (db) => seed(db, { schema: 'devflow' }, devflowSeeds),
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

  for (const [name, compute] of Object.entries(OF_PERIOD)) {
    it(`${name}, of projects and of all together`, async () => {
      for (const period of periods) {
        for (const project of [undefined, ...raw.projects.slice(0, 4)]) {
          const result = await ask(database.db, devflow, name, { project_id: project?.id }, period)
          expect(result.about).toEqual({ project_id: project?.id ?? null, name: project?.name ?? null, ...period })
          const expected = compute(raw, project?.id, period)
          expectSame(reportNamed(devflow, name), result, expected, `${project?.name} ${period.since}`)
        }
      }
    })
  }

  it('active-tasks', async () => {
    for (const project of [undefined, ...raw.projects]) {
      const result = await ask(database.db, devflow, 'active-tasks', { project_id: project?.id })
      expectSame(reportNamed(devflow, 'active-tasks'), result, expectedActive(raw, project?.id), `${project?.name}`)
    }
  })

  it('audit-trail, of objects of every kind, of one that is gone and of one that never was', async () => {
    const subjects = [...new Set(raw.events.map(subjectOf))].filter((id) => id !== null)
    const some = ['0', '1', '2', '3', '4', '5', '8'].flatMap((kind) =>
      subjects.filter((id) => id.at(17) === kind).slice(0, 3),
    )
    const ids = [...subjects.slice(0, 8), ...some, GONE, '00000000-0000-4000-8000-999999999999']
    for (const id of ids) {
      const result = await ask(database.db, devflow, 'audit-trail', { object_id: id })
      expectSame(reportNamed(devflow, 'audit-trail'), result, expectedTrail(raw, id), id)
    }
    const nothing = await ask(database.db, devflow, 'audit-trail', { object_id: "no id at all'" })
    expect(nothing.rows).toEqual({ trail: [], related: [] })
  })

  it('index-usage: every index of the schema, in the category of its scans', async () => {
    const { rows } = await ask(database.db, devflow, 'index-usage', {})
    const indexes = rows.indexes ?? []
    const known = await database.db.rows<{ name: string }>(
      sql`SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'devflow'`,
    )
    expect(indexes.map(({ index_name }) => index_name).toSorted()).toEqual(known.map(({ name }) => name).sort())
    for (const { scans, usage_category } of indexes) {
      const count = Number(scans)
      const category = count === 0 ? 'UNUSED' : count < 100 ? 'LOW' : count < 1000 ? 'MEDIUM' : 'HIGH'
      expect(usage_category).toBe(category)
    }
    const categories = rows.categories ?? []
    expect(categories.reduce((all, row) => all + Number(row.indexes), 0)).toBe(indexes.length)
    for (const { usage_category, size_bytes } of categories) {
      const own = indexes.filter((row) => row.usage_category === usage_category)
      expect(Number(size_bytes)).toBe(own.reduce((all, row) => all + Number(row.size_bytes), 0))
    }
  })

  it('takes projects by name as well as by id, and says which it does not know', async () => {
    const report = (...argv: string[]) => runCli(['--url', database.url, 'devflow', 'report', ...argv])
    const [project] = raw.projects
    const period = ['--since', '2026-01-01', '--until', '2026-10-01', '--json']
    const byName = await report('pull-request-cycle', project?.name ?? '', ...period)
    expect(byName).toMatchObject({ exitCode: 0, stderr: '' })
    expect(byName).toEqual(await report('pull-request-cycle', project?.id ?? '', ...period))
    expect(await report('pull-request-cycle', 'No such thing')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('No such thing'),
    })
  })
}
