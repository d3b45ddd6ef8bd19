/**
 * Executions (systems/agentvine.md, 6; decisions 49, 52, 53). Written by what happens to orders and tasks alone. They
 * stay when their worker goes.
 */
import { endsNotBeforeStart, entity, legalValues } from '../../../model/entity.ts'
import {
  createdAt,
  integer,
  json,
  oneOf,
  reference,
  text,
  timestamp,
  updatedAt,
  uuidId,
} from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { logs } from '../operations/logs.ts'
import { statusTones } from '../tones.ts'

const STATUSES = ['running', 'completed', 'failed', 'timeout', 'cancelled'] as const

export const execution = entity({
  name: 'execution',
  table: 'executions',
  summary: 'Tries at a task, by a worker',
  primaryKey: 'id',
  fields: {
    id: uuidId('execution id'),
    task_id: reference('task', 'id', {
      summary: 'task that is executed',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'never',
    }),
    worker_id: reference('worker', 'id', {
      summary: 'worker that executes it',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
      settable: 'never',
    }),
    status: oneOf(STATUSES, {
      summary: 'where it stands',
      limit: 20,
      tones: statusTones,
      default: "'running'::character varying",
      settable: 'never',
    }),
    exit_code: integer({ summary: 'exit code', nullable: true, settable: 'never' }),
    stdout_log: text({ summary: 'standard output', nullable: true, settable: 'never' }),
    stderr_log: text({ summary: 'standard error', nullable: true, settable: 'never' }),
    metrics: json({ summary: 'what it took, e.g. tokens', default: "'{}'::jsonb", settable: 'never' }),
    started_at: timestamp({ summary: 'when it began', default: 'now()', settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
    duration_seconds: integer({
      summary: 'from start to end, in whole seconds',
      nullable: true,
      settable: 'never',
      unit: 'seconds',
      generated: '(EXTRACT(epoch FROM (completed_at - started_at)))::integer',
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    legalValues('chk_executions_status', 'status', STATUSES, 'varchar'),
    endsNotBeforeStart('chk_executions_times', 'completed_at', 'started_at'),
  ],
  indexes: [
    { name: 'idx_executions_task', on: ['task_id'] },
    { name: 'idx_executions_worker', on: ['worker_id'] },
    { name: 'idx_executions_status', on: ['status'] },
    { name: 'idx_executions_started', on: ['started_at'] },
    { name: 'idx_executions_task_status', on: ['task_id', 'status'] },
    { name: 'idx_executions_completed_at', on: ['completed_at'], where: '(completed_at IS NOT NULL)' },
    {
      name: 'uq_executions_running',
      on: ['task_id'],
      unique: true,
      where: "((status)::text = 'running'::text)",
      says: 'has a running execution already',
    },
  ],
  triggers: ['executions_set_updated_at'],
  verbs: ['list', 'get', 'count', 'export'],
  operations: [logs],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'running',
    states: {
      running: 'active',
      completed: 'terminal',
      failed: 'terminal',
      timeout: 'terminal',
      cancelled: 'terminal',
    },
    endedAt: 'completed_at',
    transitions: [
      {
        verb: 'complete',
        summary: 'It did what it was to do',
        from: ['running'],
        to: 'completed',
        takes: { exit_code: 'optional', metrics: 'optional' },
        internal: true,
      },
      {
        verb: 'fail',
        summary: 'It failed',
        from: ['running'],
        to: 'failed',
        takes: { exit_code: 'optional', metrics: 'optional' },
        internal: true,
      },
      { verb: 'timeout', summary: 'It took too long', from: ['running'], to: 'timeout', internal: true },
      { verb: 'cancel', summary: 'Its task was cancelled', from: ['running'], to: 'cancelled', internal: true },
    ],
  }),
  list: {
    columns: ['id', 'task_id', 'worker_id', 'status', 'started_at', 'duration_seconds', 'exit_code'],
    sort: '-started_at',
    search: ['stdout_log', 'stderr_log'],
    time: 'started_at',
  },
})
