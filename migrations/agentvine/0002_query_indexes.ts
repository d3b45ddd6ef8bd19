/**
 * Indexes for the questions that are asked most (systems/agentvine.md, "Composite Indexes"), and those of Steward's own
 * lists and queue: the newest tasks, the oldest order that a worker may claim, one conversation in its order.
 *
 * Built inside the migration's transaction: all of them or none, and no invalid index after an interruption
 * (decision 15). The tables are as young as the migration before.
 */
import { migration, statements } from '../../src/model/migration.ts'

const indexes = (s: string): Readonly<Record<string, string>> => ({
  idx_tasks_status_priority: `${s}.tasks (status, priority)`,
  // With the key that breaks ties, a list needs no sort however many tasks one import made at the same instant.
  idx_tasks_created: `${s}.tasks (created_at DESC, id DESC)`,
  idx_tasks_metadata: `${s}.tasks USING gin (metadata)`,
  idx_workers_type_status: `${s}.workers (worker_type, status)`,
  idx_executions_task_status: `${s}.executions (task_id, status)`,
  // Claiming reads the front of one queue, however many orders are finished.
  idx_work_orders_pending: `${s}.work_orders (queue_name, enqueued_at, id) WHERE status = 'pending'`,
  idx_chat_messages_thread: `${s}.chat_messages (conversation_id, created_at)`,
})

export default migration({
  name: '0002_query_indexes',
  async up(knex, { schema }) {
    const created = Object.entries(indexes(schema)).map(([name, on]) => `CREATE INDEX ${name} ON ${on}`)
    await statements(knex, ...created)
  },
  async down(knex, { schema }) {
    await statements(knex, ...Object.keys(indexes(schema)).map((name) => `DROP INDEX ${schema}.${name}`))
  },
})
