/** What several AutoPR reports share. */
import { percentile, seconds } from '../../../model/figures.ts'
import type { Parameter, ReportInput } from '../../../model/report.ts'
import { empty, type Sql, sql } from '../../../model/sql.ts'

export const workflowParameter: Parameter = {
  summary: 'workflow to report on, by id or name; all of them when absent',
  names: { entity: 'workflow', label: 'name', absent: 'all workflows' },
  kind: 'text',
  positional: true,
  metavar: 'workflow',
}

export const integrationParameter: Parameter = {
  summary: 'integration to report on, by id or name; all of them when absent',
  names: { entity: 'integration', label: 'name', absent: 'all integrations' },
  kind: 'text',
  positional: true,
  metavar: 'integration',
}

/** `AND column = $n` for the workflow, nothing when the report is about all of them. */
export function ofWorkflow(column: Sql, { parameters }: ReportInput): Sql {
  const workflow = parameters.workflow_id
  return workflow === undefined ? empty : sql`AND ${column} = ${workflow}::uuid`
}

/** The same for an integration. */
export function ofIntegration(column: Sql, { parameters }: ReportInput): Sql {
  const integration = parameters.integration_id
  return integration === undefined ? empty : sql`AND ${column} = ${integration}::uuid`
}

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
          (100.0 * COUNT(*) FILTER (WHERE e.status = 'completed')
            / NULLIF(COUNT(*) FILTER (WHERE e.status IN ('completed', 'failed', 'timeout')), 0)
          )::double precision AS success_rate,
          COUNT(*) FILTER (WHERE e.retry_count > 0) AS retries,
          ${percentile(0.5, seconds(sql`e.started_at - e.created_at`))} AS queue_p50_seconds,
          ${percentile(0.95, seconds(sql`e.started_at - e.created_at`))} AS queue_p95_seconds,
          ${percentile(0.5, seconds(sql`e.completed_at - e.started_at`))} AS run_p50_seconds,
          ${percentile(0.95, seconds(sql`e.completed_at - e.started_at`))} AS run_p95_seconds`
