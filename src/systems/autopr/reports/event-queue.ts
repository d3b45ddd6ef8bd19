import { percentile, seconds, within } from '../../../model/figures.ts'
import { type ReportInput, report } from '../../../model/report.ts'
import { type Sql, sql } from '../../../model/sql.ts'
import { reap } from '../operations/reap.ts'
import { integrationParameter, ofIntegration } from './fragments.ts'

/** Age of something at the end of the period. */
const ageOf = (column: Sql, { window }: ReportInput): Sql => seconds(sql`${window.until}::timestamptz - ${column}`)

/** Events that wait or are in hand, and were there at the end of the period. */
const queued = (input: ReportInput): Sql => sql`
          e.status IN ('pending', 'processing')
          AND e.created_at < ${input.window.until}::timestamptz
          ${ofIntegration(sql`e.integration_id`, input)}`

/** How many events wait, since when, and how fast they go through. */
export const eventQueue = report({
  name: 'event-queue',
  summary: 'Depth and age of the event queue',
  description:
    'Events that wait or are in hand now, with their age at the end of the period, and what came in the period. Events of an integration that is disabled or deleted are held back until it is in use again. An event is stale when it has been in hand for more than 15 minutes; event reap puts such events back.',
  parameters: { integration_id: integrationParameter },
  days: 1,
  sections: [
    {
      key: 'queue',
      title: 'Queue',
      shape: 'record',
      columns: [
        { key: 'pending', kind: 'bigint', unit: 'count' },
        { key: 'held', label: 'of them held back', kind: 'bigint', unit: 'count' },
        { key: 'processing', label: 'in hand', kind: 'bigint', unit: 'count' },
        { key: 'stale', kind: 'bigint', unit: 'count' },
        { key: 'oldest_pending_seconds', label: 'oldest that waits', kind: 'float', unit: 'seconds' },
        { key: 'pending_p50_seconds', label: 'waiting p50', kind: 'float', unit: 'seconds' },
        { key: 'pending_p95_seconds', label: 'waiting p95', kind: 'float', unit: 'seconds' },
        { key: 'oldest_processing_seconds', label: 'longest in hand', kind: 'float', unit: 'seconds' },
      ],
      sql: (input) => sql`
        SELECT
          COUNT(*) FILTER (WHERE e.status = 'pending') AS pending,
          COUNT(*) FILTER (WHERE e.status = 'pending' AND (NOT i.enabled OR i.deleted_at IS NOT NULL)) AS held,
          COUNT(*) FILTER (WHERE e.status = 'processing') AS processing,
          COUNT(*) FILTER (
            WHERE e.status = 'processing'
              AND ${input.window.until}::timestamptz - e.claimed_at > ${reap.age.olderThan}::interval
          ) AS stale,
          MAX(${ageOf(sql`e.created_at`, input)}) FILTER (WHERE e.status = 'pending') AS oldest_pending_seconds,
          ${percentile(0.5, ageOf(sql`e.created_at`, input))} FILTER (WHERE e.status = 'pending')
            AS pending_p50_seconds,
          ${percentile(0.95, ageOf(sql`e.created_at`, input))} FILTER (WHERE e.status = 'pending')
            AS pending_p95_seconds,
          MAX(${ageOf(sql`e.claimed_at`, input)}) FILTER (WHERE e.status = 'processing')
            AS oldest_processing_seconds
        FROM ${input.table('integration_events')} e
        JOIN ${input.table('integrations')} i ON i.id = e.integration_id
        WHERE ${queued(input)}
      `,
    },
    {
      key: 'backlog',
      title: 'What waits, by integration and type',
      shape: 'table',
      columns: [
        { key: 'integration_id', kind: 'uuid' },
        { key: 'integration', kind: 'text' },
        { key: 'event_type', label: 'type', kind: 'text' },
        { key: 'pending', kind: 'bigint', unit: 'count' },
        { key: 'processing', label: 'in hand', kind: 'bigint', unit: 'count' },
        { key: 'oldest_seconds', label: 'oldest', kind: 'float', unit: 'seconds' },
      ],
      shown: ['integration', 'event_type', 'pending', 'processing', 'oldest_seconds'],
      empty: 'Nothing waits.',
      sql: (input) => sql`
        SELECT
          e.integration_id,
          i.name AS integration,
          e.event_type,
          COUNT(*) FILTER (WHERE e.status = 'pending') AS pending,
          COUNT(*) FILTER (WHERE e.status = 'processing') AS processing,
          MAX(${ageOf(sql`e.created_at`, input)}) AS oldest_seconds
        FROM ${input.table('integration_events')} e
        JOIN ${input.table('integrations')} i ON i.id = e.integration_id
        WHERE ${queued(input)}
        GROUP BY e.integration_id, i.name, e.event_type
        ORDER BY oldest_seconds DESC, i.name, e.event_type
      `,
    },
    {
      key: 'flow',
      title: 'What came in the period, by integration',
      shape: 'table',
      columns: [
        { key: 'integration_id', kind: 'uuid' },
        { key: 'integration', kind: 'text' },
        { key: 'events', kind: 'bigint', unit: 'count' },
        { key: 'completed', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'ignored', kind: 'bigint', unit: 'count' },
        { key: 'requeues', kind: 'bigint', unit: 'count' },
        { key: 'wait_p50_seconds', label: 'wait p50', kind: 'float', unit: 'seconds' },
        { key: 'wait_p95_seconds', label: 'wait p95', kind: 'float', unit: 'seconds' },
        { key: 'work_p95_seconds', label: 'work p95', kind: 'float', unit: 'seconds' },
      ],
      shown: ['integration', 'events', 'completed', 'failed', 'ignored', 'wait_p50_seconds', 'wait_p95_seconds'],
      empty: 'No event came in this period.',
      // An event that was put back waits from its creation to its last claim.
      sql: (input) => sql`
        SELECT
          e.integration_id,
          i.name AS integration,
          COUNT(*) AS events,
          COUNT(*) FILTER (WHERE e.status = 'completed') AS completed,
          COUNT(*) FILTER (WHERE e.status = 'failed') AS failed,
          COUNT(*) FILTER (WHERE e.status = 'ignored') AS ignored,
          SUM(e.retry_count) AS requeues,
          ${percentile(0.5, seconds(sql`e.claimed_at - e.created_at`))} AS wait_p50_seconds,
          ${percentile(0.95, seconds(sql`e.claimed_at - e.created_at`))} AS wait_p95_seconds,
          ${percentile(0.95, seconds(sql`e.processed_at - e.claimed_at`))} AS work_p95_seconds
        FROM ${input.table('integration_events')} e
        JOIN ${input.table('integrations')} i ON i.id = e.integration_id
        WHERE ${within(sql`e.created_at`, input)}
          ${ofIntegration(sql`e.integration_id`, input)}
        GROUP BY e.integration_id, i.name
        ORDER BY events DESC, i.name
      `,
    },
  ],
})
