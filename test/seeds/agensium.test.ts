/** Agensium's seed data: balances that agree with the ledger at every instant, stages that agree with the state. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agensiumSeeds } from '../../seeds/agensium/index.ts'
import type { Database } from '../../src/db/database.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { applyClear } from '../../src/seeds/clear.ts'
import { planClear } from '../../src/seeds/clear-plan.ts'
import { encodeRows } from '../../src/seeds/copy-text.ts'
import type { SeedPlan, SeedRow } from '../../src/seeds/definition.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { quiet, seed, UNTIL } from './support.ts'

const parameters = { size: 4500, seed: 1, until: Date.parse(UNTIL) * 1000, artifactRoot: 'file:///store/agensium' }

type Cells = Readonly<Record<string, SeedRow[number]>>

/** Rows of every table as objects, in the order in which they are loaded. */
function rowsOf(plan: SeedPlan): Map<string, Cells[]> {
  const rows = new Map<string, Cells[]>()
  for (let index = 0; index < plan.parts; index++) {
    for (const load of plan.part(index).loads) {
      const { columns } = load.table
      const named = [...load.rows()].map((row) => Object.fromEntries(columns.map((key, place) => [key, row[place]])))
      rows.set(load.table.table, [...(rows.get(load.table.table) ?? []), ...(named as Cells[])])
    }
  }
  return rows
}

function digest(part: ReturnType<SeedPlan['part']>): string {
  const hash = createHash('sha256')
  for (const { rows } of part.loads) for (const chunk of encodeRows(rows(), () => {})) hash.update(chunk)
  return hash.digest('hex')
}

function counted(values: readonly unknown[]): Map<unknown, number> {
  const counts = new Map<unknown, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

describe('the generator', () => {
  const rows = rowsOf(agensiumSeeds.plan(parameters))
  const of = (name: string): Cells[] => rows.get(name) ?? []

  it('gives the same on every machine: this digest changes only when the generator is changed on purpose', () => {
    const plan = agensiumSeeds.plan({ ...parameters, size: 60 })
    const parts = Array.from({ length: plan.parts }, (_, index) => digest(plan.part(index)))
    expect(createHash('sha256').update(parts.join()).digest('hex')).toMatchInlineSnapshot(
      `"f9ac58e327c2e43d1d4b68b395bd3ccbd190a6d8d492cc930a11f94b3f41af26"`,
    )
  })

  it('gives a part the same rows whatever was made before it', () => {
    const [forwards, backwards] = [agensiumSeeds.plan(parameters), agensiumSeeds.plan(parameters)]
    const indexes = Array.from({ length: forwards.parts }, (_, index) => index)
    const inOrder = indexes.map((index) => digest(forwards.part(index)))
    const reversed = indexes.toReversed().map((index) => digest(backwards.part(index)))
    expect(reversed.reverse()).toEqual(inOrder)
  })

  it('has unique keys of which each is known as seeded', () => {
    for (const { table: name, columns } of agensiumSeeds.tables) {
      const keys = of(name).map((row) => row[columns[0] ?? ''])
      expect(new Set(keys).size, name).toBe(keys.length)
      expect(keys.length, name).toBeGreaterThan(0)
    }
  })

  it('has about as many rows as the list of scales says', () => {
    for (const [name, expected] of agensiumSeeds.expectedRows(parameters.size)) {
      const found = of(name).length
      expect(Math.abs(found / expected - 1), `${name}: ${found} of ${expected}`).toBeLessThan(0.1)
    }
  })

  it('has balances that are the sums of the transactions, and none that was ever below zero', () => {
    const entries = of('credit_transactions').toSorted((a, b) =>
      `${a.created_at}${a.id}` < `${b.created_at}${b.id}` ? -1 : 1,
    )
    const balances = new Map<unknown, number>()
    for (const { user_id, delta_credits, created_at } of entries) {
      const balance = (balances.get(user_id) ?? 0) + Number(delta_credits)
      if (balance < 0) expect.fail(`${user_id} has ${balance} at ${created_at}`)
      balances.set(user_id, balance)
    }
    for (const { user_id, balance_credits } of of('credit_wallets')) {
      expect(balance_credits, String(user_id)).toBe(balances.get(user_id) ?? 0)
    }
    expect(of('credit_wallets')).toHaveLength(of('users').length)
  })

  it('pays each agent of a task once, while the task was processed', () => {
    const tasks = new Map(of('tasks').map((task) => [task.task_id, task]))
    const consumed = of('credit_transactions').filter(
      ({ type, analysis_id }) => type === 'CONSUME' && tasks.has(analysis_id),
    )
    const once = consumed.map(({ analysis_id, agent_id }) => `${analysis_id} ${agent_id}`)
    expect(new Set(once).size).toBe(once.length)
    for (const { analysis_id, agent_id, user_id, created_at } of consumed) {
      const task = tasks.get(analysis_id)
      expect(task?.user_id).toBe(user_id)
      expect(JSON.parse(String(task?.agents))).toContain(agent_id)
      expect(String(created_at) >= String(task?.processing_started_at)).toBe(true)
    }
    const completed = of('tasks').filter(({ status }) => status === 'COMPLETED')
    const agents = completed.reduce((sum, task) => sum + JSON.parse(String(task.agents)).length, 0)
    const completedIds = new Set(completed.map(({ task_id }) => task_id))
    expect(consumed.filter(({ analysis_id }) => completedIds.has(analysis_id ?? ''))).toHaveLength(agents)
  })

  it('has every state, each with the times of the stages it went through, in their order', () => {
    const times = ['upload_started_at', 'upload_failed_at', 'queued_at', 'processing_started_at']
    const ends = ['completed_at', 'failed_at', 'cancelled_at', 'expired_at']
    const own: Readonly<Record<string, string | undefined>> = {
      CREATED: undefined,
      UPLOADING: 'upload_started_at',
      UPLOAD_FAILED: 'upload_failed_at',
      QUEUED: 'queued_at',
      PROCESSING: 'processing_started_at',
      COMPLETED: 'completed_at',
      FAILED: 'failed_at',
      CANCELLED: 'cancelled_at',
      EXPIRED: 'expired_at',
    }
    expect(new Set(of('tasks').map(({ status }) => status))).toEqual(new Set(Object.keys(own)))
    for (const task of of('tasks')) {
      const stamped = [...times, ...ends].filter((key) => task[key] !== null)
      const at = ['created_at', ...stamped].map((key) => String(task[key]))
      expect(at, String(task.task_id)).toEqual(at.toSorted())
      expect(stamped.at(-1), String(task.task_id)).toBe(own[String(task.status)])
      expect(at.every((time) => time < UNTIL.replace('T', ' '))).toBe(true)
    }
  })

  it('has the mix of a real platform', () => {
    const share = (status: string) =>
      (counted(of('tasks').map((task) => task.status)).get(status) ?? 0) / parameters.size
    expect(share('COMPLETED')).toBeGreaterThan(0.6)
    expect(share('COMPLETED')).toBeLessThan(0.78)
    expect(share('FAILED')).toBeGreaterThan(0.07)
    expect(share('FAILED')).toBeLessThan(0.2)
    const errors = counted(of('tasks').map(({ error_code }) => error_code))
    expect(errors.get('BILLING_INSUFFICIENT_CREDITS')).toBeGreaterThan(10)
    expect(errors.get('TASK_TIMED_OUT')).toBeGreaterThan(0)
    const owners = [...counted(of('tasks').map(({ user_id }) => user_id)).values()]
    expect(Math.max(...owners) / parameters.size).toBeGreaterThan(0.08)
  })

  it('has analysis ids without a task, an event for each purchase, and events that failed or wait', () => {
    const tasks = new Set(of('tasks').map(({ task_id }) => task_id))
    const named = of('credit_transactions').filter(({ analysis_id }) => analysis_id !== null)
    const unmatched = named.filter(({ analysis_id }) => !tasks.has(analysis_id ?? ''))
    expect(unmatched.length).toBeGreaterThan(20)
    expect(unmatched.length / named.length).toBeLessThan(0.02)
    const purchases = of('credit_transactions').flatMap(({ stripe_checkout_session_id: id }) =>
      id === null ? [] : [id],
    )
    const payloads = of('stripe_webhook_events').map((event) => ({ event, ...JSON.parse(String(event.payload)) }))
    const processed = payloads.filter(
      ({ type, event }) => type === 'checkout.session.completed' && event.processed_at !== null,
    )
    expect(processed.map(({ data }) => data.object.id).sort()).toEqual([...purchases].sort())
    const outcomes = counted(
      payloads.map(({ event }) =>
        event.error !== null ? 'failed' : event.processed_at === null ? 'waits' : 'processed',
      ),
    )
    expect(outcomes.get('failed')).toBeGreaterThan(10)
    expect(outcomes.get('waits')).toBe(1)
    expect(payloads.some(({ type }) => type === 'charge.refunded')).toBe(true)
  })
})

describe('the demo', () => {
  let database: TestDatabase
  let db: Database
  beforeAll(async () => {
    database = await createTestDatabase()
    db = database.db
    await seed(db, { schema: 'agensium' }, agensiumSeeds)
  })
  afterAll(() => database?.drop())

  it('is loaded past every constraint, with every state', async () => {
    const { states } = await db.one<{ states: bigint }>(
      sql`SELECT count(DISTINCT status) AS states FROM agensium.tasks`,
    )
    expect(states).toBe(9n)
    for (const [name, expected] of agensiumSeeds.expectedRows(300)) {
      const { rows } = await db.one<{ rows: bigint }>(
        sql`SELECT count(*) AS rows FROM ${identifier('agensium', name)}`,
      )
      if (expected > 100) expect(Math.abs(Number(rows) / expected - 1), `${name}: ${rows}`).toBeLessThan(0.25)
    }
  })

  it('has files that are due, some that are gone, and tasks that are deleted', async () => {
    expect(
      await db.one(sql`
        SELECT
          bool_or(inputs_cleaned_at IS NULL AND completed_at < ${UNTIL}::timestamptz - interval '7 days') AS inputs_due,
          bool_or(outputs_cleaned_at IS NULL AND completed_at < ${UNTIL}::timestamptz - interval '30 days') AS outputs_due,
          bool_or(s3_cleaned AND deleted_at IS NULL) AS cleaned,
          bool_or(deleted_at IS NOT NULL) AS deleted
        FROM agensium.tasks`),
    ).toEqual({ inputs_due: true, outputs_due: true, cleaned: true, deleted: true })
  })

  it('balances', async () => {
    const off = await db.rows(sql`
      SELECT w.user_id
      FROM agensium.credit_wallets w
      LEFT JOIN agensium.credit_transactions c USING (user_id)
      GROUP BY w.user_id, w.balance_credits
      HAVING w.balance_credits <> COALESCE(SUM(c.delta_credits), 0)`)
    expect(off).toEqual([])
  })

  it('is cleared with what was added to it, the ledger too, and leaves what others made', async () => {
    await db.execute(sql`
      WITH other AS (
        INSERT INTO agensium.users (email, full_name, hashed_password)
        VALUES ('ann@example.com', 'Ann', ${`$2b$12$${'a'.repeat(53)}`})
        RETURNING id
      )
      INSERT INTO agensium.credit_transactions (user_id, delta_credits, type)
      SELECT id, 5, 'GRANT' FROM other
      UNION ALL
      SELECT min(id), 7, 'GRANT' FROM agensium.users`)
    await db.execute(sql`
      INSERT INTO agensium.tasks (user_id, tool_id, agents)
      SELECT max(id), 'clean-my-data', '["one"]' FROM agensium.users`)
    const request = {
      definition: agensiumSeeds,
      schema: 'agensium',
      entities: agensium.entities,
      store: undefined,
      onByHand: async () => {},
    }
    const plan = await planClear(db, agensiumSeeds, 'agensium')
    if (plan === undefined) throw new Error('nothing was seeded')
    const byHand = plan.tables.flatMap(({ table: name, byHand: ids }) =>
      ids.length === 0 ? [] : [[name, ids.length]],
    )
    expect(byHand).toEqual([
      ['tasks', 1],
      ['credit_transactions', 1],
    ])
    await applyClear(db, request, plan, quiet)
    for (const { table: name } of agensiumSeeds.tables) {
      const { rows } = await db.one<{ rows: bigint }>(
        sql`SELECT count(*) AS rows FROM ${identifier('agensium', name)}`,
      )
      expect(rows, name).toBe(name === 'users' || name === 'credit_transactions' ? 1n : 0n)
    }
  })
})
