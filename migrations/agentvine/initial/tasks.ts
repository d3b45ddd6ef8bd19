/**
 * Tasks and what they wait for (systems/agentvine.md, 3 and 11; decisions 48, 49, 51). A task that goes leaves its
 * subtasks behind; users and workers that go leave the task behind.
 */
import { keepTime } from '../../keep-time.ts'
import { refuseCycles } from '../../no-cycle.ts'

export const taskTables = (s: string): string[] => [
  `CREATE TABLE ${s}.tasks (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT tasks_pkey PRIMARY KEY,
  title varchar(255) NOT NULL,
  description text,
  task_type varchar(20) NOT NULL,
  permission_level varchar(20) NOT NULL,
  priority varchar(10) NOT NULL DEFAULT 'normal',
  status varchar(20) NOT NULL DEFAULT 'pending',
  repository_url varchar(500),
  branch_name varchar(255),
  issue_number integer,
  pr_number integer,
  context jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_by uuid CONSTRAINT fk_tasks_created_by REFERENCES ${s}.users (id) ON DELETE SET NULL,
  assigned_to uuid CONSTRAINT fk_tasks_assigned_to REFERENCES ${s}.workers (id) ON DELETE SET NULL,
  parent_task_id uuid CONSTRAINT fk_tasks_parent_task REFERENCES ${s}.tasks (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz,
  deleted_at timestamptz,
  CONSTRAINT chk_tasks_type CHECK (task_type IN ('feature', 'bugfix', 'test', 'docs', 'refactor', 'review')),
  CONSTRAINT chk_tasks_permission_level CHECK (permission_level IN ('autonomous', 'supervised', 'human_required')),
  CONSTRAINT chk_tasks_priority CHECK (priority IN ('low', 'normal', 'high', 'critical')),
  CONSTRAINT chk_tasks_status
    CHECK (status IN ('pending', 'queued', 'in_progress', 'blocked', 'completed', 'failed', 'cancelled')),
  CONSTRAINT chk_tasks_numbers CHECK (issue_number > 0 AND pr_number > 0),
  CONSTRAINT chk_tasks_parent CHECK (parent_task_id <> id),
  CONSTRAINT chk_tasks_times CHECK (completed_at >= started_at)
)`,
  `CREATE INDEX idx_tasks_status ON ${s}.tasks (status)`,
  `CREATE INDEX idx_tasks_type ON ${s}.tasks (task_type)`,
  `CREATE INDEX idx_tasks_priority ON ${s}.tasks (priority)`,
  `CREATE INDEX idx_tasks_created_by ON ${s}.tasks (created_by)`,
  `CREATE INDEX idx_tasks_assigned_to ON ${s}.tasks (assigned_to)`,
  `CREATE INDEX idx_tasks_parent ON ${s}.tasks (parent_task_id)`,
  keepTime(s, 'tasks'),

  `CREATE TABLE ${s}.task_dependencies (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT task_dependencies_pkey PRIMARY KEY,
  task_id uuid NOT NULL CONSTRAINT fk_task_dependencies_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  depends_on_task_id uuid NOT NULL
    CONSTRAINT fk_task_dependencies_depends_on_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  dependency_type varchar(20) NOT NULL DEFAULT 'blocks',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_task_dependencies_pair UNIQUE (task_id, depends_on_task_id),
  CONSTRAINT chk_task_dependencies_self CHECK (task_id <> depends_on_task_id),
  CONSTRAINT chk_task_dependencies_type CHECK (dependency_type IN ('blocks', 'related', 'duplicate'))
)`,
  `CREATE INDEX idx_task_deps_task ON ${s}.task_dependencies (task_id)`,
  `CREATE INDEX idx_task_deps_depends_on ON ${s}.task_dependencies (depends_on_task_id)`,
  keepTime(s, 'task_dependencies'),

  ...refuseCycles(s, {
    table: 'task_dependencies',
    from: 'task_id',
    to: 'depends_on_task_id',
    kind: 'dependency_type',
    blocking: ['blocks'],
    function: 'refuse_dependency_cycle',
    trigger: 'task_dependencies_no_cycle',
  }),
]
