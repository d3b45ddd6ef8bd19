/**
 * Workflows (systems/skyvern.md, 1.4; decision 18). A row is one version and its definition never changes: `new-version`
 * makes the next one, and the versions of one workflow share their permanent id.
 */
import { holdsObject, reaches } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { boolean, createdAt, generatedId, integer, json, reference, text, updatedAt } from '../../../model/field.ts'
import { activation } from '../../../model/ready-made.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { newVersion } from '../operations/new-version.ts'
import { activeOrganization, ofSameOrganization } from './creation-rules.ts'

export const workflow = entity({
  name: 'workflow',
  table: 'workflows',
  summary: 'Definitions of several blocks, in versions',
  primaryKey: 'workflow_id',
  fields: {
    workflow_id: generatedId('w', 'workflow id, one for each version'),
    workflow_permanent_id: generatedId('wpid', 'id that all versions share'),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization that owns it',
      onDelete: 'cascade',
      settable: 'create',
    }),
    created_by: reference('user', 'user_id', {
      summary: 'user who created it',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    title: text({ summary: 'title', rules: [notBlank] }),
    description: text({ summary: 'what it is for', nullable: true }),
    version: integer({
      summary: 'number of the version, from 1',
      default: '1',
      settable: 'never',
      numberedWithin: ['organization_id', 'workflow_permanent_id'],
    }),
    is_active: boolean({ summary: 'whether runs may start', default: 'true', settable: 'never' }),
    workflow_definition: json({ summary: 'blocks and connections', settable: 'create', rules: [jsonObject] }),
    parameter_schema: json({
      summary: 'JSON Schema of the parameters of a run',
      nullable: true,
      settable: 'create',
      rules: [jsonObject],
      isJsonSchema: true,
    }),
    created_at: createdAt(),
    modified_at: updatedAt(),
  },
  uniques: [{ name: 'uq_workflows_version', fields: ['organization_id', 'workflow_permanent_id', 'version'] }],
  checks: [
    reaches('check_workflow_version', 'version', 1),
    holdsObject('check_workflow_definition', 'workflow_definition'),
  ],
  indexes: [
    { name: 'ix_workflows_organization_id', on: ['organization_id'] },
    { name: 'ix_workflows_permanent_id', on: ['workflow_permanent_id'] },
    { name: 'ix_workflows_active', on: ['is_active'] },
    { name: 'ix_workflows_created_by', on: ['created_by'] },
  ],
  triggers: ['workflows_set_modified_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'export'],
  operations: [newVersion, ...activation('workflow', 'no new run of it can start')],
  creation: [activeOrganization, ofSameOrganization('created_by')],
  list: {
    columns: ['workflow_id', 'title', 'version', 'is_active', 'workflow_permanent_id', 'created_at'],
    sort: '-created_at',
    search: ['title', 'description'],
    time: 'created_at',
  },
})
