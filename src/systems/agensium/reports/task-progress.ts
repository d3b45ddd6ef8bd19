import { report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'
import { statusTones } from '../tones.ts'

/**
 * How many agents are done (decision 43): all of a completed task, else those before the current one. The list is the
 * order in which they work.
 */
const agentsDone: Sql = sql`
          CASE
            WHEN status = 'COMPLETED' THEN jsonb_array_length(agents)
            ELSE COALESCE(
              (
                SELECT MIN(place) - 1
                FROM jsonb_array_elements_text(agents) WITH ORDINALITY AS list (agent, place)
                WHERE agent = current_agent
              ),
              0
            )
          END`

/** How far one task is, agent by agent, and what it has cost. */
export const taskProgress = report({
  name: 'task-progress',
  summary: 'How far one task is, agent by agent',
  description:
    "How far one task is: its stage, which of its agents are done, at work or still to come, and the credits that were booked for it. It derives from the task's agents and the current one; nothing else is stored.",
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
        { key: 'tool_id', label: 'tool', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'progress', kind: 'integer', unit: 'percent' },
        { key: 'current_agent', kind: 'text' },
        { key: 'agents_total', label: 'agents', kind: 'bigint', unit: 'count' },
        { key: 'agents_completed', label: 'agents done', kind: 'bigint', unit: 'count' },
        { key: 'credits', label: 'credits booked', kind: 'numeric', unit: 'count' },
        { key: 'error_code', kind: 'text' },
        { key: 'error_message', kind: 'text' },
      ],
      sql: ({ parameters, table }) => sql`
        SELECT
          task_id,
          tool_id,
          status,
          progress,
          current_agent,
          jsonb_array_length(agents)::bigint AS agents_total,
          (${agentsDone}
          )::bigint AS agents_completed,
          (
            SELECT COALESCE(-SUM(delta_credits), 0)
            FROM ${table('credit_transactions')}
            WHERE analysis_id = ${parameters.task_id}
          ) AS credits,
          error_code,
          error_message
        FROM ${table('tasks')}
        WHERE task_id = ${parameters.task_id}
      `,
    },
    {
      key: 'agents',
      title: 'Agents',
      shape: 'table',
      columns: [
        { key: 'place', kind: 'bigint' },
        { key: 'agent_id', label: 'agent', kind: 'text' },
        { key: 'state', kind: 'text', tones: { done: 'good', working: 'active', stopped: 'bad', waiting: 'idle' } },
        { key: 'credits', label: 'credits booked', kind: 'numeric', unit: 'count' },
      ],
      sql: ({ parameters, table }) => sql`
        WITH task AS (
          SELECT agents, status, (${agentsDone}
          ) AS done, current_agent
          FROM ${table('tasks')}
          WHERE task_id = ${parameters.task_id}
        ),
        booked AS (
          SELECT agent_id, -SUM(delta_credits) AS credits
          FROM ${table('credit_transactions')}
          WHERE analysis_id = ${parameters.task_id}
          GROUP BY agent_id
        )
        SELECT
          list.place,
          list.agent AS agent_id,
          CASE
            WHEN list.place <= task.done THEN 'done'
            WHEN list.place > task.done + 1 OR task.current_agent IS NULL THEN 'waiting'
            WHEN task.status = 'PROCESSING' THEN 'working'
            ELSE 'stopped'
          END AS state,
          COALESCE(booked.credits, 0) AS credits
        FROM task
        CROSS JOIN LATERAL jsonb_array_elements_text(task.agents) WITH ORDINALITY AS list (agent, place)
        LEFT JOIN booked ON booked.agent_id = list.agent
        ORDER BY list.place
      `,
    },
  ],
})
