/** `steward archive export`, and the job of `maintain run`, as an operator types them. */
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { raw, sql } from '../../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { runCli } from '../../support/run-cli.ts'
import { sdkEnvironment } from '../../support/s3.ts'
import { until } from '../../support/until.ts'
import { archiveItems, archiveRows, createShop } from './support.ts'

let database: TestDatabase
let project: string

beforeAll(async () => {
  database = await createTestDatabase()
  await createShop(database.db)
  project = await mkdtemp(join(tmpdir(), 'steward-cold-'))
  const url = `url: '${database.url}'`
  const stores = `stores: { files: 'file://${join(project, 'files')}', cold: 'file://${join(project, 'cold')}' }`
  const archive = "archive: { cold: { store: cold, after: '30 days', formats: [copy] } }"
  await mkdir(join(project, 'cold'))
  await writeFile(
    join(project, 'steward.yaml'),
    [
      'profiles:',
      `  dev: { ${url}, environment: development, ${stores} }`,
      `  set: { ${url}, environment: development, ${stores}, ${archive} }`,
      `  broken: { ${url}, environment: development, stores: { cold: 'file:///dev/null/cold' } }`,
      '',
    ].join('\n'),
  )
})
afterAll(async () => {
  await database.drop()
  await rm(project, { recursive: true, force: true })
})

const steward = (line: string, options: Parameters<typeof runCli>[1] = {}) =>
  runCli(line.split(' '), { cwd: project, ...options })

async function statesOf(...batches: readonly bigint[]): Promise<string[]> {
  const rows = await database.db.rows<{ state: string }>(
    sql`SELECT state FROM steward.archive_batches WHERE batch_id = ANY (${batches}::bigint[]) ORDER BY batch_id`,
  )
  return rows.map(({ state }) => state)
}

function aged(batchId: bigint, age: string) {
  return database.db.execute(sql`
    UPDATE steward.archive_batches SET archived_at = now() - ${age}::interval WHERE batch_id = ${batchId}`)
}

describe('archive export', () => {
  test('shows its plan, needs a yes, does it, and has nothing to do then', async () => {
    const batchId = await archiveItems(database.db)
    const plan = await steward('archive export --profile dev --store cold --dry-run --json')
    expect(plan).toMatchObject({ exitCode: 0 })
    expect(JSON.parse(plan.stdout)).toMatchObject([
      {
        id: Number(batchId),
        schema: 'shop',
        rule: 'old-items',
        rows: 5,
        uri: `file://${project}/cold/archive/${database.db.database}/shop/old-items/batch-${batchId}/manifest.json`,
      },
    ])
    expect(await steward('archive export --profile dev --store cold')).toMatchObject({ exitCode: 2 })
    expect(await statesOf(batchId)).toEqual(['archived'])

    const done = await steward('archive export --profile dev --store cold --yes --json')
    expect(done).toMatchObject({ exitCode: 0 })
    const { batches, run } = JSON.parse(done.stdout)
    expect(batches).toMatchObject([{ batchId: Number(batchId), outcome: 'exported', rows: 5, reason: null }])
    expect(run).toMatchObject({ batches: 1, rows: 5, why: 'every batch was looked at' })
    expect(await statesOf(batchId)).toEqual(['cold'])
    const journal = await database.db.one(
      sql`SELECT outcome, exit_code, counts FROM steward.journal ORDER BY run_id DESC LIMIT 1`,
    )
    expect(journal).toMatchObject({ outcome: 'done', exit_code: 0, counts: { batches: 1, rows: '5' } })

    const again = await steward('archive export --profile dev --store cold --yes')
    expect(again).toMatchObject({ exitCode: 0, stdout: '' })
    expect(again.stderr).toContain('No batch lies in the archive tables; nothing to do.')
  })

  test('takes what is old enough, as the command line or the profile says', async () => {
    const [old, older, young] = [
      await archiveItems(database.db),
      await archiveItems(database.db),
      await archiveItems(database.db),
    ]
    await aged(old, '31 days')
    await aged(older, '61 days')
    const listed = async (line: string) => {
      const { stdout } = await steward(`archive export --dry-run --json ${line}`)
      return JSON.parse(stdout).map(({ id }: { id: number }) => BigInt(id))
    }
    expect(await listed('--profile set')).toEqual([older, old])
    const sixty = await runCli(
      ['archive', 'export', '--profile', 'set', '--older-than', '60 days', '--dry-run', '--json'],
      { cwd: project },
    )
    expect(JSON.parse(sixty.stdout)).toMatchObject([{ id: Number(older) }])
    expect(await listed('--profile dev --store cold')).toEqual([older, old, young])
    expect(await listed(`--profile set ${young} ${old}`)).toEqual([young, old])
    await steward('archive export --profile dev --store cold --yes')
  })

  test('keeps the rows where it is told to, without asking', async () => {
    const batchId = await archiveItems(database.db)
    const done = await steward(
      `archive export ${batchId} --profile dev --store cold --keep-rows --formats parquet --json`,
    )
    expect(done).toMatchObject({ exitCode: 0 })
    expect(JSON.parse(done.stdout).batches).toMatchObject([{ outcome: 'written' }])
    expect(await statesOf(batchId)).toEqual(['archived'])
    await steward(`archive export ${batchId} --profile dev --store cold --yes`)
  })

  test('names every problem of what was typed', async () => {
    const batchId = await archiveItems(database.db)
    await database.db.execute(sql`UPDATE steward.archive_batches SET state = 'restored' WHERE batch_id = ${batchId}`)
    const said = async (line: string) => {
      const { exitCode, stderr } = await steward(`archive export --yes ${line}`)
      return `${exitCode} ${stderr}`
    }
    expect(await said('--profile dev')).toMatch(/^2 .*several stores.*\n.*files, cold/)
    expect(await said('--profile dev --store nowhere')).toMatch(/^4 .*nowhere/)
    expect(await said('--profile dev --store cold x1 2y')).toMatch(/^2 [\s\S]*x1[\s\S]*2y/)
    expect(await said('--profile dev --store cold 999999')).toMatch(/^4 .*999999/)
    expect(await said(`--profile dev --store cold ${batchId}`)).toMatch(/^5 [\s\S]*it is restored/)
    expect(await said('--profile dev --store cold --formats parquet')).toMatch(/^2 .*only with COPY files/)
    expect(await said('--profile dev --store cold --formats csv')).toMatch(/^2 .*copy, parquet/)
    expect(await said('--profile dev --store cold --older-than soon')).toMatch(/^2 .*90 days/)
  })

  test('ends with 6 when nothing could be exported, with the batch and the reason', async () => {
    const batchId = await archiveItems(database.db)
    const unreachable = await steward('archive export --profile broken --yes')
    expect(unreachable).toMatchObject({ exitCode: 6, stdout: '' })
    expect(unreachable.stderr).toMatch(/The root folder of store cold is not there/)

    // A file where the folder of the database belongs.
    const obstacle = join(project, 'cold/archive', database.db.database, 'shop/old-items', `batch-${batchId}`)
    await writeFile(obstacle, '')
    const done = await steward('archive export --profile dev --store cold --yes --json')
    expect(done.exitCode).toBe(6)
    expect(JSON.parse(done.stdout).batches).toMatchObject([{ batchId: Number(batchId), outcome: 'failed' }])
    expect(JSON.parse(done.stdout).batches[0].reason).not.toBe('')
    await rm(obstacle)
    expect(await statesOf(batchId)).toEqual(['archived'])
    await steward('archive export --profile dev --store cold --yes')
  })

  test('ends with 9 when its time is over, and says what is left', async () => {
    const batches = [await archiveItems(database.db), await archiveItems(database.db)]
    const done = await steward('archive export --profile dev --store cold --yes --json --run-time 1ms')
    expect(done.exitCode).toBe(9)
    expect(JSON.parse(done.stdout).run.why).toMatch(/--run-time/)
    expect(await statesOf(...batches)).toContain('archived')
    expect((await steward('archive export --profile dev --store cold --yes')).exitCode).toBe(0)
    expect(await statesOf(...batches)).toEqual(['cold', 'cold'])
  })

  test('ends with 7 when some could not be exported, and names them', async () => {
    const [bad, good] = [await archiveItems(database.db), await archiveItems(database.db)]
    const obstacle = join(project, 'cold/archive', database.db.database, 'shop/old-items', `batch-${bad}`)
    await writeFile(obstacle, '')
    const done = await steward('archive export --profile dev --store cold --yes')
    expect(done.exitCode).toBe(7)
    expect(done.stdout).toMatch(new RegExp(`^ *${bad}  failed .*a file is where its folder would be`, 'm'))
    expect(done.stdout).toMatch(new RegExp(`^ *${good}  exported `, 'm'))
    expect(await statesOf(bad, good)).toEqual(['archived', 'cold'])
    await rm(obstacle)
    expect((await steward('archive export --profile dev --store cold --yes')).exitCode).toBe(0)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by %s with %i, and leaves the batch in flight where it was', async (signal, exitCode) => {
    const batches = [await archiveItems(database.db), await archiveItems(database.db)]
    let send = (_signal: typeof signal) => {}
    const options = {
      signals(sender: typeof send) {
        send = sender
      },
    }
    const done = await database.db.transaction(async (tx) => {
      await tx.execute(raw('LOCK TABLE shop_archive.items IN ACCESS EXCLUSIVE MODE'))
      const running = steward('archive export --profile dev --store cold --yes --json', options)
      await until('the rows of the first batch are waited for', () =>
        database.db
          .one<{ waits: boolean }>(
            sql`SELECT count(*) > 0 AS waits FROM pg_locks WHERE NOT granted AND relation = 'shop_archive.items'::regclass`,
          )
          .then(({ waits }) => waits),
      )
      send(signal)
      return { running }
    })
    const { exitCode: ended, stdout } = await done.running
    expect(ended).toBe(exitCode)
    const { batches: named, run } = JSON.parse(stdout)
    expect(named).toEqual([])
    expect(run).toMatchObject({ batches: 0, why: expect.stringMatching(/^Interrupted by SIG(INT|TERM)$/) })
    expect(await statesOf(...batches)).toEqual(['archived', 'archived'])
    const journal = await database.db.one(
      sql`SELECT outcome, exit_code FROM steward.journal ORDER BY run_id DESC LIMIT 1`,
    )
    expect(journal).toMatchObject({ exit_code: exitCode })
    await steward('archive export --profile dev --store cold --yes')
  })

  test('leaves at once when a store that does not answer is asked for the plan', async () => {
    const batchId = await archiveItems(database.db)
    const silent = createServer((socket) => {
      socket.on('error', () => {})
      send('SIGTERM')
    })
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    await appendFile(
      join(project, 'steward.yaml'),
      `  silent: { url: '${database.url}', stores: { cold: { url: 's3://cold', endpoint: 'http://127.0.0.1:${port}' } } }\n`,
    )
    let send = (_signal: 'SIGTERM') => {}
    for (const [name, value] of Object.entries(sdkEnvironment('key', 'secret'))) vi.stubEnv(name, value)
    const ended = await steward('archive export --profile silent --yes', {
      signals(sender) {
        send = sender
      },
    })
    expect(ended.exitCode).toBe(143)
    expect(await statesOf(batchId)).toEqual(['archived'])
    silent.close()
    vi.unstubAllEnvs()
    await steward('archive export --profile dev --store cold --yes')
  })

  test('makes the store of the data home, and none that the profile names', async () => {
    const batchId = await archiveItems(database.db)
    const home = join(project, 'home')
    const options = { env: { DATABASE_URL: database.url, STEWARD_DATA_HOME: home }, cwd: home }
    await mkdir(home)
    const plan = await runCli(['archive', 'export', '--dry-run', '--json'], options)
    expect(plan).toMatchObject({ exitCode: 0 })
    expect(JSON.parse(plan.stdout)).toMatchObject([{ uri: expect.stringContaining(`file://${home}/artifacts/`) }])
    expect(await readdir(home)).toEqual([])
    expect(await runCli(['archive', 'export', '--yes'], options)).toMatchObject({ exitCode: 0 })
    expect(await readdir(join(home, 'artifacts'))).toEqual(['archive'])
    expect(await statesOf(batchId)).toEqual(['cold'])

    await archiveItems(database.db)
    const named = await steward('archive export --profile dev --store files --yes')
    expect(named).toMatchObject({ exitCode: 6, stdout: '' })
    expect(named.stderr).toMatch(/root folder of store files is not there\n.*Mount its file system/)
    await steward('archive export --profile dev --store cold --yes')
  })

  test('ends with 8 while another run holds the schema', async () => {
    const batchId = await archiveItems(database.db)
    await database.db.execute(sql`
      UPDATE steward.leases
      SET token = token + 1, released_at = NULL, heartbeat_at = now(), expires_at = now() + interval '1 hour'
      WHERE name = 'shop'`)
    expect(await steward('archive export --profile dev --store cold --yes')).toMatchObject({ exitCode: 8 })
    await database.db.execute(sql`UPDATE steward.leases SET released_at = now(), expires_at = now()`)
    expect(await statesOf(batchId)).toEqual(['archived'])
  })
})

test('maintain run exports what the profile says, and keeps the files of its rows known', async () => {
  await database.db.execute(raw('CREATE SCHEMA IF NOT EXISTS skyvern_archive'))
  await database.db.execute(raw('CREATE TABLE skyvern_archive.artifacts AS SELECT * FROM skyvern.artifacts'))
  await database.db.execute(raw('ALTER TABLE skyvern_archive.artifacts ADD COLUMN steward_batch_id bigint NOT NULL'))
  const batchId = await archiveRows(
    database.db,
    {
      artifacts: {
        select: "SELECT 'a_1', 'file:///x/1.png', 12::bigint",
        columns: ['artifact_id', 'uri', 'file_size_bytes'],
      },
    },
    { schema: 'skyvern', rule: 'finished-tasks' },
  )
  await aged(batchId, '40 days')
  const done = await steward('maintain run --profile set --only skyvern/cold --yes --json')
  expect(done).toMatchObject({ exitCode: 0 })
  expect(await statesOf(batchId)).toEqual(['cold'])
  const folder = join(project, 'cold/archive', database.db.database, 'skyvern/finished-tasks', `batch-${batchId}`)
  expect(await readdir(folder)).toEqual(['artifacts.copy.gz', 'manifest.json'])
  const files = await database.db.rows(
    sql`SELECT artifact_id, uri, bytes FROM steward.archived_files WHERE batch_id = ${batchId}`,
  )
  expect(files).toEqual([{ artifact_id: 'a_1', uri: 'file:///x/1.png', bytes: 12n }])
})
