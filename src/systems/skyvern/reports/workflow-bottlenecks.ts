import { percent, seconds, within } from '../../../model/figures.ts'
import { report, type SectionRows } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { workflowParameter } from './fragments.ts'

/** A block that takes longer than this on average is worth a look (source document, `_generate_optimization_recommendations`). */
const SLOW_SECONDS = 30

/** A block that fails more often than this is worth a look, in percent (same source). */
const FAILING_PERCENT = 10

/** Where the time of a workflow goes and where it fails, block by block. */
export const workflowBottlenecks = report({
  name: 'workflow-bottlenecks',
  summary: 'Slow and failing blocks',
  description:
    'Where one version of a workflow loses time and where it fails: its blocks in the runs that were created in the period, the time between them, and what to look at first.',
  parameters: { workflow_id: workflowParameter },
  days: 30,
  sections: [
    {
      key: 'blocks',
      title: 'Blocks, slowest first',
      shape: 'table',
      columns: [
        { key: 'block_index', label: 'block', kind: 'integer' },
        { key: 'block_type', label: 'type', kind: 'text' },
        { key: 'execution_count', label: 'started', kind: 'bigint', unit: 'count' },
        { key: 'avg_duration', label: 'average', kind: 'float', unit: 'seconds' },
        { key: 'median_duration', label: 'median', kind: 'float', unit: 'seconds' },
        { key: 'p95_duration', label: 'p95', kind: 'float', unit: 'seconds' },
        { key: 'failure_count', label: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'failure_rate', kind: 'float', unit: 'percent' },
      ],
      empty: 'No block was started in this period.',
      // Every started block counts; only finished ones have a duration, and the aggregates skip NULL (decision 19).
      sql: (input) => sql`
        SELECT
          b.block_index,
          b.block_type,
          COUNT(*) AS execution_count,
          AVG(d.duration) AS avg_duration,
          PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY d.duration) AS median_duration,
          PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY d.duration) AS p95_duration,
          COUNT(*) FILTER (WHERE b.status = 'failed') AS failure_count,
          ${percent(sql`COUNT(*) FILTER (WHERE b.status = 'failed')`, sql`COUNT(*)`)} AS failure_rate
        FROM ${input.table('workflow_runs')} r
        JOIN ${input.table('workflow_blocks')} b USING (workflow_run_id)
        CROSS JOIN LATERAL (SELECT ${seconds(sql`b.completed_at - b.started_at`)} AS duration) d
        WHERE r.workflow_id = ${input.parameters.workflow_id}
          AND ${within(sql`r.created_at`, input)}
          AND b.started_at IS NOT NULL
        GROUP BY b.block_index, b.block_type
        ORDER BY avg_duration DESC NULLS LAST, b.block_index, b.block_type
      `,
    },
    {
      key: 'transitions',
      title: 'Time between blocks, slowest first',
      shape: 'table',
      columns: [
        { key: 'from_block', label: 'from', kind: 'integer' },
        { key: 'to_block', label: 'to', kind: 'integer' },
        { key: 'transition_count', label: 'count', kind: 'bigint', unit: 'count' },
        { key: 'avg_transition_time', label: 'average', kind: 'float', unit: 'seconds' },
      ],
      empty: 'No run got from one block to another in this period.',
      // LAG in a subquery, grouped outside: a window function can stand neither in HAVING nor in an aggregate (13). A
      // run got to the blocks that it started, and to no others.
      sql: (input) => sql`
        SELECT
          from_block,
          to_block,
          COUNT(*) AS transition_count,
          AVG(${seconds(sql`started_at - previous_completed_at`)}) AS avg_transition_time
        FROM (
          SELECT
            LAG(b.block_index) OVER run AS from_block,
            b.block_index AS to_block,
            b.started_at,
            LAG(b.completed_at) OVER run AS previous_completed_at
          FROM ${input.table('workflow_runs')} r
          JOIN ${input.table('workflow_blocks')} b USING (workflow_run_id)
          WHERE r.workflow_id = ${input.parameters.workflow_id}
            AND ${within(sql`r.created_at`, input)}
            AND b.started_at IS NOT NULL
          WINDOW run AS (PARTITION BY b.workflow_run_id ORDER BY b.block_index)
        ) block
        WHERE from_block IS NOT NULL
        GROUP BY from_block, to_block
        ORDER BY avg_transition_time DESC NULLS LAST, from_block, to_block
      `,
    },
  ],
  recommends: recommendations,
})

function recommendations({ blocks = [] }: SectionRows): string[] {
  const advice: string[] = []
  const [slowest] = blocks
  if (slowest && Number(slowest.avg_duration) > SLOW_SECONDS) {
    advice.push(
      `Block ${slowest.block_index} (${slowest.block_type}) takes ${Number(slowest.avg_duration).toFixed(1)} s on average, the longest of all: look there first for time.`,
    )
  }
  for (const block of blocks) {
    if (Number(block.failure_rate) > FAILING_PERCENT) {
      advice.push(
        `Block ${block.block_index} (${block.block_type}) fails in ${Number(block.failure_rate).toFixed(1)} % of its executions: look at its error handling and retries.`,
      )
    }
  }
  return advice
}
