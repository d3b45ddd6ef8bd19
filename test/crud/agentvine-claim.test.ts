/** Fifty claimers over a thousand orders, and one that is killed in the middle of a claim (issue 3; decision 52). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, connectClaimer } from './agentvine-claimer.ts'

const ORDERS = 1000
const CLAIMERS = 50

let database: TestDatabase
let program: Program
beforeAll(async () => {
  database = await createTestDatabase()
  program = await bundleProgram(join(import.meta.dirname, 'agentvine-claimer.ts'))
  await database.db.execute(sql`
    INSERT INTO agentvine.workers (name, worker_type, status, max_concurrent_tasks)
    SELECT 'vine-' || n, 'feature', 'idle', 40 FROM generate_series(1, ${CLAIMERS + 1}::integer) AS n`)
  await database.db.execute(sql`
    WITH task AS (
      INSERT INTO agentvine.tasks (title, task_type, permission_level, status)
      SELECT 'Task ' || n, 'feature', 'autonomous', 'queued' FROM generate_series(1, ${ORDERS}::integer) AS n
      RETURNING id
    )
    INSERT INTO agentvine.work_orders (task_id, queue_name, enqueued_at)
    SELECT id, 'q', now() - row_number() OVER () * interval '1 second' FROM task`)
})
afterAll(async () => {
  await program.remove()
  await database.drop()
})

const childIsThere = sql`
  SELECT wait_event_type FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'steward:child' AND wait_event_type = 'Lock'`

it('claim each exactly once, and the one that is killed in between loses none', async () => {
  const { db, endpoint } = database
  const workers = (await db.rows<{ id: string }>(sql`SELECT id FROM agentvine.workers ORDER BY id`)).map(
    ({ id }) => id,
  )
  const [victim = '', ...others] = workers

  // The child takes twenty orders and then waits for the row of its worker, which is held here until the child is dead.
  const { host, port, user, password = '', database: name } = endpoint
  const killed = await db.transaction(async (tx) => {
    await tx.execute(sql`SELECT FROM agentvine.workers WHERE id = ${victim}::uuid FOR NO KEY UPDATE`)
    const args = [program.path, host, String(port), user, name, password, victim]
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    while ((await db.maybeOne(childIsThere)) === undefined) {
      expect(child.exitCode, 'the child ended before it could be killed').toBeNull()
      await sleep(10)
    }

    const exited = once(child, 'exit')
    const claimed = await Promise.all(
      [...others.entries()].map(([place, worker]) => claimAll(worker, 2 + (place % 5))),
    )
    // Everything but what the child holds: nobody waited for it, and nobody got it.
    expect(claimed.flat()).toHaveLength(ORDERS - 20)
    expect(new Set(claimed.flat()).size).toBe(ORDERS - 20)
    child.kill('SIGKILL')
    const [, signal] = await exited
    return signal
  })
  expect(killed).toBe('SIGKILL')

  // The server notices when it next talks to the client; then its orders are free again.
  const rest: string[] = []
  while (rest.length < 20) {
    const [worker = ''] = others
    rest.push(...(await claimAll(worker, 20)))
    if (rest.length < 20) await sleep(20)
  }
  const figures = await db.one(sql`
    SELECT
      (SELECT count(*) FROM agentvine.work_orders WHERE status = 'claimed' AND claimed_at IS NOT NULL) AS claimed,
      (SELECT count(DISTINCT work_order_id) FROM agentvine.worker_assignments WHERE status = 'active') AS assigned,
      (SELECT count(*) FROM agentvine.worker_assignments) AS assignments,
      (SELECT count(DISTINCT task_id) FROM agentvine.executions WHERE status = 'running') AS running,
      (SELECT count(*) FROM agentvine.executions) AS executions,
      (SELECT count(*) FROM agentvine.tasks AS t
       JOIN agentvine.work_orders AS o ON o.task_id = t.id
       JOIN agentvine.worker_assignments AS a ON a.work_order_id = o.id
       WHERE t.status = 'in_progress' AND t.assigned_to = a.worker_id) AS in_step,
      (SELECT count(*) FROM agentvine.worker_assignments WHERE worker_id = ${victim}::uuid) AS of_the_killed,
      (SELECT max(count) FROM (
         SELECT count(*) FROM agentvine.worker_assignments GROUP BY worker_id) AS each) <= 40 AS within_limits,
      (SELECT count(*) FROM steward.audit_log WHERE action = 'claim') AS audited`)
  const all = BigInt(ORDERS)
  expect(figures).toEqual({
    ...{ claimed: all, assigned: all, assignments: all, running: all, executions: all, in_step: all },
    ...{ of_the_killed: 0n, within_limits: true, audited: all },
  })

  /** Until there is nothing left, or the worker has all that it may have. */
  async function claimAll(worker: string, limit: number): Promise<string[]> {
    const session = await connectClaimer(endpoint)
    const claimed: string[] = []
    try {
      while (claimed.length + limit <= 40) {
        const ids = await claim(session, worker, limit)
        claimed.push(...ids)
        if (ids.length === 0) break
      }
      return claimed
    } finally {
      await session.close()
    }
  }
}, 60_000)
