import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { available, capabilitiesAsked } from './fragments.ts'

/** Uncovered tasks that are listed; the advice counts them all by capability. */
const MOST_TASKS = 50

/** Whether the fleet can do what is queued. */
export const capabilityCoverage = report({
  name: 'capability-coverage',
  summary: 'What queued work asks, and who can do it',
  description:
    'Queued tasks as they are now, by type and by the capabilities that context.capabilities of the task names, against the workers: all that have the type or the capability, and those of them that may claim (online, well, not draining).',
  parameters: {},
  sections: [
    {
      key: 'types',
      title: 'By type of work',
      shape: 'table',
      columns: [
        { key: 'task_type', label: 'type', kind: 'text' },
        { key: 'queued', label: 'queued tasks', kind: 'bigint', unit: 'count' },
        { key: 'workers', kind: 'bigint', unit: 'count' },
        { key: 'available', label: 'that may claim', kind: 'bigint', unit: 'count' },
        { key: 'idle', kind: 'bigint', unit: 'count' },
      ],
      empty: 'No task is queued, and there are no workers.',
      sql: (input) => sql`
        WITH queued AS (
          SELECT t.task_type, COUNT(*) AS queued
          FROM ${input.table('tasks')} t
          WHERE t.status = 'queued'
            AND t.deleted_at IS NULL
          GROUP BY t.task_type
        ),
        fleet AS (
          SELECT
            w.worker_type AS task_type,
            COUNT(*) AS workers,
            COUNT(*) FILTER (WHERE ${available}) AS available,
            COUNT(*) FILTER (WHERE ${available} AND w.status = 'idle') AS idle
          FROM ${input.table('workers')} w
          GROUP BY w.worker_type
        )
        SELECT
          task_type,
          COALESCE(queued, 0) AS queued,
          COALESCE(workers, 0) AS workers,
          COALESCE(available, 0) AS available,
          COALESCE(idle, 0) AS idle
        FROM queued
        FULL JOIN fleet USING (task_type)
        ORDER BY queued DESC, task_type
      `,
    },
    {
      key: 'capabilities',
      title: 'Capabilities asked for',
      shape: 'table',
      columns: [
        { key: 'capability', kind: 'text' },
        { key: 'queued', label: 'queued tasks', kind: 'bigint', unit: 'count' },
        { key: 'workers', kind: 'bigint', unit: 'count' },
        { key: 'available', label: 'that may claim', kind: 'bigint', unit: 'count' },
        { key: 'experts', label: 'of them advanced or expert', kind: 'bigint', unit: 'count' },
      ],
      empty: 'No queued task asks for a capability.',
      sql: (input) => sql`
        WITH asked AS (
          SELECT DISTINCT t.id, one.capability
          FROM ${input.table('tasks')} t
          CROSS JOIN LATERAL ${capabilitiesAsked} AS one (capability)
          WHERE t.status = 'queued'
            AND t.deleted_at IS NULL
        ),
        queued AS (
          SELECT capability, COUNT(*) AS queued
          FROM asked
          GROUP BY capability
        ),
        fleet AS (
          SELECT
            c.capability_name AS capability,
            COUNT(*) AS workers,
            COUNT(*) FILTER (WHERE ${available}) AS available,
            COUNT(*) FILTER (WHERE ${available} AND c.capability_level IN ('advanced', 'expert')) AS experts
          FROM ${input.table('worker_capabilities')} c
          JOIN ${input.table('workers')} w ON w.id = c.worker_id
          GROUP BY c.capability_name
        )
        SELECT
          q.capability,
          q.queued,
          COALESCE(f.workers, 0) AS workers,
          COALESCE(f.available, 0) AS available,
          COALESCE(f.experts, 0) AS experts
        FROM queued q
        LEFT JOIN fleet f USING (capability)
        ORDER BY available, q.queued DESC, q.capability
      `,
    },
    {
      key: 'uncovered',
      title: 'Queued tasks that no worker can do now',
      shape: 'table',
      columns: [
        { key: 'task_id', kind: 'uuid' },
        { key: 'title', kind: 'text' },
        { key: 'task_type', label: 'type', kind: 'text' },
        { key: 'priority', kind: 'text' },
        { key: 'capabilities', kind: 'text' },
      ],
      empty: 'Every queued task has a worker that may claim and has all that it asks for.',
      // One worker has to have all that a task asks for; several that share it do not help.
      sql: (input) => sql`
        SELECT
          t.id AS task_id,
          t.title,
          t.task_type,
          t.priority,
          (
            SELECT string_agg(DISTINCT one.capability, ', ' ORDER BY one.capability)
            FROM ${capabilitiesAsked} AS one (capability)
          ) AS capabilities
        FROM ${input.table('tasks')} t
        WHERE t.status = 'queued'
          AND t.deleted_at IS NULL
          AND NOT EXISTS (
            SELECT
            FROM ${input.table('workers')} w
            WHERE ${available}
              AND NOT EXISTS (
                SELECT
                FROM ${capabilitiesAsked} AS one (capability)
                WHERE NOT EXISTS (
                  SELECT
                  FROM ${input.table('worker_capabilities')} c
                  WHERE c.worker_id = w.id
                    AND c.capability_name = one.capability
                )
              )
          )
        ORDER BY t.created_at, t.id
        LIMIT ${MOST_TASKS}
      `,
    },
  ],
  recommends({ types = [], capabilities = [] }) {
    const missing = (rows: readonly Readonly<Record<string, unknown>>[]) =>
      rows.filter(({ queued, available: free }) => Number(queued) > 0 && Number(free) === 0)
    return [
      ...missing(types).map(
        ({ task_type: type, queued }) =>
          `No worker for ${type} may claim, and ${queued} queued ${Number(queued) === 1 ? 'task is' : 'tasks are'} of that type: register one, or resume or restart those that are there.`,
      ),
      ...missing(capabilities).map(
        ({ capability, queued, workers }) =>
          `${queued} queued ${Number(queued) === 1 ? 'task asks' : 'tasks ask'} for ${capability}, which ${Number(workers) === 0 ? 'no worker has' : 'no worker that may claim has'}.`,
      ),
    ]
  },
})
