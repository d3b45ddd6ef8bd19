/** Queues: many claimers, each row for one of them, and what happens when one dies. */
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { claimRows } from '../../src/crud/claim.ts'
import { moveRows } from '../../src/crud/transition.ts'
import { unitOfWork } from '../../src/crud/unit-of-work.ts'
import { connect } from '../../src/db/connect.ts'
import type { Transition } from '../../src/model/lifecycle.ts'
import { sql } from '../../src/model/sql.ts'
import { type Fleet, fleetScope, newOrder, newWorker, statesOf, useFleet } from './operations-fixture.ts'
import { actor } from './write-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./operations-system.ts')).fleetRegistry())

const CLAIMERS = 50
const ORDERS = 1_000

let database: Fleet['database']
let db: Fleet['db']
let run: Fleet['run']
useFleet((made) => {
  ;({ database, db, run } = made)
})

let worker: string
beforeAll(async () => {
  worker = await newWorker(db, 'worker')
})
beforeEach(() => db.execute(sql`TRUNCATE fleet.tasks, fleet.orders, fleet.assignments, fleet.executions CASCADE`))

function transition(verb: string): Transition {
  const found = fleetScope('order').entity.lifecycle?.transitions.find((one) => one.verb === verb)
  if (!found) throw new Error(`no transition ${verb}`)
  return found
}

/** Something that one waits for and another gives. */
function signal(): [give: () => void, given: Promise<void>] {
  let give: () => void = () => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return [give, given]
}

describe('many claimers', () => {
  it('get each order exactly once, and what a killed one held is claimed by another', {
    timeout: 60_000,
  }, async () => {
    const scope = fleetScope('order')
    const claim = transition('claim')
    await db.execute(sql`
      WITH made AS (
        INSERT INTO fleet.tasks (title, status) SELECT 'Task ' || n, 'queued' FROM generate_series(1, ${ORDERS}::int) n
        RETURNING id
      )
      INSERT INTO fleet.orders (task_id, queue) SELECT id, 'default' FROM made`)
    const crowd = await connect(database.endpoint, {
      applicationName: 'steward:crowd',
      statementTimeoutMs: 60_000,
      poolSize: CLAIMERS,
    })
    const victim = await connect(database.endpoint, {
      applicationName: 'steward:victim',
      statementTimeoutMs: 60_000,
      poolSize: 1,
    })
    try {
      // It has claimed ten orders with all that belongs to them, and is killed before it commits.
      const [holds, isHolding] = signal()
      const [killed, isKilled] = signal()
      const first = await db.rows<{ id: bigint }>(sql`SELECT id FROM fleet.orders ORDER BY created_at, id LIMIT 10`)
      const doomed = victim
        .transaction(async (transaction) => {
          const ids = first.map(({ id }) => String(id))
          const { moved } = await moveRows(transaction, scope, claim, ids, { worker_id: worker }, actor)
          holds()
          await isKilled
          await transaction.execute(sql`SELECT 1`)
          return `claimed ${moved.length} for good`
        })
        .catch((error: unknown) => error)
      await isHolding
      const claimed: string[] = []
      const claimers = Array.from({ length: CLAIMERS }, async (_, index) => {
        // Some take one at a time, some several.
        const limit = (index % 5) + 1
        // As long as the others make it; one that failed ends the test.
        for (const deadline = Date.now() + 45_000; Date.now() < deadline; ) {
          const { moved } = await claimRows(crowd, scope, claim, { worker_id: worker }, { limit, filters: [], actor })
          claimed.push(...moved.map(({ after }) => String(after.id)))
          if (claimed.length >= ORDERS / 2) kill()
          if (claimed.length >= ORDERS) return
          // While the victim holds the last ones there is nothing to claim; they come back.
          if (moved.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
        }
      })
      let killing: Promise<unknown> | undefined
      function kill() {
        killing ??= db
          .execute(
            sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'steward:victim'`,
          )
          .then(killed)
      }
      await Promise.all(claimers)
      await killing
      expect(await doomed).toMatchObject({ code: 'connection-lost' })
      expect(claimed).toHaveLength(ORDERS)
      expect(new Set(claimed).size).toBe(ORDERS)
      expect(
        await db.one(sql`
          SELECT count(*) FILTER (WHERE o.status = 'claimed') AS claimed,
                 count(*) FILTER (WHERE t.status = 'in_progress') AS tasks,
                 (SELECT count(*) FROM fleet.assignments WHERE status = 'active') AS assignments,
                 (SELECT count(DISTINCT order_id) FROM fleet.assignments) AS assigned,
                 (SELECT count(*) FROM fleet.executions WHERE status = 'running') AS executions,
                 (SELECT count(*) FROM steward.audit_log WHERE entity = 'order' AND action = 'claim') AS audited
          FROM fleet.orders o JOIN fleet.tasks t ON t.id = o.task_id`),
      ).toEqual(
        Object.fromEntries(
          ['claimed', 'tasks', 'assignments', 'assigned', 'executions', 'audited'].map((key) => [
            key,
            BigInt(ORDERS),
          ]),
        ),
      )
    } finally {
      await victim.close()
      await crowd.close()
    }
  })
})

describe('claim', () => {
  const claim = (...argv: string[]) => run(['order', 'claim', '--worker-id', 'worker', '--json', ...argv])

  it('takes the most urgent first, whatever its letters, and the oldest of those', async () => {
    const made: string[] = []
    for (const priority of ['low', 'critical', 'normal', 'high', 'critical']) {
      const { order } = await newOrder(db, priority)
      await db.execute(sql`UPDATE fleet.orders SET priority = ${priority} WHERE id = ${order}::bigint`)
      made.push(order)
    }
    const { stdout } = await claim('--limit', '4')
    const [low, critical, normal, high, later] = made
    expect(JSON.parse(stdout).map(({ id }: { id: number }) => String(id))).toEqual([critical, later, high, normal])
    expect(await statesOf(db, low ?? '')).toMatchObject({ order: 'pending' })
  })

  it('takes from the queues that are asked for, and none whose time has passed', async () => {
    const { order: expired } = await newOrder(db, 'Late', 'fast')
    await db.execute(sql`UPDATE fleet.orders SET expires_at = now() - interval '1 s' WHERE id = ${expired}::bigint`)
    await newOrder(db, 'Slow', 'slow')
    const { order } = await newOrder(db, 'Fast', 'fast')
    const { stdout } = await claim('--queue', 'fast', '--limit', '5')
    expect(JSON.parse(stdout)).toMatchObject([{ id: Number(order), status: 'claimed' }])
    const late = await claim(expired)
    expect([late.exitCode, late.stderr]).toEqual([5, expect.stringContaining('its expires_at')])
    expect((await claim(order, '--queue', 'fast')).exitCode).toBe(2)
  })

  it('passes over an order whose task is not in the queue, says so, and takes the next', async () => {
    const { order: stray } = await newOrder(db, 'Stray')
    const { order } = await newOrder(db, 'Build')
    await db.execute(sql`UPDATE fleet.tasks SET status = 'failed', failed_at = now() WHERE title = 'Stray'`)
    const first = await claim('--limit', '2')
    expect(JSON.parse(first.stdout)).toMatchObject([{ id: Number(order), status: 'claimed' }])
    expect(first.stderr).toContain(`${stray} was passed over: task `)
    expect(first.stderr).toContain('is failed, and start needs queued')
    expect(await statesOf(db, stray)).toMatchObject({ order: 'pending' })
    expect((await claim(stray)).exitCode).toBe(5)
  })

  it('says that there is nothing, in machine formats by an empty list', async () => {
    const none = await claim()
    expect(none).toMatchObject({ exitCode: 0, stderr: 'There are no orders to claim.\n' })
    expect(JSON.parse(none.stdout)).toEqual([])
    const lines = await run(['order', 'claim', '--worker-id', 'worker', '-o', 'ndjson'])
    expect(lines).toMatchObject({ exitCode: 0, stdout: '' })
    const people = await run(['order', 'claim', '--worker-id', 'worker'])
    expect(people).toMatchObject({ exitCode: 0, stdout: '', stderr: 'There are no orders to claim.\n' })
    // A claimer that does not exist is told so all the same.
    expect((await run(['order', 'claim', '--worker-id', 'nobody'])).exitCode).toBe(5)
  })

  it('takes nothing with --dry-run', async () => {
    const { order } = await newOrder(db, 'Build')
    const { stdout } = await claim('--dry-run')
    expect(JSON.parse(stdout)).toMatchObject([{ id: Number(order), status: 'claimed' }])
    expect(await statesOf(db, order)).toMatchObject({ order: 'pending', assignments: null })
  })

  it('passes over what another session is taking', async () => {
    const { order: first } = await newOrder(db, 'One')
    const { order: second } = await newOrder(db, 'Two')
    await db.transaction(async (transaction) => {
      await transaction.execute(sql`SELECT FROM fleet.orders WHERE id = ${first}::bigint FOR UPDATE`)
      const { stdout } = await claim('--limit', '2')
      expect(JSON.parse(stdout)).toMatchObject([{ id: Number(second) }])
    })
  })
})

describe('a deadlock', () => {
  it('is tried again, and nothing is done twice', async () => {
    const [one, two] = [await newOrder(db, 'One'), await newOrder(db, 'Two')]
    const raise = (id: string) => sql`UPDATE fleet.orders SET retry_count = retry_count + 1 WHERE id = ${id}::bigint`
    let tries = 0
    let ready = 0
    const [bothReady, both] = signal()
    const writer = (from: string, to: string) =>
      unitOfWork(db, false, async (transaction) => {
        tries++
        await transaction.execute(sql`SET LOCAL deadlock_timeout = '50ms'`)
        await transaction.execute(raise(from))
        if (++ready >= 2) bothReady()
        await both
        await transaction.execute(raise(to))
      })
    await Promise.all([writer(one.order, two.order), writer(two.order, one.order)])
    expect(tries).toBe(3)
    expect(await db.rows(sql`SELECT retry_count FROM fleet.orders`)).toEqual([{ retry_count: 2 }, { retry_count: 2 }])
  })
})
