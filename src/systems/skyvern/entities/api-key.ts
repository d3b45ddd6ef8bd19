/**
 * API keys (decision 9). The CRUD matrix does not list them: they are created, renamed and revoked, never deleted,
 * so that a key found in a log can still be told apart from one that never existed.
 */
import { entity } from '../../../model/entity.ts'
import { boolean, createdAt, generatedId, reference, text, timestamp, updatedAt } from '../../../model/field.ts'
import { notBlank } from '../../../model/rule.ts'
import { revoke } from '../operations/revoke.ts'
import { activeOrganization } from './creation-rules.ts'

export const apiKey = entity({
  name: 'api-key',
  table: 'api_keys',
  summary: 'Keys for the API: only a hash is stored',
  primaryKey: 'api_key_id',
  fields: {
    api_key_id: generatedId('ak', 'API key id'),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization the key acts for',
      onDelete: 'cascade',
      settable: 'create',
    }),
    name: text({ summary: 'what the key is for', rules: [notBlank] }),
    key_hash: text({ summary: 'SHA-256 of the key, hex', settable: 'never', secret: true }),
    key_prefix: text({ summary: 'first characters of the key, to recognise it by', settable: 'never' }),
    valid: boolean({ summary: 'whether the key opens anything', default: 'true', settable: 'never' }),
    last_used_at: timestamp({ summary: 'when it was last used', nullable: true, settable: 'never' }),
    revoked_at: timestamp({ summary: 'when it was revoked', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_api_keys_key_hash', fields: ['key_hash'] }],
  checks: [
    {
      name: 'check_api_key_hash',
      expression: "(key_hash ~ '^[0-9a-f]{64}$'::text)",
      says: 'must be a SHA-256 in lower-case hex',
      fields: ['key_hash'],
    },
    {
      name: 'check_api_key_revoked',
      expression: '(valid = (revoked_at IS NULL))',
      says: 'a key is revoked exactly when it has a time of revocation',
      fields: ['valid', 'revoked_at'],
    },
  ],
  indexes: [{ name: 'ix_api_keys_organization_id', on: ['organization_id'] }],
  triggers: ['api_keys_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'count', 'export'],
  operations: [revoke],
  creation: [activeOrganization],
  issues: { startsWith: 'sk_', hash: 'key_hash', prefix: 'key_prefix' },
  list: {
    columns: ['api_key_id', 'name', 'key_prefix', 'valid', 'last_used_at', 'organization_id'],
    sort: '-created_at',
    search: ['name', 'key_prefix'],
    time: 'created_at',
  },
})
