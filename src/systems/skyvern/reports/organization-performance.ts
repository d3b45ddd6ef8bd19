import { days, percent, seconds, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { ofOrganization, organizationParameter } from './fragments.ts'

/** How an organization's tasks fared day by day, what failed, what was stored. */
export const organizationPerformance = report({
  name: 'organization-performance',
  summary: 'Daily tasks, errors, files',
  description:
    'How the tasks of one organization, or of all of them, fared day by day (UTC, by the day of creation), why they failed, and what they stored by type.',
  parameters: { organization_id: organizationParameter },
  days: 30,
  sections: [
    {
      key: 'daily',
      title: 'Tasks by day (UTC)',
      shape: 'table',
      chart: { kind: 'line', x: 'date', y: ['tasks', 'failed'] },
      columns: [
        { key: 'date', kind: 'date' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'avg_duration_seconds', label: 'average duration', kind: 'float', unit: 'seconds' },
        { key: 'avg_steps_per_task', label: 'completed steps each', kind: 'float' },
      ],
      // Tasks and steps are counted apart and meet by day: a join would count a task once for each of its steps
      // (decision 12). Days without tasks are shown, with zeros.
      sql: (input) => sql`
        WITH ${days(input)},
        task AS (
          SELECT
            (created_at AT TIME ZONE 'UTC')::date AS date,
            COUNT(*) AS tasks,
            COUNT(*) FILTER (WHERE status = 'completed') AS completed,
            COUNT(*) FILTER (WHERE status = 'failed') AS failed,
            AVG(${seconds(sql`completed_at - created_at`)}) AS avg_duration_seconds
          FROM ${input.table('tasks')}
          WHERE ${within(sql`created_at`, input)}
            ${ofOrganization(sql`organization_id`, input)}
          GROUP BY 1
        ),
        step AS (
          SELECT
            (t.created_at AT TIME ZONE 'UTC')::date AS date,
            COUNT(*) AS completed_steps
          FROM ${input.table('tasks')} t
          JOIN ${input.table('steps')} s USING (task_id)
          WHERE ${within(sql`t.created_at`, input)}
            ${ofOrganization(sql`t.organization_id`, input)}
            AND s.status = 'completed'
          GROUP BY 1
        )
        SELECT
          day.date,
          COALESCE(task.tasks, 0) AS tasks,
          COALESCE(task.completed, 0) AS completed,
          COALESCE(task.failed, 0) AS failed,
          task.avg_duration_seconds,
          COALESCE(step.completed_steps, 0)::double precision / task.tasks AS avg_steps_per_task
        FROM day
        LEFT JOIN task USING (date)
        LEFT JOIN step USING (date)
        ORDER BY day.date
      `,
    },
    {
      key: 'errors',
      title: 'Most frequent reasons of failure',
      shape: 'table',
      chart: { kind: 'bars', x: 'failure_reason', y: ['error_count'] },
      columns: [
        { key: 'failure_reason', kind: 'text' },
        { key: 'error_count', label: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'error_percentage', label: 'of all failures', kind: 'float', unit: 'percent' },
      ],
      empty: 'No task failed with a reason in this period.',
      // The share is of every failed task, those without a reason included.
      sql: (input) => sql`
        WITH failure AS (
          SELECT failure_reason
          FROM ${input.table('tasks')}
          WHERE status = 'failed'
            AND ${within(sql`created_at`, input)}
            ${ofOrganization(sql`organization_id`, input)}
        )
        SELECT
          failure_reason,
          COUNT(*) AS error_count,
          ${percent(sql`COUNT(*)`, sql`(SELECT COUNT(*) FROM failure)`)} AS error_percentage
        FROM failure
        WHERE failure_reason IS NOT NULL
        GROUP BY failure_reason
        ORDER BY error_count DESC, failure_reason
        LIMIT 10
      `,
    },
    {
      key: 'resources',
      title: 'Artifacts by type',
      shape: 'table',
      columns: [
        { key: 'artifact_type', label: 'type', kind: 'enumeration' },
        { key: 'artifact_count', label: 'artifacts', kind: 'bigint', unit: 'count' },
        { key: 'total_size_bytes', label: 'total size', kind: 'numeric', unit: 'bytes' },
        { key: 'avg_size_bytes', label: 'average size', kind: 'float', unit: 'bytes' },
      ],
      empty: 'No artifact was stored in this period.',
      sql: (input) => sql`
        SELECT
          artifact_type,
          COUNT(*) AS artifact_count,
          COALESCE(SUM(file_size_bytes), 0) AS total_size_bytes,
          AVG(file_size_bytes)::double precision AS avg_size_bytes
        FROM ${input.table('artifacts')}
        WHERE ${within(sql`created_at`, input)}
          ${ofOrganization(sql`organization_id`, input)}
        GROUP BY artifact_type
        ORDER BY total_size_bytes DESC, artifact_type
      `,
    },
  ],
})
