/**
 * Log lines of executions (systems/autopr.md, 4; decisions 28 and 34): partitioned by month, so that retention drops
 * partitions. The key of a partitioned table holds its partition column. A line goes with its execution; it stays when
 * its action goes.
 */
import { monthPartitions } from '../../month-partitions.ts'

/** Months made ahead, as `execution-log` declares them for `maintain partitions`. */
const AHEAD = 3

export const logTables = (s: string): string[] => [
  `CREATE TABLE ${s}.execution_logs (
  id uuid DEFAULT gen_random_uuid(),
  execution_id uuid NOT NULL
    CONSTRAINT fk_execution_logs_execution REFERENCES ${s}.workflow_executions (id) ON DELETE CASCADE,
  level varchar(20) NOT NULL,
  message text NOT NULL,
  log_metadata jsonb,
  action_id uuid
    CONSTRAINT fk_execution_logs_action REFERENCES ${s}.workflow_actions (id) ON DELETE SET NULL,
  step_name varchar(255),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT execution_logs_pkey PRIMARY KEY (id, created_at),
  CONSTRAINT chk_log_level CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'))
) PARTITION BY RANGE (created_at)`,
  `CREATE INDEX idx_execution_logs_execution_id ON ${s}.execution_logs (execution_id)`,
  `CREATE INDEX idx_execution_logs_level ON ${s}.execution_logs (level)`,
  `CREATE INDEX idx_execution_logs_created_at ON ${s}.execution_logs (created_at)`,
  `CREATE INDEX idx_execution_logs_action_id ON ${s}.execution_logs (action_id)`,
  `CREATE INDEX idx_execution_logs_composite ON ${s}.execution_logs (execution_id, level, created_at)`,
  ...monthPartitions(s, 'execution_logs', AHEAD),
]
