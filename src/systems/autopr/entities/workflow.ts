/**
 * Workflows (systems/autopr.md, 1 and "JSON Field Validation"; decisions 33 and 34). One with history is archived; a
 * deleted one is marked, and an active one must be stopped first.
 */
import { holdsObject } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, json, oneOf, text, timestamp, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { jsonObject, notBlank, textsMember, wholeNumberMember } from '../../../model/rule.ts'
import { workflowTones } from '../tones.ts'

const STATUSES = ['active', 'inactive', 'archived', 'draft'] as const

export const workflow = entity({
  name: 'workflow',
  table: 'workflows',
  summary: 'Definitions of what is done when something happens',
  primaryKey: 'id',
  handle: 'name',
  fields: {
    id: uuidId('workflow id'),
    name: varchar(255, { summary: 'name, which no other workflow has', rules: [notBlank] }),
    description: text({ summary: 'what it is for', nullable: true }),
    status: oneOf(STATUSES, {
      summary: 'where it stands; executions begin while it is active',
      limit: 50,
      tones: workflowTones,
      default: "'draft'::character varying",
      settable: 'never',
    }),
    config: json({
      summary: 'settings of the whole workflow',
      default: "'{}'::jsonb",
      rules: [
        jsonObject,
        wholeNumberMember('max_retries', 0),
        wholeNumberMember('timeout_seconds', 1),
        textsMember('notification_channels'),
      ],
    }),
    created_by: varchar(255, { summary: 'who created it', nullable: true, settable: 'create' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_workflow_name', fields: ['name'] }],
  checks: [
    legalValues('chk_workflow_status', 'status', STATUSES, 'varchar'),
    holdsObject('chk_workflow_config', 'config'),
  ],
  indexes: [
    { name: 'idx_workflows_status', on: ['status'] },
    { name: 'idx_workflows_created_at', on: ['created_at'] },
    { name: 'idx_workflows_config', on: ['config'], method: 'gin' },
  ],
  triggers: ['workflows_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'draft',
    states: { draft: 'waiting', active: 'active', inactive: 'waiting', archived: 'terminal' },
    // The document keeps no time of archiving; updated_at is the time of the last change.
    endedAt: {},
    transitions: [
      {
        verb: 'activate',
        summary: 'Let executions of the workflow begin',
        from: ['draft', 'inactive'],
        to: 'active',
      },
      {
        verb: 'deactivate',
        summary: 'Let no new execution of the workflow begin',
        from: ['active'],
        to: 'inactive',
        ends: true,
      },
      {
        verb: 'archive',
        summary: 'Put the workflow away with its history',
        from: ['draft', 'active', 'inactive'],
        to: 'archived',
        ends: true,
      },
      {
        verb: 'restore',
        summary: 'Bring the workflow back from the archive, inactive',
        from: ['archived'],
        to: 'inactive',
      },
    ],
  }),
  softDelete: {
    field: 'deleted_at',
    only: [
      {
        field: 'status',
        isOneOf: ['draft', 'inactive', 'archived'],
        says: 'it is active; deactivate or archive it first',
      },
    ],
  },
  list: {
    columns: ['id', 'name', 'status', 'created_by', 'created_at'],
    sort: '-created_at',
    search: ['name', 'description'],
    time: 'created_at',
  },
})
