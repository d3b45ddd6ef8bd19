/** Getting rows by key, and what belongs to them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getRows } from '../../src/crud/get.ts'
import { MAX_RELATED, parseIncludes } from '../../src/crud/includes.ts'
import type { Scope } from '../../src/crud/scope.ts'
import type { Queryable } from '../../src/db/database.ts'
import { type Sql, sql } from '../../src/model/sql.ts'
import { entityNamed } from '../../src/model/system.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
const task = entityOf('task')
const scope: Scope = { system: skyvern, entity: task, schema: 'skyvern' }

beforeAll(async () => {
  database = await createTestDatabase()
  const { db } = database
  await db.execute(sql`INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'One')`)
  await db.execute(sql`
    INSERT INTO skyvern.users (user_id, organization_id, email, role) VALUES ('u_1', 'o_1', 'a@example.com', 'member')`)
  await db.execute(sql`
    INSERT INTO skyvern.tasks (task_id, organization_id, created_by, url, navigation_goal)
    VALUES ('tsk_1', 'o_1', 'u_1', 'https://example.com', 'Look'), ('tsk_2', 'o_1', NULL, 'https://example.com', 'Look'),
      ('tsk_3', 'o_1', NULL, 'https://example.com', 'Look')`)
  await db.execute(sql`
    INSERT INTO skyvern.steps (step_id, task_id, "order", step_type)
    SELECT 'stp_' || task || '_' || place, 'tsk_' || task, place, 'action'
    FROM generate_series(1, 2) AS task, generate_series(1, 12) AS place ORDER BY place DESC`)
  await db.execute(sql`
    INSERT INTO skyvern.actions (action_id, step_id, action_type) SELECT 'act_' || step_id, step_id, 'click'
    FROM skyvern.steps WHERE "order" < 3`)
  await db.execute(sql`
    INSERT INTO skyvern.artifacts (artifact_id, task_id, organization_id, artifact_type, uri, signed_url)
    VALUES ('a_1', 'tsk_2', 'o_1', 'recording', 'file:///r.webm', 'https://example.com/signed')`)
})
afterAll(() => database?.drop())

function entityOf(name: string) {
  const found = entityNamed(skyvern, name)
  if (!found) throw new Error(`no entity ${name}`)
  return found
}

/** Counts the statements that go through. */
function counted(db: Queryable): Queryable & { readonly statements: Sql[] } {
  const statements: Sql[] = []
  const noted = (statement: Sql) => {
    statements.push(statement)
    return statement
  }
  return {
    statements,
    rows: (statement) => db.rows(noted(statement)),
    one: (statement) => db.one(noted(statement)),
    maybeOne: (statement) => db.maybeOne(noted(statement)),
    execute: (statement) => db.execute(noted(statement)),
  }
}

const get = (ids: string[], paths: string[] = [], db: Queryable = database.db) =>
  getRows(db, scope, ids, { includes: parseIncludes(skyvern, task, paths) })

describe('get', () => {
  it('gives every field of the rows in the order asked for, each once', async () => {
    const { rows } = await get(['tsk_2', 'tsk_1', 'tsk_2'])
    expect(rows.map((row) => row.task_id)).toEqual(['tsk_2', 'tsk_1'])
    expect(Object.keys(rows[0] ?? {})).toEqual(Object.keys(task.fields))
  })

  it('names every id that is not there', async () => {
    await expect(get(['tsk_1', 'tsk_x', "o'x"])).rejects.toMatchObject({
      exitCode: 4,
      message: "There are no tasks tsk_x, o'x",
      details: { ids: ['tsk_x', "o'x"] },
    })
    await expect(get(['tsk_x'])).rejects.toMatchObject({ message: 'There is no task tsk_x' })
  })

  it('refuses an id that no text can be', async () => {
    await expect(get(['a\0b'])).rejects.toMatchObject({ exitCode: 2 })
  })
})

describe('--include', () => {
  it('reads one query a relation, however many rows there are', async () => {
    const db = counted(database.db)
    const { rows } = await get(['tsk_1', 'tsk_2', 'tsk_3'], ['steps.actions', 'artifacts', 'organization'], db)
    expect(db.statements).toHaveLength(5)
    const [first, second, third] = rows
    expect(first?.organization).toMatchObject({ organization_name: 'One' })
    expect(first?.artifacts).toEqual([])
    expect(third?.steps).toEqual([])
    const steps = [0, 1, 2].map((place) => ({
      step_id: `stp_1_${place + 1}`,
      actions: place < 2 ? [{ action_id: `act_stp_1_${place + 1}` }] : [],
    }))
    expect(first?.steps).toMatchObject([...steps, ...Array.from({ length: 9 }, () => ({ actions: [] }))])
    expect(second?.steps).toHaveLength(12)
  })

  it('orders numbered children by their number', async () => {
    const { rows } = await get(['tsk_1'], ['steps'])
    expect(rows[0]?.steps).toMatchObject(Array.from({ length: 12 }, (_, index) => ({ order: index + 1 })))
  })

  it('leaves secret fields of related rows out', async () => {
    const { rows } = await get(['tsk_2'], ['artifacts'])
    expect(JSON.stringify(rows)).not.toContain('signed')
  })

  it('keeps the reference beside the row it leads to, or null', async () => {
    const { rows } = await get(['tsk_1', 'tsk_2'], ['created-by'])
    expect(rows[0]).toMatchObject({ created_by: 'u_1', created_by_user: { email: 'a@example.com' } })
    expect(rows[1]).toMatchObject({ created_by: null, created_by_user: null })
  })

  it('cuts what is too much and says so', async () => {
    await database.db.execute(sql`
      INSERT INTO skyvern.task_logs (task_id, level, message)
      SELECT 'tsk_3', 'info', 'line ' || n FROM generate_series(1, ${MAX_RELATED + 5}::int) AS n`)
    const { rows, cuts } = await get(['tsk_1', 'tsk_3'], ['task-logs'])
    expect(rows[1]?.task_logs).toHaveLength(MAX_RELATED)
    expect(cuts).toMatchObject([{ of: 'tsk_3', relation: { via: 'task_id' } }])
  })

  it.each([
    ['stesp', 'did you mean steps?'],
    ['steps.nothing', 'step does not have'],
    ['steps.actions.step', 'at most 2 levels'],
    ['', "names ''"],
    ['steps; DROP TABLE tasks', 'task does not have'],
  ])('refuses %j', (path, reason) => {
    expect(() => parseIncludes(skyvern, task, [path])).toThrow(reason)
  })
})
