/** Random graphs of tables archived in peace, against the reference model. */
import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JobResult } from '../../src/model/job.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Verdict, verdictOf } from '../support/graph-model.ts'
import { type Graph, tableNamed } from '../support/graph-schema.ts'
import { archiveGraph } from './support/archiving.ts'
import { losses, mismatches, openClient, placeGraph, removeGraph } from './support/placed-graph.ts'
import { cases, expectNone, proveForGraphs } from './support/prove.ts'
import { recordFaults } from './support/records.ts'

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

/** What is wrong with the reasons that a run gave, against those that the model allows. */
function wrongReasons(graph: Graph, { kept }: JobResult, verdict: Verdict): string[] {
  const allowed = new Map<string, number>()
  for (const keys of verdict.kept.values()) {
    for (const key of keys) {
      const { schema, name } = tableNamed(graph, key.child)
      const reason = `still referenced by ${schema}.${name} (${key.name})`
      allowed.set(reason, (allowed.get(reason) ?? 0) + 1)
    }
  }
  const told = kept.reduce((sum, { rows }) => sum + Number(rows), 0)
  return [
    ...(told === verdict.kept.size ? [] : [`${told} roots are told to be kept, and ${verdict.kept.size} are`]),
    ...kept.flatMap(({ reason, rows }) => {
      const most = allowed.get(reason) ?? 0
      return rows <= most ? [] : [`${rows} kept as ${JSON.stringify(reason)}, which holds for ${most}`]
    }),
  ]
}

it('exactly the rows of the model move, the others stay for a true reason, and a second run finds nothing', async () => {
  await proveForGraphs({ runs: cases(150), extra: fc.constantFrom(1, 2, 5, 20, 1000) }, async (graph, mostRows) => {
    const verdict = verdictOf(graph)
    try {
      const placed = await placeGraph(client, graph)
      const first = await archiveGraph(database.endpoint, graph, { mostRows })
      expectNone(await losses(client, placed))
      expectNone(await mismatches(client, placed, verdict))
      expectNone(wrongReasons(graph, first, verdict))
      expect(Number(first.rows)).toBe(verdict.moved.size)
      expect(first.failures).toEqual([])
      expectNone(await recordFaults(client, graph))
      const second = await archiveGraph(database.endpoint, graph, { mostRows })
      expect(Number(second.rows)).toBe(0)
      expectNone(await losses(client, placed))
      expectNone(await mismatches(client, placed, verdict))
    } finally {
      await removeGraph(client, graph)
    }
  })
})
