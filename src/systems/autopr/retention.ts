/** How long AutoPR's data is kept; the document says nothing, decision 36 does. */
import type { RetentionRule } from '../../model/retention.ts'

export const retention: readonly RetentionRule[] = [
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
]
