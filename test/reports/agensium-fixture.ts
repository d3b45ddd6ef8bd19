/**
 * Rows that Agensium's reports get wrong easily: exactly on the bounds of the window, without tool, agent or analysis,
 * credits larger than a double counts, tasks that never were in the queue, files due since a minute or in one. The same
 * rows in every run, but for the ends that are counted from now.
 */
import type { Database } from '../../src/db/database.ts'
import { identifier, join, sql } from '../../src/model/sql.ts'
import { groupBy, type Period } from './raw.ts'

/** Begins and ends within a day and within a second. */
export const PERIOD: Period = { since: '2026-03-28T22:30:00.000001Z', until: '2026-04-05T12:00:00.500000Z' }

const BOUNDS = [
  '2026-03-28T22:30:00.000000Z',
  PERIOD.since,
  '2026-03-28T23:59:59.999999Z',
  '2026-03-29T00:00:00.000000Z',
  '2026-04-05T12:00:00.499999Z',
  PERIOD.until,
]

const HASH = `$2b$12$${'a'.repeat(53)}`
const TOOLS = ['profile-my-data', 'clean-my-data', 'master-my-data']
const ANCIENT = '00000000-0000-4000-8000-0000000000aa'

type Row = Readonly<Record<string, string | number | boolean | object | null>>

const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const ulid = (number: number) => `01ARZ3NDEKTSV4RRFF${String(number).padStart(8, '0')}`

/** Fills the tables. */
export async function insertFixture(db: Database): Promise<void> {
  const users = ['ann', 'bob', 'idle'].map((name, index) => ({
    id: index + 1,
    email: `${name}@example.com`,
    full_name: name,
    hashed_password: HASH,
  }))
  await insert(db, 'users', users)
  // Bob's wallet is missing: a report about credits must not lose him.
  await insert(db, 'credit_wallets', [
    { user_id: 1, balance_credits: '9007199254740993' },
    { user_id: 3, balance_credits: 0 },
  ])
  await insert(db, 'agent_costs', [{ agent_id: 'one', tool_id: 'profile-my-data', cost_credits: 7 }])
  await insert(db, 'tasks', taskRows())
  // Rows of one insert have one shape.
  for (const entries of groupBy(entryRows(), (row) => Object.keys(row).join()).values()) {
    await insert(db, 'credit_transactions', entries)
  }
  await insert(db, 'stripe_webhook_events', eventRows())
  await insertDueTasks(db)
}

/** Inserts rows of one shape; columns that they do not name take their defaults. */
export async function insert(db: Database, table: string, rows: readonly Row[]): Promise<void> {
  const columns = join(Object.keys(rows[0] ?? {}).map((key) => identifier(key)))
  const name = identifier('agensium', table)
  await db.execute(sql`
    INSERT INTO ${name} (${columns})
    SELECT ${columns} FROM jsonb_populate_recordset(NULL::${name}, ${JSON.stringify(rows)}::jsonb)
  `)
}

function taskRows(): Row[] {
  const none = { upload_started_at: null, queued_at: null, processing_started_at: null }
  const ends = { completed_at: null, failed_at: null, cancelled_at: null, expired_at: null }
  return Array.from({ length: 90 }, (_, index) => {
    const created_at = BOUNDS[index % 8] ?? `2026-04-0${1 + (index % 4)}T0${index % 10}:17:00.000${100 + index}Z`
    const at = (seconds: number) =>
      new Date(Date.parse(created_at) + seconds * 1000 * (1 + (index % 7))).toISOString()
    const uploaded = { ...none, upload_started_at: at(3) }
    const queued = { ...uploaded, queued_at: at(11) }
    const processed = { ...queued, processing_started_at: at(12.5) }
    const shapes: readonly Row[] = [
      { status: 'CREATED', ...none, ...ends },
      { status: 'UPLOADING', ...uploaded, ...ends },
      { status: 'UPLOAD_FAILED', ...uploaded, ...ends },
      { status: 'QUEUED', ...queued, ...ends },
      { status: 'PROCESSING', ...processed, ...ends },
      { status: 'COMPLETED', ...processed, ...ends, completed_at: at(60) },
      // Processed right after a failed upload.
      { status: 'COMPLETED', ...processed, queued_at: null, ...ends, completed_at: at(90) },
      { status: 'FAILED', ...processed, ...ends, failed_at: at(30) },
      { status: 'CANCELLED', ...queued, ...ends, cancelled_at: at(20) },
      { status: 'EXPIRED', ...none, ...ends, expired_at: at(900) },
    ]
    const shape = shapes[index % shapes.length] ?? {}
    return {
      task_id: uuid(index),
      user_id: index % 3 === 0 ? 2 : 1,
      tool_id: TOOLS[index % (index % 5 === 0 ? 1 : 3)] ?? '',
      agents: index % 4 === 0 ? ['one'] : ['one', 'two', 'three'],
      current_agent: index % 4 === 1 ? 'two' : index % 4 === 2 ? 'one' : null,
      progress: index % 101,
      error_code:
        shape.status === 'FAILED' && index % 20 !== 7 ? `CODE_${String.fromCharCode(65 + (index % 13))}` : null,
      ...shape,
      created_at,
    }
  })
}

function entryRows(): Row[] {
  const instant = (index: number) => BOUNDS[index % 9] ?? `2026-04-0${1 + (index % 4)}T1${index % 10}:00:00.000001Z`
  return Array.from({ length: 120 }, (_, index) => {
    const created_at = instant(index)
    const base = { id: ulid(index), user_id: index % 4 === 0 ? 2 : 1, created_at }
    const consumed = {
      agent_id: index % 11 === 0 ? null : (['one', 'two', 'gone'][index % 3] ?? null),
      tool_id: index % 13 === 0 ? null : (TOOLS[index % 3] ?? null),
      // Every fifth leads nowhere; some to a task of another user.
      analysis_id: index % 5 === 0 ? (index % 10 === 0 ? `legacy-${index % 40}` : ANCIENT) : uuid(index % 100),
    }
    switch (index % 6) {
      case 0:
        return { ...base, type: 'PURCHASE', delta_credits: index === 6 ? '9007199254740993' : 100 + index }
      case 1:
        return { ...base, type: 'GRANT', delta_credits: 10 }
      case 2:
        return { ...base, type: 'REFUND', delta_credits: 5, ...consumed }
      case 3:
        return index % 2 === 0
          ? { ...base, type: 'ADJUSTMENT', delta_credits: -3 }
          : { ...base, type: 'ADJUSTMENT', delta_credits: -40, stripe_charge_id: `ch_${index}` }
      default:
        return {
          ...base,
          type: 'CONSUME',
          delta_credits: index === 5 ? '-9007199254740992' : -(7 + (index % 3)),
          ...consumed,
        }
    }
  })
}

function eventRows(): Row[] {
  return Array.from({ length: 60 }, (_, index) => {
    const failed = index % 3 === 0
    return {
      event_id: `evt_${index}`,
      type: ['checkout.session.completed', 'charge.refunded', 'customer.created'][index % 4] ?? 'ping',
      payload: { n: index },
      processed_at: failed || index % 7 === 0 ? null : PERIOD.since,
      error: failed ? `Error ${String.fromCharCode(97 + (index % 12))}` : null,
      created_at: BOUNDS[index % 10] ?? '2026-04-02T10:00:00Z',
    }
  })
}

/** Ends a minute to either side of the two ages, of every kind, cleaned and not. */
async function insertDueTasks(db: Database): Promise<void> {
  await db.execute(sql`
    INSERT INTO agensium.tasks (
      task_id, user_id, tool_id, agents, status, created_at,
      completed_at, failed_at, cancelled_at, expired_at, inputs_cleaned_at, outputs_cleaned_at
    )
    SELECT
      '00000000-0000-4000-8001-' || lpad((row_number() OVER ())::text, 12, '0'),
      3,
      'clean-my-data',
      '["one"]',
      status,
      now() - interval '40 days',
      CASE WHEN status = 'COMPLETED' THEN ended END,
      CASE WHEN status = 'FAILED' THEN ended END,
      CASE WHEN status = 'CANCELLED' THEN ended END,
      CASE WHEN status = 'EXPIRED' THEN ended END,
      CASE WHEN cleaned IN ('inputs', 'both') THEN now() END,
      CASE WHEN cleaned = 'both' THEN now() END
    FROM unnest(ARRAY['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED', 'PROCESSING']) AS status,
      unnest(ARRAY['none', 'inputs', 'both']) AS cleaned,
      unnest(ARRAY[interval '7 days', interval '30 days']) AS age,
      unnest(ARRAY[interval '1 minute', interval '-1 minute']) AS side,
      LATERAL (SELECT now() - age + side AS ended) AS time`)
}
