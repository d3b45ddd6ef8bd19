/**
 * How long AgentVine's data is kept (systems/agentvine.md, "Data Retention"; decision 50), and who is taken for gone and
 * what for forgotten (decision 52). Tasks stay for audit.
 */
import type { RetentionRule } from '../../model/retention.ts'

export const retention: readonly RetentionRule[] = [
  // As `worker reap` finds them. One that was never heard of is silent since it was made.
  {
    name: 'stale-workers',
    summary: 'Workers without a heartbeat for 90 s go offline: their orders are tried again or fail',
    entity: 'worker',
    action: 'expire',
    ageOf: ['last_heartbeat_at', 'created_at'],
    olderThan: '90 seconds',
    only: { status: ['idle', 'busy', 'error'] },
    transition: 'offline',
  },
  // As `work-order expire-overdue` finds them.
  {
    name: 'overdue-orders',
    summary: 'Open work orders expire once their expires_at has passed',
    entity: 'work-order',
    action: 'expire',
    ageOf: 'expires_at',
    olderThan: '0 seconds',
    only: { status: ['pending', 'claimed'] },
    transition: 'expire',
  },
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
  {
    name: 'deleted-documents',
    summary: 'Context documents that were marked as deleted, with their versions, 90 days after that',
    entity: 'document',
    action: 'purge',
    ageOf: 'deleted_at',
    olderThan: '90 days',
    optIn: true,
  },
]
