/** Steps of a task (systems/skyvern.md, 1.3 and "Step Schemas"; decisions 11, 22, 23, 25). */
import { reaches } from '../../../model/checks.ts'
import { endsNotBeforeStart, entity, legalValues } from '../../../model/entity.ts'
import {
  boolean,
  createdAt,
  enumeration,
  generatedId,
  integer,
  json,
  oneOf,
  reference,
  text,
  timestamp,
  updatedAt,
} from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { logs } from '../operations/logs.ts'
import { statusTones } from '../tones.ts'

const STATUSES = ['created', 'running', 'completed', 'failed', 'retrying', 'skipped'] as const
const TYPES = ['action', 'validation', 'extraction', 'navigation'] as const

export const step = entity({
  name: 'step',
  table: 'steps',
  summary: 'Steps of a task, in order',
  primaryKey: 'step_id',
  fields: {
    step_id: generatedId('stp', 'step id'),
    task_id: reference('task', 'task_id', {
      summary: 'task it is part of',
      onDelete: 'cascade',
      settable: 'create',
    }),
    status: enumeration('step_status', STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'created'::{schema}.step_status`,
      settable: 'never',
    }),
    order: integer({
      summary: 'place within the task, from 1',
      settable: 'never',
      numberedWithin: ['task_id'],
    }),
    retry_index: integer({ summary: 'how often it was retried', default: '0', settable: 'never' }),
    step_type: oneOf(TYPES, { summary: 'what kind of step it is', settable: 'create' }),
    input_data: json({
      summary: 'input of the step',
      nullable: true,
      settable: 'create',
      rules: [jsonObject],
    }),
    output_data: json({ summary: 'result of the step', nullable: true, settable: 'update', rules: [jsonObject] }),
    is_goal_achieved: boolean({ summary: 'whether it achieved its goal', nullable: true, settable: 'update' }),
    output_parameter_key: text({
      summary: 'key under which the output is handed on',
      nullable: true,
      settable: 'update',
      rules: [notBlank],
    }),
    failure_reason: text({ summary: 'why it failed', nullable: true, settable: 'update', rules: [notBlank] }),
    created_at: createdAt(),
    modified_at: updatedAt(),
    started_at: timestamp({ summary: 'when the last attempt began', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'ix_steps_task_order', fields: ['task_id', 'order'] }],
  checks: [
    {
      name: 'check_step_order',
      expression: '("order" > 0)',
      says: 'must be at least 1',
      fields: ['order'],
    },
    reaches('check_step_retry_index', 'retry_index', 0),
    legalValues('check_step_type', 'step_type', TYPES),
    endsNotBeforeStart('check_step_times', 'completed_at', 'started_at'),
  ],
  indexes: [
    { name: 'ix_steps_task_id', on: ['task_id'] },
    { name: 'ix_steps_status', on: ['status'] },
    { name: 'ix_steps_created_at', on: ['created_at'] },
    { name: 'ix_steps_status_task', on: ['status', 'task_id'] },
    { name: 'ix_steps_task_status_order', on: ['task_id', 'status', 'order'] },
  ],
  triggers: ['steps_set_modified_at'],
  verbs: ['list', 'get', 'create', 'update', 'count', 'import', 'export', 'bulk'],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'created',
    states: {
      created: 'waiting',
      running: 'active',
      retrying: 'active',
      completed: 'terminal',
      failed: 'terminal',
      skipped: 'terminal',
    },
    stamps: { running: 'started_at' },
    endedAt: 'completed_at',
    transitions: [
      {
        verb: 'start',
        summary: 'Record that the step runs',
        from: ['created', 'retrying'],
        to: 'running',
      },
      {
        verb: 'complete',
        summary: 'Record that the step succeeded',
        from: ['running'],
        to: 'completed',
        takes: { output_data: 'optional', is_goal_achieved: 'optional' },
      },
      {
        verb: 'fail',
        summary: 'Record that the step failed, and why',
        from: ['running', 'retrying'],
        to: 'failed',
        takes: { failure_reason: 'required', output_data: 'optional' },
      },
      // The times are those of the attempt that counts, so a new attempt has none yet.
      {
        verb: 'retry',
        summary: 'Try the failed step again',
        from: ['failed'],
        to: 'retrying',
        increments: ['retry_index'],
        clears: ['started_at', 'completed_at', 'failure_reason', 'output_data', 'is_goal_achieved'],
      },
      {
        verb: 'skip',
        summary: 'Leave the step out because of a condition',
        from: ['created'],
        to: 'skipped',
      },
    ],
  }),
  operations: [logs('step', 'step-log', 'step_id')],
  list: {
    columns: ['step_id', 'task_id', 'order', 'step_type', 'status', 'retry_index', 'failure_reason', 'created_at'],
    sort: '-created_at',
    search: ['failure_reason', 'output_parameter_key'],
    time: 'created_at',
  },
})
