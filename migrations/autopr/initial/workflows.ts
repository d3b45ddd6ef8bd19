/**
 * Workflows with their actions and triggers (systems/autopr.md, 1, 3 and 7). A workflow takes its actions and triggers
 * along when it is deleted for good; `deleted_at` only marks it (decision 34).
 */
import { keepTime } from '../../keep-time.ts'

export const workflowTables = (s: string): string[] => [
  // The name's UNIQUE constraint is its index (decision 7). A workflow that is marked as deleted keeps its name, so
  // that it can always be restored.
  `CREATE TABLE ${s}.workflows (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT workflows_pkey PRIMARY KEY,
  name varchar(255) NOT NULL CONSTRAINT uq_workflow_name UNIQUE,
  description text,
  status varchar(50) NOT NULL DEFAULT 'draft',
  config jsonb NOT NULL DEFAULT '{}',
  created_by varchar(255),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  CONSTRAINT chk_workflow_status CHECK (status IN ('active', 'inactive', 'archived', 'draft')),
  CONSTRAINT chk_workflow_config CHECK (jsonb_typeof(config) = 'object')
)`,
  `CREATE INDEX idx_workflows_status ON ${s}.workflows (status)`,
  `CREATE INDEX idx_workflows_created_at ON ${s}.workflows (created_at)`,
  `CREATE INDEX idx_workflows_config ON ${s}.workflows USING gin (config)`,
  keepTime(s, 'workflows'),

  // uq_workflow_action_order stands for the document's idx_workflow_actions_order as well (decision 7).
  `CREATE TABLE ${s}.workflow_actions (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT workflow_actions_pkey PRIMARY KEY,
  workflow_id uuid NOT NULL
    CONSTRAINT fk_workflow_actions_workflow REFERENCES ${s}.workflows (id) ON DELETE CASCADE,
  action_type varchar(100) NOT NULL,
  action_name varchar(255) NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  order_index integer NOT NULL,
  conditions jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_workflow_action_order UNIQUE (workflow_id, order_index),
  CONSTRAINT chk_order_index_positive CHECK (order_index >= 0),
  CONSTRAINT chk_action_config CHECK (jsonb_typeof(config) = 'object'),
  CONSTRAINT chk_action_conditions CHECK (jsonb_typeof(conditions) = 'object')
)`,
  `CREATE INDEX idx_workflow_actions_workflow_id ON ${s}.workflow_actions (workflow_id)`,
  `CREATE INDEX idx_workflow_actions_type ON ${s}.workflow_actions (action_type)`,
  keepTime(s, 'workflow_actions'),

  // IS NOT DISTINCT FROM, since a check passes on NULL, and a missing member gives NULL.
  `CREATE TABLE ${s}.workflow_triggers (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT workflow_triggers_pkey PRIMARY KEY,
  workflow_id uuid NOT NULL
    CONSTRAINT fk_workflow_triggers_workflow REFERENCES ${s}.workflows (id) ON DELETE CASCADE,
  trigger_type varchar(100) NOT NULL,
  conditions jsonb NOT NULL DEFAULT '{}',
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_trigger_type CHECK (trigger_type IN ('event', 'schedule', 'webhook', 'manual')),
  CONSTRAINT chk_trigger_conditions CHECK (jsonb_typeof(conditions) = 'object'),
  CONSTRAINT chk_trigger_event_type CHECK (
    trigger_type <> 'event' OR jsonb_typeof(conditions -> 'event_type') IS NOT DISTINCT FROM 'string'
  )
)`,
  `CREATE INDEX idx_workflow_triggers_workflow_id ON ${s}.workflow_triggers (workflow_id)`,
  `CREATE INDEX idx_workflow_triggers_type ON ${s}.workflow_triggers (trigger_type)`,
  `CREATE INDEX idx_workflow_triggers_enabled ON ${s}.workflow_triggers (enabled)`,
  keepTime(s, 'workflow_triggers'),
]
