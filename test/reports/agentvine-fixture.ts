/**
 * Rows that AgentVine's reports get wrong easily: exactly on the bounds of the window, executions that reach over them or
 * never ended, tries whose worker is gone, orders without a try, capabilities that are no list, that are asked for twice,
 * that two workers have one each. The same rows in every run.
 */
import type { Database } from '../../src/db/database.ts'
import { identifier, join, sql } from '../../src/model/sql.ts'
import type { Period } from './raw.ts'

/** Begins and ends within a day and within a second. */
export const PERIOD: Period = { since: '2026-03-28T22:30:00.000001Z', until: '2026-04-05T12:00:00.500000Z' }

const BOUNDS = [
  '2026-03-28T22:30:00.000000Z',
  PERIOD.since,
  '2026-03-29T00:00:00.000000Z',
  '2026-04-05T12:00:00.499999Z',
  PERIOD.until,
  '2026-04-05T12:00:00.500001Z',
]
const TYPES = ['feature', 'bugfix', 'test', 'docs', 'refactor', 'review']
const QUEUES = ['development', 'quality', 'Übersetzung']

type Row = Readonly<Record<string, string | number | boolean | object | null>>

const uuid = (kind: number, number: number) =>
  `00000000-0000-4000-80${String(kind).padStart(2, '0')}-${String(number).padStart(12, '0')}`

/** Fills the tables. */
export async function insertFixture(db: Database): Promise<void> {
  await insert(db, 'workers', workers())
  await insert(db, 'worker_capabilities', [
    ...['Python', 'React'].map((name) => capability(0, name, 'expert')),
    capability(1, 'Python', 'beginner'),
    // One of the two has Go, the other SQL: neither can do what asks for both.
    capability(0, 'Go', 'advanced'),
    capability(1, 'SQL', 'advanced'),
    // Who has these may not claim.
    capability(2, 'Rust', 'expert'),
    capability(3, 'Zig', 'expert'),
    capability(4, 'COBOL', 'expert'),
  ])
  const rows = Array.from({ length: 120 }, (_, index) => task(index))
  await insert(db, 'tasks', rows)
  const orders = rows.flatMap((row, index) => ordersOf(row, index))
  await insert(db, 'work_orders', orders)
  await insert(db, 'worker_assignments', orders.flatMap(assignmentsOf))
  await insert(db, 'executions', executions())
}

/** Inserts rows of one shape; columns that they do not name take their defaults. */
export async function insert(db: Database, table: string, rows: readonly Row[]): Promise<void> {
  const columns = join(Object.keys(rows[0] ?? {}).map((key) => identifier(key)))
  const name = identifier('agentvine', table)
  await db.execute(sql`
    INSERT INTO ${name} (${columns})
    SELECT ${columns} FROM jsonb_populate_recordset(NULL::${name}, ${JSON.stringify(rows)}::jsonb)
  `)
}

/** Idle, idle, draining, offline, in error; two of one name; one registered within the period, one after it. */
function workers(): Row[] {
  const registered = '2026-01-01T00:00:00Z'
  return [
    ['vine', 'feature', 'idle', 1, null, registered],
    ['ivy', 'bugfix', 'idle', 3, null, '2026-04-01T00:00:00Z'],
    ['hops', 'test', 'idle', 1, '2026-04-01T00:00:00Z', registered],
    ['ivy', 'docs', 'offline', 2, null, registered],
    ['kiwi', 'docs', 'error', 1, null, '2026-07-01T00:00:00Z'],
  ].map(
    (
      [name = '', worker_type = '', status = '', max_concurrent_tasks = 1, draining_at = null, created_at],
      index,
    ) => ({
      ...{ id: uuid(1, index), name, worker_type, status, max_concurrent_tasks, draining_at },
      created_at: created_at ?? registered,
    }),
  )
}

function capability(worker: number, capability_name: string, capability_level: string): Row {
  return { worker_id: uuid(1, worker), capability_name, capability_level }
}

const ASKED: readonly (readonly unknown[] | string | null)[] = [
  null,
  ['Python'],
  ['Python', 'React'],
  ['Go', 'SQL'],
  ['Rust'],
  ['Zig', 'Zig'],
  ['Haskell', 'COBOL'],
  'Python',
  [],
]

const STATES = [
  'completed',
  'queued',
  'failed',
  'pending',
  'completed',
  'cancelled',
  'in_progress',
  'queued',
] as const

function task(index: number) {
  const status = STATES[index % STATES.length] ?? 'pending'
  const asked = ASKED[Math.floor(index / 2) % ASKED.length] ?? null
  const ended = status === 'completed' || status === 'failed' || status === 'cancelled'
  const completed_at = ended ? (BOUNDS[Math.floor(index / 2) % 9] ?? at(index * 5.3)) : null
  const started = status === 'in_progress' || (ended && index % 5 !== 1)
  return {
    id: uuid(2, index),
    title: `Task ${index}`,
    task_type: TYPES[index % 5] ?? 'feature',
    permission_level: 'autonomous',
    priority: 'normal',
    status,
    context: asked === null ? {} : { capabilities: asked },
    created_at: earlier(completed_at ?? at(0), 3_600 + index * 977),
    started_at: started ? earlier(completed_at ?? at(0), 60 + index * 31) : null,
    completed_at,
    deleted_at: index % 17 === 4 ? at(400) : null,
  }
}

/** Finished orders of any task, and an open one for those that are queued or in progress. */
function ordersOf({ id, status }: ReturnType<typeof task>, index: number) {
  const order = (number: number, state: string, over: Row) => ({
    id: uuid(3, index * 4 + number),
    task_id: id,
    queue_name: QUEUES[index % 4] ?? 'development',
    status: state,
    enqueued_at: BOUNDS[index % 11] ?? at(index * 1.7),
    retry_count: index % 3,
    claimed_at: null,
    completed_at: null,
    expires_at: null,
    error_message: null,
    ...over,
  })
  const end = BOUNDS[(index + 2) % 9] ?? at(10 + index * 1.9)
  const reason = index % 13 === 0 ? null : `Reason ${String.fromCharCode(65 + (index % 12))}`
  // Some failed because their task was cancelled: with the execution that began when they were claimed.
  const given = executions()[index]
  const cancelled = given?.status === 'cancelled' && {
    claimed_at: given.started_at,
    completed_at: given.completed_at,
  }
  const past =
    index % 3 === 0
      ? [order(0, 'failed', { completed_at: end, error_message: reason, ...cancelled })]
      : index % 3 === 1
        ? [order(0, 'completed', { completed_at: end })]
        : [order(0, 'expired', { completed_at: end, error_message: 'The order expired' })]
  const expires_at = index % 4 === 1 ? (BOUNDS[index % 6] ?? null) : null
  if (status === 'queued') return [...past, order(1, 'pending', { expires_at })]
  return status === 'in_progress' ? [...past, order(1, 'claimed', { claimed_at: at(200) })] : past
}

/** None, one or three tries; the first ends the wait. */
function assignmentsOf({ id, status, enqueued_at }: ReturnType<typeof ordersOf>[number], index: number): Row[] {
  const count = status === 'claimed' ? 1 : status === 'expired' ? 0 : [0, 1, 3][index % 3]
  return Array.from({ length: count ?? 0 }, (_, number) => ({
    ...{ worker_id: uuid(1, index % 2), work_order_id: id },
    status: status === 'claimed' && index % 5 === 0 ? 'active' : 'failed',
    assigned_at: later(enqueued_at, 7 + (index % 9) * 131.25 + number * 3_000),
    completed_at: null,
  }))
}

/** Over each bound, within, without, still running; of workers that are there and of one that is gone. */
function executions(): Row[] {
  return Array.from({ length: 90 }, (_, index) => {
    const started_at = BOUNDS[index % 13] ?? earlier(BOUNDS[(index * 5) % 6] ?? '', (index % 7) * 1_111 - 3_000)
    const runs = index % 9 === 0 || index === 11
    return {
      id: uuid(4, index),
      task_id: uuid(2, index),
      worker_id: index % 6 === 5 ? null : uuid(1, index % 4),
      status: runs ? 'running' : (['completed', 'failed', 'timeout', 'cancelled', 'completed'][index % 5] ?? ''),
      started_at,
      completed_at: runs ? null : (later(started_at, (index % 8) * 2_000.5) ?? null),
    }
  })
}

/** Hours after the beginning of April. */
function at(hours: number): string {
  return new Date(Date.parse('2026-03-27T00:00:00Z') + Math.round(hours * 3_600_000)).toISOString()
}

function later(iso: string, seconds: number): string {
  if (seconds === 0) return iso
  // A Date has no microseconds: the millisecond after makes sure that it is not before.
  return new Date(Math.ceil(Date.parse(iso) + seconds * 1000) + 1).toISOString()
}

function earlier(iso: string, seconds: number): string {
  return new Date(Date.parse(iso) - Math.round(seconds * 1000)).toISOString()
}
