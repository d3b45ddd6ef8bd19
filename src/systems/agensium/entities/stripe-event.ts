/**
 * Events that Stripe sent (decision 41). They are received, processed and kept: a later look at the payload is how a
 * dispute is settled. One that failed has its error and no time of processing.
 */
import { holdsObject } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { createdAt, json, text, timestamp, updatedAt, varchar } from '../../../model/field.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { replay } from '../operations/replay.ts'

export const stripeEvent = entity({
  name: 'stripe-event',
  aliases: ['stripe-webhook-event'],
  table: 'stripe_webhook_events',
  summary: 'Events that Stripe sent, and what became of them',
  primaryKey: 'event_id',
  fields: {
    event_id: varchar(255, { summary: "Stripe's id of the event", settable: 'create', rules: [notBlank] }),
    type: varchar(100, { summary: 'what happened, e.g. charge.refunded', settable: 'create', rules: [notBlank] }),
    payload: json({ summary: 'the event as it was sent', settable: 'create', rules: [jsonObject] }),
    processed_at: timestamp({ summary: 'when it was processed', nullable: true, settable: 'never' }),
    error: text({ summary: 'why it could not be processed', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    holdsObject('chk_stripe_webhook_events_payload', 'payload'),
    {
      name: 'chk_stripe_webhook_events_error',
      expression: '((processed_at IS NULL) OR (error IS NULL))',
      says: 'an event that was processed has no error',
      fields: ['processed_at', 'error'],
    },
  ],
  indexes: [
    { name: 'idx_stripe_webhook_events_type', on: ['type'] },
    { name: 'idx_stripe_webhook_events_created_at', on: ['created_at'] },
    { name: 'idx_stripe_webhook_events_unprocessed', on: ['created_at'], where: '(processed_at IS NULL)' },
  ],
  triggers: ['stripe_webhook_events_set_updated_at'],
  verbs: ['list', 'get', 'create', 'count', 'import', 'export', 'bulk'],
  operations: [replay],
  list: {
    columns: ['event_id', 'type', 'created_at', 'processed_at', 'error'],
    sort: '-created_at',
    search: ['event_id', 'type', 'error'],
    time: 'created_at',
  },
})
