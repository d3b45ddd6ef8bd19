/** Every figure of DevFlow's reports against an independent computation over the same rows, read whole. */
import { expect, it } from 'vitest'
import { devflowSeeds } from '../../seeds/devflow/index.ts'
import { sql } from '../../src/model/sql.ts'
import { devflow } from '../../src/systems/devflow/index.ts'
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
import { checkFigures, DEMO_END, periodsAround } from './figures.ts'

const OF_PERIOD = {
  'execution-summary': expectedExecutions,
  'pull-request-validation': expectedValidation,
  'agent-performance': expectedAgents,
  'pull-request-cycle': expectedCycle,
}

checkFigures<Raw>({
  system: devflow,
  read: readRaw,
  hard: {
    insert: insertFixture,
    periods: periodsAround(PERIOD),
    has(raw) {
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
    },
  },
  demo: {
    seeds: devflowSeeds,
    periods: [
      { since: '2026-01-03T00:00:00.000000Z', until: DEMO_END },
      { since: '2026-08-24T07:11:13.171923Z', until: '2026-09-29T18:00:00.000000Z' },
    ],
    has: (raw) => expect(raw.tasks).toHaveLength(300),
  },
  tests(subject) {
    const projects = { parameter: 'project_id', label: 'name', rows: (raw: Raw) => raw.projects.slice(0, 4) }
    subject.ofEach(projects, OF_PERIOD)

    it('active-tasks', async () => {
      for (const project of [undefined, ...subject.raw.projects]) {
        await subject.same('active-tasks', { project_id: project?.id }, expectedActive(subject.raw, project?.id))
      }
    })

    it('audit-trail, of objects of every kind, of one that is gone and of one that never was', async () => {
      const subjects = [...new Set(subject.raw.events.map(subjectOf))].filter((id) => id !== null)
      const some = ['0', '1', '2', '3', '4', '5', '8'].flatMap((kind) =>
        subjects.filter((id) => id.at(17) === kind).slice(0, 3),
      )
      const ids = [...subjects.slice(0, 8), ...some, GONE, '00000000-0000-4000-8000-999999999999']
      for (const id of ids) {
        await subject.same('audit-trail', { object_id: id }, expectedTrail(subject.raw, id))
      }
      const nothing = await subject.ask('audit-trail', { object_id: 'ffffffff-ffff-4fff-bfff-ffffffffffff' })
      expect(nothing.rows).toEqual({ trail: [], related: [] })
    })

    it('index-usage: every index of the schema, in the category of its scans', async () => {
      const { rows } = await subject.ask('index-usage', {})
      const indexes = rows.indexes ?? []
      const known = await subject.db.rows<{ name: string }>(
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

    subject.takesNames('pull-request-cycle', projects)
  },
})
