import { within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { credits, ofUser, spent, userParameter } from './fragments.ts'

/** Where credits came from and what they were spent on. */
export const creditsReport = report({
  name: 'credits',
  summary: 'Credits by user, tool and agent',
  description:
    'Credits that came and went in the period, of one user or of all: bought, granted, consumed, refunded, adjusted; by user, by tool and by agent. Consumed credits are shown as positive figures.',
  parameters: { user_id: userParameter },
  days: 30,
  sections: [
    {
      key: 'summary',
      title: 'Credits',
      shape: 'record',
      columns: [
        { key: 'transactions', kind: 'bigint', unit: 'count' },
        { key: 'users', kind: 'bigint', unit: 'count' },
        { key: 'purchased', kind: 'numeric', unit: 'count' },
        { key: 'granted', kind: 'numeric', unit: 'count' },
        { key: 'consumed', kind: 'numeric', unit: 'count' },
        { key: 'refunded', kind: 'numeric', unit: 'count' },
        { key: 'adjusted', kind: 'numeric', unit: 'count' },
        { key: 'net', label: 'change of all balances', kind: 'numeric', unit: 'count' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) AS transactions,
          COUNT(DISTINCT user_id) AS users,
          ${credits('PURCHASE')} AS purchased,
          ${credits('GRANT')} AS granted,
          ${spent('CONSUME')} AS consumed,
          ${credits('REFUND')} AS refunded,
          ${credits('ADJUSTMENT')} AS adjusted,
          COALESCE(SUM(delta_credits), 0) AS net
        FROM ${input.table('credit_transactions')}
        WHERE ${within(sql`created_at`, input)}
          ${ofUser(sql`user_id`, input)}
      `,
    },
    {
      key: 'users',
      title: 'Users who consumed most',
      shape: 'table',
      columns: [
        { key: 'user_id', label: 'user', kind: 'integer' },
        { key: 'email', kind: 'text' },
        { key: 'purchased', kind: 'numeric', unit: 'count' },
        { key: 'granted', kind: 'numeric', unit: 'count' },
        { key: 'consumed', kind: 'numeric', unit: 'count' },
        { key: 'refunded', kind: 'numeric', unit: 'count' },
        { key: 'adjusted', kind: 'numeric', unit: 'count' },
        { key: 'balance_credits', label: 'balance now', kind: 'bigint', unit: 'count' },
      ],
      empty: 'No credit came or went in this period.',
      // Entries are summed before they meet their user, so that no join multiplies them (decision 12).
      sql: (input) => sql`
        WITH moved AS (
          SELECT
            user_id,
            ${credits('PURCHASE')} AS purchased,
            ${credits('GRANT')} AS granted,
            ${spent('CONSUME')} AS consumed,
            ${credits('REFUND')} AS refunded,
            ${credits('ADJUSTMENT')} AS adjusted
          FROM ${input.table('credit_transactions')}
          WHERE ${within(sql`created_at`, input)}
            ${ofUser(sql`user_id`, input)}
          GROUP BY user_id
          ORDER BY consumed DESC, user_id
          LIMIT 20
        )
        SELECT
          m.user_id,
          u.email,
          m.purchased,
          m.granted,
          m.consumed,
          m.refunded,
          m.adjusted,
          w.balance_credits
        FROM moved m
        JOIN ${input.table('users')} u ON u.id = m.user_id
        LEFT JOIN ${input.table('credit_wallets')} w ON w.user_id = m.user_id
        ORDER BY m.consumed DESC, m.user_id
      `,
    },
    {
      key: 'tools',
      title: 'By tool',
      shape: 'table',
      chart: { kind: 'bars', x: 'tool_id', y: ['consumed'] },
      columns: [
        { key: 'tool_id', label: 'tool', kind: 'text' },
        { key: 'analyses', kind: 'bigint', unit: 'count' },
        { key: 'consumed', kind: 'numeric', unit: 'count' },
        { key: 'refunded', kind: 'numeric', unit: 'count' },
        { key: 'net', label: 'earned', kind: 'numeric', unit: 'count' },
      ],
      empty: 'Nothing was consumed in this period.',
      sql: (input) => sql`
        SELECT
          tool_id,
          COUNT(DISTINCT analysis_id) AS analyses,
          ${spent('CONSUME')} AS consumed,
          ${credits('REFUND')} AS refunded,
          ${spent('CONSUME', 'REFUND')} AS net
        FROM ${input.table('credit_transactions')}
        WHERE type IN ('CONSUME', 'REFUND')
          AND ${within(sql`created_at`, input)}
          ${ofUser(sql`user_id`, input)}
        GROUP BY tool_id
        ORDER BY consumed DESC, tool_id
      `,
    },
    {
      key: 'agents',
      title: 'By agent',
      shape: 'table',
      columns: [
        { key: 'agent_id', label: 'agent', kind: 'text' },
        { key: 'runs', kind: 'bigint', unit: 'count' },
        { key: 'consumed', kind: 'numeric', unit: 'count' },
        { key: 'refunded', kind: 'numeric', unit: 'count' },
        { key: 'net', label: 'earned', kind: 'numeric', unit: 'count' },
        { key: 'cost_credits', label: 'price now', kind: 'bigint', unit: 'count' },
      ],
      empty: 'Nothing was consumed in this period.',
      // An agent whose price was deleted stays in the ledger, and so here.
      sql: (input) => sql`
        WITH moved AS (
          SELECT
            agent_id,
            COUNT(*) FILTER (WHERE type = 'CONSUME') AS runs,
            ${spent('CONSUME')} AS consumed,
            ${credits('REFUND')} AS refunded,
            ${spent('CONSUME', 'REFUND')} AS net
          FROM ${input.table('credit_transactions')}
          WHERE type IN ('CONSUME', 'REFUND')
            AND ${within(sql`created_at`, input)}
            ${ofUser(sql`user_id`, input)}
          GROUP BY agent_id
        )
        SELECT
          m.agent_id,
          m.runs,
          m.consumed,
          m.refunded,
          m.net,
          c.cost_credits
        FROM moved m
        LEFT JOIN ${input.table('agent_costs')} c USING (agent_id)
        ORDER BY m.consumed DESC, m.agent_id
      `,
    },
  ],
})
