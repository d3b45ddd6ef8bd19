/** Skyvern's tables with the columns that seeding fills, parents before children. */
import type { SeedTable } from '../../src/seeds/definition.ts'

const table = (name: string, prefix: string, columns: string): SeedTable => ({
  table: name,
  ids: { kind: 'prefixed', prefix },
  columns: columns.split(/\s+/),
})

export const organizations = table(
  'organizations',
  'o',
  'organization_id organization_name domain webhook_callback_url max_steps_per_run max_retries_per_step is_active settings created_at updated_at',
)
export const users = table(
  'users',
  'u',
  'user_id organization_id email full_name role is_active created_at updated_at',
)
export const apiKeys = table(
  'api_keys',
  'ak',
  'api_key_id organization_id name key_hash key_prefix valid last_used_at revoked_at created_at updated_at',
)
export const workflows = table(
  'workflows',
  'w',
  'workflow_id workflow_permanent_id organization_id created_by title description version is_active workflow_definition parameter_schema created_at modified_at',
)
export const browserSessions = table(
  'browser_sessions',
  'pbs',
  'browser_session_id organization_id status timeout_seconds started_at ended_at created_at updated_at',
)
export const workflowRuns = table(
  'workflow_runs',
  'wr',
  'workflow_run_id workflow_id organization_id initiated_by browser_session_id status current_block_index parameters outputs failure_reason created_at modified_at started_at completed_at',
)
export const workflowBlocks = table(
  'workflow_blocks',
  'wrb',
  'workflow_block_id workflow_run_id block_index block_type label status output failure_reason created_at modified_at started_at completed_at',
)
export const workflowRunLogs = table(
  'workflow_run_logs',
  'wrl',
  'workflow_run_log_id workflow_run_id level message metadata created_at',
)
export const tasks = table(
  'tasks',
  'tsk',
  'task_id organization_id created_by browser_session_id status url navigation_goal data_extraction_goal navigation_payload proxy_location webhook_callback_url extracted_information failure_reason created_at modified_at completed_at totp_verification_url totp_identifier',
)
export const steps = table(
  'steps',
  'stp',
  'step_id task_id status order retry_index step_type input_data output_data is_goal_achieved output_parameter_key failure_reason created_at modified_at started_at completed_at',
)
export const actions = table(
  'actions',
  'act',
  'action_id step_id action_type confidence_float element_id text option file_url coordinate reasoning created_at',
)
export const artifacts = table(
  'artifacts',
  'a',
  'artifact_id task_id step_id workflow_run_id organization_id artifact_type uri signed_url file_size_bytes content_type created_at',
)
export const screenshots = table('screenshots', 'scr', 'screenshot_id step_id artifact_id uri created_at')
export const taskLogs = table('task_logs', 'tl', 'task_log_id task_id level message metadata created_at')
export const stepLogs = table('step_logs', 'sl', 'step_log_id step_id level message metadata created_at')

export const tables: readonly SeedTable[] = [
  organizations,
  users,
  apiKeys,
  workflows,
  browserSessions,
  workflowRuns,
  workflowBlocks,
  workflowRunLogs,
  tasks,
  steps,
  actions,
  artifacts,
  screenshots,
  taskLogs,
  stepLogs,
]
