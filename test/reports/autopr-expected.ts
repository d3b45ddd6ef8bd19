/**
 * AutoPR's reports computed over again in TypeScript, from whole rows and from what the reports say they mean. Nothing
 * is shared with the SQL.
 */
import type { Database } from '../../src/db/database.ts'
import type { Cells } from '../../src/model/column.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import type { ExpectedRows } from './compare.ts'
import {
  by,
  countOf,
  daysOf,
  groupBy,
  isWithin,
  latest,
  micros,
  type Period,
  percentile,
  secondsBetween,
  shareOf,
} from './raw.ts'

interface Workflow {
  readonly id: string
  readonly name: string
}

interface Action {
  readonly id: string
  readonly action_type: string
  readonly action_name: string
}

interface Execution {
  readonly id: string
  readonly workflow_id: string
  readonly execution_id: string
  readonly status: string
  readonly error_message: string | null
  readonly retry_count: number
  readonly created_at: string
  readonly started_at: string | null
  readonly completed_at: string | null
}

interface Line {
  readonly execution_id: string
  readonly level: string
  readonly message: string
  /** As PostgreSQL writes it. */
  readonly metadata: string | null
  readonly action_id: string | null
  readonly created_at: string
}

interface Integration {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly enabled: boolean
  readonly health_status: string
  readonly last_health_check: string | null
  readonly credentials_encrypted: string | null
  readonly deleted_at: string | null
}

interface Event {
  readonly integration_id: string
  readonly event_type: string
  readonly status: string
  readonly retry_count: number
  readonly created_at: string
  readonly claimed_at: string | null
  readonly processed_at: string | null
}

export interface Raw {
  readonly workflows: readonly Workflow[]
  readonly actions: readonly Action[]
  readonly executions: readonly Execution[]
  readonly lines: readonly Line[]
  readonly integrations: readonly Integration[]
  readonly events: readonly Event[]
}

export async function readRaw(db: Database): Promise<Raw> {
  const all = <T extends object>(table: string) => db.rows<T>(sql`SELECT * FROM ${identifier('autopr', table)}`)
  return {
    workflows: await all<Workflow>('workflows'),
    actions: await all<Action>('workflow_actions'),
    executions: await all<Execution>('workflow_executions'),
    lines: await db.rows<Line>(sql`
      SELECT execution_id, level, message, log_metadata::text AS metadata, action_id, created_at
      FROM autopr.execution_logs`),
    integrations: await all<Integration>('integrations'),
    events: await all<Event>('integration_events'),
  }
}

const big = (count: number): bigint => BigInt(count)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function nameOf(rows: readonly { readonly id: string; readonly name: string }[], id: string): string {
  const found = rows.find((row) => row.id === id)
  if (!found) throw new Error('no such row')
  return found.name
}

const ofWorkflow = (rows: readonly Execution[], workflow: string | undefined) =>
  rows.filter(({ workflow_id }) => workflow === undefined || workflow_id === workflow)

function outcomes(rows: readonly Execution[]): Cells {
  const verdicts = rows.filter(({ status }) => ['completed', 'failed', 'timeout'].includes(status))
  const queue = rows.map(({ created_at, started_at }) => secondsBetween(created_at, started_at))
  const run = rows.map(({ started_at, completed_at }) => secondsBetween(started_at, completed_at))
  return {
    executions: big(rows.length),
    completed: big(countOf(rows, 'completed')),
    failed: big(countOf(rows, 'failed')),
    timed_out: big(countOf(rows, 'timeout')),
    cancelled: big(countOf(rows, 'cancelled')),
    under_way: big(countOf(rows, 'pending', 'running')),
    success_rate: verdicts.length === 0 ? null : shareOf(countOf(rows, 'completed'), verdicts.length),
    retries: big(rows.filter(({ retry_count }) => retry_count > 0).length),
    queue_p50_seconds: percentile(0.5, queue),
    queue_p95_seconds: percentile(0.95, queue),
    run_p50_seconds: percentile(0.5, run),
    run_p95_seconds: percentile(0.95, run),
  }
}

export function expectedOutcomes(raw: Raw, workflow: string | undefined, period: Period): ExpectedRows {
  const rows = ofWorkflow(raw.executions, workflow).filter((row) => isWithin(row, period))
  const groups = [...groupBy(rows, ({ workflow_id }) => workflow_id)].map(([workflow_id, group]) => ({
    workflow_id,
    name: nameOf(raw.workflows, workflow_id),
    count: group.length,
    ...outcomes(group),
  }))
  return {
    total: [outcomes(rows)],
    workflows: groups.toSorted(
      by(
        (row) => ['down', row.count],
        (row) => ['up', row.name],
      ),
    ),
  }
}

export function expectedFailures(raw: Raw, workflow: string | undefined, period: Period): ExpectedRows {
  const failed = ofWorkflow(raw.executions, workflow).filter(
    (row) => isWithin(row, period) && ['failed', 'timeout'].includes(row.status),
  )
  const reasons = [
    ...groupBy(failed, ({ error_message, status }) => JSON.stringify([error_message, status])).values(),
  ].map((group) => ({
    error_message: group[0]?.error_message ?? null,
    status: group[0]?.status ?? '',
    executions: big(group.length),
    share: shareOf(group.length, failed.length),
    workflows: big(new Set(group.map(({ workflow_id }) => workflow_id)).size),
    last_seen: latest(group.map(({ created_at }) => created_at)),
  }))
  const ids = new Set(failed.map(({ id }) => id))
  const lines = raw.lines.flatMap((line) => {
    const action = raw.actions.find(({ id }) => id === line.action_id)
    const counts = action && ids.has(line.execution_id) && ['ERROR', 'CRITICAL'].includes(line.level)
    return counts ? [{ ...line, action }] : []
  })
  const steps = [
    ...groupBy(lines, ({ action, level }) =>
      JSON.stringify([action.action_type, action.action_name, level]),
    ).values(),
  ].map((group) => ({
    action_type: group[0]?.action.action_type ?? '',
    action_name: group[0]?.action.action_name ?? '',
    level: group[0]?.level ?? '',
    executions: big(new Set(group.map(({ execution_id }) => execution_id)).size),
    lines: big(group.length),
  }))
  return {
    reasons: reasons
      .toSorted(
        by(
          (row) => ['down', row.executions],
          (row) => ['up', row.error_message],
          (row) => ['up', row.status],
        ),
      )
      .slice(0, 20),
    steps: steps
      .toSorted(
        by(
          (row) => ['down', row.executions],
          (row) => ['down', row.lines],
          (row) => ['up', row.action_type],
          (row) => ['up', row.action_name],
          (row) => ['up', row.level],
        ),
      )
      .slice(0, 20),
  }
}

const QUARTER_OF_AN_HOUR = 900

export function expectedQueue(raw: Raw, integration: string | undefined, period: Period): ExpectedRows {
  const own = raw.events.filter(({ integration_id }) => integration === undefined || integration_id === integration)
  const queued = own.filter(
    ({ status, created_at }) =>
      (status === 'pending' || status === 'processing') && micros(created_at) < micros(period.until),
  )
  const pending = queued.filter(({ status }) => status === 'pending')
  const inHand = queued.filter(({ status }) => status === 'processing')
  const idle = new Set(
    raw.integrations.filter(({ enabled, deleted_at }) => !enabled || deleted_at !== null).map(({ id }) => id),
  )
  const waiting = pending.map(({ created_at }) => secondsBetween(created_at, period.until))
  const held = inHand.map(({ claimed_at }) => secondsBetween(claimed_at, period.until))
  const backlog = [...groupBy(queued, (row) => JSON.stringify([row.integration_id, row.event_type])).values()].map(
    (group) => ({
      integration_id: group[0]?.integration_id ?? '',
      integration: nameOf(raw.integrations, group[0]?.integration_id ?? ''),
      event_type: group[0]?.event_type ?? '',
      pending: big(countOf(group, 'pending')),
      processing: big(countOf(group, 'processing')),
      oldest_seconds: greatest(group.map(({ created_at }) => secondsBetween(created_at, period.until))),
    }),
  )
  const came = own.filter((row) => isWithin(row, period))
  const flow = [...groupBy(came, ({ integration_id }) => integration_id)].map(([integration_id, group]) => {
    const wait = group.map(({ created_at, claimed_at }) => secondsBetween(created_at, claimed_at))
    const work = group.map(({ claimed_at, processed_at }) => secondsBetween(claimed_at, processed_at))
    return {
      integration_id,
      integration: nameOf(raw.integrations, integration_id),
      events: big(group.length),
      completed: big(countOf(group, 'completed')),
      failed: big(countOf(group, 'failed')),
      ignored: big(countOf(group, 'ignored')),
      requeues: big(sum(group.map(({ retry_count }) => retry_count))),
      wait_p50_seconds: percentile(0.5, wait),
      wait_p95_seconds: percentile(0.95, wait),
      work_p95_seconds: percentile(0.95, work),
    }
  })
  return {
    queue: [
      {
        pending: big(pending.length),
        held: big(pending.filter(({ integration_id }) => idle.has(integration_id)).length),
        processing: big(inHand.length),
        stale: big(held.filter((age) => age !== null && age > QUARTER_OF_AN_HOUR).length),
        oldest_pending_seconds: greatest(waiting),
        pending_p50_seconds: percentile(0.5, waiting),
        pending_p95_seconds: percentile(0.95, waiting),
        oldest_processing_seconds: greatest(held),
      },
    ],
    backlog: backlog.toSorted(
      by(
        (row) => ['down', row.oldest_seconds],
        (row) => ['up', row.integration],
        (row) => ['up', row.event_type],
      ),
    ),
    flow: flow.toSorted(
      by(
        (row) => ['down', row.events],
        (row) => ['up', row.integration],
      ),
    ),
  }
}

function greatest(values: readonly (number | null)[]): number | null {
  return values.reduce((most, value) => (value !== null && (most === null || value > most) ? value : most), null)
}

const TROUBLE = ['unhealthy', 'degraded', 'unknown', 'healthy']

export function expectedHealth(raw: Raw, period: Period): { rows: ExpectedRows; recommendations: string[] } {
  const present = raw.integrations.filter(({ deleted_at }) => deleted_at === null)
  const states = [...groupBy(present, ({ health_status }) => health_status)].map(([health_status, group]) => ({
    health_status,
    integrations: big(group.length),
    enabled: big(group.filter(({ enabled }) => enabled).length),
  }))
  const integrations = present
    .map(({ id, name, type, enabled, health_status, last_health_check, credentials_encrypted }) => {
      const events = raw.events.filter((row) => row.integration_id === id && isWithin(row, period))
      const settled = countOf(events, 'completed', 'failed', 'ignored')
      return {
        integration_id: id,
        name,
        type,
        enabled,
        health_status,
        last_health_check,
        checked_ago_seconds: secondsBetween(last_health_check, period.until),
        has_credentials: credentials_encrypted !== null,
        events: big(events.length),
        failed: big(countOf(events, 'failed')),
        failure_rate: shareOf(countOf(events, 'failed'), settled),
      }
    })
    .toSorted(
      by(
        (row) => ['down', row.enabled ? 1 : 0],
        (row) => ['up', TROUBLE.indexOf(row.health_status)],
        (row) => ['up', row.name],
      ),
    )
  const recommendations = integrations
    .filter(({ enabled }) => enabled)
    .flatMap(({ name, health_status, checked_ago_seconds: ago, failure_rate }) => {
      if (health_status === 'unhealthy') return [`${name} is unhealthy and in use`]
      if (ago === null) return [`${name} was never checked`]
      if (ago > 86_400) return [`The last health check of ${name} is ${Math.floor(ago / 86_400)} days old`]
      return failure_rate > 10 ? [`${failure_rate.toFixed(1)} % of the events of ${name} fail`] : []
    })
  return {
    rows: {
      summary: states.toSorted(
        by(
          (row) => ['down', row.integrations],
          (row) => ['up', row.health_status],
        ),
      ),
      integrations,
    },
    recommendations,
  }
}

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']

export function expectedVolume(raw: Raw, workflow: string | undefined, period: Period): ExpectedRows {
  const executions = new Map(ofWorkflow(raw.executions, workflow).map((row) => [row.id, row]))
  const lines = raw.lines.filter((line) => executions.has(line.execution_id) && isWithin(line, period))
  const count = (rows: readonly Line[], ...levels: string[]) =>
    big(rows.filter(({ level }) => levels.includes(level)).length)
  const days = daysOf(period)
  const byDay = groupBy(lines, ({ created_at }) => created_at.slice(0, 10))
  const noisy = [...groupBy(lines, ({ execution_id }) => execution_id)].map(([id, group]) => ({
    execution_id: executions.get(id)?.execution_id ?? '',
    workflow: nameOf(raw.workflows, executions.get(id)?.workflow_id ?? ''),
    lines: big(group.length),
    errors: count(group, 'ERROR', 'CRITICAL'),
  }))
  return {
    levels: LEVELS.flatMap((level) => {
      const own = lines.filter((line) => line.level === level)
      const bytes = own.map(({ message, metadata }) => Buffer.byteLength(message) + Buffer.byteLength(metadata ?? ''))
      return own.length === 0
        ? []
        : [{ level, lines: big(own.length), share: shareOf(own.length, lines.length), bytes: String(sum(bytes)) }]
    }),
    days: days.map((date) => {
      const own = byDay.get(date) ?? []
      return {
        date,
        lines: big(own.length),
        debug: count(own, 'DEBUG'),
        info: count(own, 'INFO'),
        warning: count(own, 'WARNING'),
        error: count(own, 'ERROR'),
        critical: count(own, 'CRITICAL'),
        errors: count(own, 'ERROR', 'CRITICAL'),
      }
    }),
    executions: noisy
      .toSorted(
        by(
          (row) => ['down', row.lines],
          (row) => ['up', row.execution_id],
        ),
      )
      .slice(0, 10),
  }
}
