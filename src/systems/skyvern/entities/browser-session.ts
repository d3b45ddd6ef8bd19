/**
 * Browser sessions (decision 9): a browser kept open for several tasks or runs. The CRUD matrix does not list them:
 * they are created and led through their states; nobody edits or deletes one, since tasks refer to it.
 */
import { reaches } from '../../../model/checks.ts'
import { endsNotBeforeStart, entity } from '../../../model/entity.ts'
import {
  createdAt,
  enumeration,
  generatedId,
  integer,
  reference,
  timestamp,
  updatedAt,
} from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { atLeast } from '../../../model/rule.ts'
import { statusTones } from '../tones.ts'
import { activeOrganization } from './creation-rules.ts'

const STATUSES = ['created', 'running', 'completed', 'failed', 'timeout'] as const

export const browserSession = entity({
  name: 'browser-session',
  table: 'browser_sessions',
  summary: 'Browsers kept open for several tasks or runs',
  primaryKey: 'browser_session_id',
  fields: {
    browser_session_id: generatedId('pbs', 'browser session id'),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization that uses it',
      onDelete: 'cascade',
      settable: 'create',
    }),
    status: enumeration('browser_session_status', STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'created'::{schema}.browser_session_status`,
      settable: 'never',
    }),
    timeout_seconds: integer({
      summary: 'how long it may stay open',
      default: '3600',
      settable: 'create',
      rules: [atLeast(1)],
      unit: 'seconds',
    }),
    started_at: timestamp({ summary: 'when the browser opened', nullable: true, settable: 'never' }),
    ended_at: timestamp({ summary: 'when the browser closed', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    reaches('check_browser_session_timeout', 'timeout_seconds', 1),
    endsNotBeforeStart('check_browser_session_times', 'ended_at', 'started_at'),
  ],
  indexes: [
    { name: 'ix_browser_sessions_organization_id', on: ['organization_id'] },
    { name: 'ix_browser_sessions_status', on: ['status'] },
    { name: 'ix_browser_sessions_created_at', on: ['created_at'] },
  ],
  triggers: ['browser_sessions_set_updated_at'],
  verbs: ['list', 'get', 'create', 'count', 'export'],
  creation: [activeOrganization],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'created',
    states: {
      created: 'waiting',
      running: 'active',
      completed: 'terminal',
      failed: 'terminal',
      timeout: 'terminal',
    },
    stamps: { running: 'started_at' },
    endedAt: 'ended_at',
    transitions: [
      { verb: 'start', summary: 'Record that the browser opened', from: ['created'], to: 'running' },
      {
        verb: 'close',
        summary: 'End the session in order',
        from: ['created', 'running'],
        to: 'completed',
        ends: true,
      },
      { verb: 'fail', summary: 'Record that the browser broke', from: ['created', 'running'], to: 'failed' },
      {
        verb: 'expire',
        summary: 'Record that the session outlived its timeout',
        from: ['created', 'running'],
        to: 'timeout',
        ends: true,
      },
    ],
  }),
  list: {
    columns: ['browser_session_id', 'status', 'started_at', 'ended_at', 'organization_id'],
    sort: '-created_at',
    time: 'created_at',
  },
})
