/** Jobs that share a run: its time, its failures, its records. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JobRun } from '../../src/db/job-run.ts'
import {
  ConnectionError,
  InterruptedError,
  LockedError,
  OperationError,
  StoreConnectionError,
} from '../../src/errors.ts'
import { jobSummaries, NOT_REACHED, settleLostJobs } from '../../src/maintenance/job-record.ts'
import { jobsInTurn, type Ran, runJobs, type Work } from '../../src/maintenance/run-jobs.ts'
import type { JobResult } from '../../src/model/job.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asRun } from '../support/job-run.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.db.execute(sql`TRUNCATE steward.job_runs`))

/** A job with so many batches of work, each of a row and some milliseconds. */
function work(name: string, batches: number, { ms = 10, due = true }: { ms?: number; due?: boolean } = {}): Work {
  let left = batches
  return {
    name,
    schema: name.split('/')[0] ?? '',
    due,
    isDue: async () => left > 0,
    async apply(run): Promise<JobResult> {
      const nothing = { bytes: 0n, kept: [], failures: [] }
      for (let done = 0; ; done++) {
        const stop = await run.pace.next()
        const rows = BigInt(done)
        if (stop !== undefined) return { ...nothing, outcome: 'unfinished', rows, batches: done, why: stop.why }
        if (left === 0) return { ...nothing, outcome: 'done', rows, batches: done, why: 'nothing more is due' }
        left--
        await sleep(ms)
        run.onProgress({ label: name, done: done + 1, unit: 'rows' })
      }
    },
  }
}

const failing = (name: string, error: Error): Work => ({ ...work(name, 1), apply: () => Promise.reject(error) })

const perform = (works: readonly Work[], runTimeMs?: number, changes: Partial<JobRun> = {}) =>
  asRun(database, ['shop', 'till'], (run) => runJobs(works, run, runTimeMs), {
    ...changes,
    ...(runTimeMs === undefined ? {} : { runTimeMs }),
  })

const inShort = (results: readonly Ran[]) => results.map(({ job, outcome, rows }) => `${job} ${outcome} ${rows}`)
const records = () =>
  database.db.rows(sql`SELECT job, outcome, rows, batches, reason FROM steward.job_runs ORDER BY started_at, job`)

describe('without a time limit', () => {
  test('each job does all it has, and each is recorded', async () => {
    const results = await perform([work('shop/a', 2), work('shop/b', 0, { due: false }), work('shop/c', 1)])
    expect(inShort(results)).toEqual(['shop/a done 2', 'shop/b nothing 0', 'shop/c done 1'])
    expect(await records()).toEqual([
      { job: 'shop/a', outcome: 'done', rows: 2n, batches: 2n, reason: 'nothing more is due' },
      { job: 'shop/b', outcome: 'nothing', rows: 0n, batches: 0n, reason: 'nothing was due' },
      { job: 'shop/c', outcome: 'done', rows: 1n, batches: 1n, reason: 'nothing more is due' },
    ])
  })

  test('a job that had nothing to do is asked again after one of its schema did something', async () => {
    const late = (name: string) => work(name, 1, { due: false })
    const results = await perform([late('shop/before'), work('shop/a', 1), late('shop/after'), late('till/other')])
    expect(inShort(results)).toEqual([
      'shop/before nothing 0',
      'shop/a done 1',
      'shop/after done 1',
      'till/other nothing 0',
    ])
  })

  test('of the runs in which a job had nothing to do the last one is kept', async () => {
    for (let run = 0; run < 3; run++) await perform([work('shop/a', 0, { due: false })])
    expect(await records()).toHaveLength(1)
  })
})

describe('a job that fails', () => {
  test('is named, and the others are done', async () => {
    const broken = failing('shop/broken', new OperationError({ code: 'statement-failed', message: 'no such column' }))
    const results = await perform([broken, work('shop/a', 1)])
    expect(inShort(results)).toEqual(['shop/broken failed 0', 'shop/a done 1'])
    expect(results[0]?.failures).toEqual(['no such column'])
    expect((await records())[0]).toMatchObject({ outcome: 'failed', reason: 'it failed; no such column' })
  })

  test('by a bug is named, too, without what the error says, and the others are done', async () => {
    const results = await perform([
      failing('shop/broken', new TypeError('secret is not a function')),
      work('shop/a', 1),
    ])
    expect(inShort(results)).toEqual(['shop/broken failed 0', 'shop/a done 1'])
    expect(results[0]?.failures).toEqual(['a bug in Steward (TypeError); --debug shows where'])
    expect((await records())[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('TypeError') })
  })

  test('to say whether it is due gets its turn', async () => {
    const untold = { ...work('shop/late', 1, { due: false }), isDue: () => Promise.reject(new TypeError('no')) }
    expect(inShort(await perform([work('shop/a', 1), untold]))).toEqual(['shop/a done 1', 'shop/late done 1'])
  })

  test('to be recorded at first, because its connection broke, is recorded over another one', async () => {
    let broken = 0
    const execute: JobRun['db']['execute'] = (statement) => {
      if (broken++ % 2 === 1) return database.db.execute(statement)
      return Promise.reject(new OperationError({ code: 'connection-lost', message: 'gone' }))
    }
    const results = await perform([work('shop/a', 1), work('shop/b', 0, { due: false })], undefined, {
      db: { ...database.db, execute },
    })
    expect(inShort(results)).toEqual(['shop/a done 1', 'shop/b nothing 0'])
    expect((await records()).map(({ outcome }) => outcome)).toEqual(['done', 'nothing'])
  })

  test('for a store that cannot be reached is named, and the others are done; without the database none is', async () => {
    const away = new StoreConnectionError({ code: 'store-unreachable', message: 'store cold does not answer' })
    expect(inShort(await perform([failing('shop/cold', away), work('shop/a', 1)]))).toEqual([
      'shop/cold failed 0',
      'shop/a done 1',
    ])
    const gone = new ConnectionError({ code: 'connection-refused', message: 'the server is not there' })
    await expect(perform([failing('shop/a', gone), work('shop/b', 1)])).rejects.toBe(gone)
  })

  test('for a lost lease ends the run', async () => {
    const lost = new LockedError({ code: 'lease-lost', message: 'taken by another' })
    await expect(perform([failing('shop/a', lost), work('shop/b', 1)])).rejects.toBe(lost)
    expect((await records()).map(({ job }) => job)).toEqual(['shop/a'])
  })
})

describe('with a time limit', () => {
  test('an endless job takes its share, and those behind it get theirs', async () => {
    const results = await perform([work('shop/endless', 1_000_000), work('shop/a', 3), work('shop/b', 3)], 1000)
    expect(inShort(results).slice(1)).toEqual(['shop/a done 3', 'shop/b done 3'])
    const [endless] = results
    expect(endless).toMatchObject({ outcome: 'unfinished', why: '--run-time is over' })
    // Its third, and what the others left.
    expect(endless?.seconds).toBeGreaterThan(0.5)
  })

  test('each does one batch at least; those without a turn come first next time', async () => {
    const slow = (name: string) => work(name, 100, { ms: 120 })
    const works = ['shop/a', 'shop/b', 'shop/c', 'shop/d'].map(slow)
    const results = await perform(works, 200)
    const [first, ...others] = results
    expect(first).toMatchObject({ outcome: 'unfinished', rows: 1n })
    expect(others.at(-1)).toMatchObject({
      outcome: 'unfinished',
      rows: 0n,
      why: expect.stringContaining(NOT_REACHED),
    })
    const inTurn = jobsInTurn(works, await jobSummaries(database.db)).map(({ name }) => name)
    expect(inTurn.toSorted()).toEqual(works.map(({ name }) => name))
    const reached = results.filter(({ rows }) => rows > 0n).map(({ job }) => job)
    expect(inTurn.slice(-reached.length)).toEqual(reached)
  })

  test('a signal ends it after the batch in flight, and says so of all that are left', async () => {
    const stopping = new AbortController()
    const results = await perform([work('shop/a', 1000), work('shop/b', 1)], undefined, {
      signal: stopping.signal,
      onProgress: ({ done }) => {
        if (done === 3) stopping.abort(new InterruptedError('SIGTERM'))
      },
    })
    expect(results[0]).toMatchObject({ outcome: 'unfinished', rows: 3n, why: 'SIGTERM' })
    expect(results[1]).toMatchObject({ outcome: 'interrupted', why: `SIGTERM, ${NOT_REACHED}` })
  })
})

describe('the record', () => {
  test('grows while the job works, and is settled when the run was killed', async () => {
    let during: unknown
    await perform([work('shop/a', 80), work('shop/b', 1)], undefined, {
      onProgress: ({ done }) => {
        if (done === 75) during = database.db.rows(sql`SELECT rows > 0 AS rows, outcome FROM steward.job_runs`)
      },
    })
    expect(await during).toEqual([{ rows: true, outcome: null }])
    await database.db.execute(sql`UPDATE steward.job_runs SET outcome = NULL, ended_at = NULL WHERE job = 'shop/b'`)
    await settleLostJobs(database.db)
    expect((await records()).map(({ job, outcome }) => `${job} ${outcome}`)).toEqual(['shop/a done', 'shop/b lost'])
  })
})
