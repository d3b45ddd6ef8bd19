/** Enum types (systems/skyvern.md, "File 2: enums"; decision 11 for the states, decision 9 for the last two). */
export const types = (s: string): string[] => [
  `CREATE TYPE ${s}.task_status AS ENUM (
  'created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'terminated'
)`,
  `CREATE TYPE ${s}.step_status AS ENUM ('created', 'running', 'completed', 'failed', 'retrying', 'skipped')`,
  `CREATE TYPE ${s}.action_type AS ENUM (
  'navigate', 'go_back', 'go_forward', 'refresh',
  'click', 'type', 'select_option', 'check', 'uncheck',
  'extract', 'upload_file', 'download_file',
  'wait', 'wait_for_element',
  'scroll', 'scroll_to_element',
  'screenshot',
  'complete', 'terminate'
)`,
  `CREATE TYPE ${s}.artifact_type AS ENUM (
  'screenshot_action', 'screenshot_llm', 'screenshot_step',
  'recording', 'har_file',
  'extracted_data', 'downloaded_file',
  'browser_logs', 'network_logs'
)`,
  `CREATE TYPE ${s}.workflow_run_status AS ENUM (
  'created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'terminated'
)`,
  `CREATE TYPE ${s}.workflow_block_status AS ENUM (
  'created', 'running', 'completed', 'failed', 'cancelled', 'terminated', 'skipped'
)`,
  `CREATE TYPE ${s}.browser_session_status AS ENUM ('created', 'running', 'completed', 'failed', 'timeout')`,
]
