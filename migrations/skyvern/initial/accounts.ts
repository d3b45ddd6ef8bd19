/**
 * Organizations (systems/skyvern.md, 1.1) and what hangs on them: users, API keys, browser sessions (decision 9).
 * An organization takes everything of its own along when it is deleted, as the source's `delete-orphan` has it.
 */
import { keepTime } from '../../keep-time.ts'

export const accountTables = (s: string): string[] => [
  // The name's UNIQUE constraint stands for the document's ix_organizations_name as well (decision 7).
  `CREATE TABLE ${s}.organizations (
  organization_id text DEFAULT ${s}.next_id('o') CONSTRAINT organizations_pkey PRIMARY KEY,
  organization_name text NOT NULL CONSTRAINT uq_organizations_name UNIQUE,
  domain text,
  webhook_callback_url text,
  max_steps_per_run integer NOT NULL DEFAULT 10,
  max_retries_per_step integer NOT NULL DEFAULT 3,
  is_active boolean NOT NULL DEFAULT true,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_org_limits CHECK (max_steps_per_run > 0 AND max_retries_per_step >= 0),
  CONSTRAINT check_org_settings CHECK (jsonb_typeof(settings) = 'object')
)`,
  `CREATE INDEX ix_organizations_domain ON ${s}.organizations (domain)`,
  `CREATE INDEX ix_organizations_active ON ${s}.organizations (is_active)`,
  keepTime(s, 'organizations', 'updated_at'),

  // One account per address within an organization; the same person may belong to several.
  `CREATE TABLE ${s}.users (
  user_id text DEFAULT ${s}.next_id('u') CONSTRAINT users_pkey PRIMARY KEY,
  organization_id text NOT NULL
    CONSTRAINT fk_users_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  email text NOT NULL,
  full_name text,
  role text NOT NULL DEFAULT 'member',
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_users_organization_email UNIQUE (organization_id, email),
  CONSTRAINT check_user_email CHECK (email = lower(email) AND strpos(email, '@') > 1),
  CONSTRAINT check_user_role CHECK (role IN ('owner', 'admin', 'member', 'viewer'))
)`,
  keepTime(s, 'users', 'updated_at'),

  `CREATE TABLE ${s}.api_keys (
  api_key_id text DEFAULT ${s}.next_id('ak') CONSTRAINT api_keys_pkey PRIMARY KEY,
  organization_id text NOT NULL
    CONSTRAINT fk_api_keys_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  name text NOT NULL,
  key_hash text NOT NULL CONSTRAINT uq_api_keys_key_hash UNIQUE,
  key_prefix text NOT NULL,
  valid boolean NOT NULL DEFAULT true,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_api_key_hash CHECK (key_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT check_api_key_revoked CHECK (valid = (revoked_at IS NULL))
)`,
  `CREATE INDEX ix_api_keys_organization_id ON ${s}.api_keys (organization_id)`,
  keepTime(s, 'api_keys', 'updated_at'),

  `CREATE TABLE ${s}.browser_sessions (
  browser_session_id text DEFAULT ${s}.next_id('pbs') CONSTRAINT browser_sessions_pkey PRIMARY KEY,
  organization_id text NOT NULL
    CONSTRAINT fk_browser_sessions_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  status ${s}.browser_session_status NOT NULL DEFAULT 'created',
  timeout_seconds integer NOT NULL DEFAULT 3600,
  started_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_browser_session_timeout CHECK (timeout_seconds > 0),
  CONSTRAINT check_browser_session_times CHECK (ended_at >= started_at)
)`,
  `CREATE INDEX ix_browser_sessions_organization_id ON ${s}.browser_sessions (organization_id)`,
  `CREATE INDEX ix_browser_sessions_status ON ${s}.browser_sessions (status)`,
  `CREATE INDEX ix_browser_sessions_created_at ON ${s}.browser_sessions (created_at)`,
  keepTime(s, 'browser_sessions', 'updated_at'),
]
