import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { type PlanOptions, planMigrations, planSql } from '../../src/migrations/plan.ts'
import { rollBack } from '../../src/migrations/rollback.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { withClient } from '../support/cluster.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { allToys } from './fixtures.ts'

let ran: TestDatabase
let planned: TestDatabase
beforeEach(async () => {
  ;[ran, planned] = await Promise.all([createEmptyDatabase(), createEmptyDatabase()])
})
afterEach(() => Promise.all([ran.drop(), planned.drop()]))

/** Runs a plan as psql would: one statement after the other, each by itself. */
async function runPlan(options: PlanOptions): Promise<void> {
  const plan = await planMigrations(planned.db, options)
  await planned.db.session(async (session) => {
    for (const { statements } of plan) for (const { text } of statements) await session.rows(raw(text))
  })
}

/** Everything of the schema that a migration can make, as text. */
async function catalog(db: Database): Promise<unknown> {
  return {
    columns: await db.rows(sql`
      SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity
      FROM information_schema.columns WHERE table_schema = 'elsewhere' ORDER BY table_name, ordinal_position`),
    constraints: await db.rows(sql`
      SELECT conrelid::regclass::text AS of, conname, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE connamespace = 'elsewhere'::regnamespace ORDER BY 1, 2`),
    indexes: await db.rows(sql`
      SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'elsewhere' ORDER BY indexname`),
    functions: await db.rows(sql`
      SELECT pg_get_functiondef(oid) AS definition FROM pg_proc WHERE pronamespace = 'elsewhere'::regnamespace`),
    triggers: await db.rows(sql`SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE NOT tgisinternal`),
    records: await db.rows(sql`SELECT id, name, batch FROM elsewhere.steward_migrations ORDER BY id`),
    lock: await db.rows(sql`SELECT * FROM elsewhere.steward_migrations_lock`),
  }
}

const conditions = async (db: Database) =>
  (await migrationStatus(db, [allToys])).map(({ name, condition }) => `${name} ${condition}`)

describe('planMigrations', () => {
  it('is what up does: executed, it gives the same schema, records and status', async () => {
    await runPlan({ direction: 'up', systems: [allToys] })
    await applyPending({ db: ran.db, systems: [allToys] })
    expect(await catalog(planned.db)).toEqual(await catalog(ran.db))
    expect(await conditions(planned.db)).toEqual(await conditions(ran.db))
    expect(await planned.db.rows(sql`SELECT name, note, settings FROM elsewhere.things`)).toEqual(
      await ran.db.rows(sql`SELECT name, note, settings FROM elsewhere.things`),
    )
    expect(await applyPending({ db: planned.db, systems: [allToys] })).toEqual({ outcomes: [] })
  })

  it('goes on from where the database is, and back down', async () => {
    for (const { db } of [ran, planned]) await applyPending({ db, systems: [allToys], count: 2 })
    await runPlan({ direction: 'up', systems: [allToys], to: '0003_parts' })
    await applyPending({ db: ran.db, systems: [allToys], to: '0003_parts' })
    expect(await catalog(planned.db)).toEqual(await catalog(ran.db))

    await runPlan({ direction: 'down', systems: [allToys], count: 2 })
    await rollBack({ db: ran.db, system: allToys, count: 2, force: true })
    expect(await catalog(planned.db)).toEqual(await catalog(ran.db))
    expect(await conditions(planned.db)).toEqual(await conditions(ran.db))
  })

  it('changes nothing, and reads as a script', async () => {
    const { db } = planned
    const options: PlanOptions = { direction: 'up', systems: [allToys] }
    const script = planSql(await planMigrations(db, options))
    expect(await db.rows(sql`SELECT 1 AS found FROM pg_namespace WHERE nspname = 'elsewhere'`)).toEqual([])
    expect(script).toMatchSnapshot()
    expect(script).toBe(planSql(await planMigrations(db, options)))
    expect(planSql([])).toBe('')

    // The script as a whole, the way a tool that is not psql sends it; only CONCURRENTLY cannot go that way.
    const transactional = planSql(await planMigrations(db, { ...options, to: '0003_parts' }))
    await withClient(planned.endpoint, planned.endpoint.database, (client) => client.query(transactional))
    await applyPending({ db: ran.db, systems: [allToys], to: '0003_parts' })
    expect(await catalog(db)).toEqual(await catalog(ran.db))
  })
})
