/**
 * Who has, or had, which order (systems/agentvine.md, 5; decisions 47, 52). Written by what happens to orders and
 * workers alone: one is made by a claim and ends with its order.
 */
import { endsNotBeforeStart, entity, legalValues } from '../../../model/entity.ts'
import { createdAt, oneOf, reference, timestamp, updatedAt, uuidId } from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { statusTones } from '../tones.ts'
import { freeWorker } from './creation-rules.ts'

const STATUSES = ['active', 'completed', 'failed', 'timeout'] as const

export const assignment = entity({
  name: 'assignment',
  aliases: ['worker-assignment'],
  table: 'worker_assignments',
  summary: 'Which worker has, or had, which order',
  primaryKey: 'id',
  fields: {
    id: uuidId('assignment id'),
    worker_id: reference('worker', 'id', {
      summary: 'worker that has the order',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'never',
    }),
    work_order_id: reference('work-order', 'id', {
      summary: 'order it has',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'never',
    }),
    status: oneOf(STATUSES, {
      summary: 'where it stands',
      limit: 20,
      tones: statusTones,
      default: "'active'::character varying",
      settable: 'never',
    }),
    assigned_at: timestamp({ summary: 'when the worker took the order', default: 'now()', settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    legalValues('chk_worker_assignments_status', 'status', STATUSES, 'varchar'),
    endsNotBeforeStart('chk_worker_assignments_times', 'completed_at', 'assigned_at'),
  ],
  indexes: [
    { name: 'idx_assignments_worker', on: ['worker_id'] },
    { name: 'idx_assignments_order', on: ['work_order_id'] },
    { name: 'idx_assignments_status', on: ['status'] },
    {
      name: 'uq_worker_assignments_active',
      on: ['work_order_id'],
      unique: true,
      where: "((status)::text = 'active'::text)",
      says: 'is in the hands of a worker already',
    },
  ],
  triggers: ['worker_assignments_changed', 'worker_assignments_set_updated_at'],
  verbs: ['list', 'get', 'count', 'export'],
  creation: [freeWorker],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'active',
    states: { active: 'active', completed: 'terminal', failed: 'terminal', timeout: 'terminal' },
    endedAt: 'completed_at',
    transitions: [
      { verb: 'complete', summary: 'Its order is done', from: ['active'], to: 'completed', internal: true },
      { verb: 'fail', summary: 'Its order failed', from: ['active'], to: 'failed', internal: true },
      {
        verb: 'timeout',
        summary: 'The worker went away or took too long',
        from: ['active'],
        to: 'timeout',
        internal: true,
        effects: [{ move: 'timeout', of: { parent: 'work_order_id' } }],
      },
    ],
  }),
  list: {
    columns: ['id', 'worker_id', 'work_order_id', 'status', 'assigned_at', 'completed_at'],
    sort: '-assigned_at',
    time: 'assigned_at',
  },
})
