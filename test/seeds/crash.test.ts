/** What a load leaves behind that was killed, and that the next run or `seed clear` gets on with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import type { Endpoint } from '../../src/config/config.ts'
import type { Database } from '../../src/db/database.ts'
import { InterruptedError } from '../../src/errors.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { ignoreProgress } from '../../src/progress.ts'
import { applyClear } from '../../src/seeds/clear.ts'
import { planClear } from '../../src/seeds/clear-plan.ts'
import { runSeeds } from '../../src/seeds/run.ts'
import { readSeedSet } from '../../src/seeds/set.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createTestDatabase } from '../support/database.ts'
import { inManyParts, quiet, request, rowCount, seed } from './support.ts'

const ROWS = 1500

let program: Program
beforeAll(async () => {
  program = await bundleProgram(join(import.meta.dirname, 'run-child.ts'))
})
afterAll(() => program.remove())

function startChild(endpoint: Endpoint, parts: 'few' | 'many'): ChildProcess {
  const { host, port, user, database, password = '' } = endpoint
  const args = [program.path, host, String(port), user, database, password, String(ROWS), parts]
  return spawn(process.execPath, args, { stdio: 'ignore' })
}

/** Resolves when the child's backend is in a COPY and `ready` says so; its rows are not committed then. */
async function inTheMiddle(db: Database, ready: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const copying = await db.maybeOne(sql`
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'steward:child' AND query LIKE 'COPY%actions%'`)
    if (copying !== undefined && (await ready())) return
    await sleep(5)
  }
}

async function kill(child: ChildProcess, db: Database): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  // The server notices when it next talks to the client.
  while (
    await db.maybeOne(
      sql`SELECT FROM pg_stat_activity WHERE application_name = 'steward:child' AND datname = current_database() LIMIT 1`,
    )
  ) {
    await sleep(20)
  }
}

/** Rows by table after this many parts. */
function countsAfter(parts: number): Record<string, number> {
  const { size, seed: number, until = 0, artifactRoot } = request({ rows: ROWS }, inManyParts)
  const plan = inManyParts.plan({ size, seed: number, until, artifactRoot })
  const counts = Object.fromEntries(skyvernSeeds.tables.map(({ table }) => [table, 0]))
  for (let index = 0; index < parts; index++) {
    for (const { table, rows } of plan.part(index).loads) counts[table.table] = [...rows()].length
  }
  return counts
}

async function countsIn(db: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { table } of skyvernSeeds.tables) {
    const { rows } = await db.one<{ rows: bigint }>(sql`SELECT count(*) AS rows FROM ${identifier('skyvern', table)}`)
    counts[table] = Number(rows)
  }
  return counts
}

it('kill -9 leaves whole parts and a record of them: the next run goes on, and clearing works as well', async () => {
  const { db, endpoint, drop } = await createTestDatabase()
  const load = (rows = ROWS) => seed(db, { rows }, inManyParts)
  try {
    const child = startChild(endpoint, 'many')
    await inTheMiddle(db, async () => ((await readSeedSet(db, 'skyvern', 'skyvern'))?.partsDone ?? 0) >= 2)
    await kill(child, db)

    const set = await readSeedSet(db, 'skyvern', 'skyvern')
    expect(set).toMatchObject({ state: 'loading', parts: 15 })
    expect(await countsIn(db)).toEqual(countsAfter(set?.partsDone ?? 0))
    await expect(load(20)).rejects.toMatchObject({ code: 'seeded-otherwise' })

    expect((await load()).status).toBe('resumed')
    expect((await load()).status).toBe('unchanged')
    expect(await countsIn(db)).toEqual(countsAfter(15))

    // The same database: clearing is stopped in the middle, and finished by the next one.
    const clear = async (signal: AbortSignal, onProgress = ignoreProgress) => {
      const plan = await planClear(db, skyvernSeeds, 'skyvern')
      if (plan === undefined) throw new Error('nothing to clear')
      const clearRequest = {
        definition: skyvernSeeds,
        schema: 'skyvern',
        store: undefined,
        entities: [],
        onByHand: async () => {},
      }
      return applyClear(db, clearRequest, plan, { onProgress, signal })
    }
    const stop = new AbortController()
    const onProgress = ({ done }: { done: number }) => {
      if (done > 15_000) stop.abort(new InterruptedError('SIGINT'))
    }
    await expect(clear(stop.signal, onProgress)).rejects.toBeInstanceOf(InterruptedError)
    await expect(load()).rejects.toMatchObject({
      code: 'half-cleared',
      hint: expect.stringContaining('steward seed clear skyvern'),
    })
    await clear(quiet.signal)
    expect(await rowCount(db)).toBe(0)
  } finally {
    await drop()
  }
})

it('kill -9 in a small set leaves nothing', async () => {
  const { db, endpoint, drop } = await createTestDatabase()
  try {
    const child = startChild(endpoint, 'few')
    await inTheMiddle(db, async () => true)
    await kill(child, db)
    expect(await rowCount(db)).toBe(0)
    expect(await readSeedSet(db, 'skyvern', 'skyvern')).toBeUndefined()
    expect((await seed(db, { rows: 5 })).status).toBe('loaded')
  } finally {
    await drop()
  }
})

it('a second run at the same time is told so, and an interrupted one rolls back what is in flight', async () => {
  const { db, drop } = await createTestDatabase()
  try {
    const stop = new AbortController()
    let second: Promise<unknown> | undefined
    const first = runSeeds(db, request({ rows: 5000 }), {
      signal: stop.signal,
      onProgress: () => {
        second ??= seed(db, { rows: 5000 }).then(
          () => undefined,
          (error: unknown) => error,
        )
        void second.then(() => stop.abort(new InterruptedError('SIGTERM')))
      },
    })
    await expect(first).rejects.toMatchObject({ exitCode: 143 })
    expect(await second).toMatchObject({ code: 'seeding', exitCode: 8 })
    expect(await rowCount(db)).toBe(0)
  } finally {
    await drop()
  }
})
