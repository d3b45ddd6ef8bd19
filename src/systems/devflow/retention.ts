/** How long DevFlow's data is kept (decision 62). */
import type { RetentionRule } from '../../model/retention.ts'

/** What failed or was cancelled need not say when (decision 57): then its last change counts. */
const ENDED = ['completed_at', 'updated_at'] as const

/** Tasks with their executions, dependencies and validations. */
function tasks(name: string, status: string, olderThan: string): RetentionRule {
  return {
    name: `${name}-tasks`,
    summary: `Tasks that are ${status}, with all that hangs on them, after ${olderThan}`,
    entity: 'task',
    action: 'archive',
    ageOf: ENDED,
    olderThan,
    only: { status: [status] },
    // Pull requests stay for the reports, as their key says; nothing else may lose a task that it refers to.
    detaches: ['pull-request.task_id'],
  }
}

/** Attempts go before their tasks, but not while the task is still worked on. */
function executions(name: string, statuses: readonly string[], olderThan: string): RetentionRule {
  return {
    name: `${name}-executions`,
    summary: `Executions that ended in ${statuses.join(' or ')}, after ${olderThan}`,
    entity: 'execution',
    action: 'archive',
    ageOf: ENDED,
    olderThan,
    only: { execution_status: statuses },
    unlessActive: ['task_id'],
  }
}

export const retention: readonly RetentionRule[] = [
  executions('completed', ['completed'], '30 days'),
  executions('failed', ['failed'], '180 days'),
  executions('other', ['timeout', 'cancelled'], '90 days'),
  tasks('completed', 'completed', '90 days'),
  tasks('failed', 'failed', '180 days'),
  tasks('cancelled', 'cancelled', '365 days'),
  {
    name: 'events',
    summary: 'Events that the platform wrote, after 365 days',
    entity: 'event',
    action: 'delete',
    ageOf: 'occurred_at',
    olderThan: '365 days',
    except: { event_type: ['audit'] },
  },
  {
    name: 'audit-events',
    summary: 'The audit trail, after 1095 days',
    entity: 'event',
    action: 'archive',
    ageOf: 'occurred_at',
    olderThan: '1095 days',
    only: { event_type: ['audit'] },
  },
]
