/** SIGKILL at every moment of cleaning, compared with a model of who has a file and who has a row. */
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { cleanByPrefix } from '../../src/artifacts/clean-prefix.ts'
import { sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asRun } from '../support/job-run.ts'
import { until } from '../support/until.ts'
import type { Orders } from './clean-child.ts'
import {
  addArtifact,
  addTask,
  addUpload,
  agensiumRules,
  artifactIds,
  both,
  clean,
  type Folder,
  folder,
  marks,
} from './fixture.ts'

let database: TestDatabase
let program: Program
let files: Folder
beforeAll(async () => {
  ;[database, program] = await Promise.all([
    createTestDatabase(),
    bundleProgram(new URL('clean-child.ts', import.meta.url).pathname),
  ])
})
afterAll(async () => {
  await database.drop()
  await program.remove()
})
beforeEach(async () => {
  files = await folder()
})
afterEach(async () => {
  await files.remove()
  await database.db.execute(
    sql`TRUNCATE skyvern.organizations, agensium.tasks, steward.artifact_tombstones, steward.artifact_batches, steward.audit_log CASCADE`,
  )
})

const BOUNDARIES = ['marking', 'marked', 'removing', 'half', 'removed', 'committing', 'committed'] as const
/** In the first batch, and in one that follows while the next is marked already. */
const MOMENTS = BOUNDARIES.flatMap((boundary) => [1, 3].map((nth) => ({ boundary, nth })))

/** @returns false when the program ended before it came there */
async function killed(what: Orders['what'], boundary: Orders['boundary'], nth: number): Promise<boolean> {
  const orders: Orders = { endpoint: database.endpoint, url: files.url, what, boundary, nth }
  const signal = await new Promise<NodeJS.Signals | null | undefined>((resolve, reject) => {
    execFile(process.execPath, [program.path, JSON.stringify(orders)], (error, _stdout, stderr) => {
      if (error === null) resolve(undefined)
      else if (error.signal) resolve(error.signal)
      else reject(new Error(stderr))
    })
  })
  const { db } = database
  await until('the backends of the killed program are gone', async () => {
    const { left } = await db.one<{ left: bigint }>(sql`
      SELECT COUNT(*) AS left FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'steward:child%'`)
    return left === 0n
  })
  // Nobody waits for the lease of a dead process here; leases have tests of their own.
  await db.execute(sql`UPDATE steward.leases SET expires_at = now()`)
  return signal === 'SIGKILL'
}

test.each(MOMENTS)(
  'files with rows: killed at $boundary $nth, nothing is lost and the next run ends it',
  async (moment) => {
    const { db } = database
    const due = Array.from({ length: 8 }, (_, index) => `a_due_${index}`)
    const live = ['a_live_0', 'a_live_1', 'a_shared_live']
    await addTask(db, 'tsk_1')
    for (const [index, id] of due.entries())
      await addArtifact(db, id, await files.put(`${id}.png`), { age: 120 - index })
    await addArtifact(db, 'a_live_0', await files.put('a_live_0.png'), { age: 1 })
    await addArtifact(db, 'a_live_1', await files.put('a_live_1.webm'), { type: 'recording' })
    // Two due rows of one file, one of it written oddly, and one file that a live row shares.
    await addArtifact(db, 'a_zip_1', await files.put('both.zip'), { age: 119 })
    await addArtifact(db, 'a_zip_2', files.uri('./both.zip').replace('/./', '//'), { age: 101 })
    await addArtifact(db, 'a_shared_due', await files.put('shared.zip'), { age: 118 })
    await addArtifact(db, 'a_shared_live', files.uri('shared.zip'), { age: 1 })
    await db.execute(sql`
    INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, why)
    VALUES ('skyvern', 'skyvern', 'artifact', 'a_gone', ${await files.put('gone.png')}, 'test')`)
    const fileOf: Readonly<Record<string, string>> = {
      ...Object.fromEntries(due.map((id) => [id, `${id}.png`])),
      a_zip_1: 'both.zip',
      a_zip_2: 'both.zip',
      a_shared_due: 'shared.zip',
      a_gone: 'gone.png',
    }

    expect(await killed('rows', moment.boundary, moment.nth)).toBe(true)

    // Whatever was cut off: live files are there, and whoever has lost its file has a mark.
    for (const name of ['a_live_0.png', 'a_live_1.webm', 'shared.zip']) expect(await files.has(name)).toBe(true)
    const [rows, left] = [new Set(await artifactIds(db)), new Set((await marks(db)).map(({ id }) => id))]
    for (const [id, name] of Object.entries(fileOf)) {
      const there = await files.has(name)
      if (rows.has(id) && !there) expect(left, `${id} lost its file and has no mark`).toContain(id)
      const shared = name === 'shared.zip' || (name === 'both.zip' && (rows.has('a_zip_1') || rows.has('a_zip_2')))
      if (!rows.has(id) && there && !shared) expect(left, `${id} went before its file`).toContain(id)
    }

    const { rule, tombstones } = await clean(database, files)
    expect([...rule.failures, ...tombstones.failures]).toEqual([])
    expect(await artifactIds(db)).toEqual(live)
    expect(await marks(db)).toEqual([])
    expect((await readdir(files.root)).toSorted()).toEqual(['a_live_0.png', 'a_live_1.webm', 'shared.zip'])
  },
)

const PREFIX_MOMENTS = BOUNDARIES.filter((boundary) => !boundary.startsWith('mark')).map((boundary) => ({
  boundary,
  nth: 2,
}))

test.each(PREFIX_MOMENTS)('files by prefix: killed at $boundary $nth, the next run ends it', async (moment) => {
  const { db } = database
  const id = (number: number) => `00000000-0000-4000-8000-00000000000${number}`
  for (const number of [1, 2, 3, 4]) {
    await addUpload(db, id(number), number === 4 ? 3 : 40)
    for (const part of ['inputs/a.csv', 'inputs/parameters.json', 'outputs/result.csv']) {
      await files.put(`users/1/tasks/${id(number)}/${part}`)
    }
  }
  expect(await killed('prefix', moment.boundary, moment.nth)).toBe(true)
  const stamped = sql`
    SELECT task_id AS id, inputs_cleaned_at IS NOT NULL AS inputs, outputs_cleaned_at IS NOT NULL AS outputs, s3_cleaned
    FROM agensium.tasks ORDER BY task_id`
  for (const row of await db.rows<{ id: string; inputs: boolean; outputs: boolean }>(stamped)) {
    if (row.inputs) expect(await files.has(`users/1/tasks/${row.id}/inputs/a.csv`)).toBe(false)
    if (row.outputs) expect(await files.has(`users/1/tasks/${row.id}/outputs/result.csv`)).toBe(false)
  }
  await asRun(database, ['agensium'], async (run) => {
    const [store] = files.stores.all
    if (!store) throw new RangeError('no store')
    for (const rule of agensiumRules) {
      const cleaning = { db: run.db, run, stores: files.stores, systems: both }
      expect((await cleanByPrefix(cleaning, rule, { store, named: false })).failures).toEqual([])
    }
  })
  expect(await db.rows(stamped)).toEqual([
    ...[1, 2, 3].map((number) => ({ id: id(number), inputs: true, outputs: true, s3_cleaned: true })),
    { id: id(4), inputs: false, outputs: false, s3_cleaned: false },
  ])
  expect(await files.has(`users/1/tasks/${id(3)}`)).toBe(false)
  expect(await files.has(`users/1/tasks/${id(4)}/inputs/a.csv`)).toBe(true)
  const { audited } = await db.one<{ audited: bigint }>(sql`SELECT COUNT(*) AS audited FROM steward.audit_log`)
  expect(audited).toBe(6n)
})
