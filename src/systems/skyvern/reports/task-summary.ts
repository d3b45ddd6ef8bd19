import { percent, seconds } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { statusTones } from '../tones.ts'

/** How one task went, and why. Each child is aggregated on its own (decision 12). */
export const taskSummary = report({
  name: 'task-summary',
  summary: 'How one task went, and why',
  description:
    'How one task went: its duration from creation to end, its steps one by one with their actions, its artifacts, and why it failed.',
  parameters: {
    task_id: {
      summary: 'task to report on',
      names: { entity: 'task' },
      kind: 'text',
      required: true,
      positional: true,
    },
  },
  sections: [
    {
      key: 'summary',
      title: 'Task',
      shape: 'record',
      columns: [
        { key: 'task_id', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'failure_reason', kind: 'text' },
        { key: 'created_at', kind: 'timestamp' },
        { key: 'completed_at', kind: 'timestamp' },
        { key: 'execution_time_seconds', label: 'execution time', kind: 'float', unit: 'seconds' },
        { key: 'total_steps', kind: 'bigint', unit: 'count' },
        { key: 'completed_steps', kind: 'bigint', unit: 'count' },
        { key: 'failed_steps', kind: 'bigint', unit: 'count' },
        { key: 'success_rate', label: 'step success rate', kind: 'float', unit: 'percent' },
        { key: 'total_artifacts', kind: 'bigint', unit: 'count' },
        { key: 'last_activity', kind: 'timestamp' },
      ],
      // The source document rounds this one success rate to two decimals (TaskSummary.round_success_rate).
      sql: ({ parameters, table }) => sql`
        SELECT
          t.task_id,
          t.status,
          t.failure_reason,
          t.created_at,
          t.completed_at,
          ${seconds(sql`t.completed_at - t.created_at`)} AS execution_time_seconds,
          s.total AS total_steps,
          s.completed AS completed_steps,
          s.failed AS failed_steps,
          ROUND(${percent(sql`s.completed`, sql`s.total`)}::numeric, 2)::double precision AS success_rate,
          a.total AS total_artifacts,
          s.last_activity
        FROM ${table('tasks')} t
        CROSS JOIN LATERAL (
          SELECT
            COUNT(*) AS total,
            COUNT(*) FILTER (WHERE status = 'completed') AS completed,
            COUNT(*) FILTER (WHERE status = 'failed') AS failed,
            MAX(created_at) AS last_activity
          FROM ${table('steps')}
          WHERE task_id = t.task_id
        ) s
        CROSS JOIN LATERAL (
          SELECT COUNT(*) AS total
          FROM ${table('artifacts')}
          WHERE task_id = t.task_id
        ) a
        WHERE t.task_id = ${parameters.task_id}
      `,
    },
    {
      key: 'steps',
      title: 'Steps',
      shape: 'table',
      columns: [
        { key: 'order', kind: 'integer' },
        { key: 'step_id', kind: 'text' },
        { key: 'step_type', label: 'type', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'retry_index', label: 'retries', kind: 'integer' },
        { key: 'actions', kind: 'bigint', unit: 'count' },
        { key: 'duration_seconds', label: 'duration', kind: 'float', unit: 'seconds' },
        { key: 'failure_reason', kind: 'text' },
      ],
      // People get the reason of failure in 80 columns rather than the id.
      shown: ['order', 'step_type', 'status', 'retry_index', 'actions', 'duration_seconds', 'failure_reason'],
      empty: 'The task has no steps.',
      sql: ({ parameters, table }) => sql`
        SELECT
          s."order",
          s.step_id,
          s.step_type,
          s.status,
          s.retry_index,
          (SELECT COUNT(*) FROM ${table('actions')} a WHERE a.step_id = s.step_id) AS actions,
          ${seconds(sql`s.completed_at - s.started_at`)} AS duration_seconds,
          s.failure_reason
        FROM ${table('steps')} s
        WHERE s.task_id = ${parameters.task_id}
        ORDER BY s."order"
      `,
    },
  ],
})
