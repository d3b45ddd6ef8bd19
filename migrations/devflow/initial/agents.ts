/**
 * Configurations of agents (decision 55), in versions: of each agent of a project at most one version is active. And
 * the events of the workflow, which outlive what they are about (decision 62): their ids have no foreign keys, as those
 * of archived logs have none (decision 50).
 */
import { keepTime } from '../../keep-time.ts'
import { shape } from './functions.ts'

export const agentTables = (s: string): string[] => [
  `CREATE TABLE ${s}.agent_configurations (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT agent_configurations_pkey PRIMARY KEY,
  project_id uuid NOT NULL
    CONSTRAINT fk_agent_configurations_project REFERENCES ${s}.projects (id) ON DELETE CASCADE,
  agent_type ${s}.agent_type NOT NULL,
  agent_name varchar(255) NOT NULL,
  version integer NOT NULL DEFAULT 1,
  configuration jsonb NOT NULL DEFAULT '{}',
  capabilities jsonb NOT NULL DEFAULT '[]',
  constraints jsonb NOT NULL DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT false,
  health_status varchar(20) NOT NULL DEFAULT 'unknown',
  last_health_check timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_agent_configurations_version UNIQUE (project_id, agent_type, agent_name, version),
  CONSTRAINT chk_agent_configurations_name CHECK (btrim(agent_name) <> ''),
  CONSTRAINT chk_agent_configurations_version CHECK (version > 0),
  ${shape(s, 'agent_configurations', 'configuration', 'object')},
  ${shape(s, 'agent_configurations', 'capabilities', 'array')},
  ${shape(s, 'agent_configurations', 'constraints', 'object')},
  CONSTRAINT chk_agent_configurations_health CHECK (
    health_status IN ('unknown', 'healthy', 'degraded', 'unhealthy')
  )
)`,
  // The index of the version's unique constraint leads with project_id.
  `CREATE UNIQUE INDEX uq_agent_configurations_active
  ON ${s}.agent_configurations (project_id, agent_type, agent_name) WHERE is_active`,
  `CREATE INDEX idx_agent_configurations_health ON ${s}.agent_configurations (health_status, last_health_check)
  WHERE is_active`,
  `CREATE INDEX idx_agent_configurations_capabilities ON ${s}.agent_configurations USING gin (capabilities)`,
  `CREATE INDEX idx_agent_configurations_created_at ON ${s}.agent_configurations (created_at DESC, id DESC)`,
  keepTime(s, 'agent_configurations'),

  `CREATE TABLE ${s}.workflow_events (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT workflow_events_pkey PRIMARY KEY,
  event_type varchar(100) NOT NULL,
  event_category varchar(20) NOT NULL,
  project_id uuid,
  task_id uuid,
  task_execution_id uuid,
  pr_id uuid,
  actor varchar(255),
  action varchar(100) NOT NULL,
  event_data jsonb NOT NULL DEFAULT '{}',
  occurred_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_workflow_events_category CHECK (
    event_category IN ('task', 'execution', 'pr', 'validation', 'system', 'webhook')
  ),
  CONSTRAINT chk_workflow_events_data CHECK (jsonb_typeof(event_data) = 'object')
)`,
  // The trail of one object, oldest first.
  ...['project_id', 'task_id', 'task_execution_id', 'pr_id'].map(
    (column) =>
      `CREATE INDEX idx_workflow_events_${column.replace(/_id$/, '')} ON ${s}.workflow_events (${column}, occurred_at)
  WHERE ${column} IS NOT NULL`,
  ),
  `CREATE INDEX idx_workflow_events_category ON ${s}.workflow_events (event_category, occurred_at)`,
  // The audit trail is by far the most of it and found by its objects.
  `CREATE INDEX idx_workflow_events_type ON ${s}.workflow_events (event_type, occurred_at) WHERE event_type <> 'audit'`,
  `CREATE INDEX idx_workflow_events_occurred_at ON ${s}.workflow_events (occurred_at DESC, id DESC)`,
]
