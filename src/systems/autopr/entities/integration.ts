/** Integrations: the outside services a workflow works with (systems/autopr.md, 5; decisions 34 and 35). */
import { holdsObject } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { boolean, createdAt, json, oneOf, text, timestamp, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { enabling } from '../../../model/ready-made.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { healthTones } from '../../../model/words.ts'
import { recordHealth, rotateCredentials, setCredentials } from '../operations/integration.ts'

const TYPES = ['github', 'linear', 'slack', 'axolo', 'teams', 'discord', 'jira', 'sentry', 'datadog'] as const
const HEALTH = ['healthy', 'degraded', 'unhealthy', 'unknown'] as const

export const integration = entity({
  name: 'integration',
  table: 'integrations',
  summary: 'Outside services, their health and credentials',
  primaryKey: 'id',
  handle: 'name',
  fields: {
    id: uuidId('integration id'),
    name: varchar(255, { summary: 'name, which no other integration has', rules: [notBlank] }),
    type: oneOf(TYPES, { summary: 'which service it is', limit: 100, settable: 'create' }),
    config: json({
      summary: 'settings; credentials do not belong here',
      default: "'{}'::jsonb",
      rules: [jsonObject],
    }),
    enabled: boolean({ summary: 'whether it is in use', default: 'true', settable: 'create' }),
    health_status: oneOf(HEALTH, {
      summary: 'what the last health check found',
      limit: 50,
      tones: healthTones,
      default: "'unknown'::character varying",
      settable: 'never',
    }),
    last_health_check: timestamp({ summary: 'when its health was last checked', nullable: true, settable: 'never' }),
    credentials_encrypted: text({
      summary: 'credentials, encrypted',
      nullable: true,
      secret: true,
      settable: 'never',
      sealed: { by: 'aes-256-gcm', input: 'credentials' },
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_integration_name', fields: ['name'] }],
  checks: [
    legalValues('chk_integration_type', 'type', TYPES, 'varchar'),
    legalValues('chk_integration_health_status', 'health_status', HEALTH, 'varchar'),
    holdsObject('chk_integration_config', 'config'),
  ],
  indexes: [
    { name: 'idx_integrations_type', on: ['type'] },
    { name: 'idx_integrations_enabled', on: ['enabled'] },
    { name: 'idx_integrations_health', on: ['health_status'] },
  ],
  triggers: ['integrations_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [
    ...enabling('integration', 'it takes no more events, and those it has wait'),
    recordHealth,
    setCredentials,
    rotateCredentials,
  ],
  softDelete: {
    field: 'deleted_at',
    only: [{ field: 'enabled', isOneOf: [false], says: 'it is enabled; disable it first' }],
  },
  list: {
    columns: ['id', 'name', 'type', 'enabled', 'health_status', 'last_health_check'],
    sort: 'name',
    search: ['name'],
    time: 'created_at',
  },
})
