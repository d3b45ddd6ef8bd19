/** SIGKILL in the middle of a reconciliation, of a removal and of its undoing, compared with a model of where files are. */
import { execFile } from 'node:child_process'
import { readdir, readFile, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { readPlan } from '../../src/artifacts/plan-file.ts'
import { quarantineRun } from '../../src/artifacts/quarantine.ts'
import { sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { addArtifact, addTask, type Folder, folder } from './fixture.ts'
import type { Orders } from './quarantine-child.ts'

const FILES = 45
const RUN = quarantineRun(new Date('2026-11-01T10:00:00Z'), 7n)
const QUARANTINED = `.steward-quarantine/${RUN}/`

let database: TestDatabase
let program: Program
let files: Folder
let home: Folder
beforeAll(async () => {
  ;[database, program] = await Promise.all([
    createTestDatabase(),
    bundleProgram(new URL('quarantine-child.ts', import.meta.url).pathname),
  ])
  await addTask(database.db, 'tsk_1')
})
afterAll(async () => {
  await Promise.all([database.drop(), program.remove()])
})
beforeEach(async () => {
  ;[files, home] = await Promise.all([folder(), folder()])
  const then = new Date(Date.now() - 86_400_000)
  for (let n = 0; n < FILES; n++) {
    const uri = await files.put(nameOf(n), `file ${n}`)
    await utimes(join(files.root, nameOf(n)), then, then)
    if (hasRow(n)) await addArtifact(database.db, `a_${n}`, uri)
  }
})
afterEach(async () => {
  await database.db.execute(sql`TRUNCATE skyvern.artifacts CASCADE`)
  await Promise.all([files.remove(), home.remove()])
})

const nameOf = (n: number) => `o/${n % 4}/${n}.png`
const hasRow = (n: number) => n % 3 === 0
const orphans = Array.from({ length: FILES }, (_, n) => n).filter((n) => !hasRow(n))

/** @returns whether it was killed */
async function child(what: Orders['what'], step = 0): Promise<boolean> {
  const plan = join(home.root, 'plan.ndjson')
  const orders: Orders = { endpoint: database.endpoint, url: files.url, what, plan, run: RUN, step }
  const signal = await new Promise<NodeJS.Signals | null | undefined>((resolve, reject) => {
    execFile(process.execPath, [program.path, JSON.stringify(orders)], (error, _stdout, stderr) => {
      if (error === null) resolve(undefined)
      else if (error.signal) resolve(error.signal)
      else reject(new Error(stderr))
    })
  })
  await until('the backends of the killed program are gone', async () => {
    const { left } = await database.db.one<{ left: bigint }>(sql`
      SELECT COUNT(*) AS left FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'steward:child%'`)
    return left === 0n
  })
  await database.db.execute(sql`UPDATE steward.leases SET expires_at = now()`)
  return signal === 'SIGKILL'
}

/** Every file with its content, by the path it belongs to; and which of them are in the quarantine. */
async function where(): Promise<{ readonly at: ReadonlyMap<string, string>; readonly away: ReadonlySet<string> }> {
  const at = new Map<string, string>()
  const away = new Set<string>()
  const entries = await readdir(files.root, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name).slice(files.root.length + 1)
    const own = path.startsWith(QUARANTINED) ? path.slice(QUARANTINED.length) : path
    expect(at.has(own), `${own} is there twice`).toBe(false)
    at.set(own, await readFile(join(files.root, path), 'utf8'))
    if (own !== path) away.add(own)
  }
  return { at, away }
}

const everything = new Map(Array.from({ length: FILES }, (_, n) => [nameOf(n), `file ${n}`]))
const toSorted = (map: ReadonlyMap<string, string>) => [...map].toSorted()

test.each([1, 22, 44])(
  'a reconciliation that is killed at file %i goes on, and ends as if it had not been',
  async (step) => {
    expect(await child('verify', step)).toBe(true)
    const path = join(home.root, 'plan.ndjson')
    expect((await readPlan(path)).complete).toBe(false)
    expect(await child('verify')).toBe(false)
    const cut = await readPlan(path)
    await rm(path)
    expect(await child('verify')).toBe(false)
    const whole = await readPlan(path)
    expect([cut.complete, cut.orphans, cut.stores.get('artifacts')?.totals]).toEqual([
      true,
      whole.orphans,
      whole.stores.get('artifacts')?.totals,
    ])
    expect(whole.orphans.get('artifacts')?.files).toBe(orphans.length)
  },
)

test.each([1, 9, 30])(
  'a removal, and its undoing, that are killed at move %i lose nothing and go on',
  async (step) => {
    expect(await child('verify')).toBe(false)
    expect(await child('remove', step)).toBe(true)
    const removing = await where()
    expect(toSorted(removing.at)).toEqual(toSorted(everything))
    for (const path of removing.away) expect(orphans.map(nameOf)).toContain(path)
    expect(removing.away.size).toBeLessThan(orphans.length)

    expect(await child('remove')).toBe(false)
    const removed = await where()
    expect(toSorted(removed.at)).toEqual(toSorted(everything))
    expect([...removed.away].toSorted()).toEqual(orphans.map(nameOf).toSorted())

    expect(await child('undo', step)).toBe(true)
    expect(toSorted((await where()).at)).toEqual(toSorted(everything))
    expect(await child('undo')).toBe(false)
    const back = await where()
    expect([toSorted(back.at), back.away.size]).toEqual([toSorted(everything), 0])
  },
)
