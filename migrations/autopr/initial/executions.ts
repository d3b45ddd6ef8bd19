/**
 * Executions (systems/autopr.md, 2; decisions 28, 30, 32). `created_at` is when an execution was asked for and
 * `started_at` when it began, so the time in the queue and the time of running are two figures. The retries of an
 * execution stay when it goes.
 *
 * No check compares the start with the creation: one time is the application's, the other the server's.
 */
export const executionTables = (s: string): string[] => [
  `CREATE TABLE ${s}.workflow_executions (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT workflow_executions_pkey PRIMARY KEY,
  workflow_id uuid NOT NULL
    CONSTRAINT fk_workflow_executions_workflow REFERENCES ${s}.workflows (id) ON DELETE CASCADE,
  execution_id varchar(255) NOT NULL DEFAULT ${s}.next_execution_id() CONSTRAINT uq_execution_id UNIQUE,
  status varchar(50) NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz,
  result jsonb,
  error_message text,
  retry_count integer NOT NULL DEFAULT 0,
  parent_execution_id uuid CONSTRAINT fk_workflow_executions_parent_execution
    REFERENCES ${s}.workflow_executions (id) ON DELETE SET NULL,
  trigger_type varchar(100),
  trigger_data jsonb,
  CONSTRAINT chk_execution_status
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'timeout', 'cancelled')),
  CONSTRAINT chk_completed_at_after_started CHECK (completed_at IS NULL OR completed_at >= started_at),
  CONSTRAINT chk_execution_retry_count CHECK (retry_count >= 0),
  CONSTRAINT chk_execution_parent CHECK (parent_execution_id <> id)
)`,
  `CREATE INDEX idx_workflow_executions_workflow_id ON ${s}.workflow_executions (workflow_id)`,
  `CREATE INDEX idx_workflow_executions_status ON ${s}.workflow_executions (status)`,
  `CREATE INDEX idx_workflow_executions_started_at ON ${s}.workflow_executions (started_at)`,
  `CREATE INDEX idx_workflow_executions_trigger_type ON ${s}.workflow_executions (trigger_type)`,
  `CREATE INDEX idx_workflow_executions_composite ON ${s}.workflow_executions (workflow_id, status, started_at)`,
  `CREATE INDEX idx_workflow_executions_parent_execution_id ON ${s}.workflow_executions (parent_execution_id)`,
  // With the key that breaks ties, a list needs no sort however many executions one import made at the same instant.
  `CREATE INDEX idx_workflow_executions_created_at ON ${s}.workflow_executions (created_at, id)`,
]
