/** Each index of DevFlow's indexing strategy answers the question that it is for. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

const ID = `'00000000-0000-4000-8000-000000000000'`

it.each([
  ['idx_tasks_search', `tasks WHERE search_vector @@ to_tsquery('english', 'authentication & security')`],
  ['idx_tasks_tags', `tasks WHERE tags ? 'frontend'`],
  ['idx_tasks_tags', `tasks WHERE tags @> '["frontend"]'`],
  ['idx_tasks_requirements', `tasks WHERE requirements @> '{"type": "feature", "priority": 1}'`],
  ['idx_tasks_context', `tasks WHERE context @> '{"environment": "staging"}'`],
  ['idx_tasks_project_status', `tasks WHERE project_id = ${ID}`],
  ['idx_tasks_status', `tasks WHERE status = 'failed' ORDER BY created_at DESC LIMIT 20`],
  ['idx_tasks_created_at', 'tasks ORDER BY created_at DESC, id DESC LIMIT 20'],
  [
    'idx_tasks_active',
    `tasks WHERE status IN ('pending', 'in_progress', 'validation') ORDER BY priority DESC, created_at LIMIT 20`,
  ],
  ['idx_tasks_due_date', `tasks WHERE completed_at IS NULL AND due_date < now()`],
  ['idx_task_executions_task_id', `task_executions WHERE task_id = ${ID} ORDER BY created_at DESC`],
  ['idx_task_executions_running', `task_executions WHERE execution_status = 'running' AND started_at < now()`],
  ['uq_pull_requests_number', `pull_requests WHERE repository_url = 'x' AND pr_number = 1`],
  ['idx_agent_configurations_capabilities', `agent_configurations WHERE capabilities @> '["review"]'`],
  ['idx_workflow_events_task', `workflow_events WHERE task_id = ${ID} ORDER BY occurred_at`],
  ['idx_workflow_events_pr', `workflow_events WHERE pr_id = ${ID} ORDER BY occurred_at`],
  ['idx_workflow_events_type', `workflow_events WHERE event_type = 'validation.failed' ORDER BY occurred_at`],
])('%s: %s', async (index, question) => {
  const plan = await database.db.transaction(async (tx) => {
    // On an empty table reading it is cheapest; what counts is that the index could do it.
    await tx.execute(sql`SET LOCAL enable_seqscan = off`)
    await tx.execute(sql`SET LOCAL enable_sort = off`)
    return tx.rows(raw(`EXPLAIN (COSTS OFF) SELECT * FROM devflow.${question}`))
  })
  expect(JSON.stringify(plan)).toContain(index)
})
