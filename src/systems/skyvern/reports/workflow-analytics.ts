import { percent, seconds, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { workflowParameter } from './fragments.ts'

/** How often one workflow ran, and how well. */
export const workflowAnalytics = report({
  name: 'workflow-analytics',
  summary: 'Runs of one workflow',
  description:
    'Runs of one version of a workflow that were created in the period: how many, how many succeeded, how long they took from start to end, and why they failed.',
  parameters: { workflow_id: workflowParameter },
  days: 30,
  sections: [
    {
      key: 'summary',
      title: 'Runs',
      shape: 'record',
      columns: [
        { key: 'workflow_id', kind: 'text' },
        { key: 'title', kind: 'text' },
        { key: 'version', kind: 'integer' },
        { key: 'total_runs', kind: 'bigint', unit: 'count' },
        { key: 'successful_runs', kind: 'bigint', unit: 'count' },
        { key: 'failed_runs', kind: 'bigint', unit: 'count' },
        { key: 'success_rate', kind: 'float', unit: 'percent' },
        { key: 'avg_execution_time_seconds', label: 'average duration', kind: 'float', unit: 'seconds' },
        { key: 'first_run', kind: 'timestamp' },
        { key: 'last_run', kind: 'timestamp' },
      ],
      // The workflow itself stands at the head of the report.
      shown: [
        'version',
        'total_runs',
        'successful_runs',
        'failed_runs',
        'success_rate',
        'avg_execution_time_seconds',
        'first_run',
        'last_run',
      ],
      sql: (input) => sql`
        SELECT
          w.workflow_id,
          w.title,
          w.version,
          r.total_runs,
          r.successful_runs,
          r.failed_runs,
          ${percent(sql`r.successful_runs`, sql`r.total_runs`)} AS success_rate,
          r.avg_execution_time_seconds,
          r.first_run,
          r.last_run
        FROM ${input.table('workflows')} w
        CROSS JOIN LATERAL (
          SELECT
            COUNT(*) AS total_runs,
            COUNT(*) FILTER (WHERE status = 'completed') AS successful_runs,
            COUNT(*) FILTER (WHERE status = 'failed') AS failed_runs,
            AVG(${seconds(sql`completed_at - started_at`)}) AS avg_execution_time_seconds,
            MIN(created_at) AS first_run,
            MAX(created_at) AS last_run
          FROM ${input.table('workflow_runs')}
          WHERE workflow_id = w.workflow_id
            AND ${within(sql`created_at`, input)}
        ) r
        WHERE w.workflow_id = ${input.parameters.workflow_id}
      `,
    },
    {
      key: 'failures',
      title: 'Most frequent reasons of failure',
      shape: 'table',
      columns: [
        { key: 'failure_reason', kind: 'text' },
        { key: 'runs', kind: 'bigint', unit: 'count' },
        { key: 'last_seen', kind: 'timestamp' },
      ],
      empty: 'No run failed in this period.',
      sql: (input) => sql`
        SELECT
          failure_reason,
          COUNT(*) AS runs,
          MAX(created_at) AS last_seen
        FROM ${input.table('workflow_runs')}
        WHERE workflow_id = ${input.parameters.workflow_id}
          AND status = 'failed'
          AND ${within(sql`created_at`, input)}
        GROUP BY failure_reason
        ORDER BY runs DESC, failure_reason
        LIMIT 10
      `,
    },
  ],
})
