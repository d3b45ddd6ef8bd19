import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import type { Transaction } from '../../src/db/database.ts'
import { sql } from '../../src/model/sql.ts'
import { applyClear } from '../../src/seeds/clear.ts'
import { planClear } from '../../src/seeds/clear-plan.ts'
import { FileStore } from '../../src/storage/file-store.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { digests, quiet, rowCount, seed } from './support.ts'

let database: TestDatabase
let folder: string
let stores: string[]
const recorded: string[] = []

beforeEach(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'steward-seeds-'))
  stores = [pathToFileURL(join(folder, 'store')).href]
  recorded.length = 0
})
afterEach(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

async function clear() {
  const plan = await planClear(database.db, skyvernSeeds, 'skyvern')
  if (plan === undefined) throw new Error('nothing to clear')
  return { plan, apply: () => applyClear(database.db, request(), plan, quiet) }
}

function request() {
  return {
    definition: skyvernSeeds,
    schema: 'skyvern',
    store: new FileStore({ name: 'files', url: stores[0] ?? '' }),
    entities: skyvern.entities,
    onByHand: async (_: Transaction, table: string, ids: readonly string[]) =>
      void recorded.push(...ids.map((id) => `${table} ${id}`)),
  }
}

async function one(statement: ReturnType<typeof sql>): Promise<string> {
  return (await database.db.one<{ id: string }>(statement)).id
}

it('the demo has a file of the stated size for every artifact, and clearing takes them with the rows', async () => {
  const { filesWritten } = await seed(database.db, { stores })
  const artifacts = await database.db.rows<{ uri: string; size: bigint; type: string }>(
    sql`SELECT uri, file_size_bytes AS size, artifact_type::text AS type FROM skyvern.artifacts`,
  )
  expect(filesWritten).toBe(artifacts.length)
  expect(new Set(artifacts.map(({ type }) => type)).size).toBe(9)
  for (const { uri, size } of artifacts) expect(BigInt((await stat(fileURLToPath(uri))).size), uri).toBe(size)
  const json = artifacts.find(({ type }) => type === 'extracted_data')
  expect(JSON.parse(await readFile(fileURLToPath(json?.uri ?? ''), 'utf8'))).toBeTypeOf('object')

  const { plan, apply } = await clear()
  expect(plan.tables.reduce((sum, { seeded }) => sum + seeded, 0)).toBe(await rowCount(database.db))
  const { rows, filesRemoved } = await apply()
  expect([...rows.values()].reduce((sum, count) => sum + count, 0)).toBe(
    plan.tables.reduce((sum, { seeded }) => sum + seeded, 0),
  )
  expect(filesRemoved).toBe(artifacts.length)
  expect(await rowCount(database.db)).toBe(0)
  expect(await readdir(fileURLToPath(stores[0] ?? ''))).toEqual([])
  expect(await planClear(database.db, skyvernSeeds, 'skyvern')).toBeUndefined()
  expect((await seed(database.db, { stores, rows: 10 })).status).toBe('loaded')
})

it('leaves alone what seeding did not make, and names what cannot stay', async () => {
  const organization = await one(
    sql`INSERT INTO skyvern.organizations (organization_name) VALUES ('Ours') RETURNING organization_id AS id`,
  )
  const task = await one(
    sql`INSERT INTO skyvern.tasks (organization_id, url, navigation_goal)
        VALUES (${organization}, 'https://ours.example', 'Stay') RETURNING task_id AS id`,
  )
  const before = await digests(database.db)
  await seed(database.db, { append: true, rows: 60, stores })

  const { task_id, organization_id, user_id } = await database.db.one<Record<string, string>>(sql`
    SELECT t.task_id, t.organization_id, u.user_id
    FROM skyvern.tasks AS t JOIN skyvern.users AS u USING (organization_id)
    WHERE t.status = 'completed' LIMIT 1`)
  const step = await one(
    sql`INSERT INTO skyvern.steps (task_id, "order", step_type) VALUES (${task_id}, 99, 'action') RETURNING step_id AS id`,
  )
  const action = await one(
    sql`INSERT INTO skyvern.actions (step_id, action_type) VALUES (${step}, 'click') RETURNING action_id AS id`,
  )
  const artifact = await one(
    sql`INSERT INTO skyvern.artifacts (task_id, organization_id, artifact_type, uri)
        VALUES (${task_id}, ${organization_id}, 'recording', 'file:///elsewhere/one.webm') RETURNING artifact_id AS id`,
  )
  await database.db.execute(sql`UPDATE skyvern.tasks SET created_by = ${user_id} WHERE task_id = ${task}`)

  const { plan, apply } = await clear()
  expect(plan.tables.filter(({ byHand }) => byHand.length > 0).map(({ table, byHand }) => [table, byHand])).toEqual([
    ['steps', [step]],
    ['actions', [action]],
    ['artifacts', [artifact]],
  ])
  expect(plan.detached).toEqual([{ table: 'tasks', column: 'created_by', rows: 1 }])
  await apply()
  expect(recorded.toSorted()).toEqual([`actions ${action}`, `artifacts ${artifact}`, `steps ${step}`])
  expect(await database.db.rows(sql`SELECT uri FROM steward.artifact_tombstones`)).toEqual([
    { uri: 'file:///elsewhere/one.webm' },
  ])
  // The trigger has noticed that the creator is gone; everything else is as it was.
  await database.db.execute(sql`ALTER TABLE skyvern.tasks DISABLE TRIGGER USER`)
  await database.db.execute(sql`UPDATE skyvern.tasks SET modified_at = created_at`)
  expect(await digests(database.db)).toEqual(before)
})

it('stops where a row was added below the seeded ones after the plan was shown', async () => {
  await seed(database.db, { rows: 20, stores })
  const { apply } = await clear()
  const rows = await rowCount(database.db)
  await database.db.execute(
    sql`INSERT INTO skyvern.task_logs (task_id, message) SELECT task_id, 'late' FROM skyvern.tasks LIMIT 1`,
  )
  await expect(apply()).rejects.toMatchObject({ code: 'changed-meanwhile', exitCode: 5 })
  expect(await rowCount(database.db)).toBe(rows + 1)
})

it('keeps a file that a remaining row stands for', async () => {
  await seed(database.db, { rows: 60, stores })
  const shared = await one(sql`SELECT uri AS id FROM skyvern.artifacts LIMIT 1`)
  await database.db.execute(sql`
    WITH ours AS (INSERT INTO skyvern.organizations (organization_name) VALUES ('Ours') RETURNING organization_id)
    INSERT INTO skyvern.artifacts (organization_id, artifact_type, uri)
    SELECT organization_id, 'har_file', ${shared} FROM ours`)
  await (await clear()).apply()
  expect((await stat(fileURLToPath(shared))).isFile()).toBe(true)
})

it('refuses where a table that nobody declared refers to seeded rows', async () => {
  await seed(database.db, { rows: 5, stores })
  await database.db.execute(sql`
    CREATE TABLE skyvern.notes AS SELECT task_id FROM skyvern.tasks LIMIT 1`)
  await database.db.execute(sql`
    ALTER TABLE skyvern.notes ADD FOREIGN KEY (task_id) REFERENCES skyvern.tasks ON DELETE CASCADE`)
  await expect(clear()).rejects.toMatchObject({
    code: 'referenced-elsewhere',
    message: expect.stringContaining('skyvern.notes'),
  })
})
