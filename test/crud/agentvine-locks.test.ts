/**
 * Whoever changes an order, its task or its worker locks the order first: two who come from different sides wait one for
 * the other, and never for each other, which would cost both a second and one of them its work (issue 3).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { scopeOf } from '../../src/crud/scope.ts'
import { lifecycleOf, transitionRows } from '../../src/crud/transition.ts'
import type { Database } from '../../src/db/database.ts'
import { sql } from '../../src/model/sql.ts'
import { entityNamed } from '../../src/model/system.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { actor, claim, connectClaimer, orders } from './agentvine-claimer.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

interface Ids {
  readonly order: string
  readonly task: string
  readonly worker: string
}

/** An order in the hands of a worker. */
async function claimed(db: Database): Promise<Ids> {
  const { worker, task, order } = await database.db.one<Ids>(sql`
    WITH worker AS (
      INSERT INTO agentvine.workers (name, worker_type, status) VALUES ('vine', 'feature', 'idle') RETURNING id
    ), task AS (
      INSERT INTO agentvine.tasks (title, task_type, permission_level, status)
      VALUES ('Build', 'feature', 'autonomous', 'queued')
      RETURNING id
    ), work_order AS (
      INSERT INTO agentvine.work_orders (task_id, queue_name) SELECT id, 'q' FROM task RETURNING id
    )
    SELECT worker.id AS worker, task.id AS task, work_order.id AS "order" FROM worker, task, work_order`)
  expect(await claim(db, worker, 1)).toEqual([order])
  return { worker, task, order }
}

async function move(db: Database, entityName: string, verb: string, id: string): Promise<string> {
  const entity = entityNamed(agentvine, entityName)
  const declared = entity && lifecycleOf(entity).transitions.find((transition) => transition.verb === verb)
  if (!declared) throw new RangeError(verb)
  const moved = await transitionRows(db, scopeOf(orders, entity), declared, [id], {}, { actor })
  return String(moved[0]?.after.status)
}

const waiting = (name: string) => sql`
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = ${name} AND wait_event_type = 'Lock'`
const connected = sql`
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND application_name IN ('steward:first', 'steward:second')`

it.each([
  ['worker', 'offline'],
  ['task', 'cancel'],
] as const)('%s %s and work-order complete at once: the first has it all', async (entity, verb) => {
  const [first, second] = [
    await connectClaimer(database.endpoint, 'steward:first'),
    await connectClaimer(database.endpoint, 'steward:second'),
  ]
  const ids = await claimed(first)
  const started = await database.db.transaction(async (tx) => {
    await tx.execute(sql`SELECT FROM agentvine.work_orders WHERE id = ${ids.order}::uuid FOR NO KEY UPDATE`)
    const completed = move(first, 'work-order', 'complete', ids.order)
    while ((await database.db.rows(waiting('steward:first'))).length === 0) await sleep(5)
    const other = move(second, entity, verb, ids[entity]).catch((error: unknown) => String(error))
    while ((await database.db.rows(waiting('steward:second'))).length === 0) await sleep(5)
    return { completed, other }
  })
  expect(await started.completed).toBe('completed')
  // The worker goes offline without the order; the task has nothing left to cancel.
  expect(await started.other).toMatch(entity === 'worker' ? /^offline$/ : /is completed, and cancel needs/)
  await Promise.all([first.close(), second.close()])
  // A session counts what happened to it when it ends.
  while ((await database.db.rows(connected)).length > 0) await sleep(5)
  const { deadlocks } = await database.db.one(sql`
    SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
  expect(deadlocks).toBe(0n)
})
