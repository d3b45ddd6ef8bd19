import { percentile, seconds, within } from '../../../model/figures.ts'
import { type Report, report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'

const lead = seconds(sql`t.completed_at - t.created_at`)
const cycle = seconds(sql`t.completed_at - t.started_at`)

const figures: Sql = sql`
          COUNT(*) AS completed,
          COUNT(t.started_at) AS started,
          ${percentile(0.5, lead)} AS lead_p50_seconds,
          ${percentile(0.95, lead)} AS lead_p95_seconds,
          ${percentile(0.5, cycle)} AS cycle_p50_seconds,
          ${percentile(0.95, cycle)} AS cycle_p95_seconds`

const columns = [
  { key: 'completed', kind: 'bigint', unit: 'count' },
  { key: 'started', label: 'with a start', kind: 'bigint', unit: 'count' },
  { key: 'lead_p50_seconds', label: 'lead p50', kind: 'float', unit: 'seconds' },
  { key: 'lead_p95_seconds', label: 'lead p95', kind: 'float', unit: 'seconds' },
  { key: 'cycle_p50_seconds', label: 'cycle p50', kind: 'float', unit: 'seconds' },
  { key: 'cycle_p95_seconds', label: 'cycle p95', kind: 'float', unit: 'seconds' },
] as const

/** How long tasks take, from being asked for and from being begun. */
export const taskTimes: Report = report({
  name: 'task-times',
  summary: 'Lead and cycle time of tasks',
  description:
    'Tasks that were completed in the period. The lead time is counted from creation, the cycle time from the first start of work; both to completion. Deleted tasks do not count.',
  parameters: {},
  days: 30,
  sections: [
    {
      key: 'all',
      title: 'All tasks',
      shape: 'record',
      columns,
      sql: (input) => sql`
        SELECT ${figures}
        FROM ${input.table('tasks')} t
        WHERE t.status = 'completed'
          AND t.deleted_at IS NULL
          AND ${within(sql`t.completed_at`, input)}
      `,
    },
    {
      key: 'types',
      title: 'By type',
      shape: 'table',
      columns: [{ key: 'task_type', label: 'type', kind: 'text' }, ...columns],
      shown: [
        'task_type',
        'completed',
        'lead_p50_seconds',
        'lead_p95_seconds',
        'cycle_p50_seconds',
        'cycle_p95_seconds',
      ],
      empty: 'No task was completed in this period.',
      sql: (input) => sql`
        SELECT
          t.task_type,${figures}
        FROM ${input.table('tasks')} t
        WHERE t.status = 'completed'
          AND t.deleted_at IS NULL
          AND ${within(sql`t.completed_at`, input)}
        GROUP BY t.task_type
        ORDER BY completed DESC, t.task_type
      `,
    },
  ],
})
