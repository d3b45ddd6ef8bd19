/** Archive, cold files, restore, as an operator types them: every column type comes back as it was. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TEXT_SETTINGS } from '../../../src/archive/digest.ts'
import { identifier, join as joined, raw, sql } from '../../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { runCli } from '../../support/run-cli.ts'
import { createShop, NAMES, ROWS } from './support.ts'

let database: TestDatabase
let project: string

beforeAll(async () => {
  database = await createTestDatabase()
  project = await mkdtemp(join(tmpdir(), 'steward-cold-'))
  await mkdir(join(project, 'cold'))
  await writeFile(
    join(project, 'steward.yaml'),
    `profiles: { dev: { url: '${database.url}', environment: development, stores: { cold: 'file://${project}/cold' } } }\n`,
  )
  await createShop(database.db)
  await database.db.execute(raw('DROP SCHEMA shop_archive CASCADE'))
  const given = NAMES.filter((name) => name !== 'doubled')
  await database.db.execute(sql`
    INSERT INTO shop.items (${joined(given.map((name) => identifier(name)))})
    SELECT ${joined(given.map((name) => identifier('r', name)))}
    FROM (${raw(ROWS)}) AS r (${joined(NAMES.map((name) => identifier(name)))})`)
  await database.db.execute(raw("ALTER TABLE shop.items ADD COLUMN closed_at timestamptz DEFAULT '2020-01-01'"))
})
afterAll(async () => {
  await database.drop()
  await rm(project, { recursive: true, force: true })
})

async function steward(line: string, ...words: readonly string[]): Promise<void> {
  const argv = [...line.split(' '), ...words, '--profile', 'dev']
  const { exitCode, stderr } = await runCli(argv, { cwd: project })
  expect(exitCode, stderr).toBe(0)
}

async function rows(): Promise<string[]> {
  const names = joined([...NAMES, 'closed_at'].map((name) => identifier(name)))
  const found = await database.db.transaction(
    (tx) => tx.rows<{ row: string }>(sql`SELECT ROW(${names})::text AS row FROM shop.items ORDER BY id`),
    { settings: TEXT_SETTINGS },
  )
  return found.map(({ row }) => row)
}

test('archive run, export, verify, restore', async () => {
  const before = await rows()
  expect(before).toHaveLength(5)
  await steward('archive run --table shop.items --age-of closed_at --older-than', '90 days', '--yes')
  expect(await rows()).toEqual([])
  await steward('archive export --yes')
  const { state, cold_uri } = await database.db.one<{ state: string; cold_uri: string }>(
    sql`SELECT state, cold_uri FROM steward.archive_batches`,
  )
  expect(state).toBe('cold')
  const manifest = JSON.parse(await readFile(new URL(cold_uri), 'utf8'))
  expect(manifest.tables[0].columns.filter(({ generated }: { generated: boolean }) => generated)).toMatchObject([
    { name: 'doubled', type: 'bigint', parquet: 'int64' },
  ])
  await steward('archive verify --all')
  // Columns that came since are no matter.
  await database.db.execute(raw('ALTER TABLE shop.items ADD COLUMN since text'))
  await steward(`archive restore --batch ${manifest.batch.id} --yes`)
  expect(await rows()).toEqual(before)
})
