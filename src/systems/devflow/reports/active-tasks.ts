import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { statusTones } from '../tones.ts'
import { ofProject, projectParameter } from './fragments.ts'

/** What is to be done and being done, from the view of that name (decision 56). */
export const activeTasks = report({
  name: 'active-tasks',
  summary: 'Tasks that have not ended',
  description:
    'Tasks that are pending, in progress or in validation, with their project and the attempts at them: how many there are in each state, and the first hundred by priority and age.',
  parameters: { project_id: projectParameter },
  sections: [
    {
      key: 'states',
      title: 'By state',
      shape: 'table',
      columns: [
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'unassigned', kind: 'bigint', unit: 'count' },
        { key: 'never_tried', kind: 'bigint', unit: 'count' },
        { key: 'oldest', kind: 'timestamp' },
      ],
      empty: 'No task is active.',
      sql: (input) => sql`
        SELECT
          t.status,
          COUNT(*) AS tasks,
          COUNT(*) FILTER (WHERE t.assigned_agent IS NULL) AS unassigned,
          COUNT(*) FILTER (WHERE t.execution_count = 0) AS never_tried,
          MIN(t.created_at) AS oldest
        FROM ${input.table('active_tasks')} t
        WHERE TRUE
          ${ofProject(sql`t.project_id`, input)}
        GROUP BY t.status
        ORDER BY t.status
      `,
    },
    {
      key: 'tasks',
      title: 'By priority and age',
      shape: 'table',
      columns: [
        { key: 'id', kind: 'uuid' },
        { key: 'title', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'priority', kind: 'integer' },
        { key: 'assigned_agent', label: 'agent', kind: 'enumeration' },
        { key: 'project_name', label: 'project', kind: 'text' },
        { key: 'due_date', label: 'due', kind: 'timestamp' },
        { key: 'created_at', kind: 'timestamp' },
        { key: 'execution_count', label: 'attempts', kind: 'bigint', unit: 'count' },
        { key: 'last_execution', kind: 'timestamp' },
      ],
      shown: ['priority', 'title', 'status', 'assigned_agent', 'project_name', 'execution_count', 'created_at'],
      empty: 'No task is active.',
      sql: (input) => sql`
        SELECT
          t.id,
          t.title,
          t.status,
          t.priority,
          t.assigned_agent,
          t.project_name,
          t.due_date,
          t.created_at,
          t.execution_count,
          t.last_execution
        FROM ${input.table('active_tasks')} t
        WHERE TRUE
          ${ofProject(sql`t.project_id`, input)}
        ORDER BY t.priority DESC, t.created_at, t.id
        LIMIT 100
      `,
    },
  ],
})
