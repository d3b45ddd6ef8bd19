/**
 * Tasks (systems/agensium.md, "SQL Table Definition"; decisions 37 to 40, 43, 45). Names of constraints and indexes
 * are the document's; what it leaves out:
 *
 * - `upload_failed_at` and `queued_at`: every state that is no end has a limit on the time it was entered (decision 40),
 *   and the document stamps neither of these two.
 * - `inputs_cleaned_at` and `outputs_cleaned_at`, each the mark of one rule; `s3_cleaned` follows from both and can no
 *   longer contradict them (decision 39). A program that writes `s3_cleaned` itself has to write the two times instead.
 * - `deleted_at` instead of the status DELETED, which the check refuses and which would erase the outcome; only a task
 *   that has ended and whose files are gone can have it (decision 38).
 * - `idx_tasks_user_created` for the list of a user's tasks (decision 43). It leads with the foreign key as
 *   idx_tasks_user_id and idx_tasks_user_status do, which the document names.
 * - `chk_tasks_task_id`: files are found, and deleted, by a prefix made of this id (decision 45). An empty one or one
 *   with a slash would reach the files of other tasks.
 * - `chk_tasks_agents`, `chk_tasks_current_agent`: how far a task is derives from where the current agent stands among
 *   the agents (decision 43), so there is at least one, each is a text, and the current one is among them.
 *
 * A user with tasks is not deleted (RESTRICT): the rows are how their files are found, and those would stay for ever.
 */
import { keepTimeOf } from '../../keep-time.ts'

const COLUMNS = [
  'task_id',
  'user_id',
  'tool_id',
  'agents',
  'status',
  'progress',
  'current_agent',
  'error_code',
  'error_message',
  'created_at',
  'upload_started_at',
  'upload_failed_at',
  'queued_at',
  'processing_started_at',
  'completed_at',
  'failed_at',
  'cancelled_at',
  'expired_at',
  'inputs_cleaned_at',
  'outputs_cleaned_at',
  'deleted_at',
] as const

export const taskTables = (s: string): string[] => [
  `CREATE TABLE ${s}.tasks (
  task_id varchar(36) DEFAULT gen_random_uuid()::text CONSTRAINT tasks_pkey PRIMARY KEY,
  user_id integer NOT NULL CONSTRAINT fk_task_user REFERENCES ${s}.users (id) ON DELETE RESTRICT,
  tool_id varchar(50) NOT NULL,
  agents jsonb NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'CREATED',
  progress integer NOT NULL DEFAULT 0,
  current_agent varchar(100),
  error_code varchar(50),
  error_message text,
  created_at timestamptz NOT NULL DEFAULT now(),
  upload_started_at timestamptz,
  upload_failed_at timestamptz,
  queued_at timestamptz,
  processing_started_at timestamptz,
  completed_at timestamptz,
  failed_at timestamptz,
  cancelled_at timestamptz,
  expired_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  inputs_cleaned_at timestamptz,
  outputs_cleaned_at timestamptz,
  s3_cleaned boolean NOT NULL
    GENERATED ALWAYS AS (inputs_cleaned_at IS NOT NULL AND outputs_cleaned_at IS NOT NULL) STORED,
  deleted_at timestamptz,
  CONSTRAINT chk_status CHECK (status IN (
    'CREATED', 'UPLOADING', 'UPLOAD_FAILED', 'QUEUED',
    'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'
  )),
  CONSTRAINT chk_progress CHECK (progress >= 0 AND progress <= 100),
  CONSTRAINT chk_tool_id CHECK (tool_id IN ('profile-my-data', 'clean-my-data', 'master-my-data')),
  CONSTRAINT chk_tasks_task_id CHECK (
    task_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
  ),
  CONSTRAINT chk_tasks_agents CHECK (
    jsonb_typeof(agents) = 'array'
    AND agents <> '[]'
    AND NOT jsonb_path_exists(agents, '$[*] ? (@.type() != "string")')
  ),
  CONSTRAINT chk_tasks_current_agent CHECK (agents ? current_agent),
  CONSTRAINT chk_tasks_deleted CHECK (
    deleted_at IS NULL OR s3_cleaned AND status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED')
  )
)`,
  `CREATE INDEX idx_tasks_user_id ON ${s}.tasks (user_id)`,
  `CREATE INDEX idx_tasks_status ON ${s}.tasks (status)`,
  `CREATE INDEX idx_tasks_user_status ON ${s}.tasks (user_id, status)`,
  `CREATE INDEX idx_tasks_created_at ON ${s}.tasks (created_at)`,
  `CREATE INDEX idx_tasks_tool_id ON ${s}.tasks (tool_id)`,
  `CREATE INDEX idx_tasks_user_created ON ${s}.tasks (user_id, created_at)`,
  keepTimeOf(s, 'tasks', COLUMNS),
]
