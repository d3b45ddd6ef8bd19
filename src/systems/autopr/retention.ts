/** How long AutoPR's data is kept; the document says nothing, decision 36 does. */
import type { RetentionRule } from '../../model/retention.ts'

/**
 * Deleted rows stay until somebody says how long (decision 34). A year: by then what ran under them was archived by the
 * rules on executions.
 */
const deleted = (entity: string, plural: string, along: string): RetentionRule => ({
  name: `deleted-${plural}`,
  summary: `Deleted ${plural}, with what is left of their ${along}, a year after that`,
  entity,
  action: 'purge',
  ageOf: 'deleted_at',
  olderThan: '1 year',
  optIn: true,
})

export const retention: readonly RetentionRule[] = [
  // As `event reap` finds them. The worker may be alive all the same, so somebody has to say that this is wanted.
  {
    name: 'stale-events',
    summary: 'Events in hand for 15 minutes go back into the queue: their worker must be gone',
    entity: 'event',
    action: 'expire',
    ageOf: 'claimed_at',
    olderThan: '15 minutes',
    only: { status: ['processing'] },
    transition: 'requeue',
    optIn: true,
  },
  {
    name: 'finished-executions',
    summary: 'Executions, with their logs, 180 days after their end',
    entity: 'execution',
    action: 'archive',
    ageOf: 'completed_at',
    olderThan: '180 days',
    only: { status: ['completed', 'failed', 'timeout', 'cancelled'] },
  },
  {
    name: 'old-logs',
    summary: 'Log lines after 90 days, by whole months',
    entity: 'execution-log',
    action: 'drop-partitions',
    ageOf: 'created_at',
    olderThan: '90 days',
  },
  {
    name: 'settled-events',
    summary: 'Events that were completed or ignored, 30 days after that',
    entity: 'event',
    action: 'delete',
    ageOf: 'processed_at',
    olderThan: '30 days',
    only: { status: ['completed', 'ignored'] },
  },
  {
    name: 'failed-events',
    summary: 'Events that failed, 90 days after that',
    entity: 'event',
    action: 'delete',
    ageOf: 'processed_at',
    olderThan: '90 days',
    only: { status: ['failed'] },
  },
  deleted('workflow', 'workflows', 'actions, triggers and executions'),
  deleted('integration', 'integrations', 'events'),
]
