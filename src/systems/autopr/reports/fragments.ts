/** What several AutoPR reports share. */
import { oneOrAll, percentile, rate, seconds } from '../../../model/figures.ts'
import { type Sql, sql } from '../../../model/sql.ts'

export const { parameter: workflowParameter, only: ofWorkflow } = oneOrAll(
  'workflow_id',
  { entity: 'workflow', label: 'name', by: 'id or name' },
  'uuid',
)
export const { parameter: integrationParameter, only: ofIntegration } = oneOrAll(
  'integration_id',
  { entity: 'integration', label: 'name', by: 'id or name' },
  'uuid',
)

/**
 * Figures of a group of executions `e`. The success rate is of those that came to a verdict: what was cancelled or is
 * under way says nothing yet. Queue and running time are two figures (decision 30).
 */
export const outcomes: Sql = sql`
          COUNT(*) AS executions,
          COUNT(*) FILTER (WHERE e.status = 'completed') AS completed,
          COUNT(*) FILTER (WHERE e.status = 'failed') AS failed,
          COUNT(*) FILTER (WHERE e.status = 'timeout') AS timed_out,
          COUNT(*) FILTER (WHERE e.status = 'cancelled') AS cancelled,
          COUNT(*) FILTER (WHERE e.status IN ('pending', 'running')) AS under_way,
          ${rate(
            sql`COUNT(*) FILTER (WHERE e.status = 'completed')`,
            sql`COUNT(*) FILTER (WHERE e.status IN ('completed', 'failed', 'timeout'))`,
          )} AS success_rate,
          COUNT(*) FILTER (WHERE e.retry_count > 0) AS retries,
          ${percentile(0.5, seconds(sql`e.started_at - e.created_at`))} AS queue_p50_seconds,
          ${percentile(0.95, seconds(sql`e.started_at - e.created_at`))} AS queue_p95_seconds,
          ${percentile(0.5, seconds(sql`e.completed_at - e.started_at`))} AS run_p50_seconds,
          ${percentile(0.95, seconds(sql`e.completed_at - e.started_at`))} AS run_p95_seconds`
