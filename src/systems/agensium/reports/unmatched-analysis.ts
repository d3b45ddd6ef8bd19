import { report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'

/** Transactions that name a task, with the task where there is one: the link is soft (decision 42). */
const named = (table: (name: string) => Sql): Sql => sql`
        named AS (
          SELECT
            c.analysis_id,
            c.user_id,
            c.delta_credits,
            c.created_at,
            t.task_id,
            t.user_id AS owner_id
          FROM ${table('credit_transactions')} c
          LEFT JOIN ${table('tasks')} t ON t.task_id = c.analysis_id
          WHERE c.analysis_id IS NOT NULL
        )`

/** Credits that were booked for analyses no task is known for. */
export const unmatchedAnalysis = report({
  name: 'unmatched-analysis',
  summary: 'Analysis ids that match no task',
  description:
    'Transactions that name an analysis for which there is no task, of all time: their credits, and which ids they are; and how many name the task of another user. Deleted tasks are still tasks.',
  parameters: {},
  sections: [
    {
      key: 'summary',
      title: 'Transactions that name an analysis',
      shape: 'record',
      columns: [
        { key: 'transactions', kind: 'bigint', unit: 'count' },
        { key: 'matched', kind: 'bigint', unit: 'count' },
        { key: 'unmatched', kind: 'bigint', unit: 'count' },
        { key: 'unmatched_ids', label: 'ids that match nothing', kind: 'bigint', unit: 'count' },
        { key: 'unmatched_credits', label: 'their credits', kind: 'numeric', unit: 'count' },
        { key: 'of_other_users', label: "of another user's task", kind: 'bigint', unit: 'count' },
      ],
      sql: ({ table }) => sql`
        WITH ${named(table)}
        SELECT
          COUNT(*) AS transactions,
          COUNT(task_id) AS matched,
          COUNT(*) - COUNT(task_id) AS unmatched,
          COUNT(DISTINCT analysis_id) FILTER (WHERE task_id IS NULL) AS unmatched_ids,
          COALESCE(SUM(delta_credits) FILTER (WHERE task_id IS NULL), 0) AS unmatched_credits,
          COUNT(*) FILTER (WHERE owner_id <> user_id) AS of_other_users
        FROM named
      `,
    },
    {
      key: 'analyses',
      title: 'Ids that match nothing, newest first',
      shape: 'table',
      columns: [
        { key: 'analysis_id', label: 'analysis', kind: 'text' },
        { key: 'transactions', kind: 'bigint', unit: 'count' },
        { key: 'users', kind: 'bigint', unit: 'count' },
        { key: 'credits', kind: 'numeric', unit: 'count' },
        { key: 'first_at', label: 'first', kind: 'timestamp' },
        { key: 'last_at', label: 'last', kind: 'timestamp' },
      ],
      empty: 'Every analysis id leads to a task.',
      sql: ({ table }) => sql`
        WITH ${named(table)}
        SELECT
          analysis_id,
          COUNT(*) AS transactions,
          COUNT(DISTINCT user_id) AS users,
          SUM(delta_credits) AS credits,
          MIN(created_at) AS first_at,
          MAX(created_at) AS last_at
        FROM named
        WHERE task_id IS NULL
        GROUP BY analysis_id
        ORDER BY last_at DESC, analysis_id
        LIMIT 100
      `,
    },
  ],
})
