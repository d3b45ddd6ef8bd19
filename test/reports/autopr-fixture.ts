/**
 * Rows that AutoPR's reports get wrong easily: exactly on the bounds of the window, without reason, start or action,
 * ended before they were asked for, stale to the microsecond, of deleted integrations. The same rows in every run.
 */
import type { Database } from '../../src/db/database.ts'
import { identifier, join, sql } from '../../src/model/sql.ts'
import { Random } from '../../src/seeds/random.ts'
import type { Period } from './raw.ts'

/** Begins and ends within a day and within a second. */
export const PERIOD: Period = { since: '2026-03-28T22:30:00.000001Z', until: '2026-04-05T12:00:00.500000Z' }

/** The bounds themselves, the instants a microsecond to either side, and the turns of days. */
const BOUNDS = [
  '2026-03-28T22:30:00.000000Z',
  PERIOD.since,
  '2026-03-28T23:59:59.999999Z',
  '2026-03-29T00:00:00.000000Z',
  '2026-04-05T12:00:00.499999Z',
  PERIOD.until,
]

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const
const STATES = ['pending', 'running', 'completed', 'failed', 'timeout', 'cancelled'] as const
const EVENT_STATES = ['pending', 'processing', 'completed', 'failed', 'ignored'] as const
/** More than a report lists, many equally frequent. */
const REASONS = [null, '', ...'abcdefghijklmnopqrstuv', 'Zeitüberschreitung', "it's gone; \\ \n second line"] as const

type Row = Readonly<Record<string, string | number | boolean | object | null>>

const uuid = (kind: number, number: number) =>
  `00000000-0000-4000-8${String(kind).padStart(3, '0')}-${String(number).padStart(12, '0')}`

/** Fills the tables. */
export async function insertFixture(db: Database): Promise<void> {
  for (const [table, rows] of Object.entries(fixtureRows())) {
    const columns = join(Object.keys(rows[0] ?? {}).map((key) => identifier(key)))
    const name = identifier('autopr', table)
    await db.execute(sql`
      INSERT INTO ${name} (${columns})
      SELECT ${columns} FROM jsonb_populate_recordset(NULL::${name}, ${JSON.stringify(rows)}::jsonb)`)
  }
}

/** Parents before children. */
function fixtureRows(): Readonly<Record<string, readonly Row[]>> {
  const random = new Random(7, 'fixture')
  const instant = (index: number) =>
    index < BOUNDS.length
      ? (BOUNDS[index] ?? '')
      : random.chance(0.2)
        ? random.pick(BOUNDS)
        : plus('2026-03-27T00:00:00.000000Z', random.below(11 * 86_400) * 1e6 + random.below(1e6))
  // Clocks differ: some things begin before they were asked for.
  const later = (iso: string, least = 0) => plus(iso, least + random.below(240_000_000))
  const maybe = <T>(value: T) => (random.chance(0.8) ? value : null)

  // Of the last workflow nothing was ever executed; the one before is deleted.
  const workflows = Array.from({ length: 6 }, (_, index) => ({
    id: uuid(0, index),
    name: `Workflow ${'zyxwvu'[index]}`,
    status: 'archived',
    deleted_at: index === 4 ? PERIOD.since : null,
  }))
  const actions = workflows.flatMap(({ id }, workflow) =>
    Array.from({ length: 3 }, (_, index) => ({
      id: uuid(1, workflow * 10 + index),
      workflow_id: id,
      // Two steps of one name, of one type, and of one of both.
      action_type: ['deploy', 'test', 'test'][index] ?? '',
      action_name: workflow % 2 === 0 ? 'Go' : (['Go', 'Go', 'Check'][index] ?? ''),
      config: {},
      order_index: index,
    })),
  )
  const executions = Array.from({ length: 260 }, (_, index) => {
    const created_at = instant(index)
    const status = index < STATES.length ? (STATES[index] ?? '') : random.pick(STATES)
    const ended = status !== 'pending' && status !== 'running'
    const started_at =
      status === 'pending' || (status === 'cancelled' && index % 2 === 0) ? null : later(created_at, -1e6)
    return {
      id: uuid(2, index),
      workflow_id: workflows[index % 5 === 0 ? 0 : random.below(5)]?.id ?? '',
      execution_id: `exec-${index % 2 === 0 ? 'b' : 'A'}-${index}`,
      status,
      error_message: status === 'failed' ? random.pick(REASONS) : status === 'timeout' ? maybe('Timed out') : null,
      retry_count: random.pick([0, 0, 0, 1, 3]),
      created_at,
      started_at,
      completed_at: ended ? later(started_at ?? created_at) : null,
    }
  })
  const lines = executions.flatMap(({ id, workflow_id, created_at }, execution) => {
    const own = actions.filter((action) => action.workflow_id === workflow_id)
    // Every seventh execution logs nothing.
    return Array.from({ length: execution % 7 === 6 ? 0 : 1 + random.below(9) }, (_, index) => ({
      id: uuid(3, execution * 100 + index),
      execution_id: id,
      level: random.pick(LEVELS),
      message: random.pick(['', 'x', 'Übergröße 📦', 'line\nline']),
      log_metadata: maybe({ n: index, ключ: [1, null] }),
      action_id: maybe(random.pick(own).id),
      created_at: index === 0 ? instant(execution) : later(created_at),
    }))
  })
  const integrations = (['unhealthy', 'degraded', 'unknown', 'healthy'] as const).flatMap((health_status, place) =>
    [0, 1, 2].map((index) => ({
      id: uuid(4, place * 3 + index),
      name: `${index === 0 ? 'b' : 'A'} ${health_status} ${index}`,
      type: 'slack',
      enabled: index !== 1,
      health_status,
      last_health_check:
        health_status === 'unknown' ? null : plus(PERIOD.until, index === 2 ? -86_400_000_001 : -1000),
      credentials_encrypted: index === 0 ? 'sealed' : null,
      deleted_at: index === 2 && place > 1 ? PERIOD.since : null,
    })),
  )
  const events = Array.from({ length: 300 }, (_, index) => {
    const created_at = instant(index)
    const status = index < EVENT_STATES.length ? (EVENT_STATES[index] ?? '') : random.pick(EVENT_STATES)
    const taken = status !== 'pending' && status !== 'ignored'
    const claimed_at = taken
      ? index % 9 === 0
        ? plus(PERIOD.until, -900_000_000 - (index % 2))
        : later(created_at)
      : null
    return {
      id: uuid(5, index),
      // Of the last two integrations nothing ever came.
      integration_id: integrations[random.below(10)]?.id ?? '',
      event_type: random.pick(['push', 'Push', 'issue.alert']),
      payload: {},
      status,
      retry_count: random.pick([0, 0, 2]),
      created_at,
      claimed_at,
      processed_at: status === 'pending' || status === 'processing' ? null : later(claimed_at ?? created_at),
    }
  })
  return {
    workflows,
    workflow_actions: actions,
    workflow_executions: executions,
    execution_logs: lines,
    integrations,
    integration_events: events,
  }
}

/** @param by microseconds, negative too */
function plus(iso: string, by: number): string {
  const at = BigInt(Date.parse(`${iso.slice(0, 19)}Z`)) * 1000n + BigInt(iso.slice(20, 26)) + BigInt(by)
  return `${new Date(Number(at / 1_000_000n) * 1000).toISOString().slice(0, 19)}.${String(at % 1_000_000n).padStart(6, '0')}Z`
}
