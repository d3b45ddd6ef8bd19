import { days, percent, within } from '../../../model/figures.ts'
import { type ReportInput, report } from '../../../model/report.ts'
import { empty, type Sql, sql } from '../../../model/sql.ts'
import { levelTones } from '../../../model/words.ts'
import { ofWorkflow, workflowParameter } from './fragments.ts'

/** How much is logged, by level and day. */
export const logVolume = report({
  name: 'log-volume',
  summary: 'Log lines by level and day',
  description:
    'Log lines that were written in the period (days in UTC), by level and by day, and the executions that log most. Sizes are those of messages and metadata, without what storing them takes.',
  parameters: { workflow_id: workflowParameter },
  days: 14,
  sections: [
    {
      key: 'levels',
      title: 'By level',
      shape: 'table',
      columns: [
        { key: 'level', kind: 'enumeration', tones: levelTones },
        { key: 'lines', kind: 'bigint', unit: 'count' },
        { key: 'share', label: 'of all', kind: 'float', unit: 'percent' },
        { key: 'bytes', label: 'size', kind: 'numeric', unit: 'bytes' },
      ],
      empty: 'Nothing was logged in this period.',
      sql: (input) => sql`
        SELECT
          l.level,
          COUNT(*) AS lines,
          ${percent(sql`COUNT(*)`, sql`SUM(COUNT(*)) OVER ()`)} AS share,
          SUM(octet_length(l.message) + COALESCE(octet_length(l.log_metadata::text), 0))::numeric AS bytes
        FROM ${input.table('execution_logs')} l
        ${executionsOfWorkflow(input)}
        WHERE ${within(sql`l.created_at`, input)}
        GROUP BY l.level
        ORDER BY array_position(ARRAY['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'], l.level::text)
      `,
    },
    {
      key: 'days',
      title: 'By day (UTC)',
      shape: 'table',
      chart: { kind: 'line', x: 'date', y: ['lines', 'errors'] },
      columns: [
        { key: 'date', kind: 'date' },
        { key: 'lines', kind: 'bigint', unit: 'count' },
        { key: 'debug', kind: 'bigint', unit: 'count' },
        { key: 'info', kind: 'bigint', unit: 'count' },
        { key: 'warning', kind: 'bigint', unit: 'count' },
        { key: 'error', kind: 'bigint', unit: 'count' },
        { key: 'critical', kind: 'bigint', unit: 'count' },
        { key: 'errors', label: 'error and critical', kind: 'bigint', unit: 'count' },
      ],
      shown: ['date', 'lines', 'debug', 'info', 'warning', 'error', 'critical'],
      // Days without lines are shown, with zeros.
      sql: (input) => sql`
        WITH ${days(input)},
        line AS (
          SELECT (l.created_at AT TIME ZONE 'UTC')::date AS date, l.level
          FROM ${input.table('execution_logs')} l
          ${executionsOfWorkflow(input)}
          WHERE ${within(sql`l.created_at`, input)}
        )
        SELECT
          day.date,
          COUNT(line.level) AS lines,
          COUNT(*) FILTER (WHERE line.level = 'DEBUG') AS debug,
          COUNT(*) FILTER (WHERE line.level = 'INFO') AS info,
          COUNT(*) FILTER (WHERE line.level = 'WARNING') AS warning,
          COUNT(*) FILTER (WHERE line.level = 'ERROR') AS error,
          COUNT(*) FILTER (WHERE line.level = 'CRITICAL') AS critical,
          COUNT(*) FILTER (WHERE line.level IN ('ERROR', 'CRITICAL')) AS errors
        FROM day
        LEFT JOIN line USING (date)
        GROUP BY day.date
        ORDER BY day.date
      `,
    },
    {
      key: 'executions',
      title: 'Executions that log most',
      shape: 'table',
      columns: [
        { key: 'execution_id', label: 'execution', kind: 'text' },
        { key: 'workflow', kind: 'text' },
        { key: 'lines', kind: 'bigint', unit: 'count' },
        { key: 'errors', kind: 'bigint', unit: 'count' },
      ],
      empty: 'Nothing was logged in this period.',
      sql: (input) => sql`
        SELECT
          e.execution_id,
          w.name AS workflow,
          COUNT(*) AS lines,
          COUNT(*) FILTER (WHERE l.level IN ('ERROR', 'CRITICAL')) AS errors
        FROM ${input.table('execution_logs')} l
        JOIN ${input.table('workflow_executions')} e ON e.id = l.execution_id
        JOIN ${input.table('workflows')} w ON w.id = e.workflow_id
        WHERE ${within(sql`l.created_at`, input)}
          ${ofWorkflow(sql`e.workflow_id`, input)}
        GROUP BY e.id, w.name
        ORDER BY lines DESC, e.execution_id
        LIMIT 10
      `,
    },
  ],
})

/** Only the executions know their workflow; a report about all of them does not need the join. */
function executionsOfWorkflow(input: ReportInput): Sql {
  if (input.parameters.workflow_id === undefined) return empty
  return sql`
        JOIN ${input.table('workflow_executions')} e
          ON e.id = l.execution_id
          ${ofWorkflow(sql`e.workflow_id`, input)}`
}
