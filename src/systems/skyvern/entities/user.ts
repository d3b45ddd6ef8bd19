/**
 * Users of an organization (decision 9). The CRUD matrix does not list them: they get every single-row verb, as
 * organizations do, and no bulk.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { boolean, createdAt, generatedId, oneOf, reference, text, updatedAt } from '../../../model/field.ts'
import { activation } from '../../../model/ready-made.ts'
import { email, lowerCase, notBlank } from '../../../model/rule.ts'
import { activeOrganization } from './creation-rules.ts'

const ROLES = ['owner', 'admin', 'member', 'viewer'] as const

export const user = entity({
  name: 'user',
  table: 'users',
  summary: 'People of an organization',
  primaryKey: 'user_id',
  fields: {
    user_id: generatedId('u', 'user id'),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization the user belongs to',
      onDelete: 'cascade',
      settable: 'create',
    }),
    email: text({ summary: 'e-mail address, unique within the organization', rules: [email, lowerCase] }),
    full_name: text({ summary: 'name as written', nullable: true, rules: [notBlank] }),
    role: oneOf(ROLES, { summary: 'what the user may do', default: `'member'::text` }),
    is_active: boolean({ summary: 'whether the user may log in', default: 'true', settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_users_organization_email', fields: ['organization_id', 'email'] }],
  checks: [
    {
      name: 'check_user_email',
      expression: "((email = lower(email)) AND (strpos(email, '@'::text) > 1))",
      says: 'must be an e-mail address in lower case',
      fields: ['email'],
    },
    legalValues('check_user_role', 'role', ROLES),
  ],
  triggers: ['users_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'export'],
  operations: activation('user', 'the user can no longer log in'),
  creation: [activeOrganization],
  list: {
    columns: ['user_id', 'email', 'full_name', 'role', 'is_active', 'organization_id'],
    sort: '-created_at',
    search: ['email', 'full_name'],
    time: 'created_at',
  },
})
