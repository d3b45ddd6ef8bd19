/**
 * Tasks, steps, actions and their logs (systems/skyvern.md, 1.2, 1.3, 1.5; decisions 9, 17, 22, 23). Deleting a
 * task takes its steps, and a step its actions, screenshots and logs; a user or browser session that goes leaves
 * the task behind with no creator or session.
 *
 * No check compares a task's end with its creation: one time is the application's, the other the server's, and
 * their clocks may differ by more than a short task takes.
 */
import { keepTime } from '../../keep-time.ts'

export const taskTables = (s: string): string[] => [
  `CREATE TABLE ${s}.tasks (
  task_id text DEFAULT ${s}.next_id('tsk') CONSTRAINT tasks_pkey PRIMARY KEY,
  organization_id text NOT NULL
    CONSTRAINT fk_tasks_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  created_by text CONSTRAINT fk_tasks_created_by REFERENCES ${s}.users (user_id) ON DELETE SET NULL,
  browser_session_id text CONSTRAINT fk_tasks_browser_session
    REFERENCES ${s}.browser_sessions (browser_session_id) ON DELETE SET NULL,
  status ${s}.task_status NOT NULL DEFAULT 'created',
  url text NOT NULL,
  navigation_goal text NOT NULL,
  data_extraction_goal text,
  navigation_payload jsonb,
  proxy_location text,
  webhook_callback_url text,
  extracted_information jsonb,
  failure_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  modified_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  CONSTRAINT check_task_url_format CHECK (url ~* '^https?://.*')
)`,
  `CREATE INDEX ix_tasks_organization_id ON ${s}.tasks (organization_id)`,
  `CREATE INDEX ix_tasks_status ON ${s}.tasks (status)`,
  `CREATE INDEX ix_tasks_created_at ON ${s}.tasks (created_at)`,
  `CREATE INDEX ix_tasks_created_by ON ${s}.tasks (created_by)`,
  `CREATE INDEX ix_tasks_status_org ON ${s}.tasks (status, organization_id)`,
  `CREATE INDEX ix_tasks_browser_session_id ON ${s}.tasks (browser_session_id)`,
  keepTime(s, 'tasks', 'modified_at'),

  // ix_steps_task_order is the document's index of that name and its ix_steps_order (decision 7), unique because
  // two writers may pick the same next order (decision 22).
  `CREATE TABLE ${s}.steps (
  step_id text DEFAULT ${s}.next_id('stp') CONSTRAINT steps_pkey PRIMARY KEY,
  task_id text NOT NULL CONSTRAINT fk_steps_task REFERENCES ${s}.tasks (task_id) ON DELETE CASCADE,
  status ${s}.step_status NOT NULL DEFAULT 'created',
  "order" integer NOT NULL,
  retry_index integer NOT NULL DEFAULT 0,
  step_type text NOT NULL,
  input_data jsonb,
  output_data jsonb,
  is_goal_achieved boolean,
  output_parameter_key text,
  failure_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  modified_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz,
  CONSTRAINT ix_steps_task_order UNIQUE (task_id, "order"),
  CONSTRAINT check_step_order CHECK ("order" > 0),
  CONSTRAINT check_step_retry_index CHECK (retry_index >= 0),
  CONSTRAINT check_step_type CHECK (step_type IN ('action', 'validation', 'extraction', 'navigation')),
  CONSTRAINT check_step_times CHECK (completed_at >= started_at)
)`,
  `CREATE INDEX ix_steps_task_id ON ${s}.steps (task_id)`,
  `CREATE INDEX ix_steps_status ON ${s}.steps (status)`,
  `CREATE INDEX ix_steps_created_at ON ${s}.steps (created_at)`,
  keepTime(s, 'steps', 'modified_at'),

  `CREATE TABLE ${s}.actions (
  action_id text DEFAULT ${s}.next_id('act') CONSTRAINT actions_pkey PRIMARY KEY,
  step_id text NOT NULL CONSTRAINT fk_actions_step REFERENCES ${s}.steps (step_id) ON DELETE CASCADE,
  action_type ${s}.action_type NOT NULL,
  confidence_float double precision,
  element_id text,
  text text,
  option jsonb,
  file_url text,
  coordinate jsonb,
  reasoning text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_action_confidence CHECK (confidence_float >= 0 AND confidence_float <= 1)
)`,
  `CREATE INDEX ix_actions_step_id ON ${s}.actions (step_id)`,
  `CREATE INDEX ix_actions_action_type ON ${s}.actions (action_type)`,
  `CREATE INDEX ix_actions_created_at ON ${s}.actions (created_at)`,

  ...logTable(s, { table: 'task_logs', id: 'task_log_id', prefix: 'tl', parent: 'task' }),
  ...logTable(s, { table: 'step_logs', id: 'step_log_id', prefix: 'sl', parent: 'step' }),
]

/** A table of log lines (decision 9). Its first index serves the foreign key and reading one parent's log in order. */
export function logTable(
  s: string,
  log: { readonly table: string; readonly id: string; readonly prefix: string; readonly parent: string },
): string[] {
  const { table, id, prefix, parent } = log
  return [
    `CREATE TABLE ${s}.${table} (
  ${id} text DEFAULT ${s}.next_id('${prefix}') CONSTRAINT ${table}_pkey PRIMARY KEY,
  ${parent}_id text NOT NULL
    CONSTRAINT fk_${table}_${parent} REFERENCES ${s}.${parent}s (${parent}_id) ON DELETE CASCADE,
  level text NOT NULL DEFAULT 'info',
  message text NOT NULL,
  metadata jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_${parent}_log_level CHECK (level IN ('debug', 'info', 'warning', 'error', 'critical'))
)`,
    `CREATE INDEX ix_${table}_${parent}_created ON ${s}.${table} (${parent}_id, created_at)`,
    `CREATE INDEX ix_${table}_created_at ON ${s}.${table} (created_at)`,
  ]
}
