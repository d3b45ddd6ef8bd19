import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { closureOf } from '../../src/crud/closure.ts'
import { applyDelete, dependents, planDelete } from '../../src/crud/delete.ts'
import { countDueFiles } from '../../src/crud/tombstones.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { actor, auditOf, create, organization, refusal, scopeFor, task } from './write-support.ts'

let database: TestDatabase
let organizationId: string
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  organizationId = await organization(database.db)
})

async function artifact(raw: Record<string, unknown>): Promise<string> {
  const row = await create(database.db, scopeFor('artifact'), {
    organization_id: organizationId,
    artifact_type: 'recording',
    file_size_bytes: 100,
    ...raw,
  })
  return String(row.artifact_id)
}

/** A task with two steps, an action each, and three artifacts of which two share a file. */
async function aggregate(): Promise<string> {
  const { db } = database
  const task_id = await task(db, organizationId)
  for (let index = 0; index < 2; index++) {
    const step = await create(db, scopeFor('step'), { task_id, step_type: 'action' })
    await create(db, scopeFor('action'), { step_id: step.step_id, action_type: 'click' })
  }
  await artifact({ task_id, uri: `file:///${task_id}/a` })
  await artifact({ task_id, uri: `file:///${task_id}/zip` })
  await artifact({ task_id, uri: `file:///${task_id}/zip` })
  return task_id
}

async function tombstones(): Promise<string[]> {
  const rows = await database.db.rows<{ uri: string }>(sql`SELECT uri FROM steward.artifact_tombstones ORDER BY uri`)
  return rows.map(({ uri }) => uri)
}

describe('deleting', () => {
  it('plans every row that goes along and deletes exactly those', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const [id, other] = [await aggregate(), await aggregate()]
    const plan = await planDelete(db, scope, [id, id])
    expect(Object.fromEntries(plan.counts.deleted.map(({ table, rows }) => [table, rows]))).toEqual({
      tasks: 1n,
      steps: 2n,
      artifacts: 3n,
      actions: 2n,
    })
    expect(plan.files).toEqual({ files: 2n, bytes: 200n })
    expect(dependents(plan)).toBe(7n)
    const done = await applyDelete(db, scope, plan, actor)
    expect(done).toMatchObject({ deleted: plan.counts.deleted, files: 2 })
    const left = await db.one(sql`
      SELECT (SELECT count(*) FROM skyvern.tasks WHERE organization_id = ${organizationId}) AS tasks,
             (SELECT count(*) FROM skyvern.steps WHERE task_id = ${other}) AS steps,
             (SELECT count(*) FROM skyvern.artifacts WHERE organization_id = ${organizationId}) AS artifacts`)
    expect(left).toEqual({ tasks: 1n, steps: 2n, artifacts: 3n })
    expect(await tombstones()).toEqual([`file:///${id}/a`, `file:///${id}/zip`])
    expect((await auditOf(db, id)).at(-1)).toMatchObject({ action: 'delete', after: null })
    const { count } = await db.one<{ count: bigint }>(sql`
      SELECT count(*) AS count FROM steward.audit_log WHERE action = 'delete' AND before->>'task_id' = ${id}`)
    expect(count).toBe(6n)
  })

  it('keeps a file that a surviving row stands for', async () => {
    const { db } = database
    const uri = `file:///shared/${organizationId}`
    const going = await artifact({ uri })
    await artifact({ uri })
    const plan = await planDelete(db, scopeFor('artifact'), [going])
    expect(plan.files.files).toBe(0n)
    await applyDelete(db, scopeFor('artifact'), plan, actor)
    expect(await tombstones()).not.toContain(uri)
  })

  it('finds the rows that share a file by its index, however many others there are', async () => {
    const { db } = database
    await db.execute(sql`
      INSERT INTO skyvern.artifacts (organization_id, artifact_type, uri)
      SELECT ${organizationId}, 'recording', 'file:///many/' || n FROM generate_series(1, 20000) AS n`)
    await db.execute(sql`ANALYZE skyvern.artifacts`)
    const id = await aggregate()
    const scope = scopeFor('task')
    await db.transaction(async (transaction) => {
      const closure = await closureOf(transaction, scope)
      expect(await countDueFiles(transaction, scope, closure, [id])).toEqual({ files: 2n, bytes: 200n })
      const scans = await transaction.one(
        sql`SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'skyvern.artifacts'::regclass`,
      )
      expect(scans).toEqual({ seq_scan: 0n })
    })
  })

  it('adds up sizes that are more than a bigint holds', async () => {
    const largest = 9_223_372_036_854_775_807n
    const ids = [
      await artifact({ uri: `file:///${organizationId}/1`, file_size_bytes: largest }),
      await artifact({ uri: `file:///${organizationId}/2`, file_size_bytes: largest }),
    ]
    const plan = await planDelete(database.db, scopeFor('artifact'), ids)
    expect(plan.files).toEqual({ files: 2n, bytes: 2n * largest })
  })

  it('lists rows that stay and lose a reference, and records what they referred to', async () => {
    const { db } = database
    const scope = scopeFor('user')
    const user = await create(db, scope, { organization_id: organizationId, email: 'a@x.org', full_name: 'A' })
    const id = String(user.user_id)
    const task_id = await task(db, organizationId, { created_by: id })
    const plan = await planDelete(db, scope, [id])
    expect(plan.counts.detached).toEqual([
      expect.objectContaining({ table: 'tasks', columns: ['created_by'], rows: 1n }),
    ])
    await applyDelete(db, scope, plan, actor)
    expect((await auditOf(db, task_id)).at(-1)).toMatchObject({
      action: 'detach',
      before: { created_by: id },
      after: { created_by: null },
    })
    const whole = await planDelete(db, scopeFor('organization'), [organizationId])
    expect(whole.counts.detached).toEqual([])
  })

  it('refuses and deletes nothing when rows were added since the plan', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const id = await aggregate()
    const plan = await planDelete(db, scope, [id])
    await create(db, scopeFor('step'), { task_id: id, step_type: 'action' })
    const { error, problems } = await refusal(applyDelete(db, scope, plan, actor))
    expect(error).toMatchObject({ code: 'changed-meanwhile', exitCode: 5 })
    expect(problems).toEqual([{ where: 'steps', reason: '3 rows, the plan has 2' }])
    expect(await planDelete(db, scope, [id])).toMatchObject({ ids: [id] })
  })

  it('lets nobody add a row between the last count and the delete', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const id = await aggregate()
    const plan = await planDelete(db, scope, [id])
    const outcomes = await Promise.allSettled([
      applyDelete(db, scope, plan, actor),
      ...Array.from({ length: 5 }, () => create(db, scopeFor('step'), { task_id: id, step_type: 'action' })),
    ])
    const [deletion, ...steps] = outcomes.map(({ status }) => status)
    const created = steps.filter((status) => status === 'fulfilled').length
    const { count } = await db.one<{ count: bigint }>(
      sql`SELECT count(*) AS count FROM skyvern.steps WHERE task_id = ${id}`,
    )
    // Either the delete came first and no step went in, or a step did and the plan was refused.
    expect(deletion === 'fulfilled' ? [created, count] : [created > 0, count]).toEqual(
      deletion === 'fulfilled' ? [0, 0n] : [true, BigInt(2 + created)],
    )
  })

  it('names what stands in the way, and rows that are not there', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const id = await aggregate()
    await db.execute(raw(`CREATE TABLE skyvern.bills (task_id text CONSTRAINT bills_task REFERENCES skyvern.tasks)`))
    try {
      await db.execute(sql`INSERT INTO skyvern.bills VALUES (${id})`)
      const { error, problems } = await refusal(planDelete(db, scope, [id]))
      expect(error).toMatchObject({ code: 'still-referenced', exitCode: 5 })
      expect(problems).toEqual([
        { where: 'bills.task_id', reason: '1 row refers to what would go (constraint bills_task)' },
      ])
    } finally {
      await db.execute(raw('DROP TABLE skyvern.bills'))
    }
    const gone = await refusal(planDelete(db, scope, [id, 'tsk_404']))
    expect(gone.error).toMatchObject({ exitCode: 4, message: 'There is no task tsk_404' })
  })

  it('follows keys of a table into itself and keys of several columns', async () => {
    const { db } = database
    await db.execute(
      raw(`CREATE TABLE skyvern.parts (
             task_id text REFERENCES skyvern.tasks ON DELETE CASCADE,
             number integer NOT NULL,
             above integer,
             PRIMARY KEY (task_id, number),
             CONSTRAINT parts_above FOREIGN KEY (task_id, above) REFERENCES skyvern.parts ON DELETE CASCADE
           )`),
    )
    try {
      const id = await aggregate()
      await db.execute(sql`INSERT INTO skyvern.parts VALUES (${id}, 1, NULL), (${id}, 2, 1), (${id}, 3, 2)`)
      const plan = await planDelete(db, scopeFor('task'), [id])
      expect(plan.counts.deleted).toContainEqual({ schema: 'skyvern', table: 'parts', rows: 3n })
      await applyDelete(db, scopeFor('task'), plan, actor)
      expect(await db.rows(sql`SELECT FROM skyvern.parts`)).toHaveLength(0)
    } finally {
      await db.execute(raw('DROP TABLE skyvern.parts'))
    }
  })
})
