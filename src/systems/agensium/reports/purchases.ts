import { days, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { credits, ofUser, userParameter } from './fragments.ts'

/** What was bought, day by day, and whether the events of Stripe that say so were processed. */
export const purchases = report({
  name: 'purchases',
  summary: 'Purchases, and the Stripe events behind them',
  description:
    'Credits that were bought in the period, of one user or of all, day by day (UTC); what was taken back for refunded charges; and the events of Stripe that arrived in the period, of all users: how many were processed, failed or wait, and why they failed.',
  parameters: { user_id: userParameter },
  days: 30,
  sections: [
    {
      key: 'summary',
      title: 'Purchases',
      shape: 'record',
      columns: [
        { key: 'purchases', kind: 'bigint', unit: 'count' },
        { key: 'buyers', kind: 'bigint', unit: 'count' },
        { key: 'credits', kind: 'numeric', unit: 'count' },
        { key: 'avg_credits', label: 'credits each', kind: 'float' },
        { key: 'taken_back', label: 'taken back', kind: 'numeric', unit: 'count' },
        { key: 'last_purchase', kind: 'timestamp' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) FILTER (WHERE type = 'PURCHASE') AS purchases,
          COUNT(DISTINCT user_id) FILTER (WHERE type = 'PURCHASE') AS buyers,
          ${credits('PURCHASE')} AS credits,
          (AVG(delta_credits) FILTER (WHERE type = 'PURCHASE'))::double precision AS avg_credits,
          COALESCE(-SUM(delta_credits) FILTER (WHERE type = 'ADJUSTMENT'), 0) AS taken_back,
          MAX(created_at) FILTER (WHERE type = 'PURCHASE') AS last_purchase
        FROM ${input.table('credit_transactions')}
        -- Of the adjustments, those for a refunded charge.
        WHERE (type = 'PURCHASE' OR type = 'ADJUSTMENT' AND stripe_charge_id IS NOT NULL)
          AND ${within(sql`created_at`, input)}
          ${ofUser(sql`user_id`, input)}
      `,
    },
    {
      key: 'daily',
      title: 'Purchases by day (UTC)',
      shape: 'table',
      chart: { kind: 'line', x: 'date', y: ['credits'] },
      columns: [
        { key: 'date', kind: 'date' },
        { key: 'purchases', kind: 'bigint', unit: 'count' },
        { key: 'buyers', kind: 'bigint', unit: 'count' },
        { key: 'credits', kind: 'numeric', unit: 'count' },
      ],
      // Days without purchases are shown, with zeros.
      sql: (input) => sql`
        WITH ${days(input)},
        bought AS (
          SELECT
            (created_at AT TIME ZONE 'UTC')::date AS date,
            COUNT(*) AS purchases,
            COUNT(DISTINCT user_id) AS buyers,
            SUM(delta_credits) AS credits
          FROM ${input.table('credit_transactions')}
          WHERE type = 'PURCHASE'
            AND ${within(sql`created_at`, input)}
            ${ofUser(sql`user_id`, input)}
          GROUP BY 1
        )
        SELECT
          day.date,
          COALESCE(bought.purchases, 0) AS purchases,
          COALESCE(bought.buyers, 0) AS buyers,
          COALESCE(bought.credits, 0) AS credits
        FROM day
        LEFT JOIN bought USING (date)
        ORDER BY day.date
      `,
    },
    {
      key: 'events',
      title: 'Stripe events',
      shape: 'table',
      columns: [
        { key: 'type', kind: 'text' },
        { key: 'events', kind: 'bigint', unit: 'count' },
        { key: 'processed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'waiting', kind: 'bigint', unit: 'count' },
      ],
      empty: 'No event arrived in this period.',
      sql: (input) => sql`
        SELECT
          type,
          COUNT(*) AS events,
          COUNT(processed_at) AS processed,
          COUNT(error) FILTER (WHERE processed_at IS NULL) AS failed,
          COUNT(*) FILTER (WHERE processed_at IS NULL AND error IS NULL) AS waiting
        FROM ${input.table('stripe_webhook_events')}
        WHERE ${within(sql`created_at`, input)}
        GROUP BY type
        ORDER BY events DESC, type
      `,
    },
    {
      key: 'failures',
      title: 'Why events failed',
      shape: 'table',
      columns: [
        { key: 'error', kind: 'text' },
        { key: 'events', kind: 'bigint', unit: 'count' },
        { key: 'last_seen', kind: 'timestamp' },
      ],
      empty: 'No event failed in this period.',
      sql: (input) => sql`
        SELECT
          error,
          COUNT(*) AS events,
          MAX(created_at) AS last_seen
        FROM ${input.table('stripe_webhook_events')}
        WHERE error IS NOT NULL
          AND ${within(sql`created_at`, input)}
        GROUP BY error
        ORDER BY events DESC, error
        LIMIT 10
      `,
    },
  ],
})
