/** Cleaning and reconciling a bucket, and one whose server is in trouble. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { S3Store } from '../../src/storage/s3-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Fault, type FaultyProxy, faultyProxy } from '../support/faulty-proxy.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { addTask, addUpload, artifactIds, type Folder, folder, marks } from './fixture.ts'

const FILES = 1200

let database: TestDatabase
let s3: S3Server
let proxy: FaultyProxy
let home: Folder
beforeAll(async () => {
  ;[database, s3, home] = await Promise.all([createTestDatabase(), startS3({ buckets: ['bucket'] }), folder()])
  proxy = await faultyProxy(s3.endpoint)
  for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value)
  await home.put(
    'steward.yaml',
    `profile: test
profiles:
  test:
    url: ${JSON.stringify(database.url)}
    stores:
      agensium: { url: s3://bucket/p, endpoint: ${proxy.endpoint} }
`,
  )
  await addTask(database.db, 'tsk_1')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await proxy.close()
  await Promise.all([s3.stop(), home.remove(), database.drop()])
})
beforeEach(async () => {
  proxy.reset()
  await database.db.execute(
    sql`TRUNCATE skyvern.artifacts, steward.artifact_tombstones, steward.artifact_batches, agensium.tasks CASCADE`,
  )
})

function steward(...argv: readonly string[]): Promise<CliResult> {
  return runCli(argv, { cwd: home.root, env: s3.env })
}

async function objects(): Promise<string[]> {
  const found: string[] = []
  const store = new S3Store({ name: 'bucket', url: 's3://bucket/p', endpoint: s3.endpoint })
  for await (const { path } of store.list('')) found.push(path)
  await store.close()
  return found
}

async function addArtifacts(count: number): Promise<void> {
  await s3.seed(
    'bucket',
    Array.from({ length: count }, (_, n) => `p/o/${n}x.png`),
    'x',
  )
  await database.db.execute(sql`
    INSERT INTO skyvern.artifacts (artifact_id, task_id, organization_id, artifact_type, uri, file_size_bytes, created_at)
    SELECT 'a_' || n, 'tsk_1', 'o_1', 'screenshot_step', 's3://bucket/p/o/' || n || 'x.png', 1, now() - interval '100 days'
    FROM generate_series(0, ${count - 1}) AS n`)
}

const deletions = () => proxy.asked.filter(({ operation }) => operation === 'DeleteObjects').length

test('objects go a thousand a request, by their rows and by the prefix of their task', async () => {
  const task = '00000000-0000-4000-8000-000000000001'
  await addArtifacts(FILES)
  await addUpload(database.db, task, 40)
  await s3.seed('bucket', [`p/users/1/tasks/${task}/inputs/a.csv`, `p/users/1/tasks/${task}/outputs/b.csv`], 'x')
  const { exitCode, stdout } = await steward('artifacts', 'clean', '--yes', '--json')
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout).rules).toMatchObject([
    { rule: 'skyvern/old-artifacts', files: FILES, rows: FILES },
    { rule: 'agensium/input-files', files: 1, rows: 1 },
    { rule: 'agensium/output-files', files: 1, rows: 1 },
  ])
  expect(await objects()).toEqual([])
  expect(deletions()).toBe(4)
})

test.each<[string, Fault]>([
  ['403', { status: 403, code: 'AccessDenied' }],
  ['404', { status: 404, code: 'NoSuchBucket' }],
  ['500', { status: 500, code: 'InternalError' }],
])('a server that answers %s loses nothing: marks stay, and the next run ends them', async (_name, fault) => {
  await addArtifacts(3)
  proxy.reset(({ operation }) => (operation === 'DeleteObjects' ? fault : undefined))
  const { exitCode, stdout } = await steward('artifacts', 'clean', 'skyvern', '--yes', '--json')
  expect(exitCode).toBe(7)
  expect(JSON.parse(stdout).failures).toHaveLength(3)
  expect(await artifactIds(database.db)).toEqual(['a_0', 'a_1', 'a_2'])
  expect((await marks(database.db)).map(({ attempts, last_error }) => [attempts, last_error === null])).toEqual([
    [1, false],
    [1, false],
    [1, false],
  ])
  expect(await objects()).toHaveLength(3)
  proxy.reset()
  expect((await steward('artifacts', 'clean', 'skyvern', '--yes')).exitCode).toBe(0)
  expect(await artifactIds(database.db)).toEqual([])
  expect(await objects()).toEqual([])
})

test('a listing that breaks off ends with an error, and goes on from its plan', async () => {
  const store = new S3Store({ name: 'bucket', url: 's3://bucket/p', endpoint: s3.endpoint })
  for (const path of ['a/1x', 'b/2x']) await store.write(store.uriOf(path), Buffer.from('x'))
  await store.close()
  proxy.reset(({ operation }) => (operation === 'ListObjectsV2' ? { status: 403, code: 'AccessDenied' } : undefined))
  const verify = ['artifacts', 'verify', '--min-age', '0s', '--plan', 'plan.ndjson']
  expect((await steward(...verify)).exitCode).toBe(6)
  proxy.reset()
  expect((await steward(...verify, '--resume')).exitCode).toBe(10)
  const moved = await steward(
    'artifacts',
    'verify',
    '--remove',
    'plan.ndjson',
    '--max-share',
    '100',
    '--yes',
    '--json',
  )
  expect(moved, moved.stdout).toMatchObject({ exitCode: 0 })
  expect(await objects()).toEqual([])
  const { run } = JSON.parse(moved.stdout).moved
  expect((await steward('artifacts', 'undo', run)).exitCode).toBe(0)
  expect(await objects()).toEqual(['a/1x', 'b/2x'])
})
