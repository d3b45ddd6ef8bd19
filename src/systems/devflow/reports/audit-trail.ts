import { type ReportInput, report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'

/**
 * What happened to one object, there or deleted (decision 60). The object is the most particular of an event's ids: an
 * event of an execution names its task and project too, and is none of theirs.
 */
export const auditTrail = report({
  name: 'audit-trail',
  summary: 'What happened to one object',
  description:
    'The events of one project, task, execution or pull request, oldest first, with what each change changed; and how many events there are of what hangs on it. An object that is deleted keeps its trail.',
  parameters: {
    object_id: {
      summary: 'id of a project, task, execution or pull request, there or deleted',
      kind: 'uuid',
      required: true,
      positional: true,
      metavar: 'id',
    },
  },
  sections: [
    {
      key: 'trail',
      title: 'Trail',
      shape: 'table',
      columns: [
        { key: 'occurred_at', label: 'when', kind: 'timestamp' },
        { key: 'actor', label: 'who', kind: 'text' },
        { key: 'event_type', label: 'event', kind: 'text' },
        { key: 'action', kind: 'text' },
        { key: 'changes', kind: 'text' },
        { key: 'event_id', kind: 'uuid' },
      ],
      shown: ['occurred_at', 'actor', 'event_type', 'action', 'changes'],
      empty: 'No event is known of this object.',
      sql: (input) => sql`
        SELECT
          e.occurred_at,
          e.actor,
          e.event_type,
          e.action,
          (
            SELECT string_agg(
              change.key || ': ' || COALESCE(change.value ->> 'from', 'none') || ' → '
                || COALESCE(change.value ->> 'to', 'none'),
              ', ' ORDER BY change.key
            )
            FROM jsonb_each(e.event_data -> 'changed') AS change
          ) AS changes,
          e.id AS event_id
        FROM ${input.table('workflow_events')} e
        WHERE ${names(input)}
          AND COALESCE(e.pr_id, e.task_execution_id, e.task_id, e.project_id) = ${object(input)}
        ORDER BY e.occurred_at, e.id
      `,
    },
    {
      key: 'related',
      title: 'Events of what hangs on it',
      shape: 'table',
      columns: [
        { key: 'event_category', label: 'category', kind: 'text' },
        { key: 'event_type', label: 'event', kind: 'text' },
        { key: 'events', kind: 'bigint', unit: 'count' },
        { key: 'first_event', label: 'first', kind: 'timestamp' },
        { key: 'last_event', label: 'last', kind: 'timestamp' },
      ],
      empty: 'There are none.',
      sql: (input) => sql`
        SELECT
          e.event_category,
          e.event_type,
          COUNT(*) AS events,
          MIN(e.occurred_at) AS first_event,
          MAX(e.occurred_at) AS last_event
        FROM ${input.table('workflow_events')} e
        WHERE ${names(input)}
          AND COALESCE(e.pr_id, e.task_execution_id, e.task_id, e.project_id) <> ${object(input)}
        GROUP BY e.event_category, e.event_type
        ORDER BY events DESC, e.event_category, e.event_type
      `,
    },
  ],
})

/** The id; NULL for a text that is none, of which nothing is known. */
function object({ parameters }: ReportInput): Sql {
  return sql`${parameters.object_id}::uuid`
}

/** Each id has an index of its own. */
function names(input: ReportInput): Sql {
  const id = object(input)
  return sql`(e.project_id = ${id} OR e.task_id = ${id} OR e.task_execution_id = ${id} OR e.pr_id = ${id})`
}
