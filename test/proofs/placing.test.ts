/** That the proofs themselves prove something: every graph loads, and a lost or doubled row shows. */
import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { verdictOf } from '../support/graph-model.ts'
import { nameOf } from '../support/graph-schema.ts'
import { losses, mismatches, openClient, placeGraph, removeGraph } from './support/placed-graph.ts'
import { cases, proveForGraphs } from './support/prove.ts'

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

it('every graph can be loaded, and its rows are those of the model', async () => {
  await proveForGraphs({ runs: cases(100), extra: fc.constant(undefined) }, async (graph) => {
    try {
      const placed = await placeGraph(client, graph)
      expect(await losses(client, placed)).toEqual([])
      const wrong = await mismatches(client, placed, verdictOf(graph))
      expect(wrong.length > 0).toBe(verdictOf(graph).moved.size > 0)
      const filled = graph.tables.find((_, index) => graph.rows.some(({ table }) => table === index))
      if (filled === undefined) return
      await client.query('SET session_replication_role = replica')
      await client.query(`DELETE FROM ${nameOf(filled)}`)
      await client.query('SET session_replication_role = origin')
      expect((await losses(client, placed)).join('\n')).toContain('lack')
    } finally {
      await removeGraph(client, graph)
    }
  })
})
