import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'
import { addArtifact, addTask, addUpload, artifactIds, type Folder, folder, marks } from './fixture.ts'

let database: TestDatabase
let files: Folder
let home: Folder
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  files = await folder()
  home = await folder()
  await configure({ artifacts: files.url })
  await addTask(database.db, 'tsk_1')
})
afterEach(async () => {
  await Promise.all([files.remove(), home.remove()])
  await database.db.execute(
    sql`TRUNCATE skyvern.organizations, agensium.tasks, steward.artifact_tombstones, steward.artifact_batches, steward.audit_log CASCADE`,
  )
})

async function configure(stores: Readonly<Record<string, string>>, url = database.url): Promise<void> {
  const lines = Object.entries(stores).map(([name, url]) => `      ${name}: ${url}`)
  const text = ['profile: test', 'profiles:', '  test:', `    url: ${JSON.stringify(url)}`]
  await home.put(
    'steward.yaml',
    `${[...text, ...(lines.length === 0 ? [] : ['    stores:']), ...lines].join('\n')}\n`,
  )
}

function steward(...argv: readonly string[]): Promise<CliResult> {
  return runCli(argv, { cwd: home.root })
}

/** A file that is old enough to be told from one that is being written. */
async function old(path: string, content?: string): Promise<string> {
  const uri = await files.put(path, content)
  const then = new Date(Date.now() - 3 * 86_400_000)
  await utimes(join(files.root, path), then, then)
  return uri
}

describe('artifacts clean', () => {
  test('shows what goes, what stays and why, then does that', async () => {
    const { db } = database
    await addTask(db, 'tsk_2', 'running')
    await addArtifact(db, 'a_1', await files.put('1.png'))
    await addArtifact(db, 'a_2', await files.put('zip'))
    await addArtifact(db, 'a_3', files.uri('zip'), { age: 1 })
    await addArtifact(db, 'a_4', await files.put('4.png'), { task: 'tsk_2' })
    await addArtifact(db, 'a_5', 's3://elsewhere/5.png')
    await db.execute(sql`
      INSERT INTO skyvern.steps (step_id, task_id, "order", step_type, status)
      VALUES ('stp_1', 'tsk_1', 1, 'action', 'completed')`)
    await db.execute(sql`
      INSERT INTO skyvern.screenshots (step_id, artifact_id, uri) VALUES ('stp_1', 'a_1', ${files.uri('1.png')})`)
    const plan = await steward('artifacts', 'clean', 'skyvern', '--dry-run', '--json')
    expect(plan).toMatchObject({ exitCode: 0, stderr: '' })
    expect(JSON.parse(plan.stdout)).toMatchObject({
      rules: [
        { rule: 'skyvern/old-artifacts', rows: 3, files: 1, bytes: 100, shared: 1, refused: 1, kept: 1, marked: 0 },
        { rule: 'skyvern/tombstones', rows: 0 },
      ],
      along: [{ rule: 'skyvern/old-artifacts', table: 'skyvern.screenshots', rows: 1 }],
      refused: [{ rows: 1, reason: 'refused: no store is configured for it in s3://elsewhere (artifacts)' }],
    })
    expect(await steward('artifacts', 'clean', 'skyvern')).toMatchObject({ exitCode: 2 })
    const done = await steward('artifacts', 'clean', 'skyvern', '--yes', '--json')
    expect(done.exitCode).toBe(7)
    expect(JSON.parse(done.stdout)).toMatchObject({
      rules: [{ outcome: 'partial', files: 1, rows: 2, shared: 1, failed: 1 }],
      failures: [{ reason: 'artifact a_5: refused: no store is configured for it in s3://elsewhere (artifacts)' }],
    })
    expect(await artifactIds(db)).toEqual(['a_3', 'a_4', 'a_5'])
    expect((await readdir(files.root)).toSorted()).toEqual(['4.png', 'zip'])
  })

  test('cleans by prefix, and never beyond it', async () => {
    const { db } = database
    const [done, young] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']
    await configure({ artifacts: files.url, agensium: files.url })
    await addUpload(db, done, 40)
    await addUpload(db, young, 3)
    for (const id of [done, young]) await files.put(`users/1/tasks/${id}/inputs/a.csv`)
    await files.put(`users/1/tasks/${done}/outputs/b.csv`)
    await files.put(`users/11/tasks/${done}/inputs/a.csv`)
    const result = await steward('artifacts', 'clean', 'agensium', '--yes', '--json')
    expect(result.exitCode).toBe(0)
    expect(JSON.parse(result.stdout).rules).toMatchObject([
      { rule: 'agensium/input-files', files: 1, rows: 1 },
      { rule: 'agensium/output-files', files: 1, rows: 1 },
    ])
    expect(await files.has(`users/1/tasks/${young}/inputs/a.csv`)).toBe(true)
    expect(await files.has(`users/11/tasks/${done}/inputs/a.csv`)).toBe(true)
    const audit = sql`SELECT action, row_id FROM steward.audit_log ORDER BY action`
    expect(await db.rows(audit)).toEqual([
      { action: 'clean input-files', row_id: done },
      { action: 'clean output-files', row_id: done },
    ])
  })

  test('does not take an empty store for a clean one, and keeps the files of its tasks back', async () => {
    await addUpload(database.db, '00000000-0000-4000-8000-000000000001', 40)
    const reason =
      "no store for agensium's files (artifacts holds nothing below users/): name one agensium under stores, or switch the rule off"
    const kept = ['agensium/input-files', 'agensium/output-files'].map((rule) => ({ rule, rows: 1, reason }))
    const plan = await steward('artifacts', 'clean', '--dry-run', '--json')
    expect([plan.exitCode, JSON.parse(plan.stdout)]).toMatchObject([0, { kept }])
    expect(await steward('artifacts', 'clean', '--yes')).toMatchObject({ exitCode: 0 })
    for (const name of ['agensium', 'agensium/input-files']) {
      const named = await steward('artifacts', 'clean', name, '--yes')
      expect(named).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(reason) })
    }
    const run = await steward('maintain', 'run', '--only', 'delete-files', '--yes', '--output', 'table')
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(reason) })
    const { stamped } = await database.db.one<{ stamped: bigint }>(
      sql`SELECT COUNT(inputs_cleaned_at) AS stamped FROM agensium.tasks`,
    )
    expect(stamped).toBe(0n)
  })

  test('says what is wrong with its arguments', async () => {
    await addArtifact(database.db, 'a_1', await files.put('1.png'))
    expect(await steward('artifacts', 'clean', 'skyvern/old-artefacts', '--yes')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('did you mean skyvern/old-artifacts?'),
    })
    expect(await marks(database.db)).toEqual([])
  })

  test('ends with 9 when its time is over, and goes on', async () => {
    await addArtifact(database.db, 'a_1', await files.put('1.png'))
    const first = await steward('artifacts', 'clean', 'skyvern', '--yes', '--run-time', '0s', '--json')
    expect(first.exitCode).toBe(9)
    expect((await steward('artifacts', 'clean', 'skyvern', '--yes')).exitCode).toBe(0)
    expect(await artifactIds(database.db)).toEqual([])
  })
})

describe('artifacts verify', () => {
  test('finds what is missing and what is left over, and leaves alone what is young, cold or due', async () => {
    const { db } = database
    const task = '00000000-0000-4000-8000-000000000001'
    await addUpload(db, task, 1)
    await addArtifact(db, 'a_1', await old('there a.png'))
    await addArtifact(db, 'a_2', files.uri('odd//name.png'))
    await old('odd/name.png')
    await addArtifact(db, 'a_3', files.uri('lost.png'))
    await addArtifact(db, 'a_4', files.uri('coming.png'), { age: 0 })
    await addArtifact(db, 'a_5', 's3://elsewhere/5.png')
    await files.put('young.png')
    await old('archive/steward/skyvern/x/batch-1/manifest.json')
    await old(`users/1/tasks/${task}/inputs/a.csv`)
    await old('users/2/tasks/00000000-0000-4000-8000-000000000001/inputs/a.csv', '12345')
    await old('left.png', '123')
    await db.execute(sql`
      INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, why)
      VALUES ('skyvern', 'skyvern', 'artifact', 'a_9', ${await old('due.png')}, 'test')`)
    const { exitCode, stdout } = await steward('artifacts', 'verify', '--json')
    expect(exitCode).toBe(10)
    expect(JSON.parse(stdout)).toMatchObject({
      stores: [{ store: 'artifacts', files: 8, orphans: 2, orphan_bytes: 8, young: 1 }],
      tables: [{ table: 'skyvern.artifacts', rows: 5, missing: 1, young: 1, unchecked: 1 }],
      unchecked: [{ rows: 1, place: 's3://elsewhere' }],
      missing: [{ table: 'skyvern.artifacts', id: 'a_3', uri: files.uri('lost.png') }],
      orphans: [
        { path: 'left.png', bytes: 3 },
        { path: `users/2/tasks/${task}/inputs/a.csv`, bytes: 5 },
      ],
    })
    await db.execute(sql`DELETE FROM skyvern.artifacts WHERE artifact_id = 'a_3'`)
    expect((await steward('artifacts', 'verify', '--min-age', '30d')).exitCode).toBe(0)
  })

  test('works where nothing may be written', async () => {
    await addArtifact(database.db, 'a_1', await old('a.png'))
    const url = `${database.url}${database.url.includes('?') ? '&' : '?'}options=-c%20default_transaction_read_only%3Don`
    await configure({ artifacts: files.url }, url)
    expect(await steward('artifacts', 'verify')).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('moves orphans to the quarantine by a plan alone, and undo brings them back', async () => {
    const { db } = database
    await addArtifact(db, 'a_1', await old('kept.png', 'x'.repeat(100)))
    await old('o/1.png', '1')
    await old('o/2.png', '22')
    await old('o/3.png', '333')
    expect((await steward('artifacts', 'verify', '--plan', 'plan.ndjson')).exitCode).toBe(10)
    // One gets a row, one is written again.
    await addArtifact(db, 'a_2', files.uri('o/1.png'))
    await files.put('o/2.png', '44')
    const refused = await steward('artifacts', 'verify', '--remove', 'plan.ndjson', '--yes')
    expect(refused).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('--max-share') })
    const remove = ['artifacts', 'verify', '--remove', 'plan.ndjson', '--max-share', '50']
    const dry = await steward(...remove, '--dry-run', '--json')
    expect(JSON.parse(dry.stdout).stores).toMatchObject([{ store: 'artifacts', files: 3, bytes: 6 }])
    const moved = await steward(...remove, '--yes', '--json')
    expect(moved.exitCode).toBe(0)
    const { run, files: count, passed } = JSON.parse(moved.stdout).moved
    expect([count, passed]).toEqual([1, 2])
    expect(await files.has('o/3.png')).toBe(false)
    expect(await files.has('o/1.png')).toBe(true)
    expect(await files.has('o/2.png')).toBe(true)
    expect((await steward('artifacts', 'verify')).exitCode).toBe(0)

    const list = await steward('artifacts', 'undo', '--list', '--json')
    expect(JSON.parse(list.stdout)).toMatchObject([{ run, store: 'artifacts', files: 1, bytes: 3 }])
    const young = await steward('artifacts', 'clean', 'agensium', '--quarantine-older-than', '1d', '--yes')
    expect(young.stderr).toContain('nothing to do')
    await files.put('o/3.png', 'other')
    expect(await steward('artifacts', 'undo', run, '--json')).toMatchObject({ exitCode: 7 })
    expect(await readFile(join(files.root, 'o/3.png'), 'utf8')).toBe('other')
    await old('o/3.png', 'x')
    const { rm } = await import('node:fs/promises')
    await rm(join(files.root, 'o/3.png'))
    expect((await steward('artifacts', 'undo', run)).exitCode).toBe(0)
    expect(await readFile(join(files.root, 'o/3.png'), 'utf8')).toBe('333')
    expect((await steward('artifacts', 'undo', run)).exitCode).toBe(4)
    expect((await steward('artifacts', 'undo', '../../etc')).exitCode).toBe(2)
  })

  test('lets go of an old quarantine for good', async () => {
    await files.put('.steward-quarantine/20200101T000000Z-1/a/b.png')
    await files.put('.steward-quarantine/notes.txt')
    const plan = await steward('artifacts', 'clean', '--quarantine-older-than', '30d', '--dry-run', '--json')
    expect(JSON.parse(plan.stdout).quarantine).toMatchObject([{ run: '20200101T000000Z-1', files: 1 }])
    expect((await steward('artifacts', 'clean', '--quarantine-older-than', '30d', '--yes')).exitCode).toBe(0)
    expect(await files.has('.steward-quarantine/20200101T000000Z-1/a/b.png')).toBe(false)
    expect(await files.has('.steward-quarantine/notes.txt')).toBe(true)
  })

  test('refuses plans that are cut off, changed, of another database or too old, and goes on with the first', async () => {
    await addArtifact(database.db, 'a_1', await old('kept.png', 'x'.repeat(1000)))
    await old('o/1.png', '1')
    await steward('artifacts', 'verify', '--plan', 'plan.ndjson')
    const path = join(home.root, 'plan.ndjson')
    const text = await readFile(path, 'utf8')
    const remove = () => steward('artifacts', 'verify', '--remove', 'plan.ndjson', '--yes')
    const changed = async (from: string | RegExp, to: string) => {
      await writeFile(path, text.replace(from, to))
      return (await remove()).stderr
    }
    expect(await changed(/"oid":"\d+"/, '"oid":"1"')).toContain('it is of another database')
    expect(await changed(/"started":"\d+/, '"started":"2020')).toContain('it is older than 7 days')
    expect(await changed('"orphans":1', '"orphans":0')).toContain('do not add up')
    expect(await changed('o/1.png', '../1.png')).toContain('outside')
    expect(await changed('"kind":"orphan"', '"kind":"elephant"')).toContain('is no plan of artifacts verify')
    expect(await changed(files.url, `${files.url}-other`)).toContain('is another one')
    // Cut off in the middle of a line: what came after the last checkpoint is found again.
    const lines = text.trimEnd().split('\n')
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ kind: 'orphan' })
    await writeFile(path, `${lines[0]}\n${lines[1]}\n${lines[2]?.slice(0, 20)}`)
    expect((await remove()).stderr).toContain('it is not whole')
    expect((await steward('artifacts', 'verify', '--plan', 'plan.ndjson')).stderr).toContain('There is a file')
    expect((await steward('artifacts', 'verify', '--plan', 'plan.ndjson', '--resume')).exitCode).toBe(10)
    const again = (await readFile(path, 'utf8')).trimEnd().split('\n')
    expect(again.map((line) => JSON.parse(line).kind)).toEqual(lines.map((line) => JSON.parse(line).kind))
    expect(await remove()).toMatchObject({ exitCode: 0 })
    expect(await files.has('o/1.png')).toBe(false)
  })
})
