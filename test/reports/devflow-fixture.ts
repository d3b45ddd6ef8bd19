/**
 * Rows that DevFlow's reports get wrong easily: exactly on the bounds of the window, without start, score, figures or
 * number, of tasks without attempts and pull requests without validations, validations of executions alone, events of
 * objects that are gone. The same rows in every run.
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

type Row = Readonly<Record<string, string | number | boolean | null>>

const AGENTS = ['codegen', 'claude_code', 'webhook_orchestrator', 'task_manager'] as const
const TASK_STATES = ['pending', 'in_progress', 'validation', 'completed', 'failed', 'cancelled'] as const
const STATES = ['queued', 'running', 'completed', 'failed', 'timeout', 'cancelled'] as const
const PR_STATES = ['draft', 'open', 'review_requested', 'approved', 'merged', 'closed', 'failed_validation'] as const
const RESULTS = ['passed', 'failed', 'warning', 'skipped'] as const
/** More than a report lists, many equally frequent. */
const CODES = [null, '', ...'abcdefghijklmno', "it's gone; \\ \n second line"] as const

const uuid = (kind: number, number: number) =>
  `00000000-0000-4000-8${String(kind).padStart(3, '0')}-${String(number).padStart(12, '0')}`

/** An id that an event names and no row has any more. */
export const GONE = uuid(9, 1)

/** Fills the tables. The audit trigger stays silent, so that every event is one of these. */
export async function insertFixture(db: Database): Promise<void> {
  const random = new Random(7, 'devflow fixture')
  const at = () =>
    random.chance(0.35)
      ? random.pick(BOUNDS)
      : new Date(Date.parse('2026-03-20T00:00:00Z') + random.below(20 * 86_400) * 1000).toISOString()
  const later = (time: string, most: number) => new Date(Date.parse(time) + 1 + random.below(most)).toISOString()
  const tables: Record<string, Row[]> = {
    projects: ['Alpha', 'beta', 'Empty', 'Ölmühle'].map((name, number) => ({ id: uuid(0, number), name })),
    tasks: [],
    task_executions: [],
    pull_requests: [],
    validations: [],
    workflow_events: [],
  }
  const add = (table: string, row: Row) => tables[table]?.push(row)
  const projectOf = (number: number) => uuid(0, number % 7 === 0 ? 3 : number % 2)
  for (let number = 0; number < 130; number++) {
    const status = random.pick(TASK_STATES)
    const created_at = at()
    add('tasks', {
      id: uuid(1, number),
      project_id: projectOf(number),
      title: random.pick(['Same title', `Task ${number}`]),
      status,
      priority: random.below(4),
      assigned_agent: status === 'in_progress' || random.chance(0.6) ? random.pick(AGENTS) : null,
      due_date: random.chance(0.3) ? at() : null,
      created_at,
      completed_at: status === 'completed' ? later(created_at, 86_400_000) : null,
    })
  }
  for (let number = 0; number < 220; number++) {
    const status = random.pick(STATES)
    const created_at = at()
    const neverRan =
      status === 'queued' ||
      (status === 'cancelled' && random.chance(0.5)) ||
      (status === 'failed' && random.chance(0.3))
    const started_at = neverRan ? null : later(created_at, 60_000)
    const isOver = status !== 'queued' && status !== 'running' && !(status === 'cancelled' && random.chance(0.3))
    const code = random.pick(CODES)
    add('task_executions', {
      id: uuid(2, number),
      // Some tasks get many attempts, others none.
      task_id: uuid(1, random.below(random.below(100) + 1)),
      agent_type: random.pick(AGENTS),
      execution_status: status,
      error_details: JSON.stringify(code === null ? {} : { code }),
      memory_usage_mb: random.chance(0.7) ? random.below(2000) : null,
      cpu_time_ms: random.chance(0.7) ? random.below(900_000) : null,
      created_at,
      started_at,
      completed_at: isOver ? later(started_at ?? created_at, 3_600_000) : null,
    })
  }
  for (let number = 0; number < 90; number++) {
    const status = random.pick(PR_STATES)
    const created_at = at()
    add('pull_requests', {
      id: uuid(3, number),
      task_id: random.chance(0.8) ? uuid(1, random.below(130)) : null,
      project_id: projectOf(number),
      pr_number: random.chance(0.8) ? number + 1 : null,
      repository_url: 'https://git.example.com/x',
      branch_name: `branch-${number}`,
      title: `Change ${number}`,
      status,
      created_at,
      merged_at: status === 'merged' ? later(created_at, 900_000_000) : null,
      closed_at:
        status === 'closed' || (status === 'merged' && random.chance(0.5)) ? later(created_at, 900_000_000) : null,
    })
  }
  for (let number = 0; number < 260; number++) {
    const result = random.pick(RESULTS)
    const created_at = at()
    const completed_at = random.chance(0.7) ? at() : null
    const isOfExecution = random.chance(0.1)
    add('validations', {
      id: uuid(4, number),
      pr_id: isOfExecution ? null : uuid(3, random.below(70)),
      task_execution_id: isOfExecution || random.chance(0.1) ? uuid(2, random.below(220)) : null,
      validation_type: random.pick(['unit_tests', 'lint', 'Größe', 'security_scan']),
      validator_name: 'v',
      result,
      score: random.chance(0.6) ? random.below(401) / 4 : null,
      execution_time_ms: random.chance(0.6) ? random.below(10_000) : null,
      completed_at,
      created_at,
    })
  }
  const changes = [
    {},
    { changed: { status: { from: 'pending', to: 'in_progress' }, assigned_agent: { from: null, to: 'codegen' } } },
    { changed: { priority: { from: 0, to: 7 }, tags: { from: [], to: ['a'] } } },
    { changed: {} },
  ]
  for (let number = 0; number < 240; number++) {
    const kind = random.below(5)
    add('workflow_events', {
      id: uuid(5, number),
      event_type: random.pick(['audit', 'audit', 'webhook.received']),
      event_category: random.pick(['task', 'execution', 'pr', 'webhook']),
      project_id: kind === 4 ? null : projectOf(random.below(8)),
      task_id: kind >= 1 ? uuid(1, random.below(6)) : null,
      task_execution_id: kind === 2 ? uuid(2, random.below(4)) : null,
      pr_id: kind === 3 ? random.pick([uuid(3, 0), uuid(3, 1), GONE]) : null,
      actor: random.chance(0.9) ? random.pick(['ana', 'codegen']) : null,
      action: random.pick(['created', 'updated']),
      event_data: JSON.stringify(random.pick(changes)),
      occurred_at: at(),
    })
  }
  await db.transaction(async (tx) => {
    await tx.execute(sql`SET LOCAL devflow.audit = 'off'`)
    for (const [table, rows] of Object.entries(tables)) {
      const keys = Object.keys(rows[0] ?? {})
      await tx.execute(sql`
        INSERT INTO ${identifier('devflow', table)} (${join(keys.map((key) => identifier(key)))})
        SELECT ${join(keys.map((key) => identifier('r', key)))}
        FROM jsonb_populate_recordset(NULL::${identifier('devflow', table)}, ${JSON.stringify(
          rows.map((row) =>
            Object.fromEntries(
              Object.entries(row).map(([key, value]) => [
                key,
                /details|event_data/.test(key) && typeof value === 'string' ? JSON.parse(value) : value,
              ]),
            ),
          ),
        )}::jsonb) AS r`)
    }
  })
}
