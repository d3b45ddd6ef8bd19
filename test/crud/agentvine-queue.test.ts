/** AgentVine's queue as operators and workers use it: what happens to an order happens to all that is in step with it. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'
import { agentvineFaults } from '../systems/support/agentvine-faults.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

// Whatever a test did, succeeded or was refused: everything is in step, and nothing is left for the next one.
afterEach(async () => {
  for (const [fault, question] of Object.entries(agentvineFaults)) {
    expect(await database.db.rows(raw(question)), fault).toEqual([])
  }
  await database.db.execute(sql`DELETE FROM agentvine.tasks`)
})

const run = (...argv: string[]): Promise<CliResult> =>
  runCli(['agentvine', ...argv], { env: { DATABASE_URL: database.url } })

/** The output as data; the command must succeed. */
async function json(...argv: string[]) {
  const { exitCode, stdout, stderr } = await run(...argv, '--json')
  expect(exitCode, `${argv.join(' ')}\n${stderr}`).toBe(0)
  return JSON.parse(stdout)
}

async function refused(...argv: string[]): Promise<string> {
  const { exitCode, stderr, stdout } = await run(...argv)
  expect([exitCode, stdout], stderr).toEqual([5, ''])
  return stderr
}

async function createTask(title = 'Build'): Promise<string> {
  const required = ['--title', title, '--task-type', 'feature', '--permission-level', 'autonomous']
  return (await json('task', 'create', ...required)).id
}

/** A worker that is there. */
async function createWorker(...more: string[]): Promise<string> {
  const { id } = await json('worker', 'create', '--name', 'vine', '--worker-type', 'feature', ...more)
  await json('worker', 'heartbeat', id)
  return id
}

/** An order that the worker has claimed, of a task of its own. */
async function claimed(worker: string, ...more: string[]): Promise<{ order: string; task: string }> {
  const task = await createTask()
  const { id: order } = await json('work-order', 'enqueue', '--task-id', task, '--queue-name', 'q', ...more)
  await json('work-order', 'claim', order, '--worker', worker)
  return { order, task }
}

/** The states of all that is in step: worker, task, order, assignments and executions in the order of time. */
async function states(worker: string, task: string): Promise<string> {
  const { line } = await database.db.one<{ line: string }>(sql`
    SELECT concat_ws(' ',
      (SELECT status FROM agentvine.workers WHERE id = ${worker}::uuid),
      (SELECT status FROM agentvine.tasks WHERE id = ${task}::uuid),
      (SELECT string_agg(status, ',' ORDER BY enqueued_at) FROM agentvine.work_orders WHERE task_id = ${task}::uuid),
      (SELECT string_agg(a.status, ',' ORDER BY a.assigned_at)
       FROM agentvine.worker_assignments AS a
       JOIN agentvine.work_orders AS o ON o.id = a.work_order_id
       WHERE o.task_id = ${task}::uuid),
      (SELECT string_agg(status, ',' ORDER BY started_at) FROM agentvine.executions WHERE task_id = ${task}::uuid)
    ) AS line`)
  return line
}

describe('an order', () => {
  it('is enqueued, claimed and completed, and everything with it', async () => {
    const worker = await createWorker()
    const { order, task } = await claimed(worker, '--payload', '{"goal": "all"}')
    expect(await states(worker, task)).toBe('busy in_progress claimed active running')
    const { instants } = await database.db.one(sql`
      SELECT count(DISTINCT instant) AS instants
      FROM agentvine.work_orders AS o
      JOIN agentvine.worker_assignments AS a ON a.work_order_id = o.id
      JOIN agentvine.executions AS e ON e.task_id = o.task_id
      CROSS JOIN LATERAL unnest(ARRAY[o.claimed_at, a.assigned_at, e.started_at]) AS instant
      WHERE o.id = ${order}::uuid`)
    expect(instants, 'claimed, assigned and started at the same instant').toBe(1n)
    const outcome = ['--result', '{"pull_request": 7}', '--exit-code', '0', '--metrics', '{"tokens": 900}']
    await json('work-order', 'complete', order, ...outcome)
    expect(await states(worker, task)).toBe('idle completed completed completed completed')
    const { result, payload } = await json('work-order', 'get', order)
    expect({ result, payload }).toEqual({ result: { pull_request: 7 }, payload: { goal: 'all' } })
    const [execution] = await json('execution', 'list', '--filter', `task_id=${task}`)
    expect(execution).toMatchObject({ exit_code: 0, metrics: { tokens: 900 }, worker_id: worker })
    expect(await json('task', 'get', task)).toMatchObject({ assigned_to: worker, deleted_at: null })
  })

  it('that fails is tried again while it has retries, then its task fails; requeue gives it another life', async () => {
    const worker = await createWorker()
    const { order, task } = await claimed(worker, '--max-retries', '1')
    await json('work-order', 'fail', order, '--error-message', 'Tests failed', '--exit-code', '1')
    expect(await states(worker, task)).toBe('idle queued pending failed failed')
    expect(await json('work-order', 'get', order)).toMatchObject({
      ...{ retry_count: 1, claimed_at: null, completed_at: null, error_message: 'Tests failed' },
    })
    await json('work-order', 'claim', '--worker', worker)
    await json('work-order', 'fail', order, '--error-message', 'Tests failed again')
    expect(await states(worker, task)).toBe('idle failed failed failed,failed failed,failed')
    expect(await refused('work-order', 'fail', order, '--error-message', 'x')).toContain(
      'is failed, and fail needs claimed; from failed there is requeue (to pending)',
    )
    await json('work-order', 'requeue', order)
    expect(await states(worker, task)).toBe('idle queued pending failed,failed failed,failed')
    expect(await json('work-order', 'get', order)).toMatchObject({ retry_count: 0, error_message: null })
  })

  it('that times out goes the same way', async () => {
    const worker = await createWorker()
    const { order, task } = await claimed(worker, '--max-retries', '0')
    await json('work-order', 'timeout', order)
    expect(await states(worker, task)).toBe('idle failed failed timeout timeout')
  })

  it('that nobody claims in time is not offered, and expires: its task is pending again', async () => {
    const worker = await createWorker()
    const task = await createTask()
    const times = ['--expires-at', '2026-01-01T00:00:00Z']
    const { id } = await json('work-order', 'enqueue', '--task-id', task, '--queue-name', 'q', ...times)
    expect(await json('work-order', 'claim', '--worker', worker)).toEqual([])
    expect(await refused('work-order', 'claim', id, '--worker', worker)).toContain('its expires_at')
    const plan = await run('work-order', 'expire-overdue', '--dry-run')
    expect(plan.stdout).toContain(id)
    expect(await states(worker, task)).toBe('idle queued pending')
    await run('work-order', 'expire-overdue', '--yes')
    expect(await states(worker, task)).toBe('idle pending expired')
    // It may be queued anew, or the expired order put back, without its time.
    await json('work-order', 'requeue', id)
    expect(await states(worker, task)).toBe('idle queued pending')
    expect(await json('work-order', 'claim', '--worker', worker)).toHaveLength(1)
  })

  it('that expires in a worker’s hands takes its task along', async () => {
    const worker = await createWorker()
    const { order, task } = await claimed(worker)
    await json('work-order', 'expire', order, '--yes')
    expect(await states(worker, task)).toBe('idle failed expired timeout timeout')
  })

  it('comes oldest first, of the queue that is asked for', async () => {
    const worker = await createWorker('--max-concurrent-tasks', '4')
    const ids: string[] = []
    for (const queue of ['docs', 'dev', 'docs']) {
      const task = await createTask()
      ids.push((await json('work-order', 'enqueue', '--task-id', task, '--queue-name', queue)).id)
    }
    const claim = (...more: string[]) => json('work-order', 'claim', '--worker', worker, ...more)
    expect((await claim('--queue-name', 'dev')).map(({ id }: { id: string }) => id)).toEqual([ids[1]])
    expect((await claim('--limit', '5')).map(({ id }: { id: string }) => id)).toEqual([ids[0], ids[2]])
  })

  it('is refused in words: no such task or worker, a second one, a task that is over', async () => {
    const task = await createTask()
    const enqueue = (id: string) => refused('work-order', 'enqueue', '--task-id', id, '--queue-name', 'q')
    const nobody = randomUUID()
    expect(await enqueue(nobody)).toContain(`task_id names task ${nobody}, which does not exist`)
    await json('task', 'queue', task, '--queue-name', 'q')
    expect(await enqueue(task)).toContain('task_id has an open work order already')
    expect(await refused('work-order', 'claim', '--worker', nobody)).toContain(
      `worker names worker ${nobody}, which does not exist`,
    )
    await json('task', 'cancel', task, '--yes')
    expect(await enqueue(task)).toContain('task_id is cancelled, and an order is made for a pending task')
    expect((await run('work-order', 'complete', nobody)).exitCode).toBe(4)
    expect(await refused('work-order', 'claim')).toContain('worker')
  })
})

describe('a worker', () => {
  it('claims nothing when it is offline, in error, draining or has all that it may have; nothing is half done', async () => {
    const worker = await createWorker()
    const { task } = await claimed(worker)
    const other = await createTask()
    await json('task', 'queue', other, '--queue-name', 'q')
    const why = () => refused('work-order', 'claim', '--worker', worker)
    expect(await why()).toContain('already has 1 active assignment, and max_concurrent_tasks allows 1')
    await json('worker', 'update', worker, '--max-concurrent-tasks', '2')
    await json('worker', 'drain', worker)
    expect(await why()).toContain('is draining')
    expect(await refused('worker', 'drain', worker)).toContain('is draining already')
    await json('worker', 'resume', worker)
    expect(await refused('worker', 'resume', worker)).toContain('is not draining (draining_at is not set)')
    await json('worker', 'heartbeat', worker, '--status', 'error', '--version', '2.0')
    expect(await why()).toContain('is in error')
    expect(await states(worker, task)).toBe('error in_progress claimed active running')
    // It recovers to what its assignments say.
    await json('worker', 'heartbeat', worker, '--status', 'idle')
    expect(await json('worker', 'get', worker)).toMatchObject({ status: 'busy', version: '2.0' })
    await json('worker', 'offline', worker, '--yes')
    expect(await why()).toContain('is offline')
    expect(await states(worker, other)).toBe('offline queued pending')
  })

  it('that goes offline loses its orders to the queue; with its next heartbeat it is there again', async () => {
    const worker = await createWorker()
    const { order, task } = await claimed(worker)
    await json('worker', 'offline', worker, '--yes')
    expect(await states(worker, task)).toBe('offline queued pending timeout timeout')
    expect(await refused('worker', 'offline', worker, '--yes')).toContain(
      'is offline, and offline needs idle or busy or error; from offline there are heartbeat (to idle), heartbeat (to error)',
    )
    await json('worker', 'heartbeat', worker)
    await json('work-order', 'claim', order, '--worker', worker)
    expect(await states(worker, task)).toBe('busy in_progress claimed timeout,active timeout,running')
  })

  it('that has been silent for 90 s is reaped, and no other', async () => {
    const [silent, alive] = [await createWorker(), await createWorker()]
    const [lost, kept] = [await claimed(silent), await claimed(alive)]
    await database.db.execute(sql`
      UPDATE agentvine.workers SET last_heartbeat_at = now() - interval '91 s' WHERE id = ${silent}::uuid`)
    await database.db.execute(sql`
      UPDATE agentvine.workers SET last_heartbeat_at = now() - interval '60 s' WHERE id = ${alive}::uuid`)
    const plan = await run('worker', 'reap', '--dry-run')
    expect(plan.stdout).toContain(silent)
    expect(plan.stdout).not.toContain(alive)
    expect(await states(silent, lost.task)).toBe('busy in_progress claimed active running')
    expect((await run('worker', 'reap', '--yes')).exitCode).toBe(0)
    expect(await states(silent, lost.task)).toBe('offline queued pending timeout timeout')
    expect(await states(alive, kept.task)).toBe('busy in_progress claimed active running')
  })

  it('that is reaped with an order that has no retries left: order and task fail, and the plan says so', async () => {
    const worker = await createWorker('--max-concurrent-tasks', '2')
    const [last, again] = [await claimed(worker, '--max-retries', '0'), await claimed(worker)]
    await database.db.execute(sql`
      UPDATE agentvine.workers SET last_heartbeat_at = now() - interval '91 s' WHERE id = ${worker}::uuid`)
    const { stdout } = await run('worker', 'reap', '--dry-run')
    for (const state of ['failed', 'pending']) {
      expect(stdout).toMatch(new RegExp(`1 +work order +becomes? ${state} .timeout.`))
    }
    expect((await run('worker', 'reap', '--yes')).exitCode).toBe(0)
    expect(await states(worker, last.task)).toBe('offline failed failed timeout timeout')
    expect(await states(worker, again.task)).toBe('offline queued pending timeout timeout')
  })

  it('is not deleted at work; later it is, and its history stays', async () => {
    const worker = await createWorker()
    const { order, task } = await claimed(worker)
    const { exitCode, stderr } = await run('worker', 'delete', worker, '--yes')
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('worker_assignments still refer to this row')])
    await json('work-order', 'complete', order)
    expect((await run('worker', 'delete', worker, '--yes')).exitCode).toBe(0)
    const [execution] = await json('execution', 'list', '--filter', `task_id=${task}`)
    expect(execution).toMatchObject({ status: 'completed', worker_id: null })
  })
})

describe('a task', () => {
  it('waits for what it depends on, and goes on by itself', async () => {
    const worker = await createWorker()
    const [first, second] = [await createTask('Build'), await createTask('Ship')]
    await json('dependency', 'add', second, first)
    expect(await states(worker, second)).toBe('idle blocked')
    expect(await refused('task', 'queue', second, '--queue-name', 'q')).toContain(
      'is blocked, and queue needs pending',
    )
    expect(await refused('task', 'unblock', second)).toContain(`waits for task Build (${first}), which is pending`)
    expect(await refused('work-order', 'enqueue', '--task-id', second, '--queue-name', 'q')).toContain('is blocked')
    expect(await refused('dependency', 'add', first, second)).toContain('would wait for itself')
    await json('task', 'queue', first, '--queue-name', 'q')
    const [{ id: order }] = await json('work-order', 'claim', '--worker', worker)
    await json('work-order', 'complete', order)
    expect(await states(worker, second)).toBe('idle pending')
    await json('task', 'queue', second, '--queue-name', 'q')
    expect(await states(worker, second)).toBe('idle queued pending')
  })

  it('that is queued leaves the queue when it comes to wait', async () => {
    const worker = await createWorker()
    const [first, second] = [await createTask(), await createTask()]
    await json('task', 'queue', second, '--queue-name', 'q')
    await json('dependency', 'add', second, first)
    expect(await states(worker, second)).toBe('idle blocked expired')
    await json('dependency', 'remove', second, first, '--yes')
    expect(await states(worker, second)).toBe('idle pending expired')
  })

  it.each([
    ['complete', [], 'idle completed completed completed completed'],
    ['fail', ['--error-message', 'No way'], 'idle failed failed failed failed'],
    ['cancel', ['--yes'], 'idle cancelled failed failed cancelled'],
  ])('that is ended by hand (%s) ends everything with it', async (verb, more, expected) => {
    const worker = await createWorker()
    const { task } = await claimed(worker)
    await json('task', verb, task, ...more)
    expect(await states(worker, task)).toBe(expected)
  })

  it('that is worked on outside of the queue leaves it, and is reopened when it failed', async () => {
    const worker = await createWorker()
    const task = await createTask()
    await json('task', 'queue', task, '--queue-name', 'q')
    await json('task', 'start', task, '--assigned-to', worker)
    expect(await states(worker, task)).toBe('idle in_progress expired')
    await json('task', 'fail', task, '--error-message', 'Given up')
    await json('task', 'reopen', task)
    expect(await json('task', 'get', task)).toMatchObject({
      ...{ status: 'pending', started_at: null, completed_at: null, assigned_to: null },
    })
    expect(await refused('task', 'complete', task)).toContain(
      'is pending, and complete needs in_progress; from pending there are queue (to queued), start (to in_progress), block (to blocked), cancel (to cancelled)',
    )
  })

  it('is deleted softly, but not while a worker may be at it', async () => {
    const worker = await createWorker()
    const task = await createTask()
    await json('task', 'queue', task, '--queue-name', 'q')
    const { exitCode, stderr } = await run('task', 'delete', task, '--yes')
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('a worker may be at it; cancel it first')])
    await json('task', 'cancel', task, '--yes')
    expect((await run('task', 'delete', task, '--yes')).exitCode).toBe(0)
    expect(await json('task', 'list')).toEqual([])
    expect(await refused('task', 'reopen', task)).toContain('is deleted')
    expect(await refused('work-order', 'enqueue', '--task-id', task, '--queue-name', 'q')).toContain('deleted')
    await json('task', 'restore', task)
    await json('task', 'reopen', task)
    expect(await states(worker, task)).toBe('idle pending expired')
  })

  it('says everything that is wrong with it at once', async () => {
    const wrong = ['--task-type', 'dance', '--repository-url', 'ftp://x', '--context', '{"capabilities": "all"}']
    const text = await refused('task', 'create', '--title', ' ', '--permission-level', 'none', ...wrong)
    for (const field of ['title', 'task_type', 'permission_level', 'repository_url', 'context']) {
      expect(text).toMatch(new RegExp(`^ {2}${field} `, 'm'))
    }
    const task = await createTask()
    expect(await refused('task', 'update', task, '--parent-task-id', task)).toContain('must be another task')
  })
})

it('bulk: every task of a filter is queued, each with its order', async () => {
  for (const title of ['A', 'B', 'C']) await createTask(title)
  const argv = ['task', 'queue', '--task-type', 'feature', '--queue-name', 'q', '--yes']
  const { exitCode, stderr } = await run(...argv)
  expect(exitCode, stderr).toBe(0)
  expect(await json('work-order', 'count', '--status', 'pending')).toMatchObject({ count: 3 })
})
