/**
 * Workers (systems/agentvine.md, 2; decisions 52, 53). One registers offline and comes with its first heartbeat. A
 * trigger keeps idle and busy in step with its active assignments, whoever writes these; going offline, or into error,
 * has to be said. What the trigger does is not in the audit log: the entries of the assignments, made in the same
 * transaction, tell it.
 *
 * `draining_at` is not in the document: draining is no state of its own, since a worker that is drained still is idle or
 * busy, and finishes what it has. It is the time since which the worker claims nothing.
 */
import { holdsObject } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, integer, json, oneOf, timestamp, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { atLeast, jsonObject, notBlank } from '../../../model/rule.ts'
import { drain, resume } from '../operations/drain.ts'
import { heartbeat } from '../operations/heartbeat.ts'
import { reap } from '../operations/reap.ts'
import { workerTones } from '../tones.ts'
import { WORK_TYPES } from './words.ts'
import { WORKER_STATUSES, workerLifecycle } from './worker-lifecycle.ts'

export const worker = entity({
  name: 'worker',
  table: 'workers',
  summary: 'The fleet: who takes work orders',
  primaryKey: 'id',
  fields: {
    id: uuidId('worker id'),
    name: varchar(100, { summary: 'what people call it', rules: [notBlank] }),
    worker_type: oneOf(WORK_TYPES, { summary: 'kind of work it is for', limit: 20 }),
    status: oneOf(WORKER_STATUSES, {
      summary: 'how it is',
      limit: 20,
      tones: workerTones,
      default: "'offline'::character varying",
      settable: 'never',
    }),
    version: varchar(50, { summary: 'version of its software', nullable: true, rules: [notBlank] }),
    max_concurrent_tasks: integer({ summary: 'orders it may have at a time', default: '1', rules: [atLeast(1)] }),
    timeout_seconds: integer({
      summary: 'time it gives one task',
      default: '3600',
      rules: [atLeast(1)],
      unit: 'seconds',
    }),
    context_window_size: integer({ summary: 'tokens it can hold', default: '200000', rules: [atLeast(1)] }),
    config: json({ summary: 'its settings', default: "'{}'::jsonb", rules: [jsonObject] }),
    capabilities: json({
      summary: 'names and levels of its capabilities, kept by the database (entity capability)',
      default: "'[]'::jsonb",
      settable: 'never',
      projectionOf: 'capability',
    }),
    last_heartbeat_at: timestamp({ summary: 'when it was last heard of', nullable: true, settable: 'never' }),
    draining_at: timestamp({ summary: 'since when it claims nothing more', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    legalValues('chk_workers_type', 'worker_type', WORK_TYPES, 'varchar'),
    legalValues('chk_workers_status', 'status', WORKER_STATUSES, 'varchar'),
    {
      name: 'chk_workers_limits',
      expression: '((max_concurrent_tasks > 0) AND (timeout_seconds > 0) AND (context_window_size > 0))',
      says: 'must be at least 1',
      fields: ['max_concurrent_tasks', 'timeout_seconds', 'context_window_size'],
    },
    holdsObject('chk_workers_config', 'config'),
  ],
  indexes: [
    { name: 'idx_workers_type', on: ['worker_type'] },
    { name: 'idx_workers_status', on: ['status'] },
    { name: 'idx_workers_heartbeat', on: ['last_heartbeat_at'] },
    { name: 'idx_workers_type_status', on: ['worker_type', 'status'] },
  ],
  triggers: [
    'workers_keep_status',
    'workers_not_deleted_busy',
    'workers_project_capabilities',
    'workers_set_updated_at',
  ],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [heartbeat, drain, resume, reap],
  lifecycle: workerLifecycle,
  list: {
    columns: ['id', 'name', 'worker_type', 'status', 'max_concurrent_tasks', 'last_heartbeat_at', 'draining_at'],
    sort: '-created_at',
    search: ['name', 'version'],
    time: 'created_at',
  },
})
