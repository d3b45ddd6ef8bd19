import { report } from '../../../model/report.ts'
import type { RetentionRule } from '../../../model/retention.ts'
import { identifier, join, type Sql, sql } from '../../../model/sql.ts'
import { inputFiles, outputFiles } from '../retention.ts'
import { statusTones } from '../tones.ts'
import { endOf, prefixOf } from './fragments.ts'

const RULES = [inputFiles, outputFiles] as const

/** Prefixes that are listed when `--first` does not say how many. */
const LISTED = 100

/** Ended tasks, of whatever end, that no rule has marked as cleaned although their time has come. */
function due(rule: RetentionRule, tasks: Sql): Sql {
  return sql`
          SELECT
            ${rule.name}::text AS rule,
            ${rule.olderThan}::text AS kept_for,
            task_id,
            user_id,
            status,
            ${endOf(rule)} AS ended_at,
            ${endOf(rule)} + ${rule.olderThan}::interval AS due_since,
            ${prefixOf(rule)} AS prefix
          FROM ${tasks}
          WHERE ${identifier(rule.files?.cleanedAt ?? '')} IS NULL
            AND status = ANY (${rule.only?.status ?? []}::text[])
            AND ${endOf(rule)} < now() - ${rule.olderThan}::interval`
}

/** Which files may go by now, by the prefix they lie under (decisions 39 and 45). */
export const filesDue = report({
  name: 'files-due',
  summary: 'Files that may be deleted by now',
  description:
    "Tasks whose input or output files may be deleted by now and are not marked as deleted, by rule, each with the prefix its files lie under; the longest overdue first. The ages are the built-in ones; a profile's own are what the cleaning itself goes by.",
  parameters: {
    first: { summary: 'how many prefixes to list; 100 when absent', kind: 'integer', metavar: 'number' },
  },
  sections: [
    {
      key: 'rules',
      title: 'Rules',
      shape: 'table',
      columns: [
        { key: 'rule', kind: 'text' },
        { key: 'kept_for', label: 'kept for', kind: 'text' },
        { key: 'tasks', label: 'tasks due', kind: 'bigint', unit: 'count' },
        { key: 'oldest', label: 'oldest end', kind: 'timestamp' },
      ],
      // Rules with nothing due are shown, with zeros.
      sql: ({ table }) => sql`
        WITH rule (place, rule, kept_for) AS (
          VALUES ${join(
            RULES.map(({ name, olderThan }, place) => sql`(${place}::integer, ${name}::text, ${olderThan}::text)`),
          )}
        ),
        due AS (${join(
          RULES.map((rule) => due(rule, table('tasks'))),
          '\n          UNION ALL',
        )}
        )
        SELECT
          rule.rule,
          rule.kept_for,
          COUNT(due.task_id) AS tasks,
          MIN(due.ended_at) AS oldest
        FROM rule
        LEFT JOIN due USING (rule)
        GROUP BY rule.place, rule.rule, rule.kept_for
        ORDER BY rule.place
      `,
    },
    {
      key: 'due',
      title: 'Longest overdue',
      shape: 'table',
      columns: [
        { key: 'rule', kind: 'text' },
        { key: 'task_id', kind: 'text' },
        { key: 'user_id', label: 'user', kind: 'integer' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'ended_at', label: 'ended', kind: 'timestamp' },
        { key: 'due_since', label: 'due since', kind: 'timestamp' },
        { key: 'prefix', kind: 'text' },
      ],
      // The prefix has task and user in it.
      shown: ['rule', 'status', 'due_since', 'prefix'],
      empty: 'No files are due.',
      sql: ({ parameters, table }) => sql`
        WITH due AS (${join(
          RULES.map((rule) => due(rule, table('tasks'))),
          '\n          UNION ALL',
        )}
        )
        SELECT rule, task_id, user_id, status, ended_at, due_since, prefix
        FROM due
        ORDER BY due_since, prefix
        LIMIT GREATEST(${parameters.first ?? LISTED}::integer, 0)
      `,
    },
  ],
})
