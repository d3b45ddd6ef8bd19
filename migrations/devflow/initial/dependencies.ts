/**
 * Which task waits for which (decisions 55, 58, 59). The table is authoritative; `tasks.dependencies` is its projection,
 * `[{"task_id": …, "type": …}]` in the order of the ids, and a trigger keeps it.
 */
import { keepTime } from '../../keep-time.ts'

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
  refuseCycle(s),
  `CREATE TRIGGER dependencies_refuse_cycle
AFTER INSERT OR UPDATE OF dependent_task_id, dependency_task_id, dependency_type ON ${s}.dependencies
FOR EACH ROW WHEN (NEW.dependency_type IN ('blocks', 'requires'))
EXECUTE FUNCTION ${s}.refuse_cycle()`,
  projectDependencies(s),
  ...(['INSERT', 'UPDATE', 'DELETE'] as const).map((event) => projectOn(s, 'dependencies', event)),
]

/**
 * An edge is refused when its dependency already waits, over any number of others, for its dependent (decision 58: after
 * 1→2→3, 1→3 is fine and 3→1 is not). Writers take turns under an advisory lock until they commit, and the search is a
 * statement after it, which sees what the one before committed; below READ COMMITTED that does not hold, and two
 * serializable writers are told apart by PostgreSQL itself. Steward takes the very same lock (`crud/graph.ts`).
 */
function refuseCycle(s: string): string {
  return `CREATE FUNCTION ${s}.refuse_cycle() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  found boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME));
  -- UNION drops the tasks that were met before, so that each edge is followed once.
  WITH RECURSIVE awaited (task_id) AS (
    SELECT NEW.dependency_task_id
    UNION
    SELECT edge.dependency_task_id
    FROM awaited
    JOIN ${s}.dependencies AS edge ON edge.dependent_task_id = awaited.task_id
    WHERE edge.dependency_type IN ('blocks', 'requires')
  )
  SELECT EXISTS (SELECT FROM awaited WHERE task_id = NEW.dependent_task_id) INTO found;
  IF found THEN
    RAISE EXCEPTION 'dependency of task % on task % closes a cycle', NEW.dependent_task_id, NEW.dependency_task_id
    USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      CONSTRAINT = 'dependencies_refuse_cycle', COLUMN = 'dependency_task_id';
  END IF;
  RETURN NULL;
END
$body$`
}

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
