/**
 * The views (systems/devflow.md, "Performance Views"; decision 56). Children are aggregated on their own before they
 * meet, so that no figure is multiplied by another.
 */
export const views = (s: string): string[] => [
  `CREATE VIEW ${s}.active_tasks AS
SELECT
  task.id,
  task.title,
  task.status,
  task.priority,
  task.assigned_agent,
  task.project_id,
  project.name AS project_name,
  task.due_date,
  task.created_at,
  task.updated_at,
  execution.execution_count,
  execution.last_execution
FROM ${s}.tasks AS task
JOIN ${s}.projects AS project ON project.id = task.project_id
CROSS JOIN LATERAL (
  SELECT count(*) AS execution_count, max(each.created_at) AS last_execution
  FROM ${s}.task_executions AS each
  WHERE each.task_id = task.id
) AS execution
WHERE task.status IN ('pending', 'in_progress', 'validation')`,

  `CREATE VIEW ${s}.task_execution_summary AS
SELECT
  task.id AS task_id,
  task.title,
  task.status,
  task.project_id,
  count(execution.id) AS total_executions,
  count(*) FILTER (WHERE execution.execution_status = 'completed') AS successful_executions,
  count(*) FILTER (WHERE execution.execution_status IN ('failed', 'timeout')) AS failed_executions,
  count(*) FILTER (WHERE execution.execution_status = 'cancelled') AS cancelled_executions,
  avg(execution.duration) AS avg_duration,
  avg(execution.memory_usage_mb)::double precision AS avg_memory_mb,
  sum(execution.cpu_time_ms) AS total_cpu_time_ms,
  max(execution.created_at) AS last_execution
FROM ${s}.tasks AS task
LEFT JOIN ${s}.task_executions AS execution ON execution.task_id = task.id
GROUP BY task.id`,

  `CREATE VIEW ${s}.pr_validation_status AS
SELECT
  pr.id AS pr_id,
  pr.pr_number,
  pr.title,
  pr.status,
  pr.project_id,
  count(validation.id) AS total_validations,
  count(*) FILTER (WHERE validation.result = 'passed') AS passed,
  count(*) FILTER (WHERE validation.result = 'failed') AS failed,
  count(*) FILTER (WHERE validation.result = 'warning') AS warnings,
  count(*) FILTER (WHERE validation.result = 'skipped') AS skipped,
  avg(validation.score) AS average_score,
  max(coalesce(validation.completed_at, validation.created_at)) AS last_validation
FROM ${s}.pull_requests AS pr
LEFT JOIN ${s}.validations AS validation ON validation.pr_id = pr.id
GROUP BY pr.id`,

  // The schema is that of the table which the constant names by its oid, and so follows a schema that is renamed.
  `CREATE VIEW ${s}.index_usage_stats AS
SELECT
  usage.schemaname AS schema_name,
  usage.relname AS table_name,
  usage.indexrelname AS index_name,
  usage.idx_scan AS scans,
  usage.idx_tup_read AS tuples_read,
  usage.idx_tup_fetch AS tuples_fetched,
  pg_relation_size(usage.indexrelid) AS size_bytes,
  CASE
    WHEN usage.idx_scan = 0 THEN 'UNUSED'
    WHEN usage.idx_scan < 100 THEN 'LOW'
    WHEN usage.idx_scan < 1000 THEN 'MEDIUM'
    ELSE 'HIGH'
  END AS usage_category
FROM pg_catalog.pg_stat_user_indexes AS usage
JOIN pg_catalog.pg_class AS relation ON relation.oid = usage.relid
WHERE relation.relnamespace = (
  SELECT own.relnamespace FROM pg_catalog.pg_class AS own WHERE own.oid = '${s.replaceAll("'", "''")}.projects'::regclass
)`,
]
