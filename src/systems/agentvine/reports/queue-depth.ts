import { percentile, seconds, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'

/** What waits in each queue, and how long orders wait. */
export const queueDepth = report({
  name: 'queue-depth',
  summary: 'Depth of the queues and waiting time',
  description:
    'Open orders by queue as they are now, with the age of the oldest at the end of the period, and how long the orders of the period waited for their first worker. An overdue order was not claimed before its expires_at: nobody is given it any more, and work-order expire-overdue ends it.',
  parameters: {},
  days: 7,
  sections: [
    {
      key: 'queues',
      title: 'Queues',
      shape: 'table',
      chart: { kind: 'bars', x: 'queue_name', y: ['pending'] },
      columns: [
        { key: 'queue_name', label: 'queue', kind: 'text' },
        { key: 'pending', label: 'waiting', kind: 'bigint', unit: 'count' },
        { key: 'overdue', kind: 'bigint', unit: 'count' },
        { key: 'retries', label: 'tried before', kind: 'bigint', unit: 'count' },
        { key: 'claimed', label: 'in hand', kind: 'bigint', unit: 'count' },
        { key: 'oldest_pending_seconds', label: 'oldest that waits', kind: 'float', unit: 'seconds' },
      ],
      empty: 'No order is open.',
      sql: (input) => sql`
        SELECT
          queue_name,
          COUNT(*) FILTER (WHERE status = 'pending') AS pending,
          COUNT(*) FILTER (WHERE status = 'pending' AND expires_at <= ${input.window.until}::timestamptz) AS overdue,
          COUNT(*) FILTER (WHERE status = 'pending' AND retry_count > 0) AS retries,
          COUNT(*) FILTER (WHERE status = 'claimed') AS claimed,
          MAX(${seconds(sql`${input.window.until}::timestamptz - enqueued_at`)})
            FILTER (WHERE status = 'pending') AS oldest_pending_seconds
        FROM ${input.table('work_orders')}
        WHERE status IN ('pending', 'claimed')
          AND enqueued_at < ${input.window.until}::timestamptz
        GROUP BY queue_name
        ORDER BY pending DESC, queue_name
      `,
    },
    {
      key: 'waits',
      title: 'Orders of the period',
      shape: 'table',
      columns: [
        { key: 'queue_name', label: 'queue', kind: 'text' },
        { key: 'orders', kind: 'bigint', unit: 'count' },
        { key: 'claimed', label: 'ever claimed', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'expired', kind: 'bigint', unit: 'count' },
        { key: 'wait_p50_seconds', label: 'wait p50', kind: 'float', unit: 'seconds' },
        { key: 'wait_p95_seconds', label: 'wait p95', kind: 'float', unit: 'seconds' },
        { key: 'wait_max_seconds', label: 'longest wait', kind: 'float', unit: 'seconds' },
      ],
      empty: 'No order came in this period.',
      // The first assignment ends the wait: claimed_at is the time of the last one.
      sql: (input) => sql`
        WITH came AS (
          SELECT o.queue_name, o.status, ${seconds(sql`first.assigned_at - o.enqueued_at`)} AS wait
          FROM ${input.table('work_orders')} o
          LEFT JOIN LATERAL (
            SELECT MIN(a.assigned_at) AS assigned_at
            FROM ${input.table('worker_assignments')} a
            WHERE a.work_order_id = o.id
          ) AS first ON TRUE
          WHERE ${within(sql`o.enqueued_at`, input)}
        )
        SELECT
          queue_name,
          COUNT(*) AS orders,
          COUNT(wait) AS claimed,
          COUNT(*) FILTER (WHERE status = 'completed') AS completed,
          COUNT(*) FILTER (WHERE status = 'failed') AS failed,
          COUNT(*) FILTER (WHERE status = 'expired') AS expired,
          ${percentile(0.5, sql`wait`)} AS wait_p50_seconds,
          ${percentile(0.95, sql`wait`)} AS wait_p95_seconds,
          MAX(wait) AS wait_max_seconds
        FROM came
        GROUP BY queue_name
        ORDER BY orders DESC, queue_name
      `,
    },
  ],
})
