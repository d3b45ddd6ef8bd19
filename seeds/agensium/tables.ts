/** Agensium's tables with the columns that seeding fills, parents before children. */
import type { SeedIds, SeedTable } from '../../src/seeds/definition.ts'
import { AGENTS } from './words/agents.ts'

/** Far beyond what the column's sequence reaches, and within the type. */
export const FIRST_USER = 1_000_000_000

export const EVENT_PREFIX = 'evt_seed_'

const table = (
  name: string,
  ids: SeedIds,
  columns: string,
  follows: NonNullable<SeedTable['follows']> = {},
): SeedTable => ({
  table: name,
  ids,
  columns: columns.split(/\s+/),
  follows,
})

/** Tasks and transactions hold their user fast; those that were added to a seeded one go with it when it is cleared. */
const ofUser = { user_id: 'users' } as const

export const users = table(
  'users',
  { kind: 'number', from: FIRST_USER },
  'id email hashed_password full_name stripe_customer_id is_active is_verified otp_code otp_expires_at otp_type created_at updated_at',
)
export const agentCosts = table(
  'agent_costs',
  { kind: 'listed', values: AGENTS.map(({ id }) => id) },
  'agent_id tool_id cost_credits is_active created_at updated_at',
)
export const wallets = table(
  'credit_wallets',
  { kind: 'number', from: FIRST_USER },
  'user_id balance_credits created_at updated_at',
)
export const tasks = table(
  'tasks',
  { kind: 'uuid-text' },
  'task_id user_id tool_id agents status progress current_agent error_code error_message created_at upload_started_at upload_failed_at queued_at processing_started_at completed_at failed_at cancelled_at expired_at updated_at inputs_cleaned_at outputs_cleaned_at deleted_at',
  ofUser,
)
export const transactions = table(
  'credit_transactions',
  { kind: 'ulid' },
  'id user_id delta_credits type reason agent_id tool_id analysis_id stripe_checkout_session_id stripe_payment_intent_id stripe_charge_id created_at',
  ofUser,
)
export const events = table(
  'stripe_webhook_events',
  { kind: 'text', startsWith: EVENT_PREFIX },
  'event_id type payload processed_at error created_at updated_at',
)

export const tables: readonly SeedTable[] = [users, agentCosts, wallets, tasks, transactions, events]
