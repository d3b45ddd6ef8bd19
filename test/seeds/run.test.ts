import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import { ANALYZE_NEED, planAnalyze } from '../../src/maintenance/analyze.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { digests, rowCount, seed } from './support.ts'

describe('seeding a database', () => {
  let one: TestDatabase
  let other: TestDatabase
  beforeAll(async () => {
    ;[one, other] = [await createTestDatabase(), await createTestDatabase()]
  })
  afterAll(async () => {
    await one.drop()
    await other.drop()
  })

  it('loads the demo data, every table of it', async () => {
    const outcome = await seed(one.db)
    expect(outcome.status).toBe('loaded')
    expect(outcome.rows.get('tasks')).toBe(300)
    expect([...outcome.rows.values()].every((rows) => rows > 0)).toBe(true)
    expect([...outcome.rows.values()].reduce((sum, rows) => sum + rows, 0)).toBe(await rowCount(one.db))
  })

  it('leaves statistics with which nothing is due for analyze', async () => {
    const plan = await planAnalyze(one.db, { schemas: ['skyvern'], tables: [], all: false }, ANALYZE_NEED)
    expect(plan.filter(({ action }) => action !== 'keep').map(({ table, reason }) => `${table} ${reason}`)).toEqual(
      [],
    )
  })

  it('gives the same rows for the same seed, and others for another', async () => {
    await seed(other.db)
    const first = await digests(one.db)
    expect(await digests(other.db)).toEqual(first)
    await other.drop()
    other = await createTestDatabase()
    await seed(other.db, { seed: 2 })
    const different = await digests(other.db)
    expect(Object.keys(first).filter((table) => different[table] === first[table])).toEqual([])
  })

  it('changes nothing when it runs again, on a later day either', async () => {
    const before = await digests(one.db)
    expect((await seed(one.db)).status).toBe('unchanged')
    const later = await seed(one.db, { until: undefined, now: new Date('2026-11-11T00:00:00Z') })
    expect(later.status).toBe('unchanged')
    expect(await digests(one.db)).toEqual(before)
  })

  it('refuses another set, and says how to get rid of the first', async () => {
    await expect(seed(one.db, { scale: 'small' })).rejects.toMatchObject({
      code: 'seeded-otherwise',
      exitCode: 5,
      hint: expect.stringContaining('steward seed clear skyvern'),
    })
    await expect(seed(one.db, { seed: 9 })).rejects.toMatchObject({ code: 'seeded-otherwise' })
    await expect(seed(one.db, { until: '2026-09-01T00:00:00Z' })).rejects.toMatchObject({ code: 'seeded-otherwise' })
  })

  it('has every state of every lifecycle', async () => {
    for (const { table, lifecycle } of skyvern.entities) {
      if (lifecycle === undefined) continue
      const found = await one.db.rows<{ state: string }>(sql`
        SELECT DISTINCT ${identifier(lifecycle.field)}::text AS state FROM ${identifier('skyvern', table)}`)
      expect(found.map(({ state }) => state).toSorted(), table).toEqual(Object.keys(lifecycle.states).toSorted())
    }
  })

  it('has times that agree with the states and with each other', async () => {
    const { wrong } = await one.db.one<{ wrong: bigint }>(sql`
      SELECT (
        SELECT count(*) FROM skyvern.tasks
        WHERE (status IN ('completed', 'failed', 'cancelled', 'terminated')) <> (completed_at IS NOT NULL)
           OR completed_at < created_at OR modified_at < created_at OR completed_at >= '2026-10-01'
           OR (status IN ('failed', 'terminated')) <> (failure_reason IS NOT NULL)
      ) + (
        SELECT count(*) FROM skyvern.steps AS s JOIN skyvern.tasks AS t USING (task_id)
        WHERE s.created_at < t.created_at OR s.started_at < s.created_at OR s.completed_at > t.completed_at
           OR s.started_at >= '2026-10-01'
           OR (s.status IN ('completed', 'failed', 'skipped')) <> (s.completed_at IS NOT NULL)
      ) + (
        SELECT count(*) FROM skyvern.actions AS a JOIN skyvern.steps AS s USING (step_id)
        WHERE a.created_at < s.started_at OR a.created_at > s.completed_at
      ) + (
        SELECT count(*) FROM skyvern.workflow_blocks AS b JOIN skyvern.workflow_runs AS r USING (workflow_run_id)
        WHERE b.started_at < r.started_at OR b.completed_at > r.completed_at
      ) + (
        SELECT count(*) FROM skyvern.workflow_runs AS r JOIN skyvern.workflows AS w USING (workflow_id)
        WHERE r.created_at < w.created_at OR r.organization_id <> w.organization_id
           OR (r.status IN ('completed', 'failed', 'cancelled', 'terminated')) <> (r.completed_at IS NOT NULL)
      ) + (
        SELECT count(*) FROM skyvern.tasks AS t JOIN skyvern.users AS u ON u.user_id = t.created_by
        WHERE u.created_at > t.created_at OR u.organization_id <> t.organization_id
      ) + (
        SELECT count(*) FROM skyvern.tasks AS t JOIN skyvern.browser_sessions AS b USING (browser_session_id)
        WHERE b.organization_id <> t.organization_id OR b.ended_at < t.completed_at
      ) AS wrong`)
    expect(wrong).toBe(0n)
  })

  it('leaves every organization room for another task', async () => {
    const full = await one.db.rows(sql`
      SELECT o.organization_id
      FROM skyvern.organizations AS o JOIN skyvern.tasks AS t USING (organization_id)
      WHERE t.status IN ('queued', 'running')
      GROUP BY o.organization_id
      HAVING count(*) >= (o.settings ->> 'max_concurrent_tasks')::integer OR NOT o.is_active`)
    expect(full).toEqual([])
  })

  it('leaves statistics, so that no plan takes a table for empty', async () => {
    const unknown = await one.db.rows(sql`
      SELECT c.relname FROM pg_class AS c
      WHERE c.relnamespace = 'skyvern'::regnamespace AND c.relkind = 'r' AND c.reltuples <= 0
        AND c.relname <> 'steward_migrations'`)
    expect(unknown.filter(({ relname }) => skyvernSeeds.tables.some(({ table }) => table === relname))).toEqual([])
  })

  it('refuses a database with rows of others, unless told to load beside them', async () => {
    const database = await createTestDatabase()
    try {
      await database.db.execute(sql`INSERT INTO skyvern.organizations (organization_name) VALUES ('Ours')`)
      await expect(seed(database.db)).rejects.toMatchObject({
        code: 'not-empty',
        hint: expect.stringContaining('--append'),
      })
      expect((await seed(database.db, { append: true, rows: 20 })).status).toBe('loaded')
      expect((await seed(database.db, { append: true, rows: 20 })).status).toBe('unchanged')
    } finally {
      await database.drop()
    }
  })

  it('starts anew where the tables were made anew', async () => {
    const database = await createTestDatabase()
    try {
      await seed(database.db, { rows: 5 })
      await database.db.execute(sql`TRUNCATE skyvern.organizations CASCADE`)
      expect((await seed(database.db, { rows: 7 })).status).toBe('loaded')
    } finally {
      await database.drop()
    }
  })

  it('reports every problem of what is asked for', async () => {
    await expect(seed(one.db, { scale: 'demo', rows: 4, until: '2020-01-01' })).rejects.toMatchObject({
      exitCode: 2,
      problems: [{ where: '--rows' }, { where: '--until' }],
    })
    await expect(seed(one.db, { until: '2027-01-01' })).rejects.toThrow('must not be in the future')
    await expect(seed(one.db, { rows: 3_000_000 })).rejects.toThrow('must be from 1 to 2000000 tasks')
  })
})
