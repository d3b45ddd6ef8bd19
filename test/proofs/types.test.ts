/** Values of every type through the archive, cold files and back: not a byte may change. */
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { imageOf, missingTypes, placeEveryType } from './support/every-type.ts'
import { openClient } from './support/placed-graph.ts'

let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = await openClient(database.endpoint)
  await placeEveryType(client)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

it('the table has every type', async () => {
  expect(await missingTypes(client)).toEqual([])
  expect((await imageOf(client)).length).toBeGreaterThan(10)
})
