/** Triggers: what sets a workflow off (systems/autopr.md, 7). Of the conditions, the document shows those of events. */
import { holdsObject } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { boolean, createdAt, json, oneOf, reference, updatedAt, uuidId } from '../../../model/field.ts'
import { enabling } from '../../../model/ready-made.ts'
import { jsonObject, textMember, textsMember } from '../../../model/rule.ts'

const TYPES = ['event', 'schedule', 'webhook', 'manual'] as const

export const trigger = entity({
  name: 'trigger',
  aliases: ['workflow-trigger'],
  table: 'workflow_triggers',
  summary: 'What sets a workflow off',
  primaryKey: 'id',
  fields: {
    id: uuidId('trigger id'),
    workflow_id: reference('workflow', 'id', {
      summary: 'workflow that it sets off',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    trigger_type: oneOf(TYPES, { summary: 'what kind of trigger it is', limit: 100, settable: 'create' }),
    conditions: json({
      summary: 'when it goes off; of an event trigger at least event_type',
      default: "'{}'::jsonb",
      rules: [jsonObject, textMember('event_type'), textsMember('branches'), textsMember('paths')],
    }),
    enabled: boolean({ summary: 'whether it is in use', default: 'true', settable: 'create' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    legalValues('chk_trigger_type', 'trigger_type', TYPES, 'varchar'),
    holdsObject('chk_trigger_conditions', 'conditions'),
    {
      name: 'chk_trigger_event_type',
      expression:
        "(((trigger_type)::text <> 'event'::text) OR (NOT (jsonb_typeof((conditions -> 'event_type'::text)) IS DISTINCT FROM 'string'::text)))",
      says: 'must hold event_type, a text, since it is an event trigger',
      fields: ['conditions'],
    },
  ],
  indexes: [
    { name: 'idx_workflow_triggers_workflow_id', on: ['workflow_id'] },
    { name: 'idx_workflow_triggers_type', on: ['trigger_type'] },
    { name: 'idx_workflow_triggers_enabled', on: ['enabled'] },
  ],
  triggers: ['workflow_triggers_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: enabling('trigger', 'it sets nothing off'),
  list: {
    columns: ['id', 'workflow_id', 'trigger_type', 'enabled', 'conditions', 'created_at'],
    sort: '-created_at',
    time: 'created_at',
  },
})
