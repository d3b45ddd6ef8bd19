import { percent, seconds, within } from '../../../model/figures.ts'
import { report, type SectionRows } from '../../../model/report.ts'
import { sql } from '../../../model/sql.ts'
import { healthTones } from '../../../model/words.ts'

/** A health check older than this says little, in seconds: a day. */
const OLD_CHECK = 86_400

/** An integration whose events fail more often than this is worth a look, in percent. */
const FAILING_PERCENT = 10

/** How the integrations are, and what became of their events. */
export const integrationHealth = report({
  name: 'integration-health',
  summary: 'Health of the integrations',
  description:
    'What the last health checks found, how long ago that was at the end of the period, and how the events fared that came in the period. Deleted integrations are left out.',
  parameters: {},
  days: 7,
  sections: [
    {
      key: 'summary',
      title: 'By health',
      shape: 'table',
      columns: [
        { key: 'health_status', label: 'health', kind: 'enumeration', tones: healthTones },
        { key: 'integrations', kind: 'bigint', unit: 'count' },
        { key: 'enabled', kind: 'bigint', unit: 'count' },
      ],
      empty: 'There is no integration.',
      sql: ({ table }) => sql`
        SELECT
          health_status,
          COUNT(*) AS integrations,
          COUNT(*) FILTER (WHERE enabled) AS enabled
        FROM ${table('integrations')}
        WHERE deleted_at IS NULL
        GROUP BY health_status
        ORDER BY integrations DESC, health_status
      `,
    },
    {
      key: 'integrations',
      title: 'Integrations, those in trouble first',
      shape: 'table',
      columns: [
        { key: 'integration_id', kind: 'uuid' },
        { key: 'name', label: 'integration', kind: 'text' },
        { key: 'type', kind: 'enumeration' },
        { key: 'enabled', kind: 'boolean' },
        { key: 'health_status', label: 'health', kind: 'enumeration', tones: healthTones },
        { key: 'last_health_check', kind: 'timestamp' },
        { key: 'checked_ago_seconds', label: 'checked ago', kind: 'float', unit: 'seconds' },
        { key: 'has_credentials', label: 'credentials', kind: 'boolean' },
        { key: 'events', kind: 'bigint', unit: 'count' },
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'failure_rate', label: 'failing', kind: 'float', unit: 'percent' },
      ],
      shown: ['name', 'enabled', 'health_status', 'checked_ago_seconds', 'events', 'failure_rate'],
      empty: 'There is no integration.',
      // The period stands in the join: in WHERE it would drop integrations without events in it (decision 19).
      sql: (input) => sql`
        SELECT
          i.id AS integration_id,
          i.name,
          i.type,
          i.enabled,
          i.health_status,
          i.last_health_check,
          ${seconds(sql`${input.window.until}::timestamptz - i.last_health_check`)} AS checked_ago_seconds,
          i.credentials_encrypted IS NOT NULL AS has_credentials,
          COUNT(e.id) AS events,
          COUNT(e.id) FILTER (WHERE e.status = 'failed') AS failed,
          ${percent(
            sql`COUNT(e.id) FILTER (WHERE e.status = 'failed')`,
            sql`COUNT(e.id) FILTER (WHERE e.status IN ('completed', 'failed', 'ignored'))`,
          )} AS failure_rate
        FROM ${input.table('integrations')} i
        LEFT JOIN ${input.table('integration_events')} e
          ON e.integration_id = i.id
          AND ${within(sql`e.created_at`, input)}
        WHERE i.deleted_at IS NULL
        GROUP BY i.id
        ORDER BY
          i.enabled DESC,
          array_position(ARRAY['unhealthy', 'degraded', 'unknown', 'healthy'], i.health_status::text),
          i.name
      `,
    },
  ],
  recommends: recommendations,
})

function recommendations({ integrations = [] }: SectionRows): string[] {
  return integrations
    .filter(({ enabled }) => enabled === true)
    .flatMap(({ name, health_status, checked_ago_seconds, failure_rate }) => {
      if (health_status === 'unhealthy') {
        return [`${name} is unhealthy and in use: repair it, or disable it so that it takes no more events.`]
      }
      if (checked_ago_seconds === null) return [`${name} was never checked: record its health.`]
      if (Number(checked_ago_seconds) > OLD_CHECK) {
        return [`The last health check of ${name} is ${Math.floor(Number(checked_ago_seconds) / 86_400)} days old.`]
      }
      return Number(failure_rate) > FAILING_PERCENT
        ? [`${Number(failure_rate).toFixed(1)} % of the events of ${name} fail: see event list --status failed.`]
        : []
    })
}
