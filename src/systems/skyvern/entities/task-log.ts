/**
 * Log lines of a task (decision 9). Read-only: the platform writes them, cascades and the archive take them away.
 */
import { entity } from '../../../model/entity.ts'
import { generatedId, reference } from '../../../model/field.ts'
import { legalLevel, logFields } from './log-fields.ts'

export const taskLog = entity({
  name: 'task-log',
  table: 'task_logs',
  summary: 'Log lines of tasks',
  primaryKey: 'task_log_id',
  fields: {
    task_log_id: generatedId('tl', 'log line id'),
    task_id: reference('task', 'task_id', {
      summary: 'task that logged it',
      onDelete: 'cascade',
      settable: 'never',
    }),
    ...logFields(),
  },
  checks: [legalLevel('check_task_log_level')],
  indexes: [
    { name: 'ix_task_logs_task_created', on: ['task_id', 'created_at'] },
    { name: 'ix_task_logs_created_at', on: ['created_at'] },
  ],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['created_at', 'level', 'task_id', 'message'],
    sort: '-created_at',
    search: ['message'],
    time: 'created_at',
  },
})
