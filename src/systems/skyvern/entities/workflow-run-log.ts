/**
 * Log lines of a workflow run (decision 9). Read-only: the platform writes them, cascades and the archive take them away.
 */
import { entity } from '../../../model/entity.ts'
import { generatedId, reference } from '../../../model/field.ts'
import { legalLevel, logFields } from './log-fields.ts'

export const workflowRunLog = entity({
  name: 'workflow-run-log',
  table: 'workflow_run_logs',
  summary: 'Log lines of workflow runs',
  primaryKey: 'workflow_run_log_id',
  fields: {
    workflow_run_log_id: generatedId('wrl', 'log line id'),
    workflow_run_id: reference('workflow-run', 'workflow_run_id', {
      summary: 'workflow run that logged it',
      onDelete: 'cascade',
      settable: 'never',
    }),
    ...logFields(),
  },
  checks: [legalLevel('check_workflow_run_log_level')],
  indexes: [
    { name: 'ix_workflow_run_logs_workflow_run_created', on: ['workflow_run_id', 'created_at'] },
    { name: 'ix_workflow_run_logs_created_at', on: ['created_at'] },
  ],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['created_at', 'level', 'workflow_run_id', 'message'],
    sort: '-created_at',
    search: ['message'],
    time: 'created_at',
  },
})
