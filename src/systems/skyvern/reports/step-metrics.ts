import { percent, seconds, within } from '../../../model/figures.ts'
import { type ReportInput, report } from '../../../model/report.ts'
import { empty, type Sql, sql } from '../../../model/sql.ts'
import { ofOrganization, organizationParameter } from './fragments.ts'

/** Steps by type: how many, how many succeeded, how long, how many retries. */
export const stepMetrics = report({
  name: 'step-metrics',
  summary: 'Steps by type',
  description:
    'Steps that were created in the period, by type: how many, how many succeeded, how long they took from start to end, how often they were retried.',
  parameters: { organization_id: organizationParameter },
  days: 7,
  sections: [
    {
      key: 'steps',
      title: 'Steps by type',
      shape: 'table',
      columns: [
        { key: 'step_type', label: 'type', kind: 'text' },
        { key: 'total_steps', label: 'total', kind: 'bigint', unit: 'count' },
        { key: 'completed_steps', label: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed_steps', label: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'success_rate', label: 'success', kind: 'float', unit: 'percent' },
        { key: 'avg_execution_time_seconds', label: 'average time', kind: 'float', unit: 'seconds' },
        { key: 'avg_retries', label: 'retries each', kind: 'float' },
      ],
      empty: 'No step was created in this period.',
      sql: (input) => sql`
        SELECT
          s.step_type,
          COUNT(*) AS total_steps,
          COUNT(*) FILTER (WHERE s.status = 'completed') AS completed_steps,
          COUNT(*) FILTER (WHERE s.status = 'failed') AS failed_steps,
          ${percent(sql`COUNT(*) FILTER (WHERE s.status = 'completed')`, sql`COUNT(*)`)} AS success_rate,
          AVG(${seconds(sql`s.completed_at - s.started_at`)}) AS avg_execution_time_seconds,
          AVG(s.retry_index)::double precision AS avg_retries
        FROM ${input.table('steps')} s
        ${tasksOfOrganization(input)}
        WHERE ${within(sql`s.created_at`, input)}
        GROUP BY s.step_type
        ORDER BY total_steps DESC, s.step_type
      `,
    },
  ],
})

/** Only the tasks know the organization; a report about all of them does not need the join. */
function tasksOfOrganization(input: ReportInput): Sql {
  if (input.parameters.organization_id === undefined) return empty
  return sql`
        JOIN ${input.table('tasks')} t
          ON t.task_id = s.task_id
          ${ofOrganization(sql`t.organization_id`, input)}`
}
