/** How long AgentVine's data is kept (systems/agentvine.md, "Data Retention"; decision 50). */
import type { RetentionRule } from '../../model/retention.ts'

export const retention: readonly RetentionRule[] = [
  {
    name: 'execution-logs',
    summary: 'Log lines of executions after 30 days, by whole months',
    entity: 'execution-log',
    action: 'drop-partitions',
    ageOf: 'logged_at',
    olderThan: '30 days',
    archives: true,
  },
  {
    name: 'finished-executions',
    summary: 'Executions, with what is left of their logs, 90 days after their end',
    entity: 'execution',
    action: 'archive',
    ageOf: 'completed_at',
    olderThan: '90 days',
    only: { status: ['completed', 'failed', 'timeout', 'cancelled'] },
  },
  {
    name: 'old-chat',
    summary: 'Chat messages with their attachments after a year',
    entity: 'chat-message',
    action: 'archive',
    ageOf: 'created_at',
    olderThan: '1 year',
    optIn: true,
  },
]
