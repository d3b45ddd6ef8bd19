/** Runs of the built program that meet: one works, the others say who; a holder that dies or sleeps is succeeded. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { openClient } from './support/placed-graph.ts'
import { type Home, openHome, type Ran, usual } from './support/program.ts'
import { runningRuns } from './support/records.ts'

let database: TestDatabase
let client: Client
let home: Home
let stopFile: string
beforeAll(async () => {
  database = await createTestDatabase()
  client = await openClient(database.endpoint)
  home = await openHome(database.url)
  stopFile = join(home.folder, 'stop')
  await home.configure([...usual(home, { lease: '5s' }), `      stopFile: ${stopFile}`])
  await home.must(['seed', 'run', 'skyvern', '--rows', '300', '--until', '2025-01-01'])
  await home.must(['seed', 'run', 'agentvine', '--rows', '100', '--until', '2025-01-01'])
})
afterAll(async () => {
  await home.remove()
  await client.end()
  await database.drop()
})

const LEASE_MS = 5000
const run = ['maintain', 'run', '--yes']

/** What the runs before archived is due again. */
async function dueAgain(): Promise<void> {
  await home.must(['archive', 'restore', '--since', '2020-01-01', '--hold', '0', '--yes'])
}

/** Process that holds the lease of skyvern now. */
async function holder(): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM steward.leases WHERE name = 'skyvern' AND released_at IS NULL AND expires_at > clock_timestamp()`,
  )
  return rows[0]?.pid
}

it('of twenty that start at once one works, and nineteen exit 8 and name it', async () => {
  await writeFile(stopFile, '')
  const starters = Array.from({ length: 20 }, () => home.start(...run))
  const ends: Ran[] = []
  for (const { ended } of starters) void ended.then((ran) => ends.push(ran))
  await until('nineteen have ended', async () => ends.length >= 19, { ms: 60_000 })
  const winner = await holder()
  expect(starters.map(({ child }) => child.pid)).toContain(winner)
  for (const { exitCode, stderr } of ends) {
    expect(exitCode).toBe(8)
    expect(stderr).toMatch(
      new RegExp(`steward maintain run of .+@.+, pid ${winner}, since .+Z, last sign \\d+ s ago`),
    )
  }
  await rm(stopFile)
  await until('the winner has ended', async () => ends.length === 20, { ms: 120_000 })
  expect(ends.at(-1)).toMatchObject({ exitCode: 0 })
  expect(await holder()).toBeUndefined()
  await home.must(['archive', 'verify'])
})

it('a winner that is killed is succeeded within its lease, and never counts as running', async () => {
  await dueAgain()
  await writeFile(stopFile, '')
  const first = home.start(...run)
  await until('the first holds the lease', async () => (await holder()) === first.child.pid, { ms: 20_000 })
  // Until it works, so that there is a record of it.
  await until('it is in the journal', async () => (await runningRuns(client)) === 1, { ms: 20_000 })
  first.child.kill('SIGKILL')
  await first.ended
  const began = performance.now()
  let next = home.start(...run)
  let refused = 0
  for (;;) {
    const ended = await Promise.race([
      next.ended,
      until('it holds', async () => (await holder()) === next.child.pid, { ms: 30_000 }),
    ])
    if (ended === undefined) break
    expect(ended).toMatchObject({ exitCode: 8, stderr: expect.stringContaining(`pid ${first.child.pid}`) })
    refused++
    await sleep(100)
    next = home.start(...run)
  }
  // The lease, and the start of the program that takes it.
  expect(performance.now() - began).toBeLessThan(LEASE_MS + 4000)
  expect(refused).toBeGreaterThan(0)
  await until('its record is there', async () => (await runningRuns(client)) === 1, { ms: 20_000 })
  await rm(stopFile)
  expect(await next.ended).toMatchObject({ exitCode: 0 })
  const { rows } = await client.query<{ outcome: string }>(
    'SELECT outcome FROM steward.journal WHERE pid = $1 AND command = $2',
    [first.child.pid, 'maintain run'],
  )
  expect(rows).toEqual([{ outcome: 'lost' }])
  expect(await runningRuns(client)).toBe(0)
})

it('a holder that slept beyond its lease writes nothing more and exits 8 with the name of its successor', async () => {
  await dueAgain()
  await writeFile(stopFile, '')
  const sleeper = home.start(...run)
  await until('the sleeper holds the lease', async () => (await holder()) === sleeper.child.pid, { ms: 20_000 })
  sleeper.child.kill('SIGSTOP')
  await until('its lease is over', async () => (await holder()) === undefined, { ms: 20_000 })
  const successor = home.start(...run)
  await until('the successor holds it', async () => (await holder()) === successor.child.pid, { ms: 20_000 })
  sleeper.child.kill('SIGCONT')
  const woken = await sleeper.ended
  expect(woken).toMatchObject({ exitCode: 8, stderr: expect.stringContaining(`pid ${successor.child.pid}`) })
  await rm(stopFile)
  expect(await successor.ended).toMatchObject({ exitCode: 0 })
})
