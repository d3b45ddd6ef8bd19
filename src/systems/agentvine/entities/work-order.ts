/** Work orders: the queue (systems/agentvine.md, 4; decisions 47, 52). Making one queues its task. */
import { reaches } from '../../../model/checks.ts'
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
  varchar,
} from '../../../model/field.ts'
import { atLeast, jsonObject, notBlank } from '../../../model/rule.ts'
import { expireOverdue } from '../operations/expire-overdue.ts'
import { statusTones } from '../tones.ts'
import { taskToQueue } from './creation-rules.ts'
import { ORDER_STATUSES, orderLifecycle } from './order-lifecycle.ts'

export const workOrder = entity({
  name: 'work-order',
  table: 'work_orders',
  summary: 'The queue: work for a worker to claim',
  primaryKey: 'id',
  createdAs: 'enqueue',
  fields: {
    id: uuidId('work order id'),
    task_id: reference('task', 'id', {
      summary: 'task that it is for',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    queue_name: varchar(50, { summary: 'queue it is in', rules: [notBlank] }),
    status: oneOf(ORDER_STATUSES, {
      summary: 'where it stands',
      limit: 20,
      tones: statusTones,
      default: "'pending'::character varying",
      settable: 'never',
    }),
    payload: json({
      summary: 'what the worker gets with it',
      default: "'{}'::jsonb",
      settable: 'create',
      rules: [jsonObject],
    }),
    result: json({ summary: 'what came of it', nullable: true, settable: 'never' }),
    error_message: text({
      summary: 'why the last try failed',
      nullable: true,
      settable: 'never',
      rules: [notBlank],
    }),
    retry_count: integer({
      summary: 'tries that failed and were followed by another',
      default: '0',
      settable: 'never',
    }),
    max_retries: integer({ summary: 'tries after the first', default: '3', rules: [atLeast(0)] }),
    timeout_seconds: integer({
      summary: 'time it may take',
      default: '3600',
      rules: [atLeast(1)],
      unit: 'seconds',
    }),
    enqueued_at: timestamp({ summary: 'when it came into the queue', default: 'now()', settable: 'never' }),
    claimed_at: timestamp({ summary: 'when a worker last took it', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
    expires_at: timestamp({ summary: 'when nobody needs it any more', nullable: true }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    legalValues('chk_work_orders_status', 'status', ORDER_STATUSES, 'varchar'),
    {
      name: 'chk_work_orders_retries',
      expression: '((retry_count >= 0) AND (max_retries >= 0))',
      says: 'must be at least 0',
      fields: ['retry_count', 'max_retries'],
    },
    reaches('chk_work_orders_timeout', 'timeout_seconds', 1),
    endsNotBeforeStart('chk_work_orders_times', 'completed_at', 'claimed_at'),
  ],
  indexes: [
    { name: 'idx_work_orders_task', on: ['task_id'] },
    { name: 'idx_work_orders_queue', on: ['queue_name'] },
    { name: 'idx_work_orders_status', on: ['status'] },
    { name: 'idx_work_orders_enqueued', on: ['enqueued_at'] },
    { name: 'idx_work_orders_expires', on: ['expires_at'] },
    {
      name: 'idx_work_orders_pending',
      on: ['queue_name', 'enqueued_at', 'id'],
      where: "((status)::text = 'pending'::text)",
    },
    {
      name: 'uq_work_orders_open',
      on: ['task_id'],
      unique: true,
      where: "((status)::text = ANY ((ARRAY['pending'::character varying, 'claimed'::character varying])::text[]))",
      says: 'has an open work order already: complete it, fail it or let it expire first',
    },
  ],
  triggers: ['work_orders_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'count', 'import', 'export', 'bulk'],
  operations: [expireOverdue],
  creation: [taskToQueue],
  onCreate: [{ move: 'enqueued', of: { parent: 'task_id' } }],
  lifecycle: orderLifecycle,
  list: {
    columns: ['id', 'queue_name', 'status', 'task_id', 'retry_count', 'enqueued_at', 'error_message'],
    sort: '-enqueued_at',
    search: ['queue_name', 'error_message'],
    time: 'enqueued_at',
  },
})
