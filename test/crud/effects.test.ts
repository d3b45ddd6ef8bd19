/** Effects of transitions (decision 52), from end to end: order, assignment, execution and task stay in step. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { applyEffects } from '../../src/crud/effects.ts'
import { transitionRows } from '../../src/crud/transition.ts'
import { sql } from '../../src/model/sql.ts'
import { type Fleet, fleetScope, newOrder, newWorker, statesOf, useFleet } from './operations-fixture.ts'
import { actor, auditOf, refusal } from './write-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./operations-system.ts')).fleetRegistry())

let db: Fleet['db']
let run: Fleet['run']
useFleet((made) => {
  ;({ db, run } = made)
})

let worker: string
let name: string
let count = 0
beforeEach(async () => {
  name = `worker-${++count}`
  worker = await newWorker(db, name)
})

/** Claims a new order for the worker. */
async function claimed() {
  const made = await newOrder(db, `Task ${count}`)
  expect((await run(['order', 'claim', made.order, '--worker-id', name])).exitCode).toBe(0)
  return made
}

describe('claiming and ending an order', () => {
  it('makes an assignment and an execution and moves the task', async () => {
    const { task, order } = await newOrder(db, 'Build')
    const done = await run(['order', 'claim', order, '--worker-id', name, '--json'])
    expect([done.exitCode, JSON.parse(done.stdout)[0]]).toMatchObject([0, { status: 'claimed' }])
    expect(done.stderr).toBe(
      'With it: 1 assignment is created; 1 execution is created; 1 task becomes in_progress (start).\n',
    )
    expect(await statesOf(db, order)).toEqual({
      order: 'claimed',
      retries: 0,
      task: 'in_progress',
      assignments: ['active'],
      executions: ['running'],
    })
    const entries = await auditOf(db, task)
    expect(entries.at(-1)).toMatchObject({ entity: 'task', action: 'start', command: 'fleet order claim' })
  })

  it('closes all four when it is completed, and stamps their end times', async () => {
    const { task, order } = await claimed()
    await run(['order', 'complete', order])
    expect(await statesOf(db, order)).toMatchObject({
      order: 'completed',
      task: 'completed',
      assignments: ['completed'],
      executions: ['completed'],
    })
    const row = await db.one(
      sql`SELECT progress, completed_at IS NOT NULL AS ended, failed_at FROM fleet.tasks WHERE id = ${task}::uuid`,
    )
    expect(row).toEqual({ progress: 100, ended: true, failed_at: null })
    // An end time for each state: none of them outlives the way back.
    await run(['task', 'reopen', task])
    expect(await db.one(sql`SELECT completed_at FROM fleet.tasks WHERE id = ${task}::uuid`)).toEqual({
      completed_at: null,
    })
  })

  it('returns to the queue while it has retries left, then fails with its task', async () => {
    const { task, order } = await claimed()
    const fail = () => run(['order', 'fail', order, '--error', 'no disk left', '--json'])
    expect(JSON.parse((await fail()).stdout)).toMatchObject({ status: 'pending', retry_count: 1, claimed_at: null })
    expect(await statesOf(db, order)).toMatchObject({
      task: 'queued',
      assignments: ['failed'],
      executions: ['failed'],
    })
    await run(['order', 'claim', order, '--worker-id', worker])
    expect(JSON.parse((await fail()).stdout)).toMatchObject({ status: 'failed', retry_count: 1 })
    expect(await statesOf(db, order)).toMatchObject({ task: 'failed', assignments: ['failed', 'failed'] })
    expect(await db.one(sql`SELECT failure FROM fleet.tasks WHERE id = ${task}::uuid`)).toEqual({
      failure: 'no disk left',
    })
  })

  it('goes both ways at once for many', async () => {
    const [first, second] = [await claimed(), await claimed()]
    await db.execute(sql`UPDATE fleet.orders SET retry_count = 1 WHERE id = ${second.order}::bigint`)
    const done = await run(['order', 'fail', first.order, second.order, '--error', 'x', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject([{ status: 'pending' }, { status: 'failed' }])
    expect(await statesOf(db, first.order)).toMatchObject({ task: 'queued' })
    expect(await statesOf(db, second.order)).toMatchObject({ task: 'failed' })
  })

  it('lets one of two writers win, and tells the other', async () => {
    const { order } = await claimed()
    const scope = fleetScope('order')
    const transitions = scope.entity.lifecycle?.transitions ?? []
    const [complete, fail] = ['complete', 'fail'].map((verb) => transitions.find((one) => one.verb === verb))
    if (!complete || !fail) throw new Error('no transitions')
    const outcomes = await Promise.allSettled([
      transitionRows(db, scope, complete, [order], {}, { actor }),
      transitionRows(db, scope, fail, [order], { error: 'x' }, { actor }),
    ])
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(lost).toHaveLength(1)
    expect(lost[0]?.reason.message).toMatch(
      /^order \d+ is (completed, and fail|pending, and complete) needs claimed; /,
    )
    expect(await statesOf(db, order)).toMatchObject(
      outcomes[0]?.status === 'fulfilled'
        ? { order: 'completed', task: 'completed', assignments: ['completed'], executions: ['completed'] }
        : { order: 'pending', task: 'queued', assignments: ['failed'], executions: ['failed'] },
    )
  })
})

describe('a refusal in an effect', () => {
  it('refuses the whole, naming the related row and its state', async () => {
    const { task, order } = await newOrder(db, 'Build')
    await db.execute(sql`UPDATE fleet.tasks SET status = 'completed' WHERE id = ${task}::uuid`)
    const wrong = await run(['order', 'claim', order, '--worker-id', worker])
    expect(wrong.exitCode).toBe(5)
    expect(wrong.stderr).toBe(
      `error: task ${task} is completed, and start needs queued; from completed there is reopen (to pending)\n` +
        'hint:  Nothing was changed, since this task is part of the change\n',
    )
    expect(await statesOf(db, order)).toMatchObject({ order: 'pending', assignments: null, executions: null })
  })

  it('holds the rules of creation for what is inserted', async () => {
    const { order } = await newOrder(db, 'Build')
    await run(['worker', 'offline', name])
    const wrong = await run(['order', 'claim', order, '--worker-id', name])
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      5,
      expect.stringContaining(`error: no assignment can be made for order ${order}: worker_id is offline\n`),
    ])
  })

  it('names the one row of many that the database refuses', async () => {
    const [first, second] = [await newOrder(db, 'One'), await newOrder(db, 'Two')]
    // What the partial unique index forbids: a second active assignment of one order.
    await db.execute(sql`
      INSERT INTO fleet.assignments (worker_id, order_id) VALUES (${worker}::uuid, ${second.order}::bigint)`)
    const wrong = await run(['order', 'claim', first.order, second.order, '--worker-id', name])
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      5,
      expect.stringContaining(`error: no assignment can be made for order ${second.order}: order_id is taken`),
    ])
    expect(await statesOf(db, first.order)).toMatchObject({ order: 'pending', assignments: null })
  })

  it('asks for inputs, and for rows that exist', async () => {
    const { order } = await newOrder(db, 'Build')
    const missing = await run(['order', 'claim', order])
    expect([missing.exitCode, missing.stderr]).toEqual([5, expect.stringContaining('worker_id is required')])
    const unknown = await run(['order', 'claim', order, '--worker-id', 'nobody'])
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      5,
      expect.stringContaining('worker_id names worker nobody, which does not exist'),
    ])
    const id = '00000000-0000-4000-8000-000000000000'
    const absent = await run(['order', 'claim', order, '--worker-id', id])
    expect([absent.exitCode, absent.stderr]).toEqual([
      5,
      expect.stringContaining(`names worker ${id}, which does not`),
    ])
  })
})

describe('a worker that goes', () => {
  it('shows what happens with it, and does just that, around a circle of declarations', async () => {
    const other = await newWorker(db, `${name}-other`)
    const orders = [await claimed(), await claimed()]
    const plan = await run(['worker', 'offline', name, other, '--dry-run'])
    expect(plan.stdout).toContain('2  assignments  become timeout (timeout)')
    expect(plan.stdout).toContain('2  orders       become pending (return)')
    expect(plan.stdout).toContain('2  executions   become timeout (timeout)')
    expect(plan.stdout).toContain('2  tasks        become queued (requeue)')
    expect(await statesOf(db, orders[0]?.order ?? '')).toMatchObject({ order: 'claimed' })
    const asked = await run(['worker', 'offline', name, other])
    expect(asked.exitCode).toBe(2)
    const done = await run(['worker', 'offline', name, other, '--yes'])
    expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('2 assignments become timeout')])
    for (const { order } of orders) {
      expect(await statesOf(db, order)).toEqual({
        order: 'pending',
        retries: 1,
        task: 'queued',
        assignments: ['timeout'],
        executions: ['timeout'],
      })
    }
  })
})

describe('transitions', () => {
  it('can stay where they are', async () => {
    const { task } = await claimed()
    const before = await db.one(sql`SELECT started_at FROM fleet.tasks WHERE id = ${task}::uuid`)
    for (const progress of ['20', '70']) {
      const done = await run(['task', 'progress', task, '--progress', progress, '--json'])
      expect(JSON.parse(done.stdout)).toMatchObject({ status: 'in_progress', progress: Number(progress) })
    }
    expect(await db.one(sql`SELECT started_at FROM fleet.tasks WHERE id = ${task}::uuid`)).toEqual(before)
  })

  it('have no command when they are internal', async () => {
    const { stdout } = await run(['task', '--help'])
    expect(stdout).not.toMatch(/^ {2}start /m)
    const { task } = await newOrder(db, 'Build')
    expect((await run(['task', 'queue', task])).stderr).toContain('is queued, and queue needs pending; nothing leads')
  })

  it('wait for dependencies, by id and in bulk', async () => {
    const made = await db.rows<{ id: string }>(sql`
      INSERT INTO fleet.tasks (title) VALUES ('Design'), ('Build') RETURNING id`)
    const [design = '', build = ''] = made.map(({ id }) => id)
    await db.execute(
      sql`INSERT INTO fleet.dependencies (task_id, waits_for) VALUES (${build}::uuid, ${design}::uuid)`,
    )
    const wrong = await run(['task', 'queue', build])
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      5,
      expect.stringContaining(`error: task ${build} waits for task`),
    ])
    const bulk = await run([
      'task',
      'queue',
      '--filter',
      'title in Design,Build',
      '--filter',
      'status=pending',
      '--yes',
      '--json',
    ])
    expect(bulk.exitCode).toBe(7)
    expect(JSON.parse(bulk.stdout)).toMatchObject({ counts: { moved: 1, failed: 1 }, failures: [{ id: build }] })
    expect(await db.rows(sql`SELECT status FROM fleet.orders WHERE task_id = ${design}::uuid`)).toEqual([
      { status: 'pending' },
    ])
  })

  it('leave deleted rows alone', async () => {
    const { task, order } = await claimed()
    await db.execute(sql`UPDATE fleet.tasks SET deleted_at = now() WHERE id = ${task}::uuid`)
    const wrong = await run(['task', 'progress', task, '--progress', '50'])
    expect([wrong.exitCode, wrong.stderr]).toEqual([5, expect.stringContaining('is deleted; restore brings it back')])
    // What does not have to move stays as it is.
    await run(['order', 'complete', order])
    expect(await statesOf(db, order)).toMatchObject({
      order: 'completed',
      task: 'in_progress',
      executions: ['completed'],
    })
  })

  it('show in a bulk plan what would happen to others', async () => {
    const { order } = await claimed()
    const plan = await run(['order', 'complete', '--filter', `id=${order}`, '--dry-run'])
    expect(plan.stdout).toContain('1  task        becomes completed (complete)')
    expect(await statesOf(db, order)).toMatchObject({ order: 'claimed' })
  })
})

describe('effects', () => {
  it('of a creation come with it, also from a file', async () => {
    const made = await run(['plan', 'create', '--owner', 'Ada', '--json'])
    const { id } = JSON.parse(made.stdout)
    expect(await db.rows(sql`SELECT name, place FROM fleet.stages WHERE plan_id = ${id}`)).toEqual([
      { name: 'Ada', place: 1 },
    ])
    const wrong = await run(['plan', 'create', '--owner', 'forbidden'])
    expect([wrong.exitCode, wrong.stderr]).toEqual([5, expect.stringContaining('name must not be forbidden')])
    const stdin = '{"owner":"Bo"}\n{"owner":"forbidden"}\n{"owner":"Cy"}\n'
    const some = await run(['plan', 'import', '-', '--format', 'ndjson', '--keep-going', '--json'], { stdin })
    expect([some.exitCode, some.stderr]).toEqual([
      7,
      expect.stringMatching(/line 2: no stage can be made for plan \d+: name must not be forbidden/),
    ])
    const owners = sql`SELECT p.owner, s.name FROM fleet.plans p LEFT JOIN fleet.stages s ON s.plan_id = p.id ORDER BY 1`
    expect(await db.rows(owners)).toEqual(['Ada', 'Bo', 'Cy'].map((owner) => ({ owner, name: owner })))
  })

  it('of a circle of inserts are refused as a fault of the declarations', async () => {
    const scope = fleetScope('plan')
    const again = { insert: 'plan', values: { owner: { row: 'owner' } } } as const
    const circle = { ...scope.entity, onCreate: [again] }
    const round = {
      ...scope,
      entity: circle,
      system: { ...scope.system, entities: scope.system.entities.map((one) => (one.name === 'plan' ? circle : one)) },
    }
    const rows = [{ row: { id: 1n, owner: 'Eve' }, given: {} }]
    await expect(
      db.transaction((transaction) => applyEffects(transaction, round, [again], rows, actor)),
    ).rejects.toThrow('the effects of plan go round in a circle')
  })

  it('name a row that must move and cannot', async () => {
    const { order } = await claimed()
    const scope = fleetScope('order')
    const rows = [{ row: await db.one(sql`SELECT * FROM fleet.orders WHERE id = ${order}::bigint`), given: {} }]
    const { error } = await refusal(
      db.transaction((transaction) =>
        applyEffects(transaction, scope, [{ move: 'start', of: { parent: 'task_id' }, required: true }], rows, actor),
      ),
    )
    expect(error.message).toMatch(/^task [0-9a-f-]+ is in_progress, and start needs queued; /)
  })
})
