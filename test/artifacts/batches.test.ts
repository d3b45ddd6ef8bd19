/** Batches of which two are in hand at a time, with something in the way of one. */
import { readdir } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { awake } from '../../src/artifacts/awake.ts'
import { cleanRule } from '../../src/artifacts/clean-rows.ts'
import { connect } from '../../src/db/connect.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asRun } from '../support/job-run.ts'
import {
  addArtifact,
  addTask,
  artifactIds,
  both,
  clean,
  type Folder,
  folder,
  marks,
  oldArtifacts,
  placed,
  rules,
} from './fixture.ts'

const ONE_EACH = { first: 1, least: 1, most: 1 }

let database: TestDatabase
let files: Folder
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  files = await folder()
  await addTask(database.db, 'tsk_1')
})
afterEach(async () => {
  await files.remove()
  await database.db.execute(
    sql`TRUNCATE skyvern.organizations, steward.artifact_tombstones, steward.artifact_batches CASCADE`,
  )
})

test('a file goes with the last of its rows, also where they are in batches that are in hand together', async () => {
  const { db } = database
  const uri = await files.put('both.zip')
  for (const n of [1, 2, 3, 4, 5, 6]) await addArtifact(db, `a_${n}`, uri, { age: 110 - n })
  const { rule } = await clean(database, files, {
    batch: ONE_EACH,
    async at(boundary) {
      // So that the next batch sees the row of this one while that is deleted and not committed.
      if (boundary === 'removing') await setTimeout(200)
    },
  })
  expect(rule).toMatchObject({ outcome: 'done', rowsDeleted: 6n, filesRemoved: 1n, filesShared: 5n, batches: 6 })
  expect(await readdir(files.root)).toEqual([])
})

test.each([1, 4])('a row in use stays with its file, and the others go: %i connections', async (poolSize) => {
  const { db } = database
  for (const n of [1, 2, 3, 4, 5]) await addArtifact(db, `a_${n}`, await files.put(`${n}.png`), { age: 110 - n })
  await db.execute(sql`
    INSERT INTO skyvern.steps (step_id, task_id, "order", step_type, status)
    VALUES ('stp_1', 'tsk_1', 1, 'action', 'completed')`)
  await db.execute(
    sql`INSERT INTO skyvern.screenshots (step_id, artifact_id, uri) VALUES ('stp_1', 'a_2', 'file:///x')`,
  )
  const few = await connect(database.endpoint, { applicationName: 'steward:few', statementTimeoutMs: 0, poolSize })
  try {
    await db.transaction(async (other) => {
      // It goes along with its artifact, and is not passed over: the batch waits for it in vain.
      await other.execute(sql`SELECT FROM skyvern.screenshots FOR UPDATE`)
      const result = await asRun({ db: few }, ['skyvern'], (run) =>
        cleanRule(
          { db: few, run, stores: files.stores, systems: both, batch: { first: 2, least: 1, most: 2 } },
          placed,
          oldArtifacts,
          rules,
        ),
      )
      expect(result).toMatchObject({
        outcome: 'done',
        rowsDeleted: 4n,
        kept: [{ reason: 'in use by another transaction', rows: 1n }],
      })
    })
  } finally {
    await few.close()
  }
  expect(await artifactIds(db)).toEqual(['a_2'])
  expect(await readdir(files.root)).toEqual(['2.png'])
  expect(await marks(db)).toMatchObject([{ id: 'a_2', row_stays: true, attempts: 0 }])
  expect((await clean(database, files)).rule).toMatchObject({ rowsDeleted: 1n, filesRemoved: 1n })
  expect(await marks(db)).toEqual([])
})

test('what fails of a batch is marked by itself, and what goes leaves no mark', async () => {
  const { db } = database
  for (const n of [1, 2, 3]) await addArtifact(db, `a_${n}`, await files.put(`${n}.png`), { age: 110 - n })
  await addArtifact(db, 'a_4', 's3://elsewhere/4.png')
  const { rule } = await clean(database, files)
  expect(rule).toMatchObject({ outcome: 'partial', rowsDeleted: 3n, failed: 1n })
  expect(await marks(db)).toMatchObject([{ id: 'a_4', row_stays: true, attempts: 1 }])
  expect(await db.rows(sql`SELECT FROM steward.artifact_batches`)).toEqual([])
  // Its row goes by another way, and it is tried as any other whose row is gone.
  await db.execute(sql`DELETE FROM skyvern.artifacts`)
  expect((await clean(database, files)).rule).toMatchObject({ outcome: 'partial', failed: 1n })
})

test('a row that goes while its batch is marked leaves its file to the mark', async () => {
  const { db } = database
  await addArtifact(db, 'a_1', await files.put('1.png'))
  const { rule } = await clean(database, files, {
    async at(boundary) {
      if (boundary === 'marked') await db.execute(sql`DELETE FROM skyvern.artifacts`)
    },
  })
  expect(rule).toMatchObject({ outcome: 'done', rowsDeleted: 0n, filesRemoved: 1n })
  expect([await readdir(files.root), await marks(db)]).toEqual([[], []])
})

test('what no smaller batch would mend ends the run, while the next batch is marked', async () => {
  const { db } = database
  for (const n of [1, 2, 3]) await addArtifact(db, `a_${n}`, await files.put(`${n}.png`), { age: 110 - n })
  await db.execute(sql`
    CREATE FUNCTION public.forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$`)
  await db.execute(sql`
    CREATE TRIGGER forbid BEFORE DELETE ON skyvern.artifacts FOR EACH ROW EXECUTE FUNCTION public.forbid()`)
  try {
    const cleaning = clean(database, files, {
      batch: ONE_EACH,
      async at(boundary) {
        if (boundary === 'marking') await setTimeout(100)
      },
    })
    await expect(cleaning).rejects.toThrow('not today')
  } finally {
    await db.execute(sql`DROP FUNCTION public.forbid() CASCADE`)
  }
  expect((await readdir(files.root)).toSorted()).toEqual(['1.png', '2.png', '3.png'])
  expect((await clean(database, files)).rule).toMatchObject({ outcome: 'done', rowsDeleted: 3n, filesRemoved: 3n })
  expect(await marks(db)).toEqual([])
})

test('a transaction that waits for a slow store is not ended by the server', async () => {
  const { db } = database
  const waiting = (every: number) =>
    db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL idle_in_transaction_session_timeout = '400ms'`)
      await awake(tx, () => setTimeout(1_000), every)
      return tx.one(sql`SELECT 1 AS here`)
    })
  expect(await waiting(50)).toEqual({ here: 1 })
  await expect(waiting(60_000)).rejects.toThrow()
})
