/**
 * Workflows, their runs, the blocks of a run and its log (systems/skyvern.md, 1.4; decisions 9 and 18). A row of
 * `workflows` is one version; the versions of one workflow share `workflow_permanent_id`.
 */
import { keepTime } from '../../keep-time.ts'
import { logTable } from './tasks.ts'

export const workflowTables = (s: string): string[] => [
  `CREATE TABLE ${s}.workflows (
  workflow_id text DEFAULT ${s}.next_id('w') CONSTRAINT workflows_pkey PRIMARY KEY,
  workflow_permanent_id text NOT NULL DEFAULT ${s}.next_id('wpid'),
  organization_id text NOT NULL
    CONSTRAINT fk_workflows_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  created_by text CONSTRAINT fk_workflows_created_by REFERENCES ${s}.users (user_id) ON DELETE SET NULL,
  title text NOT NULL,
  description text,
  version integer NOT NULL DEFAULT 1,
  is_active boolean NOT NULL DEFAULT true,
  workflow_definition jsonb NOT NULL,
  parameter_schema jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  modified_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_workflows_version UNIQUE (organization_id, workflow_permanent_id, version),
  CONSTRAINT check_workflow_version CHECK (version > 0),
  CONSTRAINT check_workflow_definition CHECK (jsonb_typeof(workflow_definition) = 'object')
)`,
  `CREATE INDEX ix_workflows_organization_id ON ${s}.workflows (organization_id)`,
  `CREATE INDEX ix_workflows_permanent_id ON ${s}.workflows (workflow_permanent_id)`,
  `CREATE INDEX ix_workflows_active ON ${s}.workflows (is_active)`,
  `CREATE INDEX ix_workflows_created_by ON ${s}.workflows (created_by)`,
  keepTime(s, 'workflows', 'modified_at'),

  `CREATE TABLE ${s}.workflow_runs (
  workflow_run_id text DEFAULT ${s}.next_id('wr') CONSTRAINT workflow_runs_pkey PRIMARY KEY,
  workflow_id text NOT NULL
    CONSTRAINT fk_workflow_runs_workflow REFERENCES ${s}.workflows (workflow_id) ON DELETE CASCADE,
  organization_id text NOT NULL
    CONSTRAINT fk_workflow_runs_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  initiated_by text CONSTRAINT fk_workflow_runs_initiated_by REFERENCES ${s}.users (user_id) ON DELETE SET NULL,
  browser_session_id text CONSTRAINT fk_workflow_runs_browser_session
    REFERENCES ${s}.browser_sessions (browser_session_id) ON DELETE SET NULL,
  status ${s}.workflow_run_status NOT NULL DEFAULT 'created',
  current_block_index integer NOT NULL DEFAULT 0,
  parameters jsonb,
  outputs jsonb,
  failure_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  modified_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz,
  CONSTRAINT check_workflow_run_block_index CHECK (current_block_index >= 0),
  CONSTRAINT check_workflow_run_times CHECK (completed_at >= started_at)
)`,
  `CREATE INDEX ix_workflow_runs_workflow_id ON ${s}.workflow_runs (workflow_id)`,
  `CREATE INDEX ix_workflow_runs_organization_id ON ${s}.workflow_runs (organization_id)`,
  `CREATE INDEX ix_workflow_runs_status ON ${s}.workflow_runs (status)`,
  `CREATE INDEX ix_workflow_runs_created_at ON ${s}.workflow_runs (created_at)`,
  `CREATE INDEX ix_workflow_runs_initiated_by ON ${s}.workflow_runs (initiated_by)`,
  `CREATE INDEX ix_workflow_runs_browser_session_id ON ${s}.workflow_runs (browser_session_id)`,
  keepTime(s, 'workflow_runs', 'modified_at'),

  // One row a block and run, so that the block before another is certain (decision 13).
  `CREATE TABLE ${s}.workflow_blocks (
  workflow_block_id text DEFAULT ${s}.next_id('wrb') CONSTRAINT workflow_blocks_pkey PRIMARY KEY,
  workflow_run_id text NOT NULL CONSTRAINT fk_workflow_blocks_workflow_run
    REFERENCES ${s}.workflow_runs (workflow_run_id) ON DELETE CASCADE,
  block_index integer NOT NULL,
  block_type text NOT NULL,
  label text,
  status ${s}.workflow_block_status NOT NULL DEFAULT 'created',
  output jsonb,
  failure_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  modified_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz,
  CONSTRAINT uq_workflow_blocks_run_index UNIQUE (workflow_run_id, block_index),
  CONSTRAINT check_workflow_block_index CHECK (block_index >= 0),
  CONSTRAINT check_workflow_block_times CHECK (completed_at >= started_at)
)`,
  `CREATE INDEX ix_workflow_blocks_created_at ON ${s}.workflow_blocks (created_at)`,
  keepTime(s, 'workflow_blocks', 'modified_at'),

  ...logTable(s, {
    table: 'workflow_run_logs',
    id: 'workflow_run_log_id',
    prefix: 'wrl',
    parent: 'workflow_run',
  }),
]
