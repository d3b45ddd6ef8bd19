import type { Column } from '../../../model/column.ts'
import { percentile, rate, seconds, within } from '../../../model/figures.ts'
import { report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'
import { ofProject, projectParameter } from './fragments.ts'

const FIGURES: readonly Column[] = [
  { key: 'pull_requests', kind: 'bigint', unit: 'count' },
  { key: 'merged', kind: 'bigint', unit: 'count' },
  { key: 'closed', kind: 'bigint', unit: 'count' },
  { key: 'failed_validation', kind: 'bigint', unit: 'count' },
  { key: 'under_way', kind: 'bigint', unit: 'count' },
  { key: 'merge_rate', label: 'merged of ended', kind: 'float', unit: 'percent' },
  { key: 'avg_merge_seconds', label: 'average time to merge', kind: 'float', unit: 'seconds' },
  { key: 'p50_merge_seconds', label: 'p50 time to merge', kind: 'float', unit: 'seconds' },
  { key: 'p95_merge_seconds', label: 'p95 time to merge', kind: 'float', unit: 'seconds' },
]

const toMerge = seconds(sql`r.merged_at - r.created_at`)
/** Figures of a group of pull requests `r`. */
const figures: Sql = sql`
          COUNT(*) AS pull_requests,
          COUNT(*) FILTER (WHERE r.status = 'merged') AS merged,
          COUNT(*) FILTER (WHERE r.status = 'closed') AS closed,
          COUNT(*) FILTER (WHERE r.status = 'failed_validation') AS failed_validation,
          COUNT(*) FILTER (WHERE r.status IN ('draft', 'open', 'review_requested', 'approved')) AS under_way,
          ${rate(
            sql`COUNT(*) FILTER (WHERE r.status = 'merged')`,
            sql`COUNT(*) FILTER (WHERE r.status IN ('merged', 'closed'))`,
          )} AS merge_rate,
          AVG(${toMerge}) AS avg_merge_seconds,
          ${percentile(0.5, toMerge)} AS p50_merge_seconds,
          ${percentile(0.95, toMerge)} AS p95_merge_seconds`

/** How long pull requests take from creation to merge, and what validators find. */
export const pullRequestCycle = report({
  name: 'pull-request-cycle',
  summary: 'Time to merge, and outcomes of validations',
  description:
    'Pull requests that were created in the period: how they ended and how long they took from creation to merge, project by project; and the validations that were recorded in the period for any pull request, by type. The pass rate is of those that passed or failed.',
  parameters: { project_id: projectParameter },
  days: 30,
  sections: [
    {
      key: 'total',
      title: 'All together',
      shape: 'record',
      columns: FIGURES,
      sql: (input) => sql`
        SELECT${figures}
        FROM ${input.table('pull_requests')} r
        WHERE ${within(sql`r.created_at`, input)}
          ${ofProject(sql`r.project_id`, input)}
      `,
    },
    {
      key: 'projects',
      title: 'Projects, busiest first',
      shape: 'table',
      columns: [{ key: 'project_id', kind: 'uuid' }, { key: 'name', label: 'project', kind: 'text' }, ...FIGURES],
      shown: [
        'name',
        'pull_requests',
        'merged',
        'closed',
        'under_way',
        'merge_rate',
        'p50_merge_seconds',
        'p95_merge_seconds',
      ],
      empty: 'No pull request was created in this period.',
      sql: (input) => sql`
        SELECT
          r.project_id,
          p.name,${figures}
        FROM ${input.table('pull_requests')} r
        JOIN ${input.table('projects')} p ON p.id = r.project_id
        WHERE ${within(sql`r.created_at`, input)}
          ${ofProject(sql`r.project_id`, input)}
        GROUP BY r.project_id, p.name
        ORDER BY pull_requests DESC, p.name
      `,
    },
    {
      key: 'validations',
      title: 'Validations by type',
      shape: 'table',
      columns: [
        { key: 'validation_type', label: 'type', kind: 'text' },
        { key: 'validations', kind: 'bigint', unit: 'count' },
        { key: 'passed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'warnings', kind: 'bigint', unit: 'count' },
        { key: 'skipped', kind: 'bigint', unit: 'count' },
        { key: 'pass_rate', label: 'passed', kind: 'float', unit: 'percent' },
        { key: 'avg_score', label: 'score', kind: 'float', unit: 'average' },
        { key: 'p50_execution_time_ms', label: 'p50 time', kind: 'float', unit: 'milliseconds' },
      ],
      shown: [
        'validation_type',
        'validations',
        'failed',
        'warnings',
        'skipped',
        'pass_rate',
        'avg_score',
        'p50_execution_time_ms',
      ],
      empty: 'Nothing was validated in this period.',
      sql: (input) => sql`
        SELECT
          v.validation_type,
          COUNT(*) AS validations,
          COUNT(*) FILTER (WHERE v.result = 'passed') AS passed,
          COUNT(*) FILTER (WHERE v.result = 'failed') AS failed,
          COUNT(*) FILTER (WHERE v.result = 'warning') AS warnings,
          COUNT(*) FILTER (WHERE v.result = 'skipped') AS skipped,
          ${rate(
            sql`COUNT(*) FILTER (WHERE v.result = 'passed')`,
            sql`COUNT(*) FILTER (WHERE v.result IN ('passed', 'failed'))`,
          )} AS pass_rate,
          AVG(v.score) AS avg_score,
          ${percentile(0.5, sql`v.execution_time_ms`)} AS p50_execution_time_ms
        FROM ${input.table('validations')} v
        JOIN ${input.table('pull_requests')} r ON r.id = v.pr_id
        WHERE ${within(sql`v.created_at`, input)}
          ${ofProject(sql`r.project_id`, input)}
        GROUP BY v.validation_type
        ORDER BY failed DESC, validations DESC, v.validation_type
      `,
    },
  ],
})
