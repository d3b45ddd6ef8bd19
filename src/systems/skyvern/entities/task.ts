/** Tasks (systems/skyvern.md, 1.2 and "Core Task Schemas"; decisions 11, 16, 17, 24): one automation each. */
import { entity } from '../../../model/entity.ts'
import {
  createdAt,
  enumeration,
  generatedId,
  json,
  reference,
  text,
  timestamp,
  updatedAt,
} from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { httpUrl, jsonObject, notBlank, stripped } from '../../../model/rule.ts'
import { logs } from '../operations/logs.ts'
import { statusTones } from '../tones.ts'
import { ofSameOrganization, roomForTask } from './creation-rules.ts'
import { RUN_ROLES, RUN_STATUSES, runTransitions } from './run-lifecycle.ts'

const transitions = runTransitions('task', 'extracted_information', ['completed_at', 'failure_reason'])

export const task = entity({
  name: 'task',
  table: 'tasks',
  summary: 'Browser automations: a URL, a goal, an outcome',
  primaryKey: 'task_id',
  fields: {
    task_id: generatedId('tsk', 'task id'),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization that owns the task',
      onDelete: 'cascade',
      settable: 'create',
    }),
    created_by: reference('user', 'user_id', {
      summary: 'user who created it',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    browser_session_id: reference('browser-session', 'browser_session_id', {
      summary: 'browser session it runs in',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    status: enumeration('task_status', RUN_STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'created'::{schema}.task_status`,
      settable: 'never',
    }),
    url: text({ summary: 'page the automation starts on', settable: 'create', rules: [httpUrl] }),
    navigation_goal: text({
      summary: 'what the automation should accomplish',
      settable: 'create',
      rules: [notBlank],
    }),
    data_extraction_goal: text({
      summary: 'data to extract from the page',
      nullable: true,
      settable: 'create',
      rules: [stripped],
    }),
    navigation_payload: json({
      summary: 'additional parameters for navigation',
      nullable: true,
      settable: 'create',
      rules: [jsonObject],
    }),
    proxy_location: text({
      summary: 'proxy location for the browser',
      nullable: true,
      settable: 'create',
      rules: [stripped],
    }),
    webhook_callback_url: text({
      summary: 'URL called when the task ends',
      nullable: true,
      settable: 'create',
      rules: [httpUrl],
    }),
    totp_verification_url: text({
      summary: 'URL for one-time password verification',
      nullable: true,
      settable: 'create',
      rules: [httpUrl],
    }),
    totp_identifier: text({
      summary: 'identifier for one-time password verification',
      nullable: true,
      settable: 'create',
      rules: [stripped],
    }),
    extracted_information: json({
      summary: 'what was extracted',
      nullable: true,
      settable: 'update',
      rules: [jsonObject],
    }),
    failure_reason: text({ summary: 'why it failed', nullable: true, settable: 'update', rules: [notBlank] }),
    created_at: createdAt(),
    modified_at: updatedAt(),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
  },
  checks: [
    {
      name: 'check_task_url_format',
      expression: "(url ~* '^https?://.*'::text)",
      says: 'must start with http:// or https://',
      fields: ['url'],
    },
  ],
  indexes: [
    { name: 'ix_tasks_organization_id', on: ['organization_id'] },
    { name: 'ix_tasks_status', on: ['status'] },
    { name: 'ix_tasks_created_at', on: ['created_at'] },
    { name: 'ix_tasks_created_by', on: ['created_by'] },
    { name: 'ix_tasks_status_org', on: ['status', 'organization_id'] },
    { name: 'ix_tasks_browser_session_id', on: ['browser_session_id'] },
    { name: 'ix_tasks_organization_status', on: ['organization_id', 'status'] },
    { name: 'ix_tasks_created_at_desc', on: ['created_at DESC', 'task_id DESC'] },
    {
      name: 'ix_tasks_status_completed_at',
      on: ['status', 'completed_at'],
      where: '(completed_at IS NOT NULL)',
    },
    { name: 'ix_tasks_org_status_created', on: ['organization_id', 'status', 'created_at DESC'] },
    { name: 'ix_tasks_totp_identifier', on: ['totp_identifier'] },
  ],
  triggers: ['tasks_set_modified_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  creation: [roomForTask, ofSameOrganization('created_by'), ofSameOrganization('browser_session_id')],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'created',
    states: RUN_ROLES,
    endedAt: 'completed_at',
    transitions: Object.values(transitions),
  }),
  operations: [logs('task', 'task-log', 'task_id')],
  list: {
    columns: ['task_id', 'status', 'created_at', 'url', 'failure_reason'],
    sort: '-created_at',
    search: ['url', 'navigation_goal', 'data_extraction_goal', 'failure_reason'],
    time: 'created_at',
  },
})
