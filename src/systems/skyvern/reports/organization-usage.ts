import { percent, seconds, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { ofOrganization, organizationParameter } from './fragments.ts'

/** What an organization used: tasks, workflow runs, storage. */
export const organizationUsage = report({
  name: 'organization-usage',
  summary: 'Tasks, runs, storage used',
  description:
    'What one organization, or all of them, used in the period: tasks, runs and artifacts that were created in it. Workflows are counted whether they ran or not, each version for itself.',
  parameters: { organization_id: organizationParameter },
  days: 30,
  sections: [
    {
      key: 'tasks',
      title: 'Tasks',
      shape: 'record',
      columns: [
        { key: 'total', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'active', label: 'queued or running', kind: 'bigint', unit: 'count' },
        { key: 'success_rate', kind: 'float', unit: 'percent' },
        { key: 'avg_duration_seconds', label: 'average duration', kind: 'float', unit: 'seconds' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) AS total,
          COUNT(*) FILTER (WHERE status = 'completed') AS completed,
          COUNT(*) FILTER (WHERE status = 'failed') AS failed,
          COUNT(*) FILTER (WHERE status IN ('queued', 'running')) AS active,
          ${percent(sql`COUNT(*) FILTER (WHERE status = 'completed')`, sql`COUNT(*)`)} AS success_rate,
          AVG(${seconds(sql`completed_at - created_at`)}) AS avg_duration_seconds
        FROM ${input.table('tasks')}
        WHERE ${within(sql`created_at`, input)}
          ${ofOrganization(sql`organization_id`, input)}
      `,
    },
    {
      key: 'workflows',
      title: 'Workflows',
      shape: 'record',
      columns: [
        { key: 'total_workflows', label: 'workflow versions', kind: 'bigint', unit: 'count' },
        { key: 'total_runs', label: 'runs', kind: 'bigint', unit: 'count' },
        { key: 'completed_runs', kind: 'bigint', unit: 'count' },
        { key: 'avg_duration_seconds', label: 'average duration', kind: 'float', unit: 'seconds' },
      ],
      // The window stands in the join: in WHERE it would drop workflows whose runs all lie outside it (decision 19).
      sql: (input) => sql`
        SELECT
          COUNT(DISTINCT w.workflow_id) AS total_workflows,
          COUNT(r.workflow_run_id) AS total_runs,
          COUNT(*) FILTER (WHERE r.status = 'completed') AS completed_runs,
          AVG(${seconds(sql`r.completed_at - r.started_at`)}) AS avg_duration_seconds
        FROM ${input.table('workflows')} w
        LEFT JOIN ${input.table('workflow_runs')} r
          ON r.workflow_id = w.workflow_id
          AND ${within(sql`r.created_at`, input)}
        WHERE TRUE
          ${ofOrganization(sql`w.organization_id`, input)}
      `,
    },
    {
      key: 'resources',
      title: 'Storage',
      shape: 'record',
      columns: [
        { key: 'total_artifacts', label: 'artifacts', kind: 'bigint', unit: 'count' },
        { key: 'screenshot_count', label: 'screenshots', kind: 'bigint', unit: 'count' },
        { key: 'storage_bytes', label: 'storage', kind: 'numeric', unit: 'bytes' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) AS total_artifacts,
          -- An enum has no LIKE: the screenshot types are listed (decision 14).
          COUNT(*) FILTER (
            WHERE artifact_type IN ('screenshot_action', 'screenshot_llm', 'screenshot_step')
          ) AS screenshot_count,
          COALESCE(SUM(file_size_bytes), 0) AS storage_bytes
        FROM ${input.table('artifacts')}
        WHERE ${within(sql`created_at`, input)}
          ${ofOrganization(sql`organization_id`, input)}
      `,
    },
  ],
})
