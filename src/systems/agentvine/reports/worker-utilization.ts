import { percent, seconds } from '../../../model/figures.ts'
import { type ReportInput, report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'
import { available } from './fragments.ts'

/** The end of the period, or now where that comes first: nothing has run beyond it. */
const end = ({ window }: ReportInput): Sql => sql`LEAST(${window.until}::timestamptz, now())`

/**
 * Seconds of the executions `e` that lie within the period, for each worker and in all. One that still runs counts up
 * to the end of the period.
 */
const executed = (input: ReportInput): Sql => sql`
          SELECT
            e.worker_id,
            COUNT(*) AS executions,
            COUNT(*) FILTER (WHERE e.status = 'completed') AS completed,
            COUNT(*) FILTER (WHERE e.status IN ('failed', 'timeout')) AS failed,
            SUM(${seconds(sql`
              LEAST(COALESCE(e.completed_at, ${end(input)}), ${end(input)})
              - GREATEST(e.started_at, ${input.window.since}::timestamptz)`)}) AS busy_seconds
          FROM ${input.table('executions')} e
          WHERE e.started_at < ${end(input)}
            AND COALESCE(e.completed_at, ${end(input)}) > ${input.window.since}::timestamptz
          GROUP BY e.worker_id`

/** Time that a worker `w` had for work in the period, in all its places. */
const capacity = (input: ReportInput): Sql => sql`
          w.max_concurrent_tasks * GREATEST(0, ${seconds(
            sql`${end(input)} - GREATEST(w.created_at, ${input.window.since}::timestamptz)`,
          )})`

/** How much of the fleet's time went into work. */
export const workerUtilization = report({
  name: 'worker-utilization',
  summary: 'How busy the workers are',
  description:
    'How much of their time the workers spent on executions in the period. The time of a worker counts once for each of its places (max_concurrent_tasks), from its registration on, whether it was online or not; executions of workers that were deleted are in the total only.',
  parameters: {},
  days: 7,
  sections: [
    {
      key: 'fleet',
      title: 'Fleet',
      shape: 'record',
      columns: [
        { key: 'workers', kind: 'bigint', unit: 'count' },
        { key: 'idle', kind: 'bigint', unit: 'count' },
        { key: 'busy', kind: 'bigint', unit: 'count' },
        { key: 'offline', kind: 'bigint', unit: 'count' },
        { key: 'error', kind: 'bigint', unit: 'count' },
        { key: 'draining', kind: 'bigint', unit: 'count' },
        { key: 'places', label: 'places for orders', kind: 'bigint', unit: 'count' },
        { key: 'taken', label: 'orders in hand', kind: 'bigint', unit: 'count' },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'busy_seconds', label: 'time at work', kind: 'float', unit: 'seconds' },
        { key: 'utilization', kind: 'float', unit: 'percent' },
      ],
      // Workers, assignments and executions are counted apart: a join would count one for each of the others.
      sql: (input) => sql`
        WITH fleet AS (
          SELECT
            COUNT(*) AS workers,
            COUNT(*) FILTER (WHERE w.status = 'idle') AS idle,
            COUNT(*) FILTER (WHERE w.status = 'busy') AS busy,
            COUNT(*) FILTER (WHERE w.status = 'offline') AS offline,
            COUNT(*) FILTER (WHERE w.status = 'error') AS error,
            COUNT(*) FILTER (WHERE w.draining_at IS NOT NULL) AS draining,
            COALESCE(SUM(w.max_concurrent_tasks) FILTER (WHERE ${available}), 0) AS places,
            SUM(${capacity(input)}) AS capacity_seconds
          FROM ${input.table('workers')} w
        ),
        work AS (${executed(input)}
        ),
        total AS (
          SELECT
            COALESCE(SUM(executions), 0)::bigint AS executions,
            COALESCE(SUM(busy_seconds), 0) AS busy_seconds,
            COALESCE(SUM(busy_seconds) FILTER (WHERE worker_id IS NOT NULL), 0) AS busy_seconds_of_fleet
          FROM work
        )
        SELECT
          workers, idle, busy, offline, error, draining, places,
          (SELECT COUNT(*) FROM ${input.table('worker_assignments')} WHERE status = 'active') AS taken,
          executions,
          busy_seconds,
          ${percent(sql`busy_seconds_of_fleet`, sql`capacity_seconds`)} AS utilization
        FROM fleet, total
      `,
    },
    {
      key: 'workers',
      title: 'Workers, busiest first',
      shape: 'table',
      chart: { kind: 'bars', x: 'worker', y: ['utilization'] },
      columns: [
        { key: 'worker_id', kind: 'uuid' },
        { key: 'worker', kind: 'text' },
        { key: 'worker_type', label: 'type', kind: 'text' },
        { key: 'status', kind: 'text' },
        { key: 'places', kind: 'integer', unit: 'count' },
        { key: 'executions', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed', label: 'failed or timed out', kind: 'bigint', unit: 'count' },
        { key: 'busy_seconds', label: 'at work', kind: 'float', unit: 'seconds' },
        { key: 'utilization', kind: 'float', unit: 'percent' },
      ],
      shown: ['worker', 'worker_type', 'status', 'executions', 'failed', 'busy_seconds', 'utilization'],
      empty: 'There are no workers.',
      sql: (input) => sql`
        WITH work AS (${executed(input)}
        )
        SELECT
          w.id AS worker_id,
          w.name AS worker,
          w.worker_type,
          w.status,
          w.max_concurrent_tasks AS places,
          COALESCE(work.executions, 0) AS executions,
          COALESCE(work.completed, 0) AS completed,
          COALESCE(work.failed, 0) AS failed,
          COALESCE(work.busy_seconds, 0) AS busy_seconds,
          ${percent(sql`COALESCE(work.busy_seconds, 0)`, capacity(input))} AS utilization
        FROM ${input.table('workers')} w
        LEFT JOIN work ON work.worker_id = w.id
        ORDER BY utilization DESC, w.name, w.id
      `,
    },
  ],
})
