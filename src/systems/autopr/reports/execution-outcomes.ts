import type { Column } from '../../../model/column.ts'
import { within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { ofWorkflow, outcomes, workflowParameter } from './fragments.ts'

const FIGURES: readonly Column[] = [
  { key: 'executions', label: 'runs', kind: 'bigint', unit: 'count' },
  { key: 'completed', kind: 'bigint', unit: 'count' },
  { key: 'failed', kind: 'bigint', unit: 'count' },
  { key: 'timed_out', kind: 'bigint', unit: 'count' },
  { key: 'cancelled', kind: 'bigint', unit: 'count' },
  { key: 'under_way', kind: 'bigint', unit: 'count' },
  { key: 'success_rate', label: 'success', kind: 'float', unit: 'percent' },
  { key: 'retries', kind: 'bigint', unit: 'count' },
  { key: 'queue_p50_seconds', label: 'queue p50', kind: 'float', unit: 'seconds' },
  { key: 'queue_p95_seconds', label: 'queue p95', kind: 'float', unit: 'seconds' },
  { key: 'run_p50_seconds', label: 'run p50', kind: 'float', unit: 'seconds' },
  { key: 'run_p95_seconds', label: 'run p95', kind: 'float', unit: 'seconds' },
]

/** How executions end, workflow by workflow, and how long they wait and run. */
export const executionOutcomes = report({
  name: 'execution-outcomes',
  summary: 'How executions end, by workflow',
  description:
    'Executions that were created in the period, by workflow: how they ended, how many of them were retries, how long they waited for their start and how long they ran. The success rate leaves out what was cancelled and what is under way.',
  parameters: { workflow_id: workflowParameter },
  days: 30,
  sections: [
    {
      key: 'total',
      title: 'All together',
      shape: 'record',
      columns: FIGURES,
      sql: (input) => sql`
        SELECT${outcomes}
        FROM ${input.table('workflow_executions')} e
        WHERE ${within(sql`e.created_at`, input)}
          ${ofWorkflow(sql`e.workflow_id`, input)}
      `,
    },
    {
      key: 'workflows',
      title: 'Workflows, busiest first',
      shape: 'table',
      columns: [{ key: 'workflow_id', kind: 'uuid' }, { key: 'name', label: 'workflow', kind: 'text' }, ...FIGURES],
      // What fits into 80 columns; machine formats carry the rest.
      shown: ['name', 'executions', 'success_rate', 'retries', 'queue_p95_seconds', 'run_p95_seconds'],
      empty: 'No execution was created in this period.',
      sql: (input) => sql`
        SELECT
          e.workflow_id,
          w.name,${outcomes}
        FROM ${input.table('workflow_executions')} e
        JOIN ${input.table('workflows')} w ON w.id = e.workflow_id
        WHERE ${within(sql`e.created_at`, input)}
          ${ofWorkflow(sql`e.workflow_id`, input)}
        GROUP BY e.workflow_id, w.name
        ORDER BY executions DESC, w.name
      `,
    },
  ],
})
