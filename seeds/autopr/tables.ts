/** AutoPR's tables with the columns that seeding fills, parents before children. Their numbers stand in the ids. */
import type { SeedTable } from '../../src/seeds/definition.ts'

/** Days that the simulated time goes back: what executions and their logs lie in. */
export const DAYS = 90

export const NUMBERS = {
  workflows: 0,
  actions: 1,
  triggers: 2,
  integrations: 3,
  executions: 4,
  logs: 5,
  events: 6,
} as const

const table = (name: string, columns: string): SeedTable => ({
  table: name,
  ids: { kind: 'uuid' },
  columns: columns.split(/\s+/),
})

export const workflows = table(
  'workflows',
  'id name description status config created_by created_at updated_at deleted_at',
)
export const actions = table(
  'workflow_actions',
  'id workflow_id action_type action_name config order_index conditions created_at updated_at',
)
export const triggers = table(
  'workflow_triggers',
  'id workflow_id trigger_type conditions enabled created_at updated_at',
)
// No credentials: what nobody can open is worth nothing, and the key is not the seeds' to know.
export const integrations = table(
  'integrations',
  'id name type config enabled health_status last_health_check created_at updated_at deleted_at',
)
export const executions = table(
  'workflow_executions',
  'id workflow_id execution_id status created_at started_at completed_at result error_message retry_count parent_execution_id trigger_type trigger_data',
)
export const logs: SeedTable = {
  ...table('execution_logs', 'id execution_id level message log_metadata action_id step_name created_at'),
  partitionedBy: { field: 'created_at', days: DAYS + 1 },
}
export const events = table(
  'integration_events',
  'id integration_id event_type event_id payload status claimed_at processed_at error_message retry_count created_at',
)

export const tables: readonly SeedTable[] = [workflows, actions, triggers, integrations, executions, logs, events]
