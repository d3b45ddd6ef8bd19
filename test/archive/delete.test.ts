import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { planArchive } from '../../src/archive/plan.ts'
import { runArchive } from '../../src/archive/run.ts'
import { selectionOfRule } from '../../src/archive/selection.ts'
import type { Database } from '../../src/db/database.ts'
import { appliedRule, type RetentionRule } from '../../src/model/retention.ts'
import { raw } from '../../src/model/sql.ts'
import { devflow } from '../../src/systems/devflow/index.ts'
import { systems } from '../../src/systems/registry.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { idleRun } from './by-hand.ts'
import { execute, gone } from './engine.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())
beforeEach(() =>
  execute(
    db,
    'TRUNCATE skyvern.organizations, steward.archive_batches, steward.artifact_tombstones CASCADE',
    'DROP SCHEMA IF EXISTS skyvern_archive CASCADE',
    `INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'Acme')`,
    `INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, status, created_at, completed_at)
     SELECT 'tsk_' || n, 'o_1', 'https://example.com', 'look', 'failed', now() - interval '1 year',
            now() - CASE WHEN n < 4 THEN interval '300 days' ELSE interval '1 day' END
     FROM generate_series(1, 4) AS n`,
    `INSERT INTO skyvern.artifacts (artifact_id, organization_id, task_id, artifact_type, uri, file_size_bytes)
     SELECT 'a_' || id, 'o_1', 'tsk_' || task, 'recording', 'file:///' || uri, 100
     FROM (VALUES (1, 1, 'one'), (2, 1, 'shared'), (3, 2, 'shared'), (4, 3, 'kept'), (5, 4, 'kept'), (6, 2, 'archived'))
       AS a (id, task, uri)`,
  ),
)

const rule: RetentionRule = {
  name: 'gone-tasks',
  summary: 'Tasks, after 180 days',
  entity: 'task',
  action: 'delete',
  ageOf: 'completed_at',
  olderThan: '180 days',
}

const tombstones = () =>
  db.rows(
    raw(
      'SELECT entity, artifact_id, uri, bytes, why, row_stays FROM steward.artifact_tombstones ORDER BY artifact_id',
    ),
  )

test('deletes without archive; a file is due with its last row, be that a live or an archived one', async () => {
  await execute(
    db,
    'CREATE SCHEMA skyvern_archive',
    'CREATE TABLE skyvern_archive.artifacts (artifact_id text, uri text, steward_batch_id bigint)',
    `INSERT INTO skyvern_archive.artifacts VALUES ('a_0', 'file:///archived', 1)`,
  )
  const selection = selectionOfRule({ system: skyvern, schema: 'skyvern', applied: appliedRule(rule, undefined) })
  expect(selection.keeps).toBe('nothing')
  const result = await runArchive(db, selection, idleRun(db))
  expect(result).toMatchObject({ outcome: 'done', roots: 3, files: 2, failures: [] })
  expect(gone(result)).toMatchObject({ tasks: 3, artifacts: 5, steps: 0 })
  const common = { entity: 'artifact', bytes: 100n, why: 'gone-tasks', row_stays: false }
  expect(await tombstones()).toEqual([
    { ...common, artifact_id: 'a_1', uri: 'file:///one' },
    { ...common, artifact_id: 'a_2', uri: 'file:///shared' },
  ])
  expect(await db.rows(raw('SELECT FROM steward.archive_batches'))).toEqual([])
})

test('a file that is marked with its row loses the row first', async () => {
  await execute(
    db,
    `INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, why, row_stays, attempts)
     VALUES ('skyvern', 'skyvern', 'artifact', 'a_1', 'file:///before', 'rule', true, 3)`,
  )
  const selection = selectionOfRule({ system: skyvern, schema: 'skyvern', applied: appliedRule(rule, undefined) })
  expect(await runArchive(db, selection, idleRun(db))).toMatchObject({ outcome: 'done', roots: 3 })
  const [mark] = await tombstones()
  expect(mark).toMatchObject({ artifact_id: 'a_1', uri: 'file:///one', why: 'gone-tasks', row_stays: false })
})

test('an archived row leaves its file alone', async () => {
  const archive: RetentionRule = { ...rule, action: 'archive' }
  const selection = selectionOfRule({ system: skyvern, schema: 'skyvern', applied: appliedRule(archive, undefined) })
  expect(await runArchive(db, selection, idleRun(db))).toMatchObject({ outcome: 'done', roots: 3, files: 0 })
  expect(await tombstones()).toEqual([])
})

test('what is still active is kept, and counted', async () => {
  await execute(
    db,
    `INSERT INTO devflow.projects (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'p')`,
    `INSERT INTO devflow.tasks (id, project_id, title, status, assigned_agent, created_at, completed_at)
     SELECT ('00000000-0000-4000-8000-00000000001' || n)::uuid, '00000000-0000-4000-8000-000000000001', 'a task',
            CASE n WHEN 1 THEN 'completed' ELSE 'in_progress' END::devflow.task_status, 'codegen',
            now() - interval '50 days',
            CASE n WHEN 1 THEN now() - interval '40 days' END
     FROM generate_series(1, 2) AS n`,
    `INSERT INTO devflow.task_executions (task_id, agent_type, execution_status, started_at, completed_at)
     SELECT id, 'codegen', 'completed', now() - interval '41 days', now() - interval '40 days' FROM devflow.tasks`,
  )
  const [executions] = devflow.retention
  if (!executions) throw new Error('no rule')
  const scope = { system: devflow, schema: 'devflow', applied: appliedRule(executions, undefined) }
  const selection = selectionOfRule(scope)
  const kept = [{ reason: 'still active', rows: 1n }]
  expect(await planArchive(db, selection)).toMatchObject({ due: 1n, roots: 1, kept })
  expect(await runArchive(db, selection, idleRun(db))).toMatchObject({ roots: 1, kept })
})

test('every rule of every system can be planned', async () => {
  const loaded = await Promise.all(systems.map(({ load }) => load()))
  const rules = loaded.flatMap((system) => system.retention.map((one) => ({ system, one })))
  const planned: string[] = []
  for (const { system, one } of rules) {
    if (!['archive', 'delete', 'purge'].includes(one.action)) continue
    const scope = { system, schema: system.name, applied: appliedRule(one, 'on') }
    const { problems } = await planArchive(db, selectionOfRule(scope))
    expect(problems).toEqual([])
    planned.push(`${system.name}/${one.name}`)
  }
  expect(planned).toContain('skyvern/finished-tasks')
})
