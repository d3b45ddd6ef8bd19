/** A reconciliation that is cut off anywhere, and goes on. */
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { identityOf, PlanWriter, readPlan, storesOf } from '../../src/artifacts/plan-file.ts'
import type { Header } from '../../src/artifacts/plan-lines.ts'
import { type Verified, verify } from '../../src/artifacts/verify.ts'
import { InterruptedError } from '../../src/errors.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { addArtifact, addTask, both, type Folder, folder } from './fixture.ts'

const FILES = 50

let database: TestDatabase
let files: Folder
let home: Folder
let header: Header
const now = new Date()
beforeAll(async () => {
  ;[database, files, home] = await Promise.all([createTestDatabase(), folder(), folder()])
  await addTask(database.db, 'tsk_1')
  const then = new Date(now.getTime() - 3 * 86_400_000)
  for (let n = 0; n < FILES; n++) {
    const path = `o/${String(n).padStart(2, '0')}.png`
    const uri = await files.put(path, 'x'.repeat(n))
    await utimes(join(files.root, path), then, then)
    // Every third file has no row, every fifth row no file.
    if (n % 3 !== 0) await addArtifact(database.db, `a_${n}`, n % 5 === 0 ? files.uri(`lost/${n}`) : uri)
  }
  header = {
    kind: 'header',
    version: 1,
    database: await identityOf(database.db),
    stores: storesOf(files.stores.all),
    systems: ['skyvern', 'agensium'],
    minAgeMs: 86_400_000,
    started: now.toISOString(),
  }
})
afterAll(async () => {
  await Promise.all([database.drop(), files.remove(), home.remove()])
})

/** Asks about one file at a time, so that there are checkpoints in between. */
async function run(path: string, { resume = false, stopAt = Number.POSITIVE_INFINITY } = {}): Promise<Verified> {
  const resumed = resume ? await readPlan(path) : undefined
  const writer = resumed ? await PlanWriter.resume(path, resumed.end) : await PlanWriter.create(path, header)
  const stopping = new AbortController()
  let asked = 0
  try {
    return await verify({
      db: database.db,
      stores: files.stores,
      listed: files.stores.all,
      systems: both,
      about: both,
      minAgeMs: header.minAgeMs,
      now,
      signal: stopping.signal,
      onProgress: () => {
        if (++asked === stopAt) stopping.abort(new InterruptedError('SIGINT'))
      },
      writer,
      resumed,
      batch: 1,
    })
  } finally {
    await writer.close()
  }
}

/** What a plan says, without what it remembers on its way. */
async function said(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const ends = lines.filter((line) => line.includes('"checkpoint"') && line.includes('"after":null'))
  return [...lines.filter((line) => /"kind":"(orphan|missing)"/.test(line)), ...ends]
}

test('comes to the same end wherever it was cut off', async () => {
  const whole = join(home.root, 'whole.ndjson')
  const { stores, tables } = await run(whole)
  expect(stores).toMatchObject([{ files: FILES, orphans: 23, young: 0 }])
  expect(tables).toMatchObject([{ table: 'skyvern.artifacts', rows: 33, missing: 6, unchecked: {} }])
  const text = await readFile(whole, 'utf8')
  expect(text.match(/"checkpoint"/g)?.length).toBeGreaterThan(4)
  const expected = await said(whole)
  const path = join(home.root, 'cut.ndjson')
  const first = text.indexOf('\n') + 1
  const last = text.lastIndexOf('\n', text.length - 2) + 1
  for (let cut = first; cut < last; cut += 331) {
    await writeFile(path, text.slice(0, cut))
    const again = await run(path, { resume: true })
    expect([again.stores, again.tables], `cut at ${cut}`).toEqual([stores, tables])
    expect(await said(path), `cut at ${cut}`).toEqual(expected)
  }
})

test('a stop request leaves a plan that is not whole, and goes on', async () => {
  const path = join(home.root, 'stopped.ndjson')
  await expect(run(path, { stopAt: 30 })).rejects.toThrow(InterruptedError)
  const state = await readPlan(path)
  expect([state.complete, state.stores.get('artifacts')?.totals.files]).toEqual([false, 20])
  await run(path, { resume: true })
  expect((await readPlan(path)).complete).toBe(true)
  expect((await said(path)).length).toBe((await said(join(home.root, 'whole.ndjson'))).length)
})

test('asks the store for no file that it has just listed', async () => {
  const [store] = files.stores.all
  if (!store) throw new RangeError('no store')
  const asked: string[] = []
  const original = store.stat.bind(store)
  store.stat = (uri) => {
    asked.push(uri)
    return original(uri)
  }
  try {
    const { tables } = await run(join(home.root, 'asked.ndjson'))
    expect(tables).toMatchObject([{ rows: 33, missing: 6 }])
  } finally {
    store.stat = original
  }
  expect(asked).toHaveLength(6)
})
