import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { usageTones } from '../tones.ts'

/** How much each index is used, from the view index_usage_stats (decision 56). */
export const indexUsage = report({
  name: 'index-usage',
  summary: 'How much each index is used',
  description:
    'Scans of each index since the statistics were last reset, with its size: UNUSED has none, LOW fewer than 100, MEDIUM fewer than 1,000. An index behind a key or a unique constraint is needed however little it is scanned.',
  parameters: {},
  sections: [
    {
      key: 'categories',
      title: 'By use',
      shape: 'table',
      columns: [
        { key: 'usage_category', label: 'use', kind: 'text', tones: usageTones },
        { key: 'indexes', kind: 'bigint', unit: 'count' },
        { key: 'size_bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      ],
      sql: (input) => sql`
        SELECT
          u.usage_category,
          COUNT(*) AS indexes,
          SUM(u.size_bytes)::bigint AS size_bytes
        FROM ${input.table('index_usage_stats')} u
        GROUP BY u.usage_category
        ORDER BY MIN(u.scans)
      `,
    },
    {
      key: 'indexes',
      title: 'Least used first',
      shape: 'table',
      columns: [
        { key: 'table_name', label: 'table', kind: 'text' },
        { key: 'index_name', label: 'index', kind: 'text' },
        { key: 'scans', kind: 'bigint', unit: 'count' },
        { key: 'tuples_read', kind: 'bigint', unit: 'count' },
        { key: 'tuples_fetched', kind: 'bigint', unit: 'count' },
        { key: 'size_bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
        { key: 'usage_category', label: 'use', kind: 'text', tones: usageTones },
      ],
      shown: ['table_name', 'index_name', 'scans', 'size_bytes', 'usage_category'],
      sql: (input) => sql`
        SELECT
          u.table_name,
          u.index_name,
          u.scans,
          u.tuples_read,
          u.tuples_fetched,
          u.size_bytes,
          u.usage_category
        FROM ${input.table('index_usage_stats')} u
        ORDER BY u.scans, u.size_bytes DESC, u.table_name, u.index_name
      `,
    },
  ],
})
