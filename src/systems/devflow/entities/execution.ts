/** Executions of tasks (systems/devflow.md, "Task Executions"; decisions 54, 55, 57): one attempt of an agent each. */
import { endsNotBeforeStart, entity } from '../../../model/entity.ts'
import {
  createdAt,
  enumeration,
  float,
  integer,
  json,
  reference,
  text,
  timestamp,
  updatedAt,
  uuidId,
  varchar,
} from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { atLeast, jsonObject, notBlank } from '../../../model/rule.ts'
import { statusTones } from '../tones.ts'
import { AGENT_TYPES } from './agent-type.ts'
import { notEnded } from './creation-rules.ts'
import { jsonShape, nestedAtMostTen } from './json.ts'

const STATUSES = ['queued', 'running', 'completed', 'failed', 'timeout', 'cancelled'] as const

/** What every end may say about the resources that the attempt took. */
const RESOURCES = { memory_usage_mb: 'optional', cpu_time_ms: 'optional', logs: 'optional' } as const

export const execution = entity({
  name: 'execution',
  aliases: ['task-execution'],
  table: 'task_executions',
  summary: 'Attempts of agents at tasks, with what they took',
  primaryKey: 'id',
  fields: {
    id: uuidId('execution id'),
    task_id: reference('task', 'id', {
      kind: 'uuid',
      summary: 'task it is an attempt at',
      onDelete: 'cascade',
      settable: 'create',
    }),
    agent_type: enumeration('agent_type', AGENT_TYPES, { summary: 'kind of agent', settable: 'create' }),
    agent_instance_id: varchar(255, {
      summary: 'which agent of that kind',
      nullable: true,
      settable: 'create',
      rules: [notBlank],
    }),
    execution_status: enumeration('execution_status', STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'queued'::{schema}.execution_status`,
      settable: 'never',
    }),
    input_context: json({
      summary: 'what the agent is given',
      default: "'{}'::jsonb",
      settable: 'create',
      rules: [jsonObject, nestedAtMostTen],
    }),
    output_results: json({
      summary: 'what came of it',
      default: "'{}'::jsonb",
      settable: 'update',
      rules: [jsonObject, nestedAtMostTen],
    }),
    error_details: json({
      summary: 'what went wrong',
      default: "'{}'::jsonb",
      settable: 'update',
      rules: [jsonObject, nestedAtMostTen],
    }),
    logs: text({ summary: 'what the agent said', nullable: true, settable: 'update' }),
    memory_usage_mb: integer({
      summary: 'most memory it used, in MB',
      unit: 'megabytes',
      nullable: true,
      settable: 'update',
      rules: [atLeast(0)],
    }),
    cpu_time_ms: integer({
      summary: 'processor time it used',
      unit: 'milliseconds',
      nullable: true,
      settable: 'update',
      rules: [atLeast(0)],
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    started_at: timestamp({ summary: 'when it began', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
    duration: float({
      summary: 'how long it took',
      unit: 'seconds',
      nullable: true,
      settable: 'never',
      generated: '(EXTRACT(epoch FROM (completed_at - started_at)))::double precision',
    }),
  },
  checks: [
    jsonShape('task_executions', 'input_context', 'object'),
    jsonShape('task_executions', 'output_results', 'object'),
    jsonShape('task_executions', 'error_details', 'object'),
    {
      name: 'chk_task_executions_started',
      expression:
        "((execution_status <> ALL (ARRAY['running'::{schema}.execution_status, 'completed'::{schema}.execution_status, 'timeout'::{schema}.execution_status])) OR (started_at IS NOT NULL))",
      says: 'must be set once the execution has run',
      fields: ['started_at'],
    },
    {
      name: 'chk_task_executions_ended',
      expression:
        "(((execution_status <> ALL (ARRAY['completed'::{schema}.execution_status, 'failed'::{schema}.execution_status, 'timeout'::{schema}.execution_status])) OR (completed_at IS NOT NULL)) AND ((completed_at IS NULL) OR (execution_status <> ALL (ARRAY['queued'::{schema}.execution_status, 'running'::{schema}.execution_status]))))",
      says: 'must be set once the execution has ended, and only then',
      fields: ['completed_at'],
    },
    endsNotBeforeStart('chk_task_executions_times', 'completed_at', 'started_at'),
    {
      name: 'chk_task_executions_resources',
      expression: '((memory_usage_mb >= 0) AND (cpu_time_ms >= 0))',
      says: 'must be at least 0',
      fields: ['memory_usage_mb', 'cpu_time_ms'],
    },
  ],
  indexes: [
    { name: 'idx_task_executions_task_id', on: ['task_id', 'created_at DESC'] },
    { name: 'idx_task_executions_status', on: ['execution_status', 'created_at DESC'] },
    { name: 'idx_task_executions_agent', on: ['agent_type', 'execution_status'] },
    { name: 'idx_task_executions_created_at', on: ['created_at DESC', 'id DESC'] },
    {
      name: 'idx_task_executions_running',
      on: ['started_at'],
      where: "(execution_status = 'running'::{schema}.execution_status)",
    },
    { name: 'idx_task_executions_completed_at', on: ['completed_at'], where: '(completed_at IS NOT NULL)' },
  ],
  triggers: ['task_executions_record_change', 'task_executions_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'count', 'import', 'export', 'bulk'],
  creation: [notEnded('task_id', 'status', ['completed', 'failed', 'cancelled'])],
  lifecycle: lifecycle({
    field: 'execution_status',
    initial: 'queued',
    states: {
      queued: 'active',
      running: 'active',
      completed: 'terminal',
      failed: 'terminal',
      timeout: 'terminal',
      cancelled: 'terminal',
    },
    stamps: { running: 'started_at' },
    endedAt: 'completed_at',
    transitions: [
      {
        verb: 'start',
        summary: 'Record that the agent runs; without an id, create the execution first',
        from: ['queued'],
        to: 'running',
        creates: 'optional',
      },
      {
        verb: 'finish',
        summary: 'Record that the agent reached its end, with its output and what it took',
        from: ['running'],
        to: 'completed',
        takes: { output_results: 'optional', ...RESOURCES },
      },
      {
        verb: 'fail',
        summary: 'Record that the agent failed, and how',
        from: ['queued', 'running'],
        to: 'failed',
        takes: { error_details: 'required', output_results: 'optional', ...RESOURCES },
      },
      {
        verb: 'timeout',
        summary: 'Record that the agent took too long',
        from: ['running'],
        to: 'timeout',
        takes: { error_details: 'optional', ...RESOURCES },
      },
      {
        verb: 'cancel',
        summary: 'Stop the attempt',
        from: ['queued', 'running'],
        to: 'cancelled',
        ends: true,
      },
    ],
  }),
  list: {
    columns: ['id', 'task_id', 'agent_type', 'execution_status', 'duration', 'memory_usage_mb', 'created_at'],
    sort: '-created_at',
    search: ['agent_instance_id', 'logs'],
    time: 'created_at',
  },
})
