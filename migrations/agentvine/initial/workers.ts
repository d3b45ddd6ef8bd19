/**
 * Workers and what they can do (systems/agentvine.md, 2 and 12; decision 53). `worker_capabilities` is authoritative:
 * `workers.capabilities` is what a trigger makes of it, whatever someone writes there.
 *
 * A worker registers before it runs, and is offline until its first heartbeat. `draining_at` is not in the document:
 * a worker that is being drained is idle or busy like any other, and only takes nothing new.
 */
import { keepTime } from '../../keep-time.ts'

export const workerTables = (s: string): string[] => [
  `CREATE TABLE ${s}.workers (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT workers_pkey PRIMARY KEY,
  name varchar(100) NOT NULL,
  worker_type varchar(20) NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'offline',
  version varchar(50),
  max_concurrent_tasks integer NOT NULL DEFAULT 1,
  timeout_seconds integer NOT NULL DEFAULT 3600,
  context_window_size integer NOT NULL DEFAULT 200000,
  config jsonb NOT NULL DEFAULT '{}',
  capabilities jsonb NOT NULL DEFAULT '[]',
  last_heartbeat_at timestamptz,
  draining_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_workers_type CHECK (worker_type IN ('feature', 'bugfix', 'test', 'docs', 'refactor', 'review')),
  CONSTRAINT chk_workers_status CHECK (status IN ('idle', 'busy', 'offline', 'error')),
  CONSTRAINT chk_workers_limits
    CHECK (max_concurrent_tasks > 0 AND timeout_seconds > 0 AND context_window_size > 0),
  CONSTRAINT chk_workers_config CHECK (jsonb_typeof(config) = 'object')
)`,
  `CREATE INDEX idx_workers_type ON ${s}.workers (worker_type)`,
  `CREATE INDEX idx_workers_status ON ${s}.workers (status)`,
  `CREATE INDEX idx_workers_heartbeat ON ${s}.workers (last_heartbeat_at)`,
  keepWorkerTime(s),

  `CREATE TABLE ${s}.worker_capabilities (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT worker_capabilities_pkey PRIMARY KEY,
  worker_id uuid NOT NULL
    CONSTRAINT fk_worker_capabilities_worker REFERENCES ${s}.workers (id) ON DELETE CASCADE,
  capability_name varchar(100) NOT NULL,
  capability_level varchar(20) NOT NULL DEFAULT 'intermediate',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_worker_capabilities_name UNIQUE (worker_id, capability_name),
  CONSTRAINT chk_worker_capabilities_level
    CHECK (capability_level IN ('beginner', 'intermediate', 'advanced', 'expert'))
)`,
  `CREATE INDEX idx_worker_caps_worker ON ${s}.worker_capabilities (worker_id)`,
  `CREATE INDEX idx_worker_caps_name ON ${s}.worker_capabilities (capability_name)`,
  keepTime(s, 'worker_capabilities'),

  // [{"name": "Python", "level": "expert"}, …] by name; in one order under every collation.
  `CREATE FUNCTION ${s}.project_capabilities() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  EXECUTE format(
    $$SELECT COALESCE(
        jsonb_agg(
          jsonb_build_object('name', capability_name, 'level', capability_level)
          ORDER BY capability_name COLLATE "C"
        ),
        '[]'
      )
      FROM %I.worker_capabilities
      WHERE worker_id = $1$$,
    TG_TABLE_SCHEMA)
  INTO NEW.capabilities
  USING NEW.id;
  RETURN NEW;
END
$body$`,
  `CREATE TRIGGER workers_project_capabilities
BEFORE INSERT OR UPDATE OF capabilities ON ${s}.workers
FOR EACH ROW EXECUTE FUNCTION ${s}.project_capabilities()`,
  // Naming the column is enough: the trigger above fills it. The row's lock lets one writer after the other in.
  `CREATE FUNCTION ${s}.capabilities_changed() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  EXECUTE format('UPDATE %I.workers SET capabilities = capabilities WHERE id IN ($1, $2)', TG_TABLE_SCHEMA)
  USING OLD.worker_id, NEW.worker_id;
  RETURN NULL;
END
$body$`,
  `CREATE TRIGGER worker_capabilities_changed
AFTER INSERT OR DELETE OR UPDATE OF worker_id, capability_name, capability_level ON ${s}.worker_capabilities
FOR EACH ROW EXECUTE FUNCTION ${s}.capabilities_changed()`,
]

/** What somebody says of a worker, besides its status. */
const SAID = [
  'name',
  'worker_type',
  'version',
  'max_concurrent_tasks',
  'timeout_seconds',
  'context_window_size',
  'config',
  'last_heartbeat_at',
  'draining_at',
  'created_at',
]

/**
 * What triggers make of other rows is no change of the worker: its capabilities, and that it is busy and not idle. Those
 * rows have their own times, and a worker that is loaded together with them keeps the time it is loaded with.
 */
function keepWorkerTime(s: string): string {
  const row = (of: 'OLD' | 'NEW') =>
    `(${SAID.map((column) => `${of}.${column}`).join(', ')}, replace(${of}.status, 'busy', 'idle'))`
  return keepTime(s, 'workers').replace(
    'OLD.* IS DISTINCT FROM NEW.*',
    `${row('OLD')} IS DISTINCT FROM ${row('NEW')}`,
  )
}
