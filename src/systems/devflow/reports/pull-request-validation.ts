import { within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { statusTones } from '../tones.ts'
import { ofProject, projectParameter } from './fragments.ts'

/** What validators think of pull requests, from the view pr_validation_status (decision 56). */
export const pullRequestValidation = report({
  name: 'pull-request-validation',
  summary: 'Validations by pull request',
  description:
    'Pull requests whose last validation was made in the period, with all their validations by result and their average score. Those with the most failures, and then the lowest score, come first.',
  parameters: { project_id: projectParameter },
  days: 30,
  sections: [
    {
      key: 'total',
      title: 'All together',
      shape: 'record',
      columns: [
        { key: 'pull_requests', kind: 'bigint', unit: 'count' },
        { key: 'validations', kind: 'bigint', unit: 'count' },
        { key: 'passed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'warnings', kind: 'bigint', unit: 'count' },
        { key: 'skipped', kind: 'bigint', unit: 'count' },
        { key: 'without_failure', kind: 'bigint', unit: 'count' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) AS pull_requests,
          COALESCE(SUM(s.total_validations), 0)::bigint AS validations,
          COALESCE(SUM(s.passed), 0)::bigint AS passed,
          COALESCE(SUM(s.failed), 0)::bigint AS failed,
          COALESCE(SUM(s.warnings), 0)::bigint AS warnings,
          COALESCE(SUM(s.skipped), 0)::bigint AS skipped,
          COUNT(*) FILTER (WHERE s.failed = 0) AS without_failure
        FROM ${input.table('pr_validation_status')} s
        WHERE ${within(sql`s.last_validation`, input)}
          ${ofProject(sql`s.project_id`, input)}
      `,
    },
    {
      key: 'pull_requests',
      title: 'Most failures first',
      shape: 'table',
      columns: [
        { key: 'pr_id', kind: 'uuid' },
        { key: 'pr_number', label: 'number', kind: 'integer' },
        { key: 'title', kind: 'text' },
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'total_validations', label: 'validations', kind: 'bigint', unit: 'count' },
        { key: 'passed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'warnings', kind: 'bigint', unit: 'count' },
        { key: 'skipped', kind: 'bigint', unit: 'count' },
        { key: 'average_score', label: 'score', kind: 'float', unit: 'average' },
        { key: 'last_validation', kind: 'timestamp' },
      ],
      shown: ['pr_number', 'title', 'status', 'passed', 'failed', 'warnings', 'skipped', 'average_score'],
      empty: 'Nothing was validated in this period.',
      sql: (input) => sql`
        SELECT
          s.pr_id,
          s.pr_number,
          s.title,
          s.status,
          s.total_validations,
          s.passed,
          s.failed,
          s.warnings,
          s.skipped,
          s.average_score,
          s.last_validation
        FROM ${input.table('pr_validation_status')} s
        WHERE ${within(sql`s.last_validation`, input)}
          ${ofProject(sql`s.project_id`, input)}
        ORDER BY s.failed DESC, s.average_score NULLS LAST, s.last_validation DESC, s.pr_id
        LIMIT 25
      `,
    },
  ],
})
