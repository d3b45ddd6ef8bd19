/**
 * Projects, tasks and their executions (systems/devflow.md, "Core Tables"; decisions 55, 57, 61). A project takes its
 * tasks along, a task its executions; the subtasks of a task stay.
 */
import { keepTime, keepTimeOf } from '../../keep-time.ts'
import { shape } from './functions.ts'

const TASK_COLUMNS = [
  ...['id', 'project_id', 'parent_task_id', 'title', 'description', 'status', 'priority', 'requirements'],
  ...['dependencies', 'context', 'tags', 'assigned_agent', 'assigned_at', 'estimated_duration', 'actual_duration'],
  ...['due_date', 'created_by', 'created_at', 'completed_at'],
]
const EXECUTION_COLUMNS = [
  ...['id', 'task_id', 'agent_type', 'agent_instance_id', 'execution_status', 'input_context', 'output_results'],
  ...['error_details', 'logs', 'memory_usage_mb', 'cpu_time_ms', 'created_at', 'started_at', 'completed_at'],
]

export const taskTables = (s: string): string[] => [
  `CREATE TABLE ${s}.projects (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT projects_pkey PRIMARY KEY,
  name varchar(255) NOT NULL CONSTRAINT uq_projects_name UNIQUE,
  description text,
  repository_url varchar(500),
  repository_name varchar(255),
  default_branch varchar(100) NOT NULL DEFAULT 'main',
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  archived_at timestamptz,
  CONSTRAINT chk_projects_name CHECK (btrim(name) <> ''),
  ${shape(s, 'projects', 'settings', 'object')}
)`,
  `CREATE INDEX idx_projects_created_at ON ${s}.projects (created_at DESC, id DESC)`,
  `CREATE INDEX idx_projects_repository_url ON ${s}.projects (repository_url)`,
  keepTime(s, 'projects'),

  `CREATE TABLE ${s}.tasks (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT tasks_pkey PRIMARY KEY,
  project_id uuid NOT NULL CONSTRAINT fk_tasks_project REFERENCES ${s}.projects (id) ON DELETE CASCADE,
  parent_task_id uuid CONSTRAINT fk_tasks_parent_task REFERENCES ${s}.tasks (id) ON DELETE SET NULL,
  title varchar(500) NOT NULL,
  description text,
  status ${s}.task_status NOT NULL DEFAULT 'pending',
  priority integer NOT NULL DEFAULT 0,
  requirements jsonb NOT NULL DEFAULT '{}',
  dependencies jsonb NOT NULL DEFAULT '[]',
  context jsonb NOT NULL DEFAULT '{}',
  tags jsonb NOT NULL DEFAULT '[]',
  assigned_agent ${s}.agent_type,
  assigned_at timestamptz,
  estimated_duration integer,
  actual_duration integer,
  due_date timestamptz,
  created_by varchar(255),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  -- Words of the title weigh more than those of the description when results are ranked.
  search_vector tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'B')
  ) STORED,
  CONSTRAINT chk_tasks_title CHECK (char_length(btrim(title)) >= 3),
  CONSTRAINT chk_tasks_priority CHECK (priority BETWEEN 0 AND 10),
  ${shape(s, 'tasks', 'requirements', 'object')},
  CONSTRAINT chk_tasks_requirements_type CHECK (jsonb_typeof(requirements -> 'type') = 'string'),
  CONSTRAINT chk_tasks_requirements_priority CHECK (jsonb_typeof(requirements -> 'priority') = 'number'),
  ${shape(s, 'tasks', 'dependencies', 'array')},
  ${shape(s, 'tasks', 'context', 'object')},
  CONSTRAINT chk_tasks_tags CHECK (
    jsonb_typeof(tags) = 'array' AND NOT jsonb_path_exists(tags, 'strict $[*] ? (@.type() != "string")')
  ),
  CONSTRAINT chk_tasks_parent CHECK (parent_task_id <> id),
  CONSTRAINT chk_tasks_agent CHECK (status <> 'in_progress' OR assigned_agent IS NOT NULL),
  CONSTRAINT chk_tasks_ended CHECK (
    (status <> 'completed' OR completed_at IS NOT NULL)
    AND (completed_at IS NULL OR status IN ('completed', 'failed', 'cancelled'))
  ),
  CONSTRAINT chk_tasks_times CHECK (completed_at >= created_at),
  CONSTRAINT chk_tasks_durations CHECK (estimated_duration >= 0 AND actual_duration >= 0)
)`,
  // Primary and composite: foreign keys and states, each with what lists are sorted by.
  `CREATE INDEX idx_tasks_project_status ON ${s}.tasks (project_id, status, created_at DESC)`,
  `CREATE INDEX idx_tasks_parent_task_id ON ${s}.tasks (parent_task_id)`,
  `CREATE INDEX idx_tasks_status ON ${s}.tasks (status, created_at DESC)`,
  `CREATE INDEX idx_tasks_assigned_agent ON ${s}.tasks (assigned_agent, status)`,
  `CREATE INDEX idx_tasks_created_at ON ${s}.tasks (created_at DESC, id DESC)`,
  // Partial, with immutable predicates (decision 61).
  `CREATE INDEX idx_tasks_active ON ${s}.tasks (priority DESC, created_at) WHERE status IN ('pending', 'in_progress', 'validation')`,
  `CREATE INDEX idx_tasks_due_date ON ${s}.tasks (due_date) WHERE completed_at IS NULL AND due_date IS NOT NULL`,
  `CREATE INDEX idx_tasks_completed_at ON ${s}.tasks (completed_at) WHERE completed_at IS NOT NULL`,
  // JSONB, for @> and ?, and full text.
  `CREATE INDEX idx_tasks_requirements ON ${s}.tasks USING gin (requirements)`,
  `CREATE INDEX idx_tasks_tags ON ${s}.tasks USING gin (tags)`,
  `CREATE INDEX idx_tasks_context ON ${s}.tasks USING gin (context)`,
  `CREATE INDEX idx_tasks_search ON ${s}.tasks USING gin (search_vector)`,
  keepTimeOf(s, 'tasks', TASK_COLUMNS),

  `CREATE TABLE ${s}.task_executions (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT task_executions_pkey PRIMARY KEY,
  task_id uuid NOT NULL CONSTRAINT fk_task_executions_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  agent_type ${s}.agent_type NOT NULL,
  agent_instance_id varchar(255),
  execution_status ${s}.execution_status NOT NULL DEFAULT 'queued',
  input_context jsonb NOT NULL DEFAULT '{}',
  output_results jsonb NOT NULL DEFAULT '{}',
  error_details jsonb NOT NULL DEFAULT '{}',
  logs text,
  memory_usage_mb integer,
  cpu_time_ms integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz,
  duration double precision GENERATED ALWAYS AS (
    extract(epoch FROM completed_at - started_at)::double precision
  ) STORED,
  ${shape(s, 'task_executions', 'input_context', 'object')},
  ${shape(s, 'task_executions', 'output_results', 'object')},
  ${shape(s, 'task_executions', 'error_details', 'object')},
  CONSTRAINT chk_task_executions_started CHECK (
    execution_status NOT IN ('running', 'completed', 'timeout') OR started_at IS NOT NULL
  ),
  CONSTRAINT chk_task_executions_ended CHECK (
    (execution_status NOT IN ('completed', 'failed', 'timeout') OR completed_at IS NOT NULL)
    AND (completed_at IS NULL OR execution_status NOT IN ('queued', 'running'))
  ),
  CONSTRAINT chk_task_executions_times CHECK (completed_at >= started_at),
  CONSTRAINT chk_task_executions_resources CHECK (memory_usage_mb >= 0 AND cpu_time_ms >= 0)
)`,
  `CREATE INDEX idx_task_executions_task_id ON ${s}.task_executions (task_id, created_at DESC)`,
  `CREATE INDEX idx_task_executions_status ON ${s}.task_executions (execution_status, created_at DESC)`,
  `CREATE INDEX idx_task_executions_agent ON ${s}.task_executions (agent_type, execution_status)`,
  `CREATE INDEX idx_task_executions_created_at ON ${s}.task_executions (created_at DESC, id DESC)`,
  `CREATE INDEX idx_task_executions_running ON ${s}.task_executions (started_at) WHERE execution_status = 'running'`,
  `CREATE INDEX idx_task_executions_completed_at ON ${s}.task_executions (completed_at) WHERE completed_at IS NOT NULL`,
  keepTimeOf(s, 'task_executions', EXECUTION_COLUMNS),
]
