/** Retention rules that change rows in place: states that lasted too long, rows that are marked as deleted. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { applyExpiry, planExpiry } from '../../src/crud/expire.ts'
import { applyRetirement, planRetirement } from '../../src/crud/retire.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { InterruptedError } from '../../src/errors.ts'
import type { RuleScope } from '../../src/model/due.ts'
import { appliedRule } from '../../src/model/retention.ts'
import { raw, sql } from '../../src/model/sql.ts'
import type { System } from '../../src/model/system.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asRun } from '../support/job-run.ts'
import { actor } from './write-support.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
  await run(`INSERT INTO agensium.users (id, email, full_name, hashed_password)
    VALUES (1, 'ada@example.com', 'Ada', '$2b$12$${'a'.repeat(53)}')`)
})
afterAll(() => database?.drop())

function ruleOf(system: System, name: string, override?: string): RuleScope {
  const rule = system.retention.find((one) => one.name === name)
  if (rule === undefined) throw new Error(`no rule ${name}`)
  return { system, schema: system.name, applied: appliedRule(rule, override) }
}

const expire = (rule: RuleScope, options = {}, changes = {}) =>
  asRun(database, [rule.schema], (job) => applyExpiry(db, rule, job, options), changes)

/** A task whose id ends in these digits. */
const id = (end: number) => `00000000-0000-4000-8000-${String(end).padStart(12, '0')}`

async function task(end: number, columns: Record<string, string>): Promise<void> {
  const names = Object.keys(columns)
  await run(`INSERT INTO agensium.tasks (task_id, user_id, tool_id, agents${names.map((name) => `, ${name}`).join('')})
    VALUES ('${id(end)}', 1, 'clean-my-data', '["a"]'${Object.values(columns)
      .map((value) => `, ${value}`)
      .join('')})`)
}

const ago = (interval: string) => `now() - interval '${interval}'`

const statuses = async () =>
  Object.fromEntries(
    (await db.rows<{ id: string; status: string }>(sql`SELECT task_id AS id, status FROM agensium.tasks`)).map(
      (row) => [Number(row.id.slice(-12)), row.status],
    ),
  )

describe("Agensium's tasks", () => {
  beforeEach(async () => {
    await run('DELETE FROM agensium.tasks')
    await run('TRUNCATE steward.audit_log')
  })

  test.each([
    ['abandoned-tasks', 'CREATED', 'created_at', '15 minutes', 'EXPIRED', 'expired_at'],
    ['stalled-uploads', 'UPLOADING', 'upload_started_at', '15 minutes', 'EXPIRED', 'expired_at'],
    ['failed-uploads', 'UPLOAD_FAILED', 'upload_failed_at', '1 day', 'EXPIRED', 'expired_at'],
    ['forgotten-tasks', 'QUEUED', 'queued_at', '1 day', 'EXPIRED', 'expired_at'],
    ['hung-tasks', 'PROCESSING', 'processing_started_at', '6 hours', 'FAILED', 'failed_at'],
  ])('%s: %s too long by its own %s (%s) ends as %s', async (name, from, field, limit, to, stamp) => {
    const over = ago(`${limit} 1 second`)
    const created = field === 'created_at' ? {} : { created_at: ago('2 years') }
    await task(1, { status: `'${from}'`, ...created, [field]: over })
    await task(2, { status: `'${from}'`, ...created, [field]: `now() - interval '${limit}' + interval '1 minute'` })
    // Old all the same, but not in this state; not in it since a time that is known; deleted.
    await task(3, { status: from === 'QUEUED' ? `'CREATED'` : `'QUEUED'`, ...created, [field]: over })
    if (field !== 'created_at') await task(4, { status: `'${from}'`, ...created })

    const rule = ruleOf(agensium, name)
    const plan = await planExpiry(db, rule, {}, actor)
    expect(plan).toMatchObject({ rows: 1n, consequences: [], refused: [] })
    expect(Object.values(await statuses())).not.toContain(to)

    expect(await expire(rule)).toMatchObject({
      outcome: 'done',
      rows: 1n,
      batches: 1,
      failures: [],
      why: 'nothing more is due',
    })
    const after = await statuses()
    expect([after[1], after[2], after[3], after[4] ?? from]).toEqual([
      to,
      from,
      from === 'QUEUED' ? 'CREATED' : 'QUEUED',
      from,
    ])
    const row = await db.one<Record<string, unknown>>(sql`
      SELECT error_code, ${raw(stamp)} IS NOT NULL AS stamped FROM agensium.tasks WHERE task_id = ${id(1)}`)
    expect(row).toEqual({ error_code: to === 'FAILED' ? 'TASK_TIMED_OUT' : null, stamped: true })
    expect(await db.rows(sql`SELECT action, row_id, command FROM steward.audit_log`)).toEqual([
      { action: to === 'FAILED' ? 'fail' : 'expire', row_id: id(1), command: 'maintain run' },
    ])
    expect(await expire(rule)).toMatchObject({ outcome: 'nothing', rows: 0n })
  })

  test("a profile's age holds in place of the declared one", async () => {
    await task(1, { status: `'QUEUED'`, queued_at: ago('2 hours') })
    expect(await expire(ruleOf(agensium, 'forgotten-tasks'))).toMatchObject({ outcome: 'nothing' })
    expect(await expire(ruleOf(agensium, 'forgotten-tasks', '1 hour'))).toMatchObject({ rows: 1n })
  })

  const lots = (rows: number) =>
    run(`INSERT INTO agensium.tasks (user_id, tool_id, agents, status, queued_at)
      SELECT 1, 'clean-my-data', '["a"]', 'QUEUED', now() - interval '2 days' - n * interval '1 second'
      FROM generate_series(1, ${rows}) AS n`)

  test('the oldest go first, no more than were asked for, and nothing that became due after the plan', async () => {
    await lots(30)
    await task(1, { status: `'QUEUED'`, queued_at: ago('9 days') })
    const rule = ruleOf(agensium, 'forgotten-tasks')
    const plan = await planExpiry(db, rule, { limit: 1 }, actor)
    expect(plan.rows).toBe(1n)
    expect(await expire(rule, { limit: 1, asOf: plan.asOf })).toMatchObject({ rows: 1n, why: '--limit 1' })
    expect((await statuses())[1]).toBe('EXPIRED')

    const { asOf } = await planExpiry(db, rule, {}, actor)
    await run(`UPDATE agensium.tasks SET queued_at = '${asOf}'::timestamptz - interval '1 day'
      WHERE task_id = (SELECT max(task_id) FROM agensium.tasks WHERE status = 'QUEUED')`)
    expect(await expire(rule, { asOf })).toMatchObject({ rows: 29n })
  })

  test('what refuses is named and stays, what another session holds is kept, and neither holds the others up', async () => {
    await lots(250)
    await task(1, { status: `'QUEUED'`, queued_at: ago('9 days') })
    await task(2, { status: `'QUEUED'`, queued_at: ago('8 days') })
    await run(`CREATE FUNCTION agensium.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.task_id = '${id(1)}' THEN RAISE check_violation USING CONSTRAINT = 'chk_status', TABLE = 'tasks'; END IF;
        RETURN NEW;
      END $$`)
    await run('CREATE TRIGGER refuse BEFORE UPDATE ON agensium.tasks FOR EACH ROW EXECUTE FUNCTION agensium.refuse()')
    const other = await connect(database.endpoint, { applicationName: 'holder', statementTimeoutMs: 0, poolSize: 1 })
    try {
      await other.transaction(async (holder) => {
        await holder.execute(sql`SELECT FROM agensium.tasks WHERE task_id = ${id(2)} FOR UPDATE`)
        const result = await expire(ruleOf(agensium, 'forgotten-tasks'))
        expect(result).toMatchObject({
          outcome: 'partial',
          rows: 250n,
          kept: [{ reason: 'in use by another transaction', rows: 1n }],
          failures: [expect.stringContaining(`task ${id(1)} `)],
        })
      })
    } finally {
      await other.close()
      await run('DROP FUNCTION agensium.refuse CASCADE')
    }
    expect(await expire(ruleOf(agensium, 'forgotten-tasks'))).toMatchObject({ outcome: 'done', rows: 2n })
  })

  test('a stop ends it after the batch in flight, whole batches are done, and the next run goes on', async () => {
    await lots(700)
    const stop = new AbortController()
    const result = await expire(
      ruleOf(agensium, 'forgotten-tasks'),
      {},
      { signal: stop.signal, batchMs: 1, onProgress: () => stop.abort(new InterruptedError('SIGTERM')) },
    )
    expect(result).toMatchObject({ outcome: 'interrupted', rows: 200n, batches: 1, why: 'SIGTERM' })
    const left = sql`SELECT count(*)::integer AS left FROM agensium.tasks WHERE status = 'QUEUED'`
    expect(await db.one(left)).toEqual({ left: 500 })
    expect(await expire(ruleOf(agensium, 'forgotten-tasks'))).toMatchObject({ outcome: 'done', rows: 500n })
  })

  test('nothing is written once the lease is lost', async () => {
    await lots(10)
    const rule = ruleOf(agensium, 'forgotten-tasks')
    await expect(
      asRun(database, ['agensium'], async (job) => {
        await run('UPDATE steward.leases SET token = token + 1')
        return applyExpiry(db, rule, job)
      }),
    ).rejects.toMatchObject({ exitCode: 8, code: 'lease-lost' })
    expect(await db.rows(sql`SELECT FROM agensium.tasks WHERE status <> 'QUEUED'`)).toEqual([])
    await run('TRUNCATE steward.leases')
  })

  test('old ones are marked as deleted once their files are gone, and what keeps the others is said', async () => {
    const done = { status: `'COMPLETED'`, completed_at: ago('399 days'), created_at: ago('400 days') }
    const cleaned = { inputs_cleaned_at: 'now()', outputs_cleaned_at: 'now()' }
    await task(1, { ...done, ...cleaned })
    await task(2, { ...done, inputs_cleaned_at: 'now()' })
    await task(3, { ...done, ...cleaned, deleted_at: `'2026-01-01'` })
    await task(4, { ...cleaned, status: `'COMPLETED'`, completed_at: 'now()' })
    const rule = ruleOf(agensium, 'old-tasks')
    const kept = [{ reason: 'its files are not deleted yet', rows: 1n }]
    expect(await planRetirement(db, rule)).toMatchObject({ rows: 1n, kept })
    const retire = () => asRun(database, ['agensium'], (job) => applyRetirement(db, rule, job))
    expect(await retire()).toMatchObject({ outcome: 'done', rows: 1n, kept })
    const rows = sql`
      SELECT right(task_id, 1) AS id, deleted_at > now() - interval '1 minute' AS now FROM agensium.tasks ORDER BY id`
    expect(await db.rows(rows)).toEqual([
      { id: '1', now: true },
      { id: '2', now: null },
      { id: '3', now: false },
      { id: '4', now: null },
    ])
    expect(await db.rows(sql`SELECT action, row_id FROM steward.audit_log`)).toEqual([
      { action: 'delete', row_id: id(1) },
    ])
    expect(await retire()).toMatchObject({ outcome: 'nothing', rows: 0n, kept })
  })
})

describe("AgentVine's workers and orders", () => {
  test('expire with all that hangs on them: assignment, execution and task', async () => {
    const worker = await db.one<{ id: string }>(sql`
      INSERT INTO agentvine.workers (name, worker_type, status, last_heartbeat_at, created_at)
      VALUES ('old', 'docs', 'idle', now() - interval '1 hour', now() - interval '1 day') RETURNING id`)
    await run(`INSERT INTO agentvine.workers (name, worker_type, status, last_heartbeat_at, created_at) VALUES
      ('well', 'docs', 'idle', now(), now() - interval '1 day'),
      ('new', 'docs', 'idle', NULL, now()),
      ('silent', 'docs', 'error', NULL, now() - interval '1 day'),
      ('off', 'docs', 'offline', NULL, now() - interval '1 day')`)
    const order = await db.one<{ id: string }>(sql`
      WITH task AS (
        INSERT INTO agentvine.tasks (title, task_type, permission_level, status, started_at)
        VALUES ('t', 'docs', 'autonomous', 'in_progress', now()) RETURNING id
      ),
      run AS (
        INSERT INTO agentvine.executions (task_id, worker_id, status, started_at)
        SELECT id, ${worker.id}::uuid, 'running', now() FROM task
      )
      INSERT INTO agentvine.work_orders (task_id, queue_name, status, claimed_at, expires_at)
      SELECT id, 'q', 'claimed', now(), now() - interval '1 second' FROM task
      RETURNING id`)
    await db.execute(sql`
      INSERT INTO agentvine.worker_assignments (worker_id, work_order_id, status)
      VALUES (${worker.id}::uuid, ${order.id}::uuid, 'active')`)

    const rule = ruleOf(agentvine, 'overdue-orders')
    const { consequences } = await planExpiry(db, rule, {}, actor)
    expect(consequences.map(({ entity, becomes, rows }) => [entity.name, becomes, rows])).toEqual([
      ['assignment', 'timeout', 1],
      ['execution', 'timeout', 1],
      ['task', 'failed', 1],
    ])
    expect(await expire(rule)).toMatchObject({ outcome: 'done', rows: 1n })
    const { state } = await db.one<{ state: string[] }>(sql`
      SELECT ARRAY[
        (SELECT status FROM agentvine.work_orders), (SELECT status FROM agentvine.worker_assignments),
        (SELECT status FROM agentvine.executions), (SELECT status FROM agentvine.tasks)
      ]::text[] AS state`)
    expect(state).toEqual(['expired', 'timeout', 'timeout', 'failed'])

    expect(await expire(ruleOf(agentvine, 'stale-workers'))).toMatchObject({ outcome: 'done', rows: 2n })
    const workers = sql`SELECT name, status FROM agentvine.workers ORDER BY name`
    expect(await db.rows(workers)).toEqual([
      { name: 'new', status: 'idle' },
      { name: 'off', status: 'offline' },
      { name: 'old', status: 'offline' },
      { name: 'silent', status: 'offline' },
      { name: 'well', status: 'idle' },
    ])
  })

  test('the plan tries many of them for a second only: what it tries is locked meanwhile', async () => {
    await run(`INSERT INTO agentvine.workers (name, worker_type, status, last_heartbeat_at)
      SELECT 'many ' || n, 'docs', 'busy', now() - interval '1 hour' FROM generate_series(1, 1200) AS n`)
    await run(`WITH task AS (
        INSERT INTO agentvine.tasks (title, task_type, permission_level, status, started_at)
        SELECT 'many ' || n, 'docs', 'autonomous', 'in_progress', now() FROM generate_series(1, 1200) AS n
        RETURNING id, title
      ),
      work AS (
        INSERT INTO agentvine.work_orders (task_id, queue_name, status, claimed_at)
        SELECT id, 'q', 'claimed', now() FROM task RETURNING id, task_id
      )
      INSERT INTO agentvine.worker_assignments (worker_id, work_order_id, status)
      SELECT worker.id, work.id, 'active'
      FROM work JOIN task ON task.id = work.task_id JOIN agentvine.workers AS worker ON worker.name = task.title`)
    const rule = ruleOf(agentvine, 'stale-workers')
    const all = await planExpiry(db, rule, {}, actor)
    expect(all).toMatchObject({ rows: 1200n, refused: [] })
    let clock = 0
    const slow = vi.spyOn(performance, 'now').mockImplementation(() => {
      clock += 2000
      return clock
    })
    try {
      const some = await planExpiry(db, rule, {}, actor)
      expect(some).toMatchObject({ rows: 1200n, rehearsed: 500, refused: [] })
      expect(some.consequences.find(({ entity }) => entity.name === 'assignment')?.rows).toBe(500)
    } finally {
      slow.mockRestore()
    }
    expect(await expire(rule)).toMatchObject({ outcome: 'done', rows: 1200n })
  })
})

function run(text: string): Promise<number> {
  return db.execute(raw(text))
}
