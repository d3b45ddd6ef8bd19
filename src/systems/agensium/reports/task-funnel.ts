import { percent, percentile, seconds, within } from '../../../model/figures.ts'
import { type ReportInput, report } from '../../../model/report.ts'
import { join, type Sql, sql } from '../../../model/sql.ts'
import { statusTones } from '../tones.ts'
import { ofUser, userParameter } from './fragments.ts'

/**
 * Files are there once a task is queued. A task whose upload failed can be processed all the same and then never was in
 * the queue, so whatever was processed counts as uploaded.
 */
const REACHED: readonly (readonly [stage: string, reached: Sql])[] = [
  ['created', sql`TRUE`],
  ['upload started', sql`upload_started_at IS NOT NULL`],
  ['uploaded', sql`COALESCE(queued_at, processing_started_at) IS NOT NULL`],
  ['processing', sql`processing_started_at IS NOT NULL`],
  ['completed', sql`completed_at IS NOT NULL`],
]

const LASTED: readonly (readonly [stage: string, interval: Sql])[] = [
  ['until the upload starts', sql`upload_started_at - created_at`],
  ['upload', sql`queued_at - upload_started_at`],
  ['in the queue', sql`processing_started_at - queued_at`],
  ['processing', sql`completed_at - processing_started_at`],
  ['all of it', sql`completed_at - created_at`],
]

/** The tasks of the report, read once however many figures are made of them. */
const tasksOf = (input: ReportInput): Sql => sql`
        task AS MATERIALIZED (
          SELECT *
          FROM ${input.table('tasks')}
          WHERE ${within(sql`created_at`, input)}
            ${ofUser(sql`user_id`, input)}
        )`

const eachOf = (
  rows: readonly (readonly [name: string, of: Sql])[],
  select: (name: Sql, of: Sql, place: number) => Sql,
): Sql =>
  join(
    rows.map(([name, of], place) => select(sql`${name}::text`, of, place)),
    '\n          UNION ALL',
  )

/** How many tasks reach each stage, and how long they take. */
export const taskFunnel = report({
  name: 'task-funnel',
  summary: 'How far tasks get, and how fast',
  description:
    'Tasks that were created in the period, of one user or of all: how many reached each stage, how long each stage took (median and 95th percentile of the tasks that left it forwards), where the tasks stand now, how each tool fares, and why tasks failed. Deleted tasks count, since they happened.',
  parameters: { user_id: userParameter },
  days: 30,
  sections: [
    {
      key: 'stages',
      title: 'Stages reached',
      shape: 'table',
      columns: [
        { key: 'stage', kind: 'text' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'of_created', label: 'of those created', kind: 'float', unit: 'percent' },
        { key: 'of_previous', label: 'of the stage before', kind: 'float', unit: 'percent' },
      ],
      sql: (input) => sql`
        WITH ${tasksOf(input)},
        stage AS (${eachOf(
          REACHED,
          (name, reached, place) => sql`
          SELECT ${place}::integer AS place, ${name} AS stage, COUNT(*) AS tasks FROM task WHERE ${reached}`,
        )}
        )
        SELECT
          stage,
          tasks,
          ${percent(sql`tasks`, sql`FIRST_VALUE(tasks) OVER (ORDER BY place)`)} AS of_created,
          ${percent(sql`tasks`, sql`LAG(tasks, 1, tasks) OVER (ORDER BY place)`)} AS of_previous
        FROM stage
        ORDER BY place
      `,
    },
    {
      key: 'durations',
      title: 'Time in each stage',
      shape: 'table',
      columns: [
        { key: 'stage', kind: 'text' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'p50_seconds', label: 'median', kind: 'float', unit: 'seconds' },
        { key: 'p95_seconds', label: '95th percentile', kind: 'float', unit: 'seconds' },
      ],
      // Aggregates without GROUP BY, so that a stage is shown when no task went through it.
      sql: (input) => sql`
        WITH ${tasksOf(input)},
        stage AS (${eachOf(
          LASTED,
          (name, interval, place) => sql`
          SELECT
            ${place}::integer AS place,
            ${name} AS stage,
            COUNT(${interval}) AS tasks,
            ${percentile(0.5, seconds(interval))} AS p50_seconds,
            ${percentile(0.95, seconds(interval))} AS p95_seconds
          FROM task`,
        )}
        )
        SELECT stage, tasks, p50_seconds, p95_seconds
        FROM stage
        ORDER BY place
      `,
    },
    {
      key: 'outcomes',
      title: 'Where they stand',
      shape: 'table',
      chart: { kind: 'bars', x: 'status', y: ['tasks'] },
      columns: [
        { key: 'status', kind: 'enumeration', tones: statusTones },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'share', label: 'of all', kind: 'float', unit: 'percent' },
      ],
      empty: 'No task was created in this period.',
      sql: (input) => sql`
        WITH ${tasksOf(input)}
        SELECT
          status,
          COUNT(*) AS tasks,
          ${percent(sql`COUNT(*)`, sql`SUM(COUNT(*)) OVER ()`)} AS share
        FROM task
        GROUP BY status
        ORDER BY tasks DESC, status
      `,
    },
    {
      key: 'tools',
      title: 'By tool',
      shape: 'table',
      columns: [
        { key: 'tool_id', label: 'tool', kind: 'text' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'conversion', kind: 'float', unit: 'percent' },
        { key: 'p50_seconds', label: 'median', kind: 'float', unit: 'seconds' },
        { key: 'p95_seconds', label: '95th percentile', kind: 'float', unit: 'seconds' },
      ],
      empty: 'No task was created in this period.',
      sql: (input) => sql`
        WITH ${tasksOf(input)}
        SELECT
          tool_id,
          COUNT(*) AS tasks,
          COUNT(completed_at) AS completed,
          ${percent(sql`COUNT(completed_at)`, sql`COUNT(*)`)} AS conversion,
          ${percentile(0.5, seconds(sql`completed_at - created_at`))} AS p50_seconds,
          ${percentile(0.95, seconds(sql`completed_at - created_at`))} AS p95_seconds
        FROM task
        GROUP BY tool_id
        ORDER BY tasks DESC, tool_id
      `,
    },
    {
      key: 'errors',
      title: 'Why tasks failed',
      shape: 'table',
      columns: [
        { key: 'error_code', label: 'error', kind: 'text' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'share', label: 'of all failures', kind: 'float', unit: 'percent' },
      ],
      empty: 'No task failed in this period.',
      sql: (input) => sql`
        WITH ${tasksOf(input)}
        SELECT
          error_code,
          COUNT(*) AS tasks,
          ${percent(sql`COUNT(*)`, sql`SUM(COUNT(*)) OVER ()`)} AS share
        FROM task
        WHERE status = 'FAILED'
        GROUP BY error_code
        ORDER BY tasks DESC, error_code
        LIMIT 10
      `,
    },
  ],
})
