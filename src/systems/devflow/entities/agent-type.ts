/** The kinds of agent that do the work (decision 54). */
export const AGENT_TYPES = ['codegen', 'claude_code', 'webhook_orchestrator', 'task_manager'] as const
