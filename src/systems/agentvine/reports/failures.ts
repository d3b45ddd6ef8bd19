import { percent, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'

/** What failed, by type, and why. */
export const failures = report({
  name: 'failures',
  summary: 'Failures by type and reason',
  description:
    'Executions and tasks that ended in the period, by type of task, and the reasons that orders failed for good with. An execution that fails is one try: its task only fails when no retry is left. Rates are shares of what came to a verdict; what was cancelled says nothing.',
  parameters: {},
  days: 30,
  sections: [
    {
      key: 'types',
      title: 'By type of task',
      shape: 'table',
      chart: { kind: 'bars', x: 'task_type', y: ['try_failure_rate'] },
      columns: [
        { key: 'task_type', label: 'type', kind: 'text' },
        { key: 'tries', kind: 'bigint', unit: 'count' },
        { key: 'failed_tries', kind: 'bigint', unit: 'count' },
        { key: 'timed_out_tries', label: 'timed out', kind: 'bigint', unit: 'count' },
        { key: 'try_failure_rate', label: 'of all tries', kind: 'float', unit: 'percent' },
        { key: 'tasks', label: 'tasks ended', kind: 'bigint', unit: 'count' },
        { key: 'failed_tasks', kind: 'bigint', unit: 'count' },
        { key: 'task_failure_rate', label: 'of all tasks', kind: 'float', unit: 'percent' },
      ],
      empty: 'Nothing ended in this period.',
      // Tries and tasks are counted apart and meet by type: a join would count a task once for each of its tries.
      sql: (input) => sql`
        WITH try AS (
          SELECT
            t.task_type,
            COUNT(*) AS tries,
            COUNT(*) FILTER (WHERE e.status = 'failed') AS failed_tries,
            COUNT(*) FILTER (WHERE e.status = 'timeout') AS timed_out_tries
          FROM ${input.table('executions')} e
          JOIN ${input.table('tasks')} t ON t.id = e.task_id
          WHERE e.status IN ('completed', 'failed', 'timeout')
            AND ${within(sql`e.completed_at`, input)}
          GROUP BY t.task_type
        ),
        task AS (
          SELECT
            t.task_type,
            COUNT(*) AS tasks,
            COUNT(*) FILTER (WHERE t.status = 'failed') AS failed_tasks
          FROM ${input.table('tasks')} t
          WHERE t.status IN ('completed', 'failed')
            AND ${within(sql`t.completed_at`, input)}
          GROUP BY t.task_type
        )
        SELECT
          task_type,
          COALESCE(tries, 0) AS tries,
          COALESCE(failed_tries, 0) AS failed_tries,
          COALESCE(timed_out_tries, 0) AS timed_out_tries,
          ${percent(sql`COALESCE(failed_tries + timed_out_tries, 0)`, sql`COALESCE(tries, 0)`)} AS try_failure_rate,
          COALESCE(tasks, 0) AS tasks,
          COALESCE(failed_tasks, 0) AS failed_tasks,
          ${percent(sql`COALESCE(failed_tasks, 0)`, sql`COALESCE(tasks, 0)`)} AS task_failure_rate
        FROM try
        FULL JOIN task USING (task_type)
        ORDER BY try_failure_rate DESC, task_type
      `,
    },
    {
      key: 'reasons',
      title: 'Most frequent reasons',
      shape: 'table',
      columns: [
        { key: 'error_message', label: 'reason', kind: 'text' },
        { key: 'orders', kind: 'bigint', unit: 'count' },
        { key: 'share', label: 'of all failed orders', kind: 'float', unit: 'percent' },
        { key: 'latest_at', label: 'latest', kind: 'timestamp' },
      ],
      empty: 'No order failed with a reason in this period.',
      // The share is of every failed order, those without a reason included. One whose task was cancelled while a worker
      // had it came to no verdict: the execution of its last claim, which began at the same instant, says so.
      sql: (input) => sql`
        WITH failed AS (
          SELECT o.error_message, o.completed_at
          FROM ${input.table('work_orders')} o
          WHERE o.status = 'failed'
            AND ${within(sql`o.completed_at`, input)}
            AND NOT EXISTS (
              SELECT
              FROM ${input.table('executions')} e
              WHERE e.task_id = o.task_id
                AND e.status = 'cancelled'
                AND e.started_at = o.claimed_at
            )
        )
        SELECT
          error_message,
          COUNT(*) AS orders,
          ${percent(sql`COUNT(*)`, sql`(SELECT COUNT(*) FROM failed)`)} AS share,
          MAX(completed_at) AS latest_at
        FROM failed
        WHERE error_message IS NOT NULL
        GROUP BY error_message
        ORDER BY orders DESC, error_message
        LIMIT 10
      `,
    },
  ],
})
