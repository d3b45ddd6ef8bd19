/** Enum types (decision 54), labels in the order in which work goes on. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  task_status: ['pending', 'in_progress', 'validation', 'completed', 'failed', 'cancelled'],
  agent_type: ['codegen', 'claude_code', 'webhook_orchestrator', 'task_manager'],
  pr_status: ['draft', 'open', 'review_requested', 'approved', 'merged', 'closed', 'failed_validation'],
  execution_status: ['queued', 'running', 'completed', 'failed', 'timeout', 'cancelled'],
  validation_result: ['passed', 'failed', 'warning', 'skipped'],
}

export const types = (s: string): string[] =>
  Object.entries(TYPES).map(
    ([name, labels]) => `CREATE TYPE ${s}.${name} AS ENUM (${labels.map((label) => `'${label}'`).join(', ')})`,
  )
