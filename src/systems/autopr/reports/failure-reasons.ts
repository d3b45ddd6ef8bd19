import { percent, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { levelTones } from '../../../model/words.ts'
import { executionTones } from '../tones.ts'
import { ofWorkflow, workflowParameter } from './fragments.ts'

/** Why executions fail, and in which step. */
export const failureReasons = report({
  name: 'failure-reasons',
  summary: 'Why executions fail, and where',
  description:
    'Executions that were created in the period and failed or timed out: the most frequent reasons, and the steps that logged an error.',
  parameters: { workflow_id: workflowParameter },
  days: 30,
  sections: [
    {
      key: 'reasons',
      title: 'Most frequent reasons',
      shape: 'table',
      columns: [
        { key: 'error_message', label: 'reason', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: executionTones },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'share', label: 'of all failures', kind: 'float', unit: 'percent' },
        { key: 'workflows', kind: 'bigint', unit: 'count' },
        { key: 'last_seen', kind: 'timestamp' },
      ],
      shown: ['error_message', 'status', 'executions', 'share'],
      empty: 'No execution failed in this period.',
      sql: (input) => sql`
        WITH failure AS (
          SELECT error_message, status, workflow_id, created_at
          FROM ${input.table('workflow_executions')}
          WHERE status IN ('failed', 'timeout')
            AND ${within(sql`created_at`, input)}
            ${ofWorkflow(sql`workflow_id`, input)}
        )
        SELECT
          error_message,
          status,
          COUNT(*) AS executions,
          ${percent(sql`COUNT(*)`, sql`(SELECT COUNT(*) FROM failure)`)} AS share,
          COUNT(DISTINCT workflow_id) AS workflows,
          MAX(created_at) AS last_seen
        FROM failure
        GROUP BY error_message, status
        ORDER BY executions DESC, error_message, status
        LIMIT 20
      `,
    },
    {
      key: 'steps',
      title: 'Steps that logged an error',
      shape: 'table',
      columns: [
        { key: 'action_type', label: 'type', kind: 'text' },
        { key: 'action_name', label: 'step', kind: 'text' },
        { key: 'level', kind: 'enumeration', tones: levelTones },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'lines', kind: 'bigint', unit: 'count' },
      ],
      empty: 'No step logged an error in this period.',
      // A line is of the execution that logged it, whenever that was; the period is that of the executions.
      sql: (input) => sql`
        SELECT
          a.action_type,
          a.action_name,
          l.level,
          COUNT(DISTINCT l.execution_id) AS executions,
          COUNT(*) AS lines
        FROM ${input.table('workflow_executions')} e
        JOIN ${input.table('execution_logs')} l ON l.execution_id = e.id
        JOIN ${input.table('workflow_actions')} a ON a.id = l.action_id
        WHERE e.status IN ('failed', 'timeout')
          AND ${within(sql`e.created_at`, input)}
          ${ofWorkflow(sql`e.workflow_id`, input)}
          AND l.level IN ('ERROR', 'CRITICAL')
        GROUP BY a.action_type, a.action_name, l.level
        ORDER BY executions DESC, lines DESC, a.action_type, a.action_name, l.level
        LIMIT 20
      `,
    },
  ],
})
