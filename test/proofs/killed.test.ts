/**
 * Random graphs archived by runs that are cut off: by SIGKILL, by the loss of the connection before or after the
 * server did what was asked, by pg_terminate_backend in the middle of it; begun again until one comes to its end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LockedError, StewardError } from '../../src/errors.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { type Cut, type CuttingProxy, cuttingProxy } from '../support/cutting-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withKeys } from '../support/graph-arbitrary.ts'
import { verdictOf } from '../support/graph-model.ts'
import type { Graph } from '../support/graph-schema.ts'
import type { Task } from './support/archive-child.ts'
import { archiveGraph, note } from './support/archiving.ts'
import { ledgerFaults, openLedger, strays } from './support/ledger.ts'
import { losses, mismatches, openClient, placeGraph, removeGraph } from './support/placed-graph.ts'
import { cases, expectNone, proveForGraphs } from './support/prove.ts'
import { recordFaults, runningRuns } from './support/records.ts'
import { startWriters } from './support/writers.ts'

let database: TestDatabase
let client: Client
let proxy: CuttingProxy
let program: Program
beforeAll(async () => {
  database = await createTestDatabase()
  client = await openClient(database.endpoint)
  proxy = await cuttingProxy(database.endpoint)
  program = await bundleProgram(join(import.meta.dirname, 'support/archive-child.ts'))
})
afterAll(async () => {
  await program.remove()
  await proxy.close()
  await client.end()
  await database.drop()
})

/** A lease that nobody gives back is over soon. */
const LEASE_MS = 400

/** Where to cut: a question, of the first ones more often. */
const points = fc.array(
  fc.record({
    at: fc.oneof(fc.integer({ min: 5, max: 60 }), fc.integer({ min: 5, max: 250 })),
    when: fc.constantFrom<Cut['when']>('unheard', 'heard', 'unanswered'),
    terminate: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
)

/** Backends of the run end when the server notices that nobody is there. */
async function quiet(): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'steward:%'
       AND application_name <> 'steward:test'`,
    )
    if (rows.length === 0) return
    await sleep(5)
  }
}

/** Runs until the lease of the one before is over. */
async function untilFree<T>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof LockedError) || error.code !== 'lease-held') throw error
      await sleep(50)
    }
  }
}

/** A run that is cut off by its connection; how it ends is known. */
async function cutRun(graph: Graph, { at, when, terminate }: { at: number; when: Cut['when']; terminate: boolean }) {
  const kill = () =>
    void client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'steward:proof%'
       AND datname = current_database()`,
    )
  try {
    await untilFree(() => {
      proxy.cutAt({ at, when, ...(terminate ? { doing: kill } : {}) })
      return archiveGraph(proxy.endpoint, graph, { mostRows: 5, leaseMs: LEASE_MS })
    })
    note(`${when} ${at}: came to its end`)
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    note(`${when} ${at}: ${error.exitCode} ${error.code}`)
    expect([3, 6]).toContain(error.exitCode)
    expect(proxy.cut).toBe(true)
  } finally {
    proxy.cutAt(undefined)
  }
  await quiet()
}

/** A run in a process of its own that is killed. */
async function killedRun(graph: Graph, { at, when }: { at: number; when: Cut['when'] }) {
  for (;;) {
    const task: Task = { endpoint: proxy.endpoint, graph, running: { mostRows: 5, leaseMs: LEASE_MS } }
    const child = spawn(process.execPath, [program.path, JSON.stringify(task)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (data) => {
      stderr += data
    })
    proxy.cutAt({ at, when, doing: () => child.kill('SIGKILL') })
    const [code, signal] = await once(child, 'exit')
    proxy.cutAt(undefined)
    await quiet()
    if (/lease-held/.test(stderr)) {
      await sleep(50)
      continue
    }
    note(`${when} ${at}: ${signal ?? code}`)
    if (signal !== 'SIGKILL') expect({ code, stderr }).toMatchObject({ code: 0 })
    return
  }
}

/** After the last cut: a run to the end, and nothing to see of the others. */
async function finish(graph: Graph): Promise<void> {
  const result = await untilFree(() => archiveGraph(database.endpoint, graph, { leaseMs: LEASE_MS }))
  expect(result.failures).toEqual([])
  expect(await runningRuns(client)).toBe(0)
  expectNone(await recordFaults(client, graph))
}

it('a lost connection leaves whole batches, and the runs after it do what is left', async () => {
  await proveForGraphs({ runs: cases(40), extra: points }, async (graph, cuts) => {
    try {
      const placed = await placeGraph(client, graph)
      for (const cut of cuts) {
        await cutRun(graph, cut)
        expectNone(await losses(client, placed))
      }
      await finish(graph)
      expectNone(await losses(client, placed))
      expectNone(await mismatches(client, placed, verdictOf(graph)))
    } finally {
      await removeGraph(client, graph)
    }
  })
})

it('kill -9 leaves whole batches, and the runs after it do what is left', async () => {
  await proveForGraphs({ runs: cases(12), extra: points }, async (graph, cuts) => {
    try {
      const placed = await placeGraph(client, graph)
      for (const cut of cuts) {
        await killedRun(graph, cut)
        expectNone(await losses(client, placed))
      }
      await finish(graph)
      expectNone(await losses(client, placed))
      expectNone(await mismatches(client, placed, verdictOf(graph)))
    } finally {
      await removeGraph(client, graph)
    }
  })
})

it('cut off again and again with writers beside it, no row is lost, doubled or moved without its root', async () => {
  const extra = fc.record({ seed: fc.nat(1_000_000), cuts: points })
  await proveForGraphs({ runs: cases(12), extra, adapt: withKeys }, async (graph, { seed, cuts }) => {
    try {
      await placeGraph(client, graph)
      await openLedger(client, graph)
      const writers = await startWriters(database.endpoint, graph, seed)
      try {
        for (const cut of cuts) await cutRun(graph, cut)
      } finally {
        await writers.end()
      }
      expectNone(await ledgerFaults(client, graph))
      expectNone(await strays(client, graph))
      await finish(graph)
      expectNone(await ledgerFaults(client, graph))
      expectNone(await strays(client, graph))
    } finally {
      await removeGraph(client, graph)
    }
  })
})
