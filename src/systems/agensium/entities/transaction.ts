/**
 * The ledger (decision 41): every credit that came or went, written by the operations of wallets and by the platform.
 * Read-only: triggers refuse whatever would change or remove an entry.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { bigint, createdAt, oneOf, reference, text, varchar } from '../../../model/field.ts'
import { notBlank } from '../../../model/rule.ts'
import { typeTones } from '../tones.ts'

const TYPES = ['PURCHASE', 'CONSUME', 'REFUND', 'ADJUSTMENT', 'GRANT'] as const

/** An id that Stripe gave; one entry each at most. */
const stripeId = (summary: string) => varchar(255, { summary, nullable: true, settable: 'create', rules: [notBlank] })

export const transaction = entity({
  name: 'transaction',
  aliases: ['credit-transaction'],
  table: 'credit_transactions',
  summary: 'Credits that came or went, one entry each',
  primaryKey: 'id',
  fields: {
    id: varchar(26, { summary: 'transaction id, a ULID', default: '{schema}.next_ulid()', settable: 'never' }),
    user_id: reference('user', 'id', {
      summary: 'user whose credits they are',
      kind: 'integer',
      onDelete: 'restrict',
      settable: 'create',
    }),
    delta_credits: bigint({ summary: 'credits that came, or went when negative', settable: 'create', unit: 'count' }),
    type: oneOf(TYPES, { summary: 'why they came or went', limit: 20, settable: 'create', tones: typeTones }),
    reason: text({ summary: 'reason in words', nullable: true, settable: 'create', rules: [notBlank] }),
    agent_id: varchar(100, {
      summary: 'agent that was paid',
      nullable: true,
      settable: 'create',
      rules: [notBlank],
    }),
    tool_id: varchar(50, { summary: 'tool it was for', nullable: true, settable: 'create', rules: [notBlank] }),
    analysis_id: varchar(100, {
      summary: 'task it was for, if it names one (decision 42)',
      names: { entity: 'task', field: 'task_id' },
      nullable: true,
      settable: 'create',
      rules: [notBlank],
    }),
    stripe_checkout_session_id: stripeId('checkout session of the purchase'),
    stripe_payment_intent_id: stripeId('payment intent of the purchase'),
    stripe_charge_id: stripeId('refunded charge whose credits were taken back'),
    created_at: createdAt(),
  },
  uniques: [
    {
      name: 'uq_credit_transactions_stripe_checkout_session_id',
      fields: ['stripe_checkout_session_id'],
    },
    { name: 'uq_credit_transactions_stripe_payment_intent_id', fields: ['stripe_payment_intent_id'] },
    { name: 'uq_credit_transactions_stripe_charge_id', fields: ['stripe_charge_id'] },
  ],
  checks: [
    {
      name: 'chk_credit_transactions_id',
      expression: "((id)::text ~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'::text)",
      says: 'must be a ULID',
      fields: ['id'],
    },
    legalValues('chk_credit_transactions_type', 'type', TYPES, 'varchar'),
    {
      name: 'chk_credit_transactions_delta_credits',
      expression:
        "((delta_credits <> 0) AND (((type)::text = 'ADJUSTMENT'::text) OR (((type)::text = 'CONSUME'::text) = (delta_credits < 0))))",
      says: 'must be negative for CONSUME, positive for PURCHASE, GRANT and REFUND, and never 0',
      fields: ['delta_credits', 'type'],
    },
  ],
  indexes: [
    { name: 'idx_credit_transactions_user_created', on: ['user_id', 'created_at'] },
    { name: 'idx_credit_transactions_created_at', on: ['created_at'] },
    { name: 'idx_credit_transactions_analysis_id', on: ['analysis_id'] },
  ],
  triggers: ['credit_transactions_append_only', 'credit_transactions_no_truncate'],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['created_at', 'user_id', 'type', 'delta_credits', 'agent_id', 'analysis_id', 'reason'],
    sort: '-created_at',
    search: ['reason', 'agent_id', 'analysis_id', 'stripe_checkout_session_id', 'stripe_payment_intent_id'],
    time: 'created_at',
  },
})
