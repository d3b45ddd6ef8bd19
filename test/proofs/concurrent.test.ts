/** Random graphs archived while others write: every row ever committed is in one place, as it was last written. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withKeys } from '../support/graph-arbitrary.ts'
import { verdictOf } from '../support/graph-model.ts'
import type { Graph } from '../support/graph-schema.ts'
import { archiveGraph, note } from './support/archiving.ts'
import { ledgerFaults, liveRows, openLedger, strays } from './support/ledger.ts'
import { openClient, placeGraph, removeGraph } from './support/placed-graph.ts'
import { cases, expectNone, proveForGraphs } from './support/prove.ts'
import { recordFaults } from './support/records.ts'
import { startWriters } from './support/writers.ts'

let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = await openClient(database.endpoint)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

/** In quiet, the archive does with the rows that the writers left what the model says. */
async function settles(graph: Graph): Promise<void> {
  const rows = await liveRows(client, graph)
  const verdict = verdictOf({ ...graph, rows })
  const names = (of: Graph['rows']) => of.map(({ table, values }) => `${table}/${values.id}`).toSorted()
  const { kept } = await archiveGraph(database.endpoint, graph)
  expect(names(await liveRows(client, graph))).toEqual(names(rows.filter((_, place) => !verdict.moved.has(place))))
  expect(kept.reduce((sum, { rows: roots }) => sum + Number(roots), 0)).toBe(verdict.kept.size)
}

it('with writers beside it, no row is lost, doubled or moved without its root', async () => {
  const extra = fc.record({ seed: fc.nat(1_000_000), mostRows: fc.constantFrom(1, 5, 50), runs: fc.nat(3) })
  const size = { rows: 80 }
  await proveForGraphs({ runs: cases(25), size, extra, adapt: withKeys }, async (graph, { seed, mostRows, runs }) => {
    try {
      await placeGraph(client, graph)
      await openLedger(client, graph)
      const writers = await startWriters(database.endpoint, graph, seed)
      try {
        for (let run = 0; run <= runs; run++) {
          const { rows, kept, failures } = await archiveGraph(database.endpoint, graph, { mostRows })
          expect(failures).toEqual([])
          note(`moved ${rows}, kept ${kept.map(({ reason, rows: roots }) => `${roots} ${reason}`).join('; ')}`)
          await sleep(20)
        }
      } finally {
        const { committed, refused } = await writers.end()
        note(`${committed} transactions of writers, ${refused} refused`)
      }
      expectNone(await ledgerFaults(client, graph))
      expectNone(await strays(client, graph))
      await settles(graph)
      expectNone(await ledgerFaults(client, graph))
      expectNone(await strays(client, graph))
      expectNone(await recordFaults(client, graph))
    } finally {
      await removeGraph(client, graph)
    }
  })
})
