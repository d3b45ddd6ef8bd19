import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { planRule } from '../../src/artifacts/clean-plan.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
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

describe('files with their rows', () => {
  test('go when the rule covers them, and nothing else does', async () => {
    const { db } = database
    await addArtifact(db, 'a_old', await files.put('o/old.png'))
    await addArtifact(db, 'a_young', await files.put('o/young.png'), { age: 10 })
    await addArtifact(db, 'a_other', await files.put('o/other.webm'), { type: 'recording' })
    const { rule } = await clean(database, files)
    expect(rule).toMatchObject({ outcome: 'done', rowsDeleted: 1n, filesRemoved: 1n, bytes: 100n, failures: [] })
    expect(await artifactIds(db)).toEqual(['a_other', 'a_young'])
    expect(await files.has('o/old.png')).toBe(false)
    expect(await files.has('o/young.png')).toBe(true)
    expect(await marks(db)).toEqual([])
    expect((await clean(database, files)).rule).toMatchObject({ outcome: 'nothing', why: 'nothing more is due' })
  })

  test('are gone already: success', async () => {
    await addArtifact(database.db, 'a_1', files.uri('missing.png'))
    const { rule } = await clean(database, files)
    expect(rule).toMatchObject({ outcome: 'done', rowsDeleted: 1n, filesRemoved: 0n, filesMissing: 1n })
    expect(await artifactIds(database.db)).toEqual([])
  })

  test('are not taken for gone when the whole store is: a disk that is not mounted', async () => {
    await addArtifact(database.db, 'a_1', await files.put('a.png'))
    await files.remove()
    const { rule } = await clean(database, files)
    expect(rule).toMatchObject({ outcome: 'partial', rowsDeleted: 0n, failed: 1n })
    expect(await artifactIds(database.db)).toEqual(['a_1'])
  })

  test('stay while their task is active, with the reason', async () => {
    await addTask(database.db, 'tsk_2', 'running')
    await addArtifact(database.db, 'a_1', await files.put('a.png'), { task: 'tsk_2' })
    const { rule } = await clean(database, files)
    expect(rule.kept).toEqual([
      {
        reason: 'still in use: task_id or step_id or workflow_run_id leads to something that is not over',
        rows: 1n,
      },
    ])
    expect(await files.has('a.png')).toBe(true)
  })

  test('shared by several rows go with the last, however their URIs are written', async () => {
    const { db } = database
    const uri = await files.put('shared/a b.zip')
    await addArtifact(db, 'a_1', uri)
    await addArtifact(db, 'a_2', uri.replace('%20', ' '))
    await addArtifact(db, 'a_3', uri.replace('shared/', 'shared//'), { age: 10 })
    const first = await clean(database, files)
    expect(first.rule).toMatchObject({ rowsDeleted: 2n, filesRemoved: 0n, filesShared: 2n })
    expect(await files.has('shared/a b.zip')).toBe(true)
    await db.execute(sql`UPDATE skyvern.artifacts SET created_at = now() - interval '100 days'`)
    const last = await clean(database, files)
    expect(last.rule).toMatchObject({ rowsDeleted: 1n, filesRemoved: 1n, filesShared: 0n })
    expect(await files.has('shared/a b.zip')).toBe(false)
  })

  test('stay where an archived row stands for them', async () => {
    const { db } = database
    await addArtifact(db, 'a_1', await files.put('a.png'))
    await db.execute(sql`CREATE SCHEMA skyvern_archive`)
    await db.execute(
      sql`CREATE TABLE skyvern_archive.artifacts AS SELECT *, 1::bigint AS steward_batch_id FROM skyvern.artifacts`,
    )
    await db.execute(sql`UPDATE skyvern_archive.artifacts SET artifact_id = 'a_9'`)
    try {
      expect((await clean(database, files)).rule).toMatchObject({ rowsDeleted: 1n, filesShared: 1n })
      expect(await files.has('a.png')).toBe(true)
    } finally {
      await db.execute(sql`DROP SCHEMA skyvern_archive CASCADE`)
    }
  })

  test('that a store refuses stay marked, with the reason, and are tried again', async () => {
    const { db } = database
    await writeFile(join(files.root, '..', 'outside.png'), 'x')
    await mkdir(join(files.root, 'real'))
    await writeFile(join(files.root, 'real', 'x.png'), 'x')
    await symlink(join(files.root, 'real'), join(files.root, 'link'))
    await addArtifact(db, 'a_1', `${files.url}/../outside.png`)
    await addArtifact(db, 'a_2', 's3://elsewhere/a.png')
    await addArtifact(db, 'a_3', files.uri('link/x.png'))
    await addArtifact(db, 'a_4', 'ftp://example.com/a.png')
    await addArtifact(db, 'a_5', 'relative/a.png')
    await addArtifact(db, 'a_6', await files.put('fine.png'))
    const { rule } = await clean(database, files)
    expect(rule).toMatchObject({ outcome: 'partial', rowsDeleted: 1n, failed: 5n })
    expect(rule.failures).toHaveLength(5)
    expect(await artifactIds(db)).toEqual(['a_1', 'a_2', 'a_3', 'a_4', 'a_5'])
    expect(await files.has('real/x.png')).toBe(true)
    expect((await marks(db)).map(({ attempts, last_error }) => [attempts, last_error])).toMatchInlineSnapshot(`
      [
        [
          1,
          "refused: it lies outside the stores (artifacts)",
        ],
        [
          1,
          "refused: no store is configured for it in s3://elsewhere (artifacts)",
        ],
        [
          1,
          "refused: The file lies outside the artifact store: a symbolic link is on its way, and links below the root are not followed",
        ],
        [
          1,
          "refused: ftp: is no store",
        ],
        [
          1,
          "refused: it is no URI of a store",
        ],
      ]
    `)
    const again = await clean(database, files)
    expect(again.rule).toMatchObject({ outcome: 'partial', failed: 5n })
    expect((await marks(db)).map(({ attempts }) => attempts)).toEqual([2, 2, 2, 2, 2])
  })

  test("are not touched where they are Steward's own, however a row came to name them", async () => {
    const { db } = database
    const own = [
      'archive/db/skyvern/finished-tasks/batch-7/manifest.json',
      'cold/archive/db/skyvern/finished-tasks/batch-7/tasks.copy.gz',
      '.steward-quarantine/20261104T101500Z-142/a.png',
    ]
    for (const [index, path] of own.entries()) await addArtifact(db, `a_${index}`, await files.put(path))
    await addArtifact(db, 'a_9', await files.put('archive/of/mine/batch-7.png'))
    const reason = "refused: it is a file of Steward's archive, or in its quarantine"
    const plan = () => planRule({ db, stores: files.stores, systems: both }, placed, oldArtifacts, rules)
    expect(await plan()).toMatchObject({ rows: 4n, files: 1n, refused: [{ reason, rows: 3n }] })
    await addArtifact(db, 'a_8', files.uri('%61rchive/db/skyvern/finished-tasks/batch-7//manifest.json'))
    expect(await plan()).toMatchObject({ rows: 5n, files: 1n, refused: [{ reason, rows: 4n }] })
    const { rule } = await clean(database, files)
    expect(rule).toMatchObject({ outcome: 'partial', rowsDeleted: 1n, filesRemoved: 1n, failed: 4n })
    expect((await marks(db)).map(({ last_error }) => last_error)).toEqual([reason, reason, reason, reason])
    for (const path of own) expect(await files.has(path)).toBe(true)
  })

  test('may be named by whatever a row holds: megabytes, control sequences', async () => {
    const { db } = database
    const long = Array.from({ length: 50_000 }, (_, index) => index.toString(36)).join('')
    await addArtifact(db, 'a_1', files.uri(long), { age: 120 })
    await addArtifact(db, 'a_2', `${long}\u001b]0;x\u0007`, { age: 119 })
    await addArtifact(db, 'a_3', files.uri('a/'.repeat(50_000)), { age: 118 })
    await addArtifact(db, 'a_4', await files.put('fine.png'))
    const { rule } = await clean(database, files)
    // There is no file of such a name.
    expect(rule).toMatchObject({ outcome: 'partial', rowsDeleted: 2n, filesMissing: 1n, failed: 2n })
    expect((await marks(db)).map(({ id, attempts }) => [id, attempts])).toEqual([
      ['a_2', 1],
      ['a_3', 1],
    ])
  })

  test('stay with rows that others refer to', async () => {
    const { db } = database
    await db.execute(sql`
      CREATE TABLE public.exhibits (artifact_id text CONSTRAINT fk_exhibits REFERENCES skyvern.artifacts)`)
    try {
      await addArtifact(db, 'a_1', await files.put('a.png'))
      await addArtifact(db, 'a_2', await files.put('b.png'))
      await db.execute(sql`INSERT INTO public.exhibits VALUES ('a_1')`)
      const { rule } = await clean(database, files)
      expect(rule).toMatchObject({
        outcome: 'done',
        rowsDeleted: 1n,
        kept: [{ reason: 'still referenced by public.exhibits (fk_exhibits)', rows: 1n }],
      })
      expect(await files.has('a.png')).toBe(true)
    } finally {
      await db.execute(sql`DROP TABLE public.exhibits`)
    }
  })
})

describe('between mark and deletion', () => {
  test('a row that became active again, or stands for another file, stays with its file', async () => {
    const { db } = database
    await addTask(db, 'tsk_2')
    await addArtifact(db, 'a_1', await files.put('retried.png'), { task: 'tsk_2' })
    await addArtifact(db, 'a_2', await files.put('moved.png'))
    await addArtifact(db, 'a_3', await files.put('goes.png'))
    const { rule } = await clean(database, files, {
      async at(boundary) {
        if (boundary !== 'marked') return
        await db.execute(sql`UPDATE skyvern.tasks SET status = 'queued' WHERE task_id = 'tsk_2'`)
        await db.execute(sql`UPDATE skyvern.artifacts SET uri = ${files.uri('new.png')} WHERE artifact_id = 'a_2'`)
      },
    })
    expect(rule).toMatchObject({ rowsDeleted: 1n, marksLifted: 2n })
    expect(await artifactIds(db)).toEqual(['a_1', 'a_2'])
    expect(await files.has('retried.png')).toBe(true)
    expect(await files.has('moved.png')).toBe(true)
    expect(await marks(db)).toEqual([])
  })

  test('a row in use by another session is left for the next run', async () => {
    const { db } = database
    await addArtifact(db, 'a_1', await files.put('a.png'))
    await db.transaction(async (other) => {
      await other.execute(sql`UPDATE skyvern.artifacts SET content_type = 'image/png'`)
      const { rule } = await clean(database, files)
      expect(rule).toMatchObject({
        outcome: 'nothing',
        kept: [{ reason: 'in use by another transaction', rows: 1n }],
      })
    })
    expect(await files.has('a.png')).toBe(true)
    expect((await clean(database, files)).rule).toMatchObject({ rowsDeleted: 1n, filesRemoved: 1n })
  })
})

describe('tombstones', () => {
  const tombstone = (id: string, uri: string) => sql`
    INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, bytes, why)
    VALUES ('skyvern', 'skyvern', 'artifact', ${id}, ${uri}, 7, 'test')`

  test('take their files along, unless a row stands for them again', async () => {
    const { db } = database
    await db.execute(tombstone('a_1', await files.put('gone.png')))
    await db.execute(tombstone('a_2', await files.put('again.png')))
    await db.execute(tombstone('a_3', files.uri('missing.png')))
    await db.execute(tombstone('a_4', 's3://elsewhere/x'))
    await addArtifact(db, 'a_2', files.uri('again.png'), { age: 1 })
    const { tombstones } = await clean(database, files)
    expect(tombstones).toMatchObject({
      outcome: 'partial',
      filesRemoved: 1n,
      filesMissing: 1n,
      filesShared: 1n,
      bytes: 7n,
      failures: ['file of a_4: refused: no store is configured for it in s3://elsewhere (artifacts)'],
    })
    expect(await files.has('again.png')).toBe(true)
    expect(await artifactIds(db)).toEqual(['a_2'])
    expect((await marks(db)).map(({ id }) => id)).toEqual(['a_4'])
  })
})
