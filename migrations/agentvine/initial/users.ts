/**
 * Users (systems/agentvine.md, 1; decision 51). Their UNIQUE constraints stand for the document's idx_users_email and
 * idx_users_username as well (decision 7). A deleted user keeps both names: what was done under them stays theirs.
 */
import { keepTime } from '../../keep-time.ts'

export const userTables = (s: string): string[] => [
  `CREATE TABLE ${s}.users (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT users_pkey PRIMARY KEY,
  username varchar(50) NOT NULL CONSTRAINT uq_users_username UNIQUE,
  email varchar(255) NOT NULL CONSTRAINT uq_users_email UNIQUE,
  hashed_password varchar(255) NOT NULL,
  full_name varchar(255),
  role varchar(20) NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  is_verified boolean NOT NULL DEFAULT false,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz,
  deleted_at timestamptz,
  CONSTRAINT chk_users_role CHECK (role IN ('admin', 'developer', 'viewer')),
  CONSTRAINT chk_users_hashed_password CHECK (hashed_password ~ '^\\$2[aby]\\$[0-9]{2}\\$[./A-Za-z0-9]{53}$'),
  CONSTRAINT chk_users_email CHECK (email = lower(email) AND strpos(email, '@') > 1),
  CONSTRAINT chk_users_settings CHECK (jsonb_typeof(settings) = 'object')
)`,
  `CREATE INDEX idx_users_role ON ${s}.users (role)`,
  keepTime(s, 'users'),
]
