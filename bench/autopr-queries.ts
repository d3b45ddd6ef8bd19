/**
 * The queries of AutoPR's document with the times it expects and the indexes it names (systems/autopr.md, "Query
 * Performance"). `npm run bench autopr-queries` times them on the document's own row estimates, or a tenth of them;
 * a test holds the indexes on less.
 */

export interface DocumentedQuery {
  readonly name: string
  /** What the document expects it to take at most. */
  readonly milliseconds: number
  /** Rows that the document expects it to find. */
  readonly rows: readonly [least: number, most: number]
  /**
   * The index that it names; partitions have indexes of their own names with the same columns. Missing where so many
   * rows are found that reading the table is right.
   */
  readonly index?: string
  /** SQL that finds what to ask for, one text. */
  readonly subject: string
  /** The query about the subject, which is written as an SQL literal. */
  readonly sql: (subject: string) => string
}

export const QUERIES: readonly DocumentedQuery[] = [
  {
    name: 'Get workflow by ID',
    milliseconds: 1,
    rows: [1, 1],
    index: 'workflows_pkey',
    subject: 'SELECT id::text FROM autopr.workflows ORDER BY md5(id::text) LIMIT 1',
    sql: (id) => `SELECT * FROM autopr.workflows WHERE id = ${id}`,
  },
  {
    name: 'List workflows by status',
    milliseconds: 10,
    rows: [10, 1000],
    index: 'idx_workflows_status',
    subject: "SELECT 'archived'",
    sql: (status) => `SELECT * FROM autopr.workflows WHERE status = ${status}`,
  },
  {
    name: 'Get execution by execution_id',
    milliseconds: 1,
    rows: [1, 1],
    index: 'uq_execution_id',
    subject: 'SELECT execution_id FROM autopr.workflow_executions ORDER BY created_at DESC LIMIT 1',
    sql: (id) => `SELECT * FROM autopr.workflow_executions WHERE execution_id = ${id}`,
  },
  {
    name: 'List executions for workflow',
    milliseconds: 20,
    rows: [100, 1000],
    index: 'idx_workflow_executions_workflow_id',
    // Not the busiest: the document speaks of a hundred to a thousand executions.
    subject: `SELECT workflow_id::text FROM autopr.workflow_executions
      GROUP BY workflow_id HAVING count(*) BETWEEN 100 AND 1000 ORDER BY count(*) DESC LIMIT 1`,
    sql: (id) => `SELECT * FROM autopr.workflow_executions WHERE workflow_id = ${id}`,
  },
  {
    name: 'Get logs for execution',
    milliseconds: 100,
    rows: [1000, 10_000],
    index: 'idx_execution_logs_execution_id',
    subject: `SELECT execution_id::text FROM autopr.execution_logs GROUP BY execution_id ORDER BY count(*) DESC LIMIT 1`,
    sql: (id) => `SELECT * FROM autopr.execution_logs WHERE execution_id = ${id}`,
  },
  {
    name: 'Get pending events',
    milliseconds: 20,
    rows: [100, 1000],
    index: 'idx_integration_events_queue',
    subject: "SELECT 'pending'",
    // As a worker asks: the oldest hundred.
    sql: (status) => `SELECT * FROM autopr.integration_events WHERE status = ${status} ORDER BY created_at LIMIT 100`,
  },
  {
    name: 'JSON config search',
    milliseconds: 100,
    rows: [1, 1000],
    index: 'idx_workflows_config',
    // A channel that few workflows notify.
    subject: `SELECT '{"notification_channels": ["discord"]}'`,
    sql: (config) => `SELECT * FROM autopr.workflows WHERE config @> ${config}`,
  },
  {
    // The document's own example. Most workflows notify slack, so it takes no index to be as fast as expected.
    name: 'JSON config search for most of them',
    milliseconds: 100,
    rows: [1, 10_000],
    subject: `SELECT '{"notification_channels": ["slack"]}'`,
    sql: (config) => `SELECT * FROM autopr.workflows WHERE config @> ${config}`,
  },
]

/** An execution that logs as much as the document expects of one: five thousand lines more than it has. */
export const LONG_LOG = `
  INSERT INTO autopr.execution_logs (execution_id, level, message, created_at)
  SELECT e.id, 'DEBUG', 'line ' || n, e.created_at + n * interval '1 millisecond'
  FROM (SELECT id, created_at FROM autopr.workflow_executions ORDER BY created_at DESC LIMIT 1) AS e,
    generate_series(1, 5000) AS n`

/**
 * A queue as long as the document expects one: a thousand events that wait. With as many as are asked for at a time, or
 * fewer, reading them all and sorting costs the planner the same as the order of the index.
 */
export const LONG_QUEUE = `
  INSERT INTO autopr.integration_events (integration_id, event_type, payload, status, created_at)
  SELECT i.id, 'pull_request.opened', '{}', 'pending', now() - n * interval '1 second'
  FROM (SELECT id FROM autopr.integrations ORDER BY id LIMIT 1) AS i,
    generate_series(1, 1000) AS n`

/** The names of the indexes that a plan (EXPLAIN (FORMAT JSON), as text) finds rows by. */
export function indexesOf(plan: string): string[] {
  return [...plan.matchAll(/"Index Name": "([^"]+)"/g)].map(([, name = '']) => name)
}

/** SQL that names the partitioned index an index belongs to, or itself. */
export const parentIndex = (name: string): string => `
  SELECT coalesce(parent.relname, i.relname)
  FROM pg_class AS i
  LEFT JOIN pg_inherits ON inhrelid = i.oid
  LEFT JOIN pg_class AS parent ON parent.oid = inhparent
  WHERE i.oid = 'autopr.${name}'::regclass`
