/** AgentVine's tables with the columns that seeding fills, parents before children. Their numbers stand in the ids. */
import type { SeedTable } from '../../src/seeds/definition.ts'

/** Days that the simulated time goes back at most: what tasks and all that follows from them lie in. */
export const DAYS = 120

export const NUMBERS = {
  users: 0,
  workers: 1,
  capabilities: 2,
  tasks: 3,
  dependencies: 4,
  orders: 5,
  assignments: 6,
  executions: 7,
  messages: 8,
  attachments: 9,
  documents: 10,
  versions: 11,
  conversations: 12,
} as const

/** Numbers of log lines begin here; the table's own sequence would need a million years to come this far. */
export const FIRST_LINE = 4_000_000_000_000_000

const table = (name: string, columns: string): SeedTable => ({
  table: name,
  ids: { kind: 'uuid' },
  columns: columns.split(/\s+/),
})

export const users = table(
  'users',
  'id username email hashed_password full_name role is_active is_verified settings created_at updated_at last_login_at deleted_at',
)
export const workers = table(
  'workers',
  'id name worker_type status version max_concurrent_tasks timeout_seconds context_window_size config last_heartbeat_at draining_at created_at updated_at',
)
export const capabilities = table(
  'worker_capabilities',
  'id worker_id capability_name capability_level metadata created_at updated_at',
)
export const documents = table(
  'context_documents',
  'id title document_type content repository_url tags metadata created_by created_at updated_at version deleted_at',
)
export const versions = table(
  'context_document_versions',
  'id document_id version title document_type content tags created_at updated_at',
)
export const tasks = table(
  'tasks',
  'id title description task_type permission_level priority status repository_url branch_name issue_number pr_number context metadata created_by assigned_to parent_task_id created_at updated_at started_at completed_at deleted_at',
)
export const dependencies = table(
  'task_dependencies',
  'id task_id depends_on_task_id dependency_type created_at updated_at',
)
export const orders = table(
  'work_orders',
  'id task_id queue_name status payload result error_message retry_count max_retries timeout_seconds enqueued_at claimed_at completed_at expires_at created_at updated_at',
)
export const assignments = table(
  'worker_assignments',
  'id worker_id work_order_id status assigned_at completed_at created_at updated_at',
)
export const executions = table(
  'executions',
  'id task_id worker_id status exit_code stdout_log stderr_log metrics started_at completed_at created_at updated_at',
)
export const logs: SeedTable = {
  ...table('execution_logs', 'id execution_id level message metadata logged_at created_at updated_at'),
  ids: { kind: 'number', from: FIRST_LINE },
  partitionedBy: { field: 'logged_at', days: DAYS + 1 },
}
export const messages = table(
  'chat_messages',
  'id conversation_id sender_type sender_id message message_type metadata parent_message_id created_at updated_at edited_at',
)
export const attachments = table(
  'chat_attachments',
  'id message_id file_name file_path file_type file_size_bytes metadata created_at updated_at',
)

export const tables: readonly SeedTable[] = [
  users,
  workers,
  capabilities,
  documents,
  versions,
  tasks,
  dependencies,
  orders,
  assignments,
  executions,
  logs,
  messages,
  attachments,
]
