/**
 * Log lines of a step (decision 9). Read-only: the platform writes them, cascades and the archive take them away.
 */
import { entity } from '../../../model/entity.ts'
import { generatedId, reference } from '../../../model/field.ts'
import { legalLevel, logFields } from './log-fields.ts'

export const stepLog = entity({
  name: 'step-log',
  table: 'step_logs',
  summary: 'Log lines of steps',
  primaryKey: 'step_log_id',
  fields: {
    step_log_id: generatedId('sl', 'log line id'),
    step_id: reference('step', 'step_id', {
      summary: 'step that logged it',
      onDelete: 'cascade',
      settable: 'never',
    }),
    ...logFields(),
  },
  checks: [legalLevel('check_step_log_level')],
  indexes: [
    { name: 'ix_step_logs_step_created', on: ['step_id', 'created_at'] },
    { name: 'ix_step_logs_created_at', on: ['created_at'] },
  ],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['created_at', 'level', 'step_id', 'message'],
    sort: '-created_at',
    search: ['message'],
    time: 'created_at',
  },
})
