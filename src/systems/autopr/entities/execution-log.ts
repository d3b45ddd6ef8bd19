/**
 * Log lines of executions (systems/autopr.md, 4; decisions 28, 32, 34): append-only, written by the engine; cascades,
 * retention and the archive take them away.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, json, oneOf, reference, text, uuidId, varchar } from '../../../model/field.ts'
import { LOG_LEVELS, levelTones } from '../../../model/words.ts'

export const executionLog = entity({
  name: 'execution-log',
  table: 'execution_logs',
  summary: 'Log lines of executions',
  primaryKey: 'id',
  fields: {
    id: uuidId('log line id'),
    execution_id: reference('execution', 'id', {
      summary: 'execution that logged it',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'never',
    }),
    level: oneOf(LOG_LEVELS, { summary: 'how serious it is', limit: 20, tones: levelTones, settable: 'never' }),
    message: text({ summary: 'what happened', settable: 'never' }),
    log_metadata: json({ summary: 'further facts', nullable: true, settable: 'never' }),
    action_id: reference('action', 'id', {
      summary: 'action that logged it',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
      settable: 'never',
    }),
    step_name: varchar(255, { summary: 'step that logged it', nullable: true, settable: 'never' }),
    created_at: createdAt(),
  },
  checks: [legalValues('chk_log_level', 'level', LOG_LEVELS, 'varchar')],
  indexes: [
    { name: 'idx_execution_logs_execution_id', on: ['execution_id'] },
    { name: 'idx_execution_logs_level', on: ['level'] },
    { name: 'idx_execution_logs_created_at', on: ['created_at'] },
    { name: 'idx_execution_logs_action_id', on: ['action_id'] },
    { name: 'idx_execution_logs_composite', on: ['execution_id', 'level', 'created_at'] },
  ],
  verbs: ['list', 'get', 'count', 'export'],
  partitionedBy: { field: 'created_at', every: 'month', ahead: 3 },
  list: {
    columns: ['created_at', 'level', 'execution_id', 'step_name', 'message'],
    sort: '-created_at',
    search: ['message', 'step_name'],
    time: 'created_at',
  },
})
