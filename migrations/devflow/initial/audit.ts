/**
 * The audit trigger on projects, tasks, executions and pull requests (decision 60). One function serves them all: it
 * takes the row as JSON and asks it for the ids that it has, so that a column that a table lacks is no error.
 *
 * An event says who (`devflow.actor`, a setting of the session or transaction, else the role) did what to which row, and
 * for an update each changed field with what it was and became; for a delete the row as it was. Times kept by triggers
 * and the search vector are no changes. `clock_timestamp()`, so that the changes of one transaction keep their order.
 *
 * With `SET LOCAL devflow.audit = 'off'` the trigger does not fire: seed data brings its own events, of simulated time.
 */
const TABLES: Readonly<Record<string, 'system' | 'task' | 'execution' | 'pr'>> = {
  projects: 'system',
  tasks: 'task',
  task_executions: 'execution',
  pull_requests: 'pr',
}

export const auditTrail = (s: string): string[] => [
  `CREATE FUNCTION ${s}.record_change() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  before jsonb := to_jsonb(OLD);
  after jsonb := to_jsonb(NEW);
  subject jsonb := coalesce(after, before);
  task uuid := CASE WHEN TG_TABLE_NAME = 'tasks' THEN subject ->> 'id' ELSE subject ->> 'task_id' END;
  data jsonb := jsonb_build_object('table', TG_TABLE_NAME, 'id', subject -> 'id');
  changed jsonb;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(field.key, jsonb_build_object('from', before -> field.key, 'to', field.value))
    INTO changed
    FROM jsonb_each(after) AS field
    WHERE field.value IS DISTINCT FROM before -> field.key
      AND field.key NOT IN ('updated_at', 'search_vector');
    IF changed IS NULL THEN
      RETURN NULL;
    END IF;
    data := data || jsonb_build_object('changed', changed);
  ELSIF TG_OP = 'DELETE' THEN
    data := data || jsonb_build_object('row', before - 'search_vector');
  END IF;
  INSERT INTO ${s}.workflow_events
    (event_type, event_category, project_id, task_id, task_execution_id, pr_id, actor, action, event_data, occurred_at)
  VALUES (
    'audit',
    TG_ARGV[0],
    CASE
      WHEN TG_TABLE_NAME = 'projects' THEN (subject ->> 'id')::uuid
      WHEN subject ? 'project_id' THEN (subject ->> 'project_id')::uuid
      ELSE coalesce(
        (SELECT t.project_id FROM ${s}.tasks AS t WHERE t.id = task),
        -- An execution that goes with its task comes too late to ask it; the trail knows.
        (
          SELECT e.project_id
          FROM ${s}.workflow_events AS e
          WHERE e.task_id = task AND e.project_id IS NOT NULL
          ORDER BY e.occurred_at DESC
          LIMIT 1
        )
      )
    END,
    task,
    CASE WHEN TG_TABLE_NAME = 'task_executions' THEN (subject ->> 'id')::uuid END,
    CASE WHEN TG_TABLE_NAME = 'pull_requests' THEN (subject ->> 'id')::uuid END,
    left(coalesce(nullif(current_setting('devflow.actor', true), ''), current_user), 255),
    CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
    data,
    clock_timestamp()
  );
  RETURN NULL;
END
$body$`,
  ...Object.entries(TABLES).map(
    ([table, category]) => `CREATE TRIGGER ${table}_record_change
AFTER INSERT OR UPDATE OR DELETE ON ${s}.${table}
FOR EACH ROW WHEN (current_setting('devflow.audit', true) IS DISTINCT FROM 'off')
EXECUTE FUNCTION ${s}.record_change('${category}')`,
  ),
]
