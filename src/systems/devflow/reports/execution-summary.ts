import { rate, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { statusTones } from '../tones.ts'
import { ofProject, projectParameter } from './fragments.ts'

/** How many attempts tasks take, from the view task_execution_summary (decision 56). */
export const executionSummary = report({
  name: 'execution-summary',
  summary: 'Attempts by task',
  description:
    'Tasks whose last attempt was made in the period, with all their attempts: how many there were, how many succeeded, how long they took and what they used. Tasks with the most attempts come first.',
  parameters: { project_id: projectParameter },
  days: 30,
  sections: [
    {
      key: 'total',
      title: 'All together',
      shape: 'record',
      columns: [
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'successful', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'success_rate', label: 'success', kind: 'float', unit: 'percent' },
        { key: 'executions_per_task', label: 'attempts a task', kind: 'float', unit: 'average' },
        { key: 'cpu_time_ms', label: 'processor time', kind: 'bigint', unit: 'milliseconds' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) AS tasks,
          COALESCE(SUM(s.total_executions), 0)::bigint AS executions,
          COALESCE(SUM(s.successful_executions), 0)::bigint AS successful,
          COALESCE(SUM(s.failed_executions), 0)::bigint AS failed,
          ${rate(
            sql`SUM(s.successful_executions)`,
            sql`SUM(s.successful_executions + s.failed_executions)`,
          )} AS success_rate,
          AVG(s.total_executions)::double precision AS executions_per_task,
          COALESCE(SUM(s.total_cpu_time_ms), 0)::bigint AS cpu_time_ms
        FROM ${input.table('task_execution_summary')} s
        WHERE ${within(sql`s.last_execution`, input)}
          ${ofProject(sql`s.project_id`, input)}
      `,
    },
    {
      key: 'tasks',
      title: 'Tasks with the most attempts',
      shape: 'table',
      columns: [
        { key: 'task_id', kind: 'uuid' },
        { key: 'title', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'total_executions', label: 'attempts', kind: 'bigint', unit: 'count' },
        { key: 'successful_executions', label: 'successful', kind: 'bigint', unit: 'count' },
        { key: 'failed_executions', label: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'cancelled_executions', label: 'cancelled', kind: 'bigint', unit: 'count' },
        { key: 'avg_duration', label: 'average time', kind: 'float', unit: 'seconds' },
        { key: 'avg_memory_mb', label: 'average memory', kind: 'float', unit: 'megabytes' },
        { key: 'total_cpu_time_ms', label: 'processor time', kind: 'bigint', unit: 'milliseconds' },
        { key: 'last_execution', kind: 'timestamp' },
      ],
      shown: [
        'title',
        'status',
        'total_executions',
        'successful_executions',
        'failed_executions',
        'avg_duration',
        'total_cpu_time_ms',
      ],
      empty: 'No attempt was made in this period.',
      sql: (input) => sql`
        SELECT
          s.task_id,
          s.title,
          s.status,
          s.total_executions,
          s.successful_executions,
          s.failed_executions,
          s.cancelled_executions,
          s.avg_duration,
          s.avg_memory_mb,
          s.total_cpu_time_ms,
          s.last_execution
        FROM ${input.table('task_execution_summary')} s
        WHERE ${within(sql`s.last_execution`, input)}
          ${ofProject(sql`s.project_id`, input)}
        ORDER BY s.total_executions DESC, s.last_execution DESC, s.task_id
        LIMIT 25
      `,
    },
  ],
})
