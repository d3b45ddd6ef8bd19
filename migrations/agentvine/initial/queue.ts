/**
 * Work orders, who has them, and the executions (systems/agentvine.md, 4 to 6; decisions 47, 49, 52, 53).
 *
 * A task has one open order and one running execution at a time: `uq_work_orders_open` and `uq_executions_running`
 * keep what decision 52 has in step from being said of two. A worker may try the same order again; at most one has it.
 */
import { keepTime, keepTimeOf } from '../../keep-time.ts'

export const queueTables = (s: string): string[] => [
  `CREATE TABLE ${s}.work_orders (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT work_orders_pkey PRIMARY KEY,
  task_id uuid NOT NULL CONSTRAINT fk_work_orders_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  queue_name varchar(50) NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'pending',
  payload jsonb NOT NULL DEFAULT '{}',
  result jsonb,
  error_message text,
  retry_count integer NOT NULL DEFAULT 0,
  max_retries integer NOT NULL DEFAULT 3,
  timeout_seconds integer NOT NULL DEFAULT 3600,
  enqueued_at timestamptz NOT NULL DEFAULT now(),
  claimed_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_work_orders_status CHECK (status IN ('pending', 'claimed', 'completed', 'failed', 'expired')),
  CONSTRAINT chk_work_orders_retries CHECK (retry_count >= 0 AND max_retries >= 0),
  CONSTRAINT chk_work_orders_timeout CHECK (timeout_seconds > 0),
  CONSTRAINT chk_work_orders_times CHECK (completed_at >= claimed_at)
)`,
  `CREATE INDEX idx_work_orders_task ON ${s}.work_orders (task_id)`,
  `CREATE INDEX idx_work_orders_queue ON ${s}.work_orders (queue_name)`,
  `CREATE INDEX idx_work_orders_status ON ${s}.work_orders (status)`,
  `CREATE INDEX idx_work_orders_enqueued ON ${s}.work_orders (enqueued_at)`,
  `CREATE INDEX idx_work_orders_expires ON ${s}.work_orders (expires_at)`,
  `CREATE UNIQUE INDEX uq_work_orders_open ON ${s}.work_orders (task_id) WHERE status IN ('pending', 'claimed')`,
  keepTime(s, 'work_orders'),

  `CREATE TABLE ${s}.worker_assignments (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT worker_assignments_pkey PRIMARY KEY,
  worker_id uuid NOT NULL
    CONSTRAINT fk_worker_assignments_worker REFERENCES ${s}.workers (id) ON DELETE CASCADE,
  work_order_id uuid NOT NULL
    CONSTRAINT fk_worker_assignments_work_order REFERENCES ${s}.work_orders (id) ON DELETE CASCADE,
  status varchar(20) NOT NULL DEFAULT 'active',
  assigned_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_worker_assignments_status CHECK (status IN ('active', 'completed', 'failed', 'timeout')),
  CONSTRAINT chk_worker_assignments_times CHECK (completed_at >= assigned_at)
)`,
  `CREATE INDEX idx_assignments_worker ON ${s}.worker_assignments (worker_id)`,
  `CREATE INDEX idx_assignments_order ON ${s}.worker_assignments (work_order_id)`,
  `CREATE INDEX idx_assignments_status ON ${s}.worker_assignments (status)`,
  `CREATE UNIQUE INDEX uq_worker_assignments_active
  ON ${s}.worker_assignments (work_order_id) WHERE status = 'active'`,
  keepTime(s, 'worker_assignments'),
  ...workerStatus(s),

  // Generated in whole seconds, rounded (decision 53).
  `CREATE TABLE ${s}.executions (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT executions_pkey PRIMARY KEY,
  task_id uuid NOT NULL CONSTRAINT fk_executions_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  worker_id uuid CONSTRAINT fk_executions_worker REFERENCES ${s}.workers (id) ON DELETE SET NULL,
  status varchar(20) NOT NULL DEFAULT 'running',
  exit_code integer,
  stdout_log text,
  stderr_log text,
  metrics jsonb NOT NULL DEFAULT '{}',
  started_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  duration_seconds integer GENERATED ALWAYS AS (extract(epoch FROM completed_at - started_at)::integer) STORED,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_executions_status CHECK (status IN ('running', 'completed', 'failed', 'timeout', 'cancelled')),
  CONSTRAINT chk_executions_times CHECK (completed_at >= started_at)
)`,
  `CREATE INDEX idx_executions_task ON ${s}.executions (task_id)`,
  `CREATE INDEX idx_executions_worker ON ${s}.executions (worker_id)`,
  `CREATE INDEX idx_executions_status ON ${s}.executions (status)`,
  `CREATE INDEX idx_executions_started ON ${s}.executions (started_at)`,
  `CREATE UNIQUE INDEX uq_executions_running ON ${s}.executions (task_id) WHERE status = 'running'`,
  keepTimeOf(s, 'executions', [
    'task_id',
    'worker_id',
    'status',
    'exit_code',
    'stdout_log',
    'stderr_log',
    'metrics',
    'started_at',
    'completed_at',
    'created_at',
  ]),
]

/**
 * A worker with an active assignment is busy, one without is idle; offline and error are for others to say. The name
 * of the first trigger puts it before `workers_set_updated_at`, which asks whether the row really changed.
 */
function workerStatus(s: string): string[] {
  return [
    `CREATE FUNCTION ${s}.keep_worker_status() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  EXECUTE format(
    $$SELECT CASE WHEN EXISTS (
        SELECT FROM %I.worker_assignments WHERE worker_id = $1 AND status = 'active'
      ) THEN 'busy' ELSE 'idle' END$$,
    TG_TABLE_SCHEMA)
  INTO NEW.status
  USING NEW.id;
  RETURN NEW;
END
$body$`,
    `CREATE TRIGGER workers_keep_status
BEFORE INSERT OR UPDATE OF status ON ${s}.workers
FOR EACH ROW WHEN (NEW.status IN ('idle', 'busy'))
EXECUTE FUNCTION ${s}.keep_worker_status()`,
    // Naming the column is enough: the trigger above fills it. The row's lock lets one writer after the other in.
    `CREATE FUNCTION ${s}.assignments_changed() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  IF OLD.status IS DISTINCT FROM 'active' AND NEW.status IS DISTINCT FROM 'active' THEN
    RETURN NULL;
  END IF;
  EXECUTE format(
    $$UPDATE %I.workers SET status = status WHERE id IN ($1, $2) AND status IN ('idle', 'busy')$$,
    TG_TABLE_SCHEMA)
  USING OLD.worker_id, NEW.worker_id;
  RETURN NULL;
END
$body$`,
    `CREATE TRIGGER worker_assignments_changed
AFTER INSERT OR DELETE OR UPDATE OF worker_id, status ON ${s}.worker_assignments
FOR EACH ROW EXECUTE FUNCTION ${s}.assignments_changed()`,
    // A worker that went with its active assignments would leave claimed orders that nobody has (decision 52).
    `CREATE FUNCTION ${s}.refuse_deleting_busy_worker() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  busy boolean;
BEGIN
  EXECUTE format(
    $$SELECT EXISTS (SELECT FROM %I.worker_assignments WHERE worker_id = $1 AND status = 'active')$$,
    TG_TABLE_SCHEMA)
  INTO busy
  USING OLD.id;
  IF busy THEN
    RAISE restrict_violation USING
      MESSAGE = 'the worker has active assignments',
      SCHEMA = TG_TABLE_SCHEMA, TABLE = 'worker_assignments', CONSTRAINT = 'workers_not_deleted_busy';
  END IF;
  RETURN OLD;
END
$body$`,
    `CREATE TRIGGER workers_not_deleted_busy
BEFORE DELETE ON ${s}.workers
FOR EACH ROW EXECUTE FUNCTION ${s}.refuse_deleting_busy_worker()`,
  ]
}
