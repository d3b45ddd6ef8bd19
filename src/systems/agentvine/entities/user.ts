/**
 * Users, people and service accounts (systems/agentvine.md, 1; decision 51). A deleted one keeps username and address,
 * so that nobody else is taken for them.
 */
import { holdsAddress, holdsBcrypt, holdsObject } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { boolean, createdAt, json, oneOf, timestamp, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { email, jsonObject, lowerCase, notBlank } from '../../../model/rule.ts'
import { accountOperations } from '../operations/account.ts'

const ROLES = ['admin', 'developer', 'viewer'] as const

export const user = entity({
  name: 'user',
  table: 'users',
  summary: 'People and service accounts',
  primaryKey: 'id',
  handle: 'username',
  fields: {
    id: uuidId('user id'),
    username: varchar(50, { summary: 'name to log in with, which nobody else has', rules: [notBlank] }),
    email: varchar(255, { summary: 'e-mail address, which nobody else has', rules: [email, lowerCase] }),
    hashed_password: varchar(255, {
      summary: 'password; only its bcrypt hash is stored',
      settable: 'create',
      secret: true,
      sealed: { by: 'bcrypt', input: 'password' },
    }),
    full_name: varchar(255, { summary: 'name as written', nullable: true, rules: [notBlank] }),
    role: oneOf(ROLES, { summary: 'what the user may do', limit: 20 }),
    is_active: boolean({ summary: 'whether the user may log in', default: 'true', settable: 'never' }),
    is_verified: boolean({ summary: 'whether the address is verified', default: 'false', settable: 'never' }),
    settings: json({ summary: 'preferences', default: "'{}'::jsonb", rules: [jsonObject] }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    last_login_at: timestamp({ summary: 'when the user last logged in', nullable: true, settable: 'never' }),
    deleted_at: timestamp({ summary: 'when the user was deleted', nullable: true, settable: 'never' }),
  },
  uniques: [
    { name: 'uq_users_username', fields: ['username'] },
    { name: 'uq_users_email', fields: ['email'] },
  ],
  checks: [
    legalValues('chk_users_role', 'role', ROLES, 'varchar'),
    holdsBcrypt('chk_users_hashed_password', 'hashed_password'),
    holdsAddress('chk_users_email', 'email'),
    holdsObject('chk_users_settings', 'settings'),
  ],
  indexes: [{ name: 'idx_users_role', on: ['role'] }],
  triggers: ['users_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'export'],
  operations: accountOperations,
  softDelete: { field: 'deleted_at' },
  list: {
    columns: ['id', 'username', 'email', 'full_name', 'role', 'is_active', 'last_login_at'],
    sort: '-created_at',
    search: ['username', 'email', 'full_name'],
    time: 'created_at',
  },
})
