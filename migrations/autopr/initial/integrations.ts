/** Integrations and the queue of their events (systems/autopr.md, 5 and 6; decisions 28, 34, 35). */
import { keepTime } from '../../keep-time.ts'

export const integrationTables = (s: string): string[] => [
  `CREATE TABLE ${s}.integrations (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT integrations_pkey PRIMARY KEY,
  name varchar(255) NOT NULL CONSTRAINT uq_integration_name UNIQUE,
  type varchar(100) NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  enabled boolean NOT NULL DEFAULT true,
  health_status varchar(50) NOT NULL DEFAULT 'unknown',
  last_health_check timestamptz,
  credentials_encrypted text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  CONSTRAINT chk_integration_type CHECK (
    type IN ('github', 'linear', 'slack', 'axolo', 'teams', 'discord', 'jira', 'sentry', 'datadog')
  ),
  CONSTRAINT chk_integration_health_status
    CHECK (health_status IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
  CONSTRAINT chk_integration_config CHECK (jsonb_typeof(config) = 'object')
)`,
  `CREATE INDEX idx_integrations_type ON ${s}.integrations (type)`,
  `CREATE INDEX idx_integrations_enabled ON ${s}.integrations (enabled)`,
  `CREATE INDEX idx_integrations_health ON ${s}.integrations (health_status)`,
  keepTime(s, 'integrations'),

  // claimed_at is not in the document: without it, nothing tells an event that a worker has in hand from one whose
  // worker died with it. Workers that know the document only do not write it, so a trigger does.
  `CREATE TABLE ${s}.integration_events (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT integration_events_pkey PRIMARY KEY,
  integration_id uuid NOT NULL
    CONSTRAINT fk_integration_events_integration REFERENCES ${s}.integrations (id) ON DELETE CASCADE,
  event_type varchar(100) NOT NULL,
  event_id varchar(255),
  payload jsonb NOT NULL DEFAULT '{}',
  status varchar(50) NOT NULL DEFAULT 'pending',
  claimed_at timestamptz,
  processed_at timestamptz,
  error_message text,
  retry_count integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_event_status CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'ignored')),
  CONSTRAINT chk_event_retry_count CHECK (retry_count >= 0)
)`,
  `CREATE TRIGGER integration_events_set_claimed_at
BEFORE INSERT OR UPDATE OF status ON ${s}.integration_events
FOR EACH ROW WHEN (NEW.status = 'processing')
EXECUTE FUNCTION ${s}.set_claimed_at()`,
  `CREATE INDEX idx_integration_events_integration_id ON ${s}.integration_events (integration_id)`,
  `CREATE INDEX idx_integration_events_status ON ${s}.integration_events (status)`,
  `CREATE INDEX idx_integration_events_type ON ${s}.integration_events (event_type)`,
  `CREATE INDEX idx_integration_events_created_at ON ${s}.integration_events (created_at)`,
  `CREATE INDEX idx_integration_events_queue ON ${s}.integration_events (status, created_at)
  WHERE status IN ('pending', 'processing')`,
  `CREATE INDEX idx_integration_events_payload ON ${s}.integration_events USING gin (payload)`,
]
