import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { created, ofOrganization, organizationParameter, percent, seconds } from './fragments.ts'

/** How an organization's tasks fared day by day, what failed, what was stored. */
export const organizationPerformance = report({
  name: 'organization-performance',
  summary: 'Tasks day by day, reasons of failure, artifacts by type',
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
        { key: 'tasks', kind: 'bigint' },
        { key: 'completed', kind: 'bigint' },
        { key: 'failed', kind: 'bigint' },
        { key: 'avg_duration_seconds', label: 'average duration', kind: 'float', unit: 'seconds' },
        { key: 'avg_steps_per_task', label: 'completed steps a task', kind: 'float' },
      ],
      sql: (input) => sql`
        WITH task AS (
          SELECT
            task_id,
            status,
            completed_at - created_at AS duration,
            (created_at AT TIME ZONE 'UTC')::date AS date
          FROM ${input.table('tasks')}
          WHERE ${created(sql`created_at`, input)}
            ${ofOrganization(sql`organization_id`, input)}
        ),
        -- Once per task, not once per row of a join: a task counts once whatever it has of steps.
        completed_steps AS (
          SELECT task_id, COUNT(*) AS steps
          FROM ${input.table('steps')}
          JOIN task USING (task_id)
          WHERE ${input.table('steps')}.status = 'completed'
          GROUP BY task_id
        ),
        -- Days without tasks are shown, with zeros. The last instant before the end decides the last day.
        day AS (
          SELECT generate_series(
            date_trunc('day', ${input.window.since}::timestamptz AT TIME ZONE 'UTC'),
            (${input.window.until}::timestamptz - interval '1 microsecond') AT TIME ZONE 'UTC',
            interval '1 day'
          )::date AS date
        )
        SELECT
          day.date,
          COUNT(task.task_id) AS tasks,
          COUNT(*) FILTER (WHERE task.status = 'completed') AS completed,
          COUNT(*) FILTER (WHERE task.status = 'failed') AS failed,
          AVG(${seconds(sql`task.duration`)}) AS avg_duration_seconds,
          (AVG(COALESCE(completed_steps.steps, 0)) FILTER (WHERE task.task_id IS NOT NULL))::double precision
            AS avg_steps_per_task
        FROM day
        LEFT JOIN task USING (date)
        LEFT JOIN completed_steps USING (task_id)
        GROUP BY day.date
        ORDER BY day.date
      `,
    },
    {
      key: 'errors',
      title: 'Reasons of failure',
      shape: 'table',
      chart: { kind: 'bars', x: 'failure_reason', y: ['error_count'] },
      columns: [
        { key: 'failure_reason', kind: 'text' },
        { key: 'error_count', label: 'tasks', kind: 'bigint' },
        { key: 'error_percentage', label: 'of all failures', kind: 'float', unit: 'percent' },
      ],
      empty: 'No task failed with a reason in this period.',
      // The share is of every failed task, those without a reason included.
      sql: (input) => sql`
        WITH failure AS (
          SELECT failure_reason
          FROM ${input.table('tasks')}
          WHERE status = 'failed'
            AND ${created(sql`created_at`, input)}
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
        { key: 'artifact_count', label: 'artifacts', kind: 'bigint' },
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
        WHERE ${created(sql`created_at`, input)}
          ${ofOrganization(sql`organization_id`, input)}
        GROUP BY artifact_type
        ORDER BY total_size_bytes DESC, artifact_type
      `,
    },
  ],
})
