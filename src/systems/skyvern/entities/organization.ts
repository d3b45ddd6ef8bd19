/** Organizations (systems/skyvern.md, 1.1): who owns everything else. */
import { holdsObject } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { boolean, createdAt, generatedId, integer, json, text, updatedAt } from '../../../model/field.ts'
import { activation } from '../../../model/ready-made.ts'
import { atLeast, httpUrl, jsonObject, notBlank, wholeNumberMember } from '../../../model/rule.ts'

export const organization = entity({
  name: 'organization',
  table: 'organizations',
  summary: 'Customers: each owns its users, keys, tasks and workflows',
  primaryKey: 'organization_id',
  fields: {
    organization_id: generatedId('o', 'organization id'),
    organization_name: text({ summary: 'display name, unique', rules: [notBlank] }),
    domain: text({ summary: 'domain the organization goes by', nullable: true, rules: [notBlank] }),
    webhook_callback_url: text({ summary: 'URL called on events', nullable: true, rules: [httpUrl] }),
    max_steps_per_run: integer({ summary: 'steps a run may take', default: '10', rules: [atLeast(1)] }),
    max_retries_per_step: integer({ summary: 'times a step may be retried', default: '3', rules: [atLeast(0)] }),
    is_active: boolean({ summary: 'whether it may create and run tasks', default: 'true', settable: 'never' }),
    settings: json({
      summary: 'custom settings, e.g. {"max_concurrent_tasks": 10}',
      default: `'{}'::jsonb`,
      rules: [jsonObject, wholeNumberMember('max_concurrent_tasks', 0)],
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_organizations_name', fields: ['organization_name'] }],
  checks: [
    {
      name: 'check_org_limits',
      expression: '((max_steps_per_run > 0) AND (max_retries_per_step >= 0))',
      says: 'must be at least 1 and at least 0',
      fields: ['max_steps_per_run', 'max_retries_per_step'],
    },
    holdsObject('check_org_settings', 'settings'),
  ],
  indexes: [
    { name: 'ix_organizations_domain', on: ['domain'] },
    { name: 'ix_organizations_active', on: ['is_active'] },
  ],
  triggers: ['organizations_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'export'],
  operations: activation('organization', 'its users can create and run nothing more'),
  list: {
    columns: ['organization_id', 'organization_name', 'domain', 'is_active', 'created_at'],
    sort: '-created_at',
    search: ['organization_name', 'domain'],
    time: 'created_at',
  },
})
