/** Lists of the real system use its indexes: bound values are cast to the columns' types. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cursorAfter } from '../../src/crud/cursor.ts'
import { type FilterInput, filtersFrom } from '../../src/crud/filters.ts'
import { listStatement } from '../../src/crud/list.ts'
import type { Scope } from '../../src/crud/scope.ts'
import { visibleFields } from '../../src/crud/select.ts'
import { sortFrom } from '../../src/crud/sort.ts'
import { parseMoment } from '../../src/model/moment.ts'
import { empty, type Sql, sql } from '../../src/model/sql.ts'
import { entityNamed } from '../../src/model/system.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
const task = entityNamed(skyvern, 'task')
if (!task) throw new Error('no entity task')
const scope: Scope = { system: skyvern, entity: task, schema: 'skyvern' }

beforeAll(async () => {
  database = await createTestDatabase()
  const { db } = database
  await db.execute(sql`
    INSERT INTO skyvern.organizations (organization_id, organization_name)
    SELECT 'o_' || n, 'Organization ' || n FROM generate_series(1, 100) AS n`)
  await db.execute(sql`
    INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, status, created_at)
    SELECT 'tsk_' || n, 'o_' || (1 + n % 100), 'https://example.com', 'Look', 
      CASE WHEN n % 500 = 0 THEN 'running' ELSE 'completed' END::skyvern.task_status,
      '2026-01-01T00:00:00Z'::timestamptz + make_interval(secs => n)
    FROM generate_series(1, 20000) AS n`)
  await db.execute(sql`ANALYZE skyvern.tasks`)
})
afterAll(() => database?.drop())

async function plan(input: FilterInput, { limit = sql`LIMIT 21`, after }: { limit?: Sql; after?: string } = {}) {
  const listing = { filters: filtersFrom(scope.entity, input), sort: sortFrom(scope.entity) }
  const statement = listStatement(scope, { ...listing, fields: visibleFields(scope.entity), after })
  const rows = await database.db.rows<{ 'QUERY PLAN': string }>(sql`
    EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ${statement} ${limit}`)
  const text = rows.map((row) => row['QUERY PLAN']).join('\n')
  const [hit] = [...text.matchAll(/shared hit=(\d+)(?: read=(\d+))?/g)]
  return { text, pages: Number(hit?.[1] ?? 0) + Number(hit?.[2] ?? 0), listing }
}

describe('the default list', () => {
  it('reads as many pages of the disk for a deep page as for the first, and never sorts the table', async () => {
    const first = await plan({})
    const deep = await plan(
      {},
      {
        after: cursorAfter(scope, first.listing, { created_at: '2026-01-01T01:23:20.000000Z', task_id: 'tsk_5000' }),
      },
    )
    for (const { text } of [first, deep]) {
      expect(text).toMatch(/Index Scan/)
      // At most within ties of created_at.
      expect(text).not.toMatch(/-> {2}Sort/)
      expect(text).not.toMatch(/Seq Scan/)
    }
    expect(deep.pages).toBeLessThanOrEqual(first.pages + 5)
  })
})

describe('filters', () => {
  it.each<[string, FilterInput]>([
    ['an enumeration', { fields: { status: ['running'] } }],
    ['several values', { fields: { status: ['running', 'queued'] } }],
    ['a reference', { fields: { organization_id: ['o_7'] } }],
    ['both', { fields: { organization_id: ['o_7'], status: ['running'] } }],
    ['the key', { filters: ['task_id in tsk_1,tsk_2'] }],
    ['a narrow period', { since: parseMoment('2026-01-01T00:10:00Z'), until: parseMoment('2026-01-01T00:10:05Z') }],
  ])('%s is found by an index', async (_, input) => {
    const { text } = await plan(input, { limit: empty })
    expect(text).toMatch(/Index Cond/)
    expect(text).not.toMatch(/Seq Scan/)
  })
})
