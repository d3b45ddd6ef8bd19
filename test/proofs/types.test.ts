/** Values of every type through the archive, cold files and back: not a byte may change. */
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  changedValues,
  imageOf,
  missingTypes,
  placeEveryType,
  TYPES_TABLE,
  typesTable,
} from './support/every-type.ts'
import { openClient } from './support/placed-graph.ts'
import { type Home, openHome } from './support/program.ts'
import { expectNone } from './support/prove.ts'

let database: TestDatabase
let client: Client
let home: Home
beforeAll(async () => {
  database = await createTestDatabase()
  client = await openClient(database.endpoint)
  home = await openHome(database.url)
  await placeEveryType(client)
})
afterAll(async () => {
  await home.remove()
  await client.end()
  await database.drop()
})

async function rowsIn(schema: string): Promise<number> {
  const { rows } = await client.query<{ rows: string }>(
    `SELECT count(*) AS rows FROM "${schema}"."${TYPES_TABLE.replaceAll('"', '""')}"`,
  )
  return Number(rows[0]?.rows)
}

const archive = ['archive', 'run', '--table', typesTable, '--age-of', 'aged', '--older-than', '1 day', '--yes']
const restore = ['archive', 'restore', '--since', '2020-01-01', '--hold', '0', '--yes']

it('the table has every type', async () => {
  expect(await missingTypes(client)).toEqual([])
  expect(await rowsIn('Every type')).toBeGreaterThan(10)
})

it('comes back from the archive tables as it was', async () => {
  const [image, rows] = [await imageOf(client), await rowsIn('Every type')]
  await home.must(archive)
  expect(await rowsIn('Every type')).toBe(0)
  expect(await rowsIn('Every type_archive')).toBe(rows)
  await home.must(['archive', 'verify'])
  await home.must(restore)
  expectNone(changedValues(await imageOf(client), image))
  expect(await rowsIn('Every type_archive')).toBe(0)
})

it.each(['copy', 'parquet', 'copy,parquet'])('comes back from cold files (%s) as it was', async (formats) => {
  const image = await imageOf(client)
  await home.must(archive)
  const exported = await home.run('archive', 'export', '--formats', formats, '--yes')
  if (formats === 'parquet') {
    // Parquet alone is for analysis: rows stay, since only COPY text brings every value back.
    expect(exported.exitCode).toBe(2)
  } else {
    expectNone(exported.exitCode === 0 ? [] : [exported.stdout, exported.stderr])
    expect(await rowsIn('Every type_archive')).toBe(0)
    await home.must(['archive', 'verify', '--all'])
  }
  await home.must(restore)
  expectNone(changedValues(await imageOf(client), image))
})
