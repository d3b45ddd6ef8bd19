/**
 * Which task waits for which (decisions 55, 58, 59). The table is authoritative; `tasks.dependencies` is its projection,
 * `[{"task_id": …, "type": …}]` in the order of the ids, and a trigger keeps it.
 */
import { keepTime } from '../../keep-time.ts'
import { refuseCycles } from '../../no-cycle.ts'

export const dependencyTables = (s: string): string[] => [
  `CREATE TABLE ${s}.dependencies (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT dependencies_pkey PRIMARY KEY,
  dependent_task_id uuid NOT NULL
    CONSTRAINT fk_dependencies_dependent_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  dependency_task_id uuid NOT NULL
    CONSTRAINT fk_dependencies_dependency_task REFERENCES ${s}.tasks (id) ON DELETE CASCADE,
  dependency_type varchar(20) NOT NULL DEFAULT 'blocks',
  is_satisfied boolean NOT NULL DEFAULT false,
  satisfied_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_dependencies_tasks UNIQUE (dependent_task_id, dependency_task_id),
  CONSTRAINT chk_dependencies_self CHECK (dependent_task_id <> dependency_task_id),
  CONSTRAINT chk_dependencies_type CHECK (dependency_type IN ('blocks', 'requires', 'suggests', 'conflicts')),
  CONSTRAINT chk_dependencies_satisfied CHECK (is_satisfied = (satisfied_at IS NOT NULL))
)`,
  // The unique constraint's index leads with dependent_task_id.
  `CREATE INDEX idx_dependencies_dependency_task_id ON ${s}.dependencies (dependency_task_id)`,
  `CREATE INDEX idx_dependencies_created_at ON ${s}.dependencies (created_at DESC, id DESC)`,
  keepTime(s, 'dependencies'),
  ...refuseCycles(s, {
    table: 'dependencies',
    from: 'dependent_task_id',
    to: 'dependency_task_id',
    kind: 'dependency_type',
    blocking: ['blocks', 'requires'],
    function: 'refuse_cycle',
    trigger: 'dependencies_refuse_cycle',
  }),
  projectDependencies(s),
  ...(['INSERT', 'UPDATE', 'DELETE'] as const).map((event) => projectOn(s, 'dependencies', event)),
]

/**
 * Once a statement, not once a row, so that loading many edges costs one UPDATE; and only tasks whose projection is
 * another are touched, in the order of their keys.
 */
function projectDependencies(s: string): string {
  return `CREATE FUNCTION ${s}.project_dependencies() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  touched uuid[];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    touched := ARRAY(SELECT dependent_task_id FROM changed UNION SELECT dependent_task_id FROM replaced);
  ELSE
    touched := ARRAY(SELECT DISTINCT dependent_task_id FROM changed);
  END IF;
  PERFORM FROM ${s}.tasks WHERE id = ANY (touched) ORDER BY id FOR NO KEY UPDATE;
  UPDATE ${s}.tasks AS task
  SET dependencies = projected.list
  FROM (
    SELECT
      each.id,
      coalesce(
        jsonb_agg(
          jsonb_build_object('task_id', edge.dependency_task_id, 'type', edge.dependency_type)
          ORDER BY edge.dependency_task_id
        ) FILTER (WHERE edge.id IS NOT NULL),
        '[]'
      ) AS list
    FROM unnest(touched) AS each (id)
    LEFT JOIN ${s}.dependencies AS edge ON edge.dependent_task_id = each.id
    GROUP BY each.id
  ) AS projected
  WHERE task.id = projected.id
    AND task.dependencies IS DISTINCT FROM projected.list;
  RETURN NULL;
END
$body$`
}

/** The trigger that projects a table after every statement of one kind; each kind has other transition tables. */
export function projectOn(
  s: string,
  table: 'dependencies' | 'validations',
  event: 'INSERT' | 'UPDATE' | 'DELETE',
): string {
  const rows = {
    INSERT: 'NEW TABLE AS changed',
    UPDATE: 'OLD TABLE AS replaced NEW TABLE AS changed',
    DELETE: 'OLD TABLE AS changed',
  }
  return `CREATE TRIGGER ${table}_project_${event.toLowerCase()}
AFTER ${event} ON ${s}.${table}
REFERENCING ${rows[event]}
FOR EACH STATEMENT EXECUTE FUNCTION ${s}.project_${table}()`
}
