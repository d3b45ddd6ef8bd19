import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { sql } from '../../src/model/sql.ts'
import { serverIn } from '../../src/server/embedded.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createEmptyDatabase } from '../support/database.ts'
import { slowToys } from './fixtures.ts'

let program: Program
beforeAll(async () => {
  program = await bundleProgram(join(import.meta.dirname, 'run-child.ts'))
})
afterAll(() => program.remove())

function startChild({ host, port, user, database, password = '' }: Endpoint): ChildProcess {
  return spawn(process.execPath, [program.path, host, String(port), user, database, password], { stdio: 'ignore' })
}

/** Resolves when the slow migration waits at its gate. @returns the backend's pid */
async function atTheGate(db: Database): Promise<number> {
  for (;;) {
    const found = await db.maybeOne<{ pid: number }>(sql`
      SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND query LIKE '%gate%' AND pid <> pg_backend_pid()`)
    if (found) return found.pid
    await sleep(10)
  }
}

async function expectOnlyTheFirst(db: Database): Promise<void> {
  const status = await migrationStatus(db, [slowToys])
  expect(status.map(({ name, condition }) => `${name} ${condition}`)).toEqual([
    '0001_things applied',
    '0002_slow pending',
  ])
  expect(await db.rows(sql`SELECT relname FROM pg_class WHERE relname LIKE '%the_gate'`)).toEqual([])
  expect(await db.rows(sql`SELECT is_locked FROM elsewhere.steward_migrations_lock`)).toEqual([{ is_locked: 0 }])
}

it('kill -9 of the process leaves nothing half applied, and the next run goes on', async () => {
  const { db, endpoint, drop } = await createEmptyDatabase()
  try {
    const child = startChild(endpoint)
    const pid = await atTheGate(db)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    // Nobody opens the gate: the server notices by itself that its client is gone.
    const running = sql`SELECT 1 AS running FROM pg_stat_activity WHERE pid = ${pid}`
    while ((await db.rows(running)).length > 0) await sleep(50)
    await expectOnlyTheFirst(db)

    await db.execute(sql`CREATE SCHEMA gate`)
    const { outcomes, failure } = await applyPending({ db, systems: [slowToys] })
    expect(failure).toBeUndefined()
    expect(outcomes.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['0002_slow applied'])
  } finally {
    await drop()
  }
})

it('kill -9 of the backend leaves nothing half applied, and the next run goes on', async () => {
  // A cluster of its own: PostgreSQL restarts all of it when a backend dies like that, and what the tests'
  // cluster has committed may be lost then.
  const home = await mkdtemp(join(tmpdir(), 'steward-crash-'))
  // Without fsync, but with WAL written at commit: enough for a crash of the server, not of the machine.
  const server = serverIn(home, { durable: false, settings: { synchronous_commit: 'on' } })
  try {
    const endpoint = await server.ensureRunning()
    const options = { applicationName: 'steward:test', statementTimeoutMs: 0, poolSize: 1 }
    const before = await connect(endpoint, options)
    const run = applyPending({ db: before, systems: [slowToys] })
    process.kill(await atTheGate(before), 'SIGKILL')
    const { outcomes, failure } = await run
    expect(failure).toMatchObject({ exitCode: 6, code: 'connection-lost' })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['applied', 'failed'])
    await before.close()

    const after = await reconnect(endpoint, options)
    try {
      await expectOnlyTheFirst(after)
      await after.execute(sql`CREATE SCHEMA gate`)
      expect((await applyPending({ db: after, systems: [slowToys] })).failure).toBeUndefined()
    } finally {
      await after.close()
    }
  } finally {
    await server.destroy()
    await rm(home, { recursive: true, force: true })
  }
})

/** The server drops connections and refuses new ones until it has recovered. */
async function reconnect(...args: Parameters<typeof connect>): Promise<Database> {
  for (;;) {
    try {
      const db = await connect(...args)
      await db.rows(sql`SELECT 1 AS up`)
      return db
    } catch {
      await sleep(50)
    }
  }
}
