import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { MIGRATION_LOCK } from '../../src/migrations/lock.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { migration, statements } from '../../src/model/migration.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { allToys, slowOutside, things, toys } from './fixtures.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

/** Resolves when a statement like this runs in the test's database. @returns the backend's pid */
async function running(text: string): Promise<number> {
  for (;;) {
    const found = await database.db.maybeOne<{ pid: number }>(sql`
      SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND query LIKE ${text} AND pid <> pg_backend_pid()`)
    if (found) return found.pid
    await sleep(10)
  }
}

describe('several runs at once', () => {
  it('ten of them apply each migration once', async () => {
    const { db } = database
    const results = await Promise.all(Array.from({ length: 10 }, () => applyPending({ db, systems: [allToys] })))
    expect(results.flatMap(({ outcomes }) => outcomes.map(({ name }) => name)).sort()).toEqual(
      allToys.migrations.map(({ name }) => name),
    )
    expect(results.every(({ failure }) => failure === undefined)).toBe(true)
    expect(await db.rows(sql`SELECT id, name FROM elsewhere.steward_migrations ORDER BY id`)).toEqual(
      allToys.migrations.map(({ name }, index) => ({ id: index + 1, name })),
    )
    expect(await db.one(sql`SELECT count(*) AS n FROM elsewhere.things`)).toEqual({ n: 1n })
  })

  it('one that does not want to wait is told who holds the lock', async () => {
    const { db, endpoint } = database
    const other = await connect(endpoint, {
      applicationName: 'steward:migrate up',
      statementTimeoutMs: 0,
      poolSize: 1,
    })
    try {
      await other.session(async (session) => {
        const { classId, objectId } = MIGRATION_LOCK
        await session.rows(raw(`SELECT pg_advisory_lock(${classId}, ${objectId})`))
        const notices: string[] = []
        const refused = applyPending({ db, systems: [allToys], lockWaitMs: 0 })
        await expect(refused).rejects.toMatchObject({
          exitCode: 8,
          code: 'migration-locked',
          message: expect.stringMatching(
            new RegExp(`^Another run is migrating .*: pid ${session.pid} \\(steward:migrate up\\) .+ since \\d{4}-`),
          ),
          details: {
            holder: {
              pid: session.pid,
              applicationName: 'steward:migrate up',
              host: expect.any(String),
              since: expect.any(String),
            },
          },
        })
        const patient = applyPending({ db, systems: [allToys], onNotice: (notice) => notices.push(notice) })
        await sleep(50)
        await session.rows(raw(`SELECT pg_advisory_unlock(${classId}, ${objectId})`))
        expect((await patient).outcomes).toHaveLength(4)
        expect(notices).toEqual([
          expect.stringContaining(`waiting for another run that migrates: pid ${session.pid}`),
        ])
      })
    } finally {
      await other.close()
    }
  })
})

describe('a table in use', () => {
  it('delays a migration that needs it, without making others wait for long', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys], count: 1 })
    const notices: string[] = []
    let release = () => {}
    const held = db.transaction(async (tx) => {
      await tx.rows(sql`SELECT count(*) FROM elsewhere.things`)
      await new Promise<void>((resolve) => {
        release = resolve
      })
    })
    const migrated = applyPending({
      db,
      systems: [allToys],
      count: 1,
      lockTimeoutMs: 20,
      onNotice: (notice) => {
        notices.push(notice)
        release()
      },
    })
    expect((await migrated).outcomes).toEqual([
      { system: 'toys', name: '0002_json_operators', outcome: 'applied', durationMs: expect.any(Number) },
    ])
    expect(notices).toEqual(['waiting for a lock that another session holds; trying again'])
    await held
  })

  it('that stays in use ends the run, naming who uses it', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys], count: 1 })
    await db.transaction(async (tx) => {
      const { pid } = await tx.one<{ pid: number }>(sql`
        SELECT pg_backend_pid() AS pid, count(*) FROM elsewhere.things`)
      const { failure } = await applyPending({ db, systems: [allToys], lockTimeoutMs: 20, retryForMs: 0 })
      expect(failure).toMatchObject({
        exitCode: 8,
        code: 'lock-timeout',
        message:
          'Migration toys 0002_json_operators did not get its locks and was rolled back: ' +
          `pid ${pid} (steward:test) holds AccessShareLock on things`,
      })
    })
  })
})

describe("Knex's own lock row", () => {
  it('left behind by a run that was killed outside a transaction, is released and said so', async () => {
    const { db } = database
    const system = toys(things, slowOutside)
    const killed = applyPending({ db, systems: [system] })
    const pid = await running('%gate%')
    await db.rows(sql`SELECT pg_terminate_backend(${pid}::integer, 5000)`)
    expect((await killed).failure).toMatchObject({
      exitCode: 6,
      code: 'connection-lost',
      message: 'Migration toys 0002_slow_outside was interrupted: the connection to the server was lost',
    })
    expect(await db.rows(sql`SELECT is_locked FROM elsewhere.steward_migrations_lock`)).toEqual([{ is_locked: 1 }])

    await db.execute(sql`CREATE SCHEMA gate`)
    const notices: string[] = []
    const next = await applyPending({ db, systems: [system], onNotice: (notice) => notices.push(notice) })
    expect(notices).toEqual(['toys: released the migration lock that a killed run left behind'])
    expect(next.outcomes.map(({ outcome }) => outcome)).toEqual(['applied'])
  })

  it('is left alone while somebody is at that table', async () => {
    const { db } = database
    await applyPending({ db, systems: [allToys], count: 1 })
    await db.execute(sql`UPDATE elsewhere.steward_migrations_lock SET is_locked = 1`)
    await db.transaction(async (tx) => {
      await tx.rows(sql`SELECT * FROM elsewhere.steward_migrations_lock`)
      await expect(applyPending({ db, systems: [allToys] })).rejects.toMatchObject({
        exitCode: 8,
        message: expect.stringContaining("Knex's lock on elsewhere is in use by pid"),
      })
    })
    expect((await applyPending({ db, systems: [allToys] })).failure).toBeUndefined()
  })
})

describe('a stop request', () => {
  it('that comes between two statements keeps the next one from being sent', async () => {
    const { db } = database
    const stop = new AbortController()
    const stopping = migration({
      name: '0001_stops',
      async up(knex, { schema }) {
        await statements(knex, `CREATE TABLE ${schema}.before_the_stop (id integer)`)
        stop.abort()
        await statements(knex, `SELECT pg_sleep(3600)`)
      },
      down: async () => {},
    })
    const system = toys(stopping)
    const { outcomes, failure } = await applyPending({ db, systems: [system], signal: stop.signal })
    expect(failure).toMatchObject({ exitCode: 130 })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['failed'])
    expect(await migrationStatus(db, [system])).toMatchObject([{ condition: 'pending' }])
  })

  it('cancels the migration that runs, keeps those before it, and runs none after it', async () => {
    const { endpoint, db } = database
    const stop = new AbortController()
    const stoppable = await connect(endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 0,
      poolSize: 1,
      signal: stop.signal,
    })
    try {
      const { slowToys, parts } = await import('./fixtures.ts')
      const system = toys(...slowToys.migrations, parts)
      const run = applyPending({ db: stoppable, systems: [system], signal: stop.signal })
      await running('%gate%')
      stop.abort()
      const { outcomes, failure } = await run
      expect(failure).toMatchObject({ exitCode: 130 })
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['applied', 'failed', 'not run'])
      const status = await migrationStatus(db, [system])
      expect(status.map(({ condition }) => condition)).toEqual(['applied', 'pending', 'pending'])
    } finally {
      await stoppable.close()
    }
  })
})
