/** How whose files are is found in large tables. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { countUnindexed, heldAmong, heldSql, holdersIn } from '../../src/artifacts/holders.ts'
import { ownedAmong, ownersIn } from '../../src/artifacts/owners.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { addTask, addUpload, both } from './fixture.ts'

const ROWS = 20_000

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  const { db } = database
  await addTask(db, 'tsk_1')
  await db.execute(sql`
    INSERT INTO skyvern.artifacts (artifact_id, organization_id, artifact_type, uri)
    SELECT 'a_' || n, 'o_1', 'recording', 'file:///srv/' || n || '.webm' FROM generate_series(1, ${ROWS}) AS n`)
  await db.execute(sql`INSERT INTO skyvern.artifacts (artifact_id, organization_id, artifact_type, uri)
    VALUES ('a_odd', 'o_1', 'recording', 'file:///srv/./odd.webm')`)
  await db.execute(sql`ANALYZE skyvern.artifacts`)
})
afterAll(() => database.drop())

const uris = Array.from({ length: 1000 }, (_, n) => `file:///srv/${n * 7}.webm`)

test('a thousand files are asked about by index', async () => {
  const { db } = database
  const holders = await holdersIn(db, both)
  expect(holders.suggestions).toEqual([])
  const plan = await db.rows<{ 'QUERY PLAN': string }>(sql`EXPLAIN ${heldSql(holders.tables, uris)}`)
  const text = plan.map((row) => row['QUERY PLAN']).join('\n')
  expect(text).toContain('ix_artifacts_uri')
  expect(text).not.toMatch(/Seq Scan on artifacts/)
  const held = await heldAmong(db, holders, uris, () => false)
  expect(held.size).toBe(999)
})

test('a table without an index is read once, and an index suggested', async () => {
  const { db } = database
  await db.execute(sql`CREATE SCHEMA skyvern_archive`)
  await db.execute(sql`
    CREATE TABLE skyvern_archive.artifacts AS
    SELECT 'b_1'::text AS artifact_id, 'file:///srv/archived.webm'::text AS uri, now() AS created_at, 1::bigint AS file_size_bytes`)
  try {
    const holders = await holdersIn(db, both)
    expect(holders.suggestions).toEqual([
      'CREATE INDEX CONCURRENTLY ON "skyvern_archive"."artifacts" USING hash ("uri")',
    ])
    const bag = await countUnindexed(db, holders)
    expect([bag.size, bag.count('file:///srv/archived.webm'), bag.count('file:///srv/odd.webm')]).toEqual([2, 1, 1])
  } finally {
    await db.execute(sql`DROP SCHEMA skyvern_archive CASCADE`)
  }
})

test('another deployment in the same database owns its files, too', async () => {
  const { db } = database
  await db.execute(sql`CREATE SCHEMA staging`)
  await db.execute(sql`CREATE TABLE staging.artifacts (LIKE skyvern.artifacts INCLUDING DEFAULTS INCLUDING INDEXES)`)
  await db.execute(sql`
    INSERT INTO staging.artifacts (artifact_id, organization_id, artifact_type, uri)
    VALUES ('a_1', 'o_9', 'recording', 'file:///srv/staging.webm')`)
  try {
    const owners = await ownersIn(db, both)
    const file = { path: 'staging.webm', uri: 'file:///srv/staging.webm' }
    expect(await ownedAmong(db, owners, [file])).toEqual(new Set([file.uri]))
  } finally {
    await db.execute(sql`DROP SCHEMA staging CASCADE`)
  }
})

test('files below the folder of a task are its own, whoever else has the same number', async () => {
  const { db } = database
  const task = '00000000-0000-4000-8000-000000000001'
  await addUpload(db, task, 1)
  const owners = await ownersIn(db, both)
  const listed = [
    `users/1/tasks/${task}/logs/x`,
    `users/2/tasks/${task}/logs/x`,
    `users/1/tasks/none'); --/x`,
    'odd.webm',
  ].map((path) => ({ path, uri: `file:///srv/${encodeURI(path)}` }))
  expect(await ownedAmong(db, owners, listed)).toEqual(new Set([listed[0]?.uri, listed[3]?.uri]))
})
