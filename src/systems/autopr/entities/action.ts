/** Actions: the steps of a workflow, in order (systems/autopr.md, 3). */
import { holdsObject, reaches } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { createdAt, integer, json, reference, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { reorder } from '../operations/reorder.ts'

export const action = entity({
  name: 'action',
  aliases: ['workflow-action'],
  table: 'workflow_actions',
  summary: 'Steps of a workflow, in order',
  primaryKey: 'id',
  fields: {
    id: uuidId('action id'),
    workflow_id: reference('workflow', 'id', {
      summary: 'workflow that it is a step of',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    action_type: varchar(100, { summary: 'what kind of step, e.g. deploy, notify, test', rules: [notBlank] }),
    action_name: varchar(255, { summary: 'what people call it', rules: [notBlank] }),
    config: json({ summary: 'settings of the step', default: "'{}'::jsonb", rules: [jsonObject] }),
    order_index: integer({
      summary: 'place within the workflow, from 0',
      settable: 'never',
      numberedWithin: ['workflow_id'],
      numberedFrom: 0,
    }),
    conditions: json({ summary: 'when the step is taken; always when absent', nullable: true, rules: [jsonObject] }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_workflow_action_order', fields: ['workflow_id', 'order_index'] }],
  checks: [
    reaches('chk_order_index_positive', 'order_index', 0),
    holdsObject('chk_action_config', 'config'),
    holdsObject('chk_action_conditions', 'conditions'),
  ],
  indexes: [
    { name: 'idx_workflow_actions_workflow_id', on: ['workflow_id'] },
    { name: 'idx_workflow_actions_type', on: ['action_type'] },
  ],
  triggers: ['workflow_actions_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [reorder],
  list: {
    columns: ['id', 'workflow_id', 'order_index', 'action_type', 'action_name'],
    sort: 'workflow_id,order_index',
    search: ['action_name', 'action_type'],
    time: 'created_at',
  },
})
