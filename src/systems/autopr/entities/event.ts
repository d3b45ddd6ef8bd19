/**
 * Integration events: a queue (systems/autopr.md, 6; decision 28). A worker claims the oldest pending events, each of
 * them once; what it does not finish, because it died, is put back with `requeue` or, by age, `reap`.
 */
import { reaches } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, integer, json, oneOf, reference, text, timestamp, uuidId, varchar } from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { notBlank } from '../../../model/rule.ts'
import { reap } from '../operations/reap.ts'
import { eventTones } from '../tones.ts'
import { enabledIntegration } from './creation-rules.ts'

const STATUSES = ['pending', 'processing', 'completed', 'failed', 'ignored'] as const

export const event = entity({
  name: 'event',
  aliases: ['integration-event'],
  table: 'integration_events',
  summary: 'What the integrations report, in a queue',
  primaryKey: 'id',
  fields: {
    id: uuidId('event record id'),
    integration_id: reference('integration', 'id', {
      summary: 'integration that reported it',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    event_type: varchar(100, {
      summary: 'type of event, e.g. pull_request.merged',
      settable: 'create',
      rules: [notBlank],
    }),
    event_id: varchar(255, {
      summary: 'id that the service gave it',
      nullable: true,
      settable: 'create',
      rules: [notBlank],
    }),
    payload: json({ summary: 'what the service told', default: "'{}'::jsonb", settable: 'create' }),
    status: oneOf(STATUSES, {
      summary: 'where it stands',
      limit: 50,
      tones: eventTones,
      default: "'pending'::character varying",
      settable: 'never',
    }),
    claimed_at: timestamp({ summary: 'when a worker took it', nullable: true, settable: 'never' }),
    processed_at: timestamp({ summary: 'when it was dealt with', nullable: true, settable: 'never' }),
    error_message: text({ summary: 'why it failed', nullable: true, settable: 'never', rules: [notBlank] }),
    retry_count: integer({ summary: 'how often it was put back', default: '0', settable: 'never' }),
    created_at: createdAt(),
  },
  checks: [
    legalValues('chk_event_status', 'status', STATUSES, 'varchar'),
    reaches('chk_event_retry_count', 'retry_count', 0),
  ],
  indexes: [
    { name: 'idx_integration_events_integration_id', on: ['integration_id'] },
    { name: 'idx_integration_events_status', on: ['status'] },
    { name: 'idx_integration_events_type', on: ['event_type'] },
    { name: 'idx_integration_events_created_at', on: ['created_at'] },
    { name: 'idx_integration_events_processed_at', on: ['processed_at'], where: '(processed_at IS NOT NULL)' },
    {
      name: 'idx_integration_events_queue',
      on: ['status', 'created_at'],
      where:
        "((status)::text = ANY ((ARRAY['pending'::character varying, 'processing'::character varying])::text[]))",
    },
    { name: 'idx_integration_events_payload', on: ['payload'], method: 'gin' },
  ],
  triggers: ['integration_events_set_claimed_at'],
  verbs: ['list', 'get', 'create', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [reap],
  creation: [enabledIntegration],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'pending',
    states: {
      pending: 'waiting',
      processing: 'active',
      completed: 'terminal',
      failed: 'terminal',
      ignored: 'terminal',
    },
    stamps: { processing: 'claimed_at' },
    endedAt: 'processed_at',
    transitions: [
      {
        verb: 'claim',
        summary: 'Take pending events to work on, the oldest first, each by one worker only',
        from: ['pending'],
        to: 'processing',
        claims: {
          order: 'created_at',
          by: ['integration_id', 'event_type'],
          // What came before it was disabled is kept, and not worked on: the integration is out of use.
          parents: [{ via: 'integration_id', is: { enabled: true }, otherwise: 'is not enabled' }],
        },
      },
      { verb: 'complete', summary: 'Record that the event was dealt with', from: ['processing'], to: 'completed' },
      {
        verb: 'fail',
        summary: 'Record that the event could not be dealt with, and why',
        from: ['processing'],
        to: 'failed',
        takes: { error_message: 'required' },
      },
      {
        verb: 'ignore',
        summary: 'Record that nothing is to be done about the event',
        from: ['pending', 'processing'],
        to: 'ignored',
      },
      {
        verb: 'requeue',
        summary: 'Put the event back into the queue: it failed, or its worker died with it',
        from: ['failed', 'processing'],
        to: 'pending',
        clears: ['claimed_at', 'processed_at', 'error_message'],
        increments: ['retry_count'],
      },
    ],
  }),
  list: {
    columns: ['id', 'event_type', 'status', 'retry_count', 'created_at', 'processed_at', 'error_message'],
    sort: '-created_at',
    search: ['event_type', 'event_id', 'error_message'],
    time: 'created_at',
  },
})
