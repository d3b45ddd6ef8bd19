/**
 * Money: prices, wallets, the ledger, and the events of Stripe that fill it (decision 41, which names the columns).
 *
 * - A wallet is part of its user and goes with it (CASCADE). Entries of the ledger are history of money and hold their
 *   user fast (RESTRICT): a user who ever bought, got or spent a credit cannot be deleted, by accident or on purpose;
 *   deactivating is what there is. Since the wallet alone cascades, a user without history can be deleted.
 * - The sign of an entry follows from its type, and no entry is worth nothing. ADJUSTMENT goes either way.
 * - `analysis_id` is a soft link to tasks.task_id (decision 42), `agent_id` one to agent_costs: prices come and go, what
 *   was paid stays.
 * - `stripe_charge_id` is added: a refunded charge takes its credits back, and the entry that does so cannot carry the
 *   payment intent, which the purchase has and which is unique. The charge makes it happen once.
 * - Credits are bigint: a sum of them never meets the limit of a type.
 */
import { keepTime } from '../../keep-time.ts'

export const creditTables = (s: string): string[] => [
  `CREATE TABLE ${s}.agent_costs (
  agent_id varchar(100) CONSTRAINT agent_costs_pkey PRIMARY KEY,
  tool_id varchar(50) NOT NULL,
  cost_credits bigint NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_agent_costs_agent_id CHECK (agent_id ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  CONSTRAINT chk_agent_costs_tool_id CHECK (tool_id IN ('profile-my-data', 'clean-my-data', 'master-my-data')),
  CONSTRAINT chk_agent_costs_cost_credits CHECK (cost_credits >= 0)
)`,
  `CREATE INDEX idx_agent_costs_tool_id ON ${s}.agent_costs (tool_id)`,
  keepTime(s, 'agent_costs'),

  `CREATE TABLE ${s}.credit_wallets (
  user_id integer CONSTRAINT credit_wallets_pkey PRIMARY KEY
    CONSTRAINT fk_credit_wallets_user REFERENCES ${s}.users (id) ON DELETE CASCADE,
  balance_credits bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_credit_wallets_balance_credits CHECK (balance_credits >= 0)
)`,
  `CREATE INDEX idx_credit_wallets_created_at ON ${s}.credit_wallets (created_at)`,
  keepTime(s, 'credit_wallets'),

  `CREATE TABLE ${s}.credit_transactions (
  id varchar(26) DEFAULT ${s}.next_ulid() CONSTRAINT credit_transactions_pkey PRIMARY KEY,
  user_id integer NOT NULL CONSTRAINT fk_credit_transactions_user REFERENCES ${s}.users (id) ON DELETE RESTRICT,
  delta_credits bigint NOT NULL,
  type varchar(20) NOT NULL,
  reason text,
  agent_id varchar(100),
  tool_id varchar(50),
  analysis_id varchar(100),
  stripe_checkout_session_id varchar(255) CONSTRAINT uq_credit_transactions_stripe_checkout_session_id UNIQUE,
  stripe_payment_intent_id varchar(255) CONSTRAINT uq_credit_transactions_stripe_payment_intent_id UNIQUE,
  stripe_charge_id varchar(255) CONSTRAINT uq_credit_transactions_stripe_charge_id UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_credit_transactions_id CHECK (id ~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'),
  CONSTRAINT chk_credit_transactions_type CHECK (
    type IN ('PURCHASE', 'CONSUME', 'REFUND', 'ADJUSTMENT', 'GRANT')
  ),
  CONSTRAINT chk_credit_transactions_delta_credits CHECK (
    delta_credits <> 0 AND (type = 'ADJUSTMENT' OR (type = 'CONSUME') = (delta_credits < 0))
  )
)`,
  `CREATE INDEX idx_credit_transactions_user_created ON ${s}.credit_transactions (user_id, created_at)`,
  `CREATE INDEX idx_credit_transactions_created_at ON ${s}.credit_transactions (created_at)`,
  `CREATE INDEX idx_credit_transactions_analysis_id ON ${s}.credit_transactions (analysis_id)`,
  `CREATE TRIGGER credit_transactions_append_only
BEFORE UPDATE OR DELETE ON ${s}.credit_transactions
FOR EACH ROW EXECUTE FUNCTION ${s}.refuse_ledger_change()`,
  `CREATE TRIGGER credit_transactions_no_truncate
BEFORE TRUNCATE ON ${s}.credit_transactions
FOR EACH STATEMENT EXECUTE FUNCTION ${s}.refuse_ledger_change()`,

  `CREATE TABLE ${s}.stripe_webhook_events (
  event_id varchar(255) CONSTRAINT stripe_webhook_events_pkey PRIMARY KEY,
  type varchar(100) NOT NULL,
  payload jsonb NOT NULL,
  processed_at timestamptz,
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_stripe_webhook_events_payload CHECK (jsonb_typeof(payload) = 'object'),
  CONSTRAINT chk_stripe_webhook_events_error CHECK (processed_at IS NULL OR error IS NULL)
)`,
  `CREATE INDEX idx_stripe_webhook_events_type ON ${s}.stripe_webhook_events (type)`,
  `CREATE INDEX idx_stripe_webhook_events_created_at ON ${s}.stripe_webhook_events (created_at)`,
  // What waits or failed: few rows of many, so the index holds these alone.
  `CREATE INDEX idx_stripe_webhook_events_unprocessed ON ${s}.stripe_webhook_events (created_at)
  WHERE processed_at IS NULL`,
  keepTime(s, 'stripe_webhook_events'),
]
