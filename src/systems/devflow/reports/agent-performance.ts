import { percentile, rate, within } from '../../../model/figures.ts'
import { report, type SectionRows } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { ofProject, projectParameter } from './fragments.ts'

/** An agent that succeeds less often than this, in percent, over at least so many verdicts, is worth a look. */
const POOR = 70
const ENOUGH = 10

/** How often agents succeed, and what they cost in memory, processor time and time, by type. */
export const agentPerformance = report({
  name: 'agent-performance',
  summary: 'Success and cost of agents by type',
  description:
    'Executions that were created in the period, by type of agent: how they ended, how long they took, what memory and processor time they used, and with which errors they failed. The success rate leaves out what was cancelled and what is under way.',
  parameters: { project_id: projectParameter },
  days: 30,
  sections: [
    {
      key: 'agents',
      title: 'By type of agent',
      shape: 'table',
      columns: [
        { key: 'agent_type', label: 'agent', kind: 'enumeration' },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'timed_out', kind: 'bigint', unit: 'count' },
        { key: 'cancelled', kind: 'bigint', unit: 'count' },
        { key: 'under_way', kind: 'bigint', unit: 'count' },
        { key: 'success_rate', label: 'success', kind: 'float', unit: 'percent' },
        { key: 'avg_duration', label: 'average time', kind: 'float', unit: 'seconds' },
        { key: 'p95_duration', label: 'p95 time', kind: 'float', unit: 'seconds' },
        { key: 'avg_memory_mb', label: 'average memory', kind: 'float', unit: 'megabytes' },
        { key: 'max_memory_mb', label: 'most memory', kind: 'integer', unit: 'megabytes' },
        { key: 'avg_cpu_time_ms', label: 'average processor time', kind: 'float', unit: 'milliseconds' },
        { key: 'total_cpu_time_ms', label: 'processor time', kind: 'bigint', unit: 'milliseconds' },
      ],
      shown: [
        'agent_type',
        'executions',
        'success_rate',
        'timed_out',
        'avg_duration',
        'p95_duration',
        'avg_memory_mb',
        'total_cpu_time_ms',
      ],
      empty: 'No execution was created in this period.',
      sql: (input) => sql`
        SELECT
          e.agent_type,
          COUNT(*) AS executions,
          COUNT(DISTINCT e.task_id) AS tasks,
          COUNT(*) FILTER (WHERE e.execution_status = 'completed') AS completed,
          COUNT(*) FILTER (WHERE e.execution_status = 'failed') AS failed,
          COUNT(*) FILTER (WHERE e.execution_status = 'timeout') AS timed_out,
          COUNT(*) FILTER (WHERE e.execution_status = 'cancelled') AS cancelled,
          COUNT(*) FILTER (WHERE e.execution_status IN ('queued', 'running')) AS under_way,
          ${rate(
            sql`COUNT(*) FILTER (WHERE e.execution_status = 'completed')`,
            sql`COUNT(*) FILTER (WHERE e.execution_status IN ('completed', 'failed', 'timeout'))`,
          )} AS success_rate,
          AVG(e.duration) AS avg_duration,
          ${percentile(0.95, sql`e.duration`)} AS p95_duration,
          AVG(e.memory_usage_mb)::double precision AS avg_memory_mb,
          MAX(e.memory_usage_mb) AS max_memory_mb,
          AVG(e.cpu_time_ms)::double precision AS avg_cpu_time_ms,
          SUM(e.cpu_time_ms) AS total_cpu_time_ms
        FROM ${input.table('task_executions')} e
        JOIN ${input.table('tasks')} t ON t.id = e.task_id
        WHERE ${within(sql`e.created_at`, input)}
          ${ofProject(sql`t.project_id`, input)}
        GROUP BY e.agent_type
        ORDER BY executions DESC, e.agent_type
      `,
    },
    {
      key: 'errors',
      title: 'Most frequent errors',
      shape: 'table',
      columns: [
        { key: 'agent_type', label: 'agent', kind: 'enumeration' },
        { key: 'code', label: 'error', kind: 'text' },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'last_seen', kind: 'timestamp' },
      ],
      empty: 'No execution failed in this period.',
      sql: (input) => sql`
        SELECT
          e.agent_type,
          COALESCE(e.error_details ->> 'code', 'unknown') AS code,
          COUNT(*) AS executions,
          MAX(e.completed_at) AS last_seen
        FROM ${input.table('task_executions')} e
        JOIN ${input.table('tasks')} t ON t.id = e.task_id
        WHERE ${within(sql`e.created_at`, input)}
          AND e.execution_status IN ('failed', 'timeout')
          ${ofProject(sql`t.project_id`, input)}
        GROUP BY e.agent_type, 2
        ORDER BY executions DESC, e.agent_type, code
        LIMIT 20
      `,
    },
  ],
  recommends: recommendations,
})

function recommendations({ agents = [] }: SectionRows): string[] {
  return agents.flatMap(({ agent_type, success_rate, completed, failed, timed_out }) => {
    const verdicts = Number(completed) + Number(failed) + Number(timed_out)
    if (success_rate === null || verdicts < ENOUGH || Number(success_rate) >= POOR) return []
    return [
      `${agent_type} succeeds in ${Number(success_rate).toFixed(0)} % of ${verdicts} executions: look at its most frequent error, and at the version of its configuration (agent-config list).`,
    ]
  })
}
