/**
 * Executions (systems/autopr.md, 2; decisions 28, 30, 32, 36). An execution waits from `created_at` and runs from
 * `started_at`; a retry is an execution of its own with the failed one as its parent.
 */
import { reaches } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, integer, json, oneOf, reference, text, timestamp, uuidId, varchar } from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { notBlank } from '../../../model/rule.ts'
import { logs } from '../operations/logs.ts'
import { retry } from '../operations/retry.ts'
import { executionTones } from '../tones.ts'
import { activeWorkflow } from './creation-rules.ts'

const STATUSES = ['pending', 'running', 'completed', 'failed', 'timeout', 'cancelled'] as const

export const execution = entity({
  name: 'execution',
  aliases: ['workflow-execution'],
  table: 'workflow_executions',
  summary: 'Runs of a workflow, with outcome and retries',
  primaryKey: 'id',
  handle: 'execution_id',
  fields: {
    id: uuidId('execution record id'),
    workflow_id: reference('workflow', 'id', {
      summary: 'workflow that is executed',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    execution_id: varchar(255, {
      summary: 'readable id, exec-<date>-<time>-<digits> unless given',
      default: '{schema}.next_execution_id()',
      settable: 'create',
      rules: [notBlank],
    }),
    status: oneOf(STATUSES, {
      summary: 'where it stands',
      limit: 50,
      tones: executionTones,
      default: "'pending'::character varying",
      settable: 'never',
    }),
    created_at: createdAt(),
    started_at: timestamp({ summary: 'when it began to run', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
    result: json({ summary: 'what came of it', nullable: true, settable: 'update' }),
    error_message: text({ summary: 'why it failed', nullable: true, settable: 'update', rules: [notBlank] }),
    retry_count: integer({ summary: 'how many attempts came before it', default: '0', settable: 'never' }),
    parent_execution_id: reference('execution', 'id', {
      summary: 'execution that it repeats',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
      settable: 'never',
    }),
    trigger_type: varchar(100, {
      summary: 'how it came about, e.g. event, schedule, webhook, manual',
      nullable: true,
      settable: 'create',
      rules: [notBlank],
    }),
    trigger_data: json({ summary: 'what the trigger brought along', nullable: true, settable: 'create' }),
  },
  uniques: [{ name: 'uq_execution_id', fields: ['execution_id'] }],
  checks: [
    legalValues('chk_execution_status', 'status', STATUSES, 'varchar'),
    {
      name: 'chk_completed_at_after_started',
      expression: '((completed_at IS NULL) OR (completed_at >= started_at))',
      says: 'must not be before started_at',
      fields: ['completed_at'],
    },
    reaches('chk_execution_retry_count', 'retry_count', 0),
    {
      name: 'chk_execution_parent',
      expression: '(parent_execution_id <> id)',
      says: 'must be another execution',
      fields: ['parent_execution_id'],
    },
  ],
  indexes: [
    { name: 'idx_workflow_executions_workflow_id', on: ['workflow_id'] },
    { name: 'idx_workflow_executions_status', on: ['status'] },
    { name: 'idx_workflow_executions_started_at', on: ['started_at'] },
    { name: 'idx_workflow_executions_trigger_type', on: ['trigger_type'] },
    { name: 'idx_workflow_executions_composite', on: ['workflow_id', 'status', 'started_at'] },
    { name: 'idx_workflow_executions_parent_execution_id', on: ['parent_execution_id'] },
    { name: 'idx_workflow_executions_created_at', on: ['created_at', 'id'] },
    { name: 'idx_workflow_executions_completed_at', on: ['completed_at'], where: '(completed_at IS NOT NULL)' },
  ],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [retry, logs],
  creation: [activeWorkflow],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'pending',
    states: {
      pending: 'active',
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
        summary: 'Record that the execution runs',
        from: ['pending'],
        to: 'running',
        creates: 'optional',
      },
      {
        verb: 'complete',
        summary: 'Record that the execution succeeded',
        from: ['running'],
        to: 'completed',
        takes: { result: 'optional' },
      },
      {
        verb: 'fail',
        summary: 'Record that the execution failed, and why',
        from: ['running'],
        to: 'failed',
        takes: { error_message: 'required', result: 'optional' },
      },
      {
        verb: 'timeout',
        summary: 'Record that the execution took too long',
        from: ['running'],
        to: 'timeout',
        takes: { error_message: 'optional' },
      },
      {
        verb: 'cancel',
        summary: 'Cancel the execution',
        from: ['pending', 'running'],
        to: 'cancelled',
        takes: { error_message: 'optional' },
        ends: true,
      },
    ],
  }),
  list: {
    columns: ['execution_id', 'status', 'trigger_type', 'retry_count', 'created_at', 'completed_at', 'error_message'],
    sort: '-created_at',
    search: ['execution_id', 'error_message'],
    time: 'created_at',
  },
})
