/** Configurations of agents (decision 55), in versions, of which one is active. */
import { reaches } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import {
  boolean,
  createdAt,
  enumeration,
  integer,
  json,
  oneOf,
  reference,
  timestamp,
  updatedAt,
  uuidId,
  varchar,
} from '../../../model/field.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { healthTones } from '../../../model/words.ts'
import { activate, deactivate } from '../operations/activation.ts'
import { newVersion } from '../operations/new-version.ts'
import { recordHealth } from '../operations/record-health.ts'
import { AGENT_TYPES } from './agent-type.ts'
import { openProject } from './creation-rules.ts'
import { jsonArray, jsonShape, nestedAtMostTen } from './json.ts'

const HEALTH = ['unknown', 'healthy', 'degraded', 'unhealthy'] as const

export const agentConfig = entity({
  name: 'agent-config',
  aliases: ['agent-configuration'],
  table: 'agent_configurations',
  summary: 'Configurations of agents, in versions, and how the agents do',
  primaryKey: 'id',
  fields: {
    id: uuidId('configuration id'),
    project_id: reference('project', 'id', {
      kind: 'uuid',
      summary: 'project it is for',
      onDelete: 'cascade',
      settable: 'create',
    }),
    agent_type: enumeration('agent_type', AGENT_TYPES, { summary: 'kind of agent', settable: 'create' }),
    agent_name: varchar(255, { summary: 'name of the agent', settable: 'create', rules: [notBlank] }),
    version: integer({
      summary: 'number of the version, from 1',
      default: '1',
      settable: 'never',
      numberedWithin: ['project_id', 'agent_type', 'agent_name'],
    }),
    configuration: json({
      summary: 'model, temperature, limits …',
      default: "'{}'::jsonb",
      settable: 'create',
      rules: [jsonObject, nestedAtMostTen],
    }),
    capabilities: json({
      summary: 'what the agent can do',
      default: "'[]'::jsonb",
      settable: 'create',
      rules: [jsonArray, nestedAtMostTen],
    }),
    constraints: json({
      summary: 'what it must not do, or not more of',
      default: "'{}'::jsonb",
      settable: 'create',
      rules: [jsonObject, nestedAtMostTen],
    }),
    is_active: boolean({ summary: 'whether the agent runs with it', default: 'false', settable: 'never' }),
    health_status: oneOf(HEALTH, {
      summary: 'how the agent did at the last check',
      limit: 20,
      default: "'unknown'::character varying",
      tones: healthTones,
      settable: 'never',
    }),
    last_health_check: timestamp({ summary: 'when that was', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [
    { name: 'uq_agent_configurations_version', fields: ['project_id', 'agent_type', 'agent_name', 'version'] },
  ],
  checks: [
    {
      name: 'chk_agent_configurations_name',
      expression: "(btrim((agent_name)::text) <> ''::text)",
      says: 'must not be blank',
      fields: ['agent_name'],
    },
    reaches('chk_agent_configurations_version', 'version', 1),
    jsonShape('agent_configurations', 'configuration', 'object'),
    jsonShape('agent_configurations', 'capabilities', 'array'),
    jsonShape('agent_configurations', 'constraints', 'object'),
    legalValues('chk_agent_configurations_health', 'health_status', HEALTH, 'varchar'),
  ],
  indexes: [
    {
      name: 'uq_agent_configurations_active',
      on: ['project_id', 'agent_type', 'agent_name'],
      unique: true,
      where: 'is_active',
    },
    {
      name: 'idx_agent_configurations_health',
      on: ['health_status', 'last_health_check'],
      where: 'is_active',
    },
    { name: 'idx_agent_configurations_capabilities', on: ['capabilities'], method: 'gin' },
    { name: 'idx_agent_configurations_created_at', on: ['created_at DESC', 'id DESC'] },
  ],
  triggers: ['agent_configurations_set_updated_at'],
  verbs: ['list', 'get', 'create', 'delete', 'count', 'export'],
  operations: [activate, deactivate, newVersion, recordHealth],
  creation: [openProject],
  list: {
    columns: ['id', 'agent_name', 'agent_type', 'version', 'is_active', 'health_status', 'last_health_check'],
    sort: '-created_at',
    search: ['agent_name'],
    time: 'created_at',
  },
})
