/**
 * What workers can do (systems/agentvine.md, 12; decision 53): the authoritative rows. A trigger copies names and levels
 * to the worker.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, json, oneOf, reference, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'

export const LEVELS = ['beginner', 'intermediate', 'advanced', 'expert'] as const

export const capability = entity({
  name: 'capability',
  plural: 'capabilities',
  aliases: ['worker-capability'],
  table: 'worker_capabilities',
  summary: 'What workers can do, and how well',
  primaryKey: 'id',
  fields: {
    id: uuidId('capability id'),
    worker_id: reference('worker', 'id', {
      summary: 'worker that has it',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    capability_name: varchar(100, { summary: 'what it is, e.g. Python', rules: [notBlank] }),
    capability_level: oneOf(LEVELS, {
      summary: 'how well',
      limit: 20,
      default: "'intermediate'::character varying",
    }),
    metadata: json({ summary: 'further facts', default: "'{}'::jsonb", rules: [jsonObject] }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_worker_capabilities_name', fields: ['worker_id', 'capability_name'] }],
  checks: [legalValues('chk_worker_capabilities_level', 'capability_level', LEVELS, 'varchar')],
  indexes: [
    { name: 'idx_worker_caps_worker', on: ['worker_id'] },
    { name: 'idx_worker_caps_name', on: ['capability_name'] },
  ],
  triggers: ['worker_capabilities_changed', 'worker_capabilities_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  list: {
    columns: ['id', 'worker_id', 'capability_name', 'capability_level'],
    sort: 'capability_name',
    search: ['capability_name'],
    time: 'created_at',
  },
})
