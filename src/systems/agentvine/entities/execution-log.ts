/**
 * Log lines of executions (systems/agentvine.md, 7; decision 50): append-only, written by the workers; cascades,
 * retention and the archive take them away.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, identityId, json, oneOf, reference, text, timestamp, updatedAt } from '../../../model/field.ts'
import { LOG_LEVELS, levelTones } from '../../../model/words.ts'

export const executionLog = entity({
  name: 'execution-log',
  table: 'execution_logs',
  summary: 'Log lines of executions',
  primaryKey: 'id',
  fields: {
    id: identityId('bigint', 'log line id'),
    execution_id: reference('execution', 'id', {
      summary: 'execution that logged it',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'never',
    }),
    level: oneOf(LOG_LEVELS, { summary: 'how serious it is', limit: 10, tones: levelTones, settable: 'never' }),
    message: text({ summary: 'what happened', settable: 'never' }),
    metadata: json({ summary: 'further facts', default: "'{}'::jsonb", settable: 'never' }),
    logged_at: timestamp({ summary: 'when it happened', default: 'now()', settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [legalValues('chk_execution_logs_level', 'level', LOG_LEVELS, 'varchar')],
  indexes: [
    { name: 'idx_execution_logs_execution', on: ['execution_id'] },
    { name: 'idx_execution_logs_level', on: ['level'] },
    { name: 'idx_execution_logs_logged_at', on: ['logged_at'] },
  ],
  triggers: ['execution_logs_set_updated_at'],
  verbs: ['list', 'get', 'count', 'export'],
  partitionedBy: { field: 'logged_at', every: 'month', ahead: 3 },
  list: {
    columns: ['logged_at', 'level', 'execution_id', 'message'],
    sort: '-logged_at',
    search: ['message'],
    time: 'logged_at',
  },
})
