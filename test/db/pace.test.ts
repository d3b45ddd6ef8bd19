/** When maintenance waits, when it goes on, and when it ends. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pauseSwitch } from '../../src/config/pause.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { adaptiveSize, openPace, type PaceOptions, type Reason } from '../../src/db/pace.ts'
import { configuredPause, lockWaiters, stopFile } from '../../src/db/pace-reasons.ts'
import { InterruptedError, LockedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-pace-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A pace with these reasons, and what it says. */
function paceOf(reasons: readonly Reason[], options: Partial<PaceOptions> = {}) {
  const said: string[] = []
  const pace = openPace({
    signal: new AbortController().signal,
    reasons,
    say: (line) => said.push(line),
    ...options,
  })
  return { pace, said }
}

const because = (why: () => string | undefined, everyMs = 0): Reason => ({ everyMs, check: async () => why() })

describe('a run', () => {
  test('goes on where there is no reason to wait, and asks no more often than an answer is good for', async () => {
    let asked = 0
    const seldom = because(() => {
      asked++
      return undefined
    }, 60_000)
    const { pace, said } = paceOf([seldom])
    for (let batch = 0; batch < 100; batch++) expect(await pace.next()).toBeUndefined()
    expect(asked).toBe(1)
    expect(said).toEqual([])
  })

  test('waits for as long as there is a reason, and says each once and that it goes on', async () => {
    const whys = ['the first, 3', 'the first, 2', undefined]
    let step = 0
    const { pace, said } = paceOf([because(() => whys[step++]), because(() => (step < 5 ? 'the second' : undefined))])
    expect(await pace.next()).toBeUndefined()
    expect(said).toEqual(['waits: the first, 3', 'waits: the second', expect.stringMatching(/^goes on after \d s$/)])
  })

  test('that waits ends when its time is over, and says what it waited for', async () => {
    const { pace } = paceOf([because(() => 'a reason')], { runTimeMs: 100, runTime: '100ms' })
    const began = performance.now()
    expect(await pace.next()).toMatchObject({
      why: '--run-time of 100ms is over, while it waited: a reason',
      error: { exitCode: 9, code: 'run-time-over' },
    })
    expect(performance.now() - began).toBeLessThan(900)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('that waits ends at once on %s', async (signal, exitCode) => {
    const stopping = new AbortController()
    const { pace } = paceOf([because(() => 'a reason')], { signal: stopping.signal })
    setTimeout(() => stopping.abort(new InterruptedError(signal)), 20)
    const began = performance.now()
    expect(await pace.next()).toMatchObject({ why: `${signal}, while it waited: a reason`, error: { exitCode } })
    expect(performance.now() - began).toBeLessThan(900)
  })

  test('whose lease was lost fails with the error that names the successor', async () => {
    const stopping = new AbortController()
    stopping.abort(new LockedError({ code: 'lease-lost', message: 'taken by another' }))
    const { pace } = paceOf([], { signal: stopping.signal })
    await expect(pace.next()).rejects.toMatchObject({ code: 'lease-lost', exitCode: 8 })
  })
})

describe('the operator says', () => {
  test('wait, by a stop file', async () => {
    const path = join(folder, 'maintenance.stop')
    await writeFile(path, '')
    const { pace, said } = paceOf([stopFile(path)])
    const next = pace.next()
    await until('it waits', async () => said.length > 0)
    await rm(path)
    expect(await next).toBeUndefined()
    expect(said).toEqual([`waits: the stop file ${path} is there`, expect.stringMatching(/^goes on after \d+ s$/)])
  })

  test('wait, by the configuration as it is now; a file that is broken meanwhile leaves it at that', async () => {
    const path = join(folder, 'steward.yaml')
    const text = (pause: string) => `profiles: { prod: { host: h, maintenance: { pause: ${pause} } } }\n`
    await writeFile(path, text('false'))
    const options = { env: {}, cwd: folder, homeDirectory: folder, platform: 'linux' } as const
    const config = await resolveConfig({ flags: {}, ...options })
    const told: string[] = []
    const isPaused = pauseSwitch(config, (line) => told.push(line))
    expect(await isPaused()).toBe(false)
    await writeFile(path, text('true'))
    expect(await isPaused()).toBe(true)
    expect(await configuredPause(isPaused).check()).toBe('the configuration says maintenance.pause: true')
    await writeFile(path, text('[tru'))
    expect([await isPaused(), await isPaused()]).toEqual([true, true])
    expect(told).toEqual([`${path} has a problem since the run began; what it said of maintenance.pause holds on`])
    await writeFile(path, 'profiles: { prod: { host: h } }\n')
    expect(await isPaused()).toBe(false)
    const fixed = await resolveConfig({ flags: {}, ...options, env: { STEWARD_MAINTENANCE_PAUSE: 'yes' } })
    expect(await pauseSwitch(fixed, () => {})()).toBe(true)
  })
})

describe('a session that waits for a lock of the run', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    await database.db.execute(sql`CREATE TABLE things AS SELECT generate_series(1, 3) AS id`)
  })
  afterAll(() => database.drop())

  test('is given way to after the batch; one that waits for others is not', async () => {
    const { db } = database
    const run = await db.separate({ applicationName: 'steward:maintain run #7' })
    const watch = await db.separate({ poolSize: 1 })
    const { pace, said } = paceOf([lockWaiters(watch, 'steward:maintain run #7')])
    const batch = (id: number, by = run) =>
      by.transaction(async (tx) => {
        await tx.execute(sql`UPDATE things SET id = id WHERE id = ${id}`)
        const other = db.execute(sql`UPDATE things SET id = id WHERE id = 1`)
        await sleep(450)
        return { other }
      })
    try {
      await pace.next()
      const { other } = await batch(1)
      await other
      const began = performance.now()
      await pace.next()
      expect(performance.now() - began).toBeGreaterThan(300)
      const why = /^waits: session \d+ \(steward:test\) had to wait for a lock of this run$/
      expect(said).toEqual([expect.stringMatching(why), expect.stringMatching(/^goes on after \d s$/)])

      const elsewhere = await batch(1, db)
      await elsewhere.other
      await pace.next()
      expect(said).toHaveLength(2)
    } finally {
      pace.close()
      await Promise.all([run.close(), watch.close()])
    }
  })
})

describe('the size of a batch', () => {
  test('follows the measured time, at most doubling, and halves after a conflict', () => {
    const size = adaptiveSize({ first: 100, least: 1, most: 1000, targetMs: 1000 })
    size.took(100, 100)
    expect(size.current).toBe(200)
    size.took(200, 4000)
    expect(size.current).toBeLessThan(200)
    const before = size.current
    expect(size.shrink()).toBe(true)
    expect(size.current).toBe(Math.floor(before / 2))
    while (size.shrink()) expect(size.current).toBeGreaterThanOrEqual(1)
    expect(size.current).toBe(1)
  })
})
