/** Whatever goes wrong while batches are exported: no row is lost, the failure is named, and the next run goes on. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect } from '../../../src/db/connect.ts'
import type { Database } from '../../../src/db/database.ts'
import { ConnectionError, InterruptedError, OperationError } from '../../../src/errors.ts'
import { raw, sql } from '../../../src/model/sql.ts'
import { bundleProgram, type Program } from '../../support/bundle.ts'
import { cuttingProxy } from '../../support/cutting-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { archiveItems, archiveRows, createShop, exported, fileStore, type TestStore, whereabouts } from './support.ts'
import { watched } from './watched.ts'

let database: TestDatabase
let cold: TestStore
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
  await createShop(db)
})
afterAll(() => database.drop())
beforeEach(async () => {
  cold = await fileStore()
})
afterEach(() => cold.remove())

const where = (batchId: bigint) => whereabouts(db, batchId, cold.stores)
const IN_TABLES = { state: 'archived', rows: 5n }
const IN_FILES = { state: 'cold', rows: 0n, filed: 5n, findings: [] }

describe('a store in trouble', () => {
  const answers = {
    'that fails': () => new OperationError({ code: 'store-failed', message: 'The store failed (500)' }),
    'that does not answer': () => new ConnectionError({ code: 'no-answer', message: 'The store does not answer' }),
  }
  for (const [what, error] of Object.entries(answers)) {
    test(`${what}, at any call: the rows stay, and the next run converges`, async () => {
      let batchId = await archiveItems(db)
      for (let failing = 0; ; failing += 1) {
        const store = watched(cold.store, async (_call, _uri, calls) => {
          if (calls === failing) throw error()
        })
        const result = await exported(database, [batchId], store)
        if (result.outcome === 'done') {
          expect(failing).toBeGreaterThan(5)
          break
        }
        expect(result).toMatchObject({ outcome: 'failed', rows: 0n, batches: 0 })
        expect(result.failures).toEqual([`batch ${batchId}: ${error().message}`])
        expect(await where(batchId)).toMatchObject(IN_TABLES)
        expect(await exported(database, [batchId], cold.store)).toMatchObject({ outcome: 'done' })
        expect(await where(batchId)).toEqual(IN_FILES)
        batchId = await archiveItems(db)
      }
      expect(await where(batchId)).toEqual(IN_FILES)
    })
  }

  test('for one batch of three: the others are exported, and the one is named', async () => {
    const batches = [await archiveItems(db), await archiveItems(db), await archiveItems(db)]
    const store = watched(cold.store, async (_call, uri) => {
      if (uri.includes(`batch-${batches[1]}/`)) throw answers['that fails']()
    })
    const result = await exported(database, batches, store)
    expect(result).toMatchObject({ outcome: 'partial', batches: 2, why: 'every batch was looked at' })
    expect(result.exported.map(({ outcome }) => outcome)).toEqual(['exported', 'failed', 'exported'])
    expect(result.failures).toEqual([`batch ${batches[1]}: The store failed (500)`])
  })

  test('for good: the run does not try thousands of batches in vain', async () => {
    const batches: bigint[] = []
    while (batches.length < 7) batches.push(await archiveItems(db, 'SELECT * FROM shop.items'))
    const store = watched(cold.store, () => Promise.reject(answers['that fails']()))
    const result = await exported(database, batches, store)
    expect(result).toMatchObject({
      outcome: 'failed',
      why: '5 batches in a row failed, so the others were not tried',
    })
    expect(result.failures).toHaveLength(5)
  })

  test('for minutes at a time: the run does not wait for each batch', async () => {
    const batches = [await archiveItems(db, 'SELECT * FROM shop.items'), await archiveItems(db)]
    const now = performance.now.bind(performance)
    let waited = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now() + waited)
    const store = watched(cold.store, () => {
      waited += 121_000
      return Promise.reject(answers['that does not answer']())
    })
    const result = await exported(database, batches, store)
    vi.restoreAllMocks()
    expect(result).toMatchObject({ outcome: 'failed', why: '1 batch failed, so the others were not tried' })
    expect(result.failures).toHaveLength(1)
  })

  test('that gives back other bytes than it took: nothing is let go', async () => {
    const batchId = await archiveItems(db)
    for (const name of ['items.copy.gz', 'items.parquet', 'manifest.json']) {
      let written = false
      const store = watched(cold.store, async (call, uri) => {
        if (call === 'write' && uri.endsWith('manifest.json')) written = true
        if (call !== 'read' || !written || !uri.endsWith(name)) return
        const path = fileURLToPath(uri)
        const bytes = await readFile(path)
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
        await writeFile(path, bytes)
      })
      const result = await exported(database, [batchId], store)
      expect(result.outcome).toBe('failed')
      expect(result.failures[0]).toMatch(new RegExp(`did not come back from cold as they were written; .*/${name}: `))
      expect(await where(batchId)).toMatchObject(IN_TABLES)
      await cold.store.remove([
        cold.store.uriOf(`archive/${db.database}/shop/old-items/batch-${batchId}/manifest.json`),
      ])
    }
  })
})

describe('a process that dies', () => {
  let program: Program
  beforeAll(async () => {
    program = await bundleProgram(fileURLToPath(new URL('export-child.ts', import.meta.url)))
  })
  afterAll(() => program.remove())

  /** @returns what the child printed; undefined when it killed itself */
  async function child(batchId: bigint, diesAt: number, shell = ''): Promise<string | undefined> {
    const args = [program.path, JSON.stringify(database.endpoint), cold.folder, String(batchId), String(diesAt)]
    const script = ['-c', `${shell} exec "$0" "$@"`, process.execPath, ...args]
    try {
      return (await promisify(execFile)('/bin/sh', script)).stdout
    } catch (error) {
      if (error instanceof Error && 'signal' in error && error.signal === 'SIGKILL') return undefined
      throw error
    }
  }

  test('by SIGKILL at any call of the store: the rows are where they were, and the next run takes over', async () => {
    const batchId = await archiveItems(db)
    for (let call = 0; ; call += 1) {
      const stdout = await child(batchId, call)
      if (stdout !== undefined) {
        expect(JSON.parse(stdout)).toMatchObject({ outcome: 'done' })
        expect(call).toBeGreaterThan(4)
        break
      }
      expect(await where(batchId)).toMatchObject(IN_TABLES)
      // What a killed holder leaves runs out by itself; the test does not wait for it.
      await db.execute(sql`UPDATE steward.leases SET expires_at = now()`)
    }
    expect(await where(batchId)).toEqual(IN_FILES)
  })

  test('not, but whose disk takes no more: the batch fails by name, and nothing is left half written', async () => {
    const noise = "SELECT i::bigint, encode(sha256(i::text::bytea), 'hex') FROM generate_series(1, 500) AS i"
    const batchId = await archiveRows(db, { items: { select: noise, columns: ['id', 'label'] } })
    // Files beyond 8 KiB are refused by the operating system.
    const stdout = await child(batchId, -1, 'ulimit -f 16;')
    expect(JSON.parse(stdout ?? '')).toMatchObject({
      outcome: 'failed',
      failures: [expect.stringMatching(/^batch \d+: Store cold could not .*file too large/)],
    })
    expect(await where(batchId)).toMatchObject({ state: 'archived', rows: 500n })
    const left: string[] = []
    for await (const { path } of cold.store.list('')) left.push(path)
    expect(left).toEqual([])
  })
})

describe('a database in trouble', () => {
  test('whose connection is cut at any question: the rows are in one place, and the next run goes on', async () => {
    const proxy = await cuttingProxy(database.endpoint)
    const through = await connect(proxy.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 60_000,
      poolSize: 1,
    })
    // Some fifty exports: what is asked of the database is the same for one format.
    const few = { formats: ['copy'] } as const
    try {
      const outcomes = new Set<string>()
      for (const when of ['heard', 'unanswered'] as const) {
        for (let at = 1; ; at += 1) {
          const batchId = await archiveItems(db)
          proxy.cutAt({ at, when })
          const result = await exported(database, [batchId], cold.store, { through, ...few })
          if (!proxy.cut) break
          outcomes.add(result.outcome)
          const { state, rows } = await where(batchId)
          expect({ at, when, state, rows }).toEqual({ at, when, state, rows: state === 'cold' ? 0n : 5n })
          proxy.cutAt(undefined)
          expect((await exported(database, [batchId], cold.store, few)).outcome).toMatch(/done|nothing/)
          expect(await where(batchId)).toEqual(IN_FILES)
        }
      }
      expect([...outcomes]).toEqual(['failed'])
    } finally {
      await through.close()
      await proxy.close()
    }
  }, 60_000)

  test('that is gone: the run ends with exit 3', async () => {
    const batchId = await archiveItems(db)
    const proxy = await cuttingProxy(database.endpoint)
    const through = await connect(proxy.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 60_000,
      poolSize: 1,
    })
    const store = watched(cold.store, async (call) => {
      if (call === 'write') await proxy.close()
    })
    const failure = exported(database, [batchId], store, { through })
    await expect(failure).rejects.toMatchObject({ exitCode: 3 })
    expect(await where(batchId)).toMatchObject(IN_TABLES)
    await through.close()
  })

  test('that is gone after two batches: those are named', async () => {
    const batches = [await archiveItems(db), await archiveItems(db), await archiveItems(db)]
    const [first, second, third] = batches
    const proxy = await cuttingProxy(database.endpoint)
    const through = await connect(proxy.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 60_000,
      poolSize: 1,
    })
    const store = watched(cold.store, async (call, uri) => {
      if (call === 'write' && uri.includes(`batch-${third}/`)) await proxy.close()
    })
    await expect(exported(database, batches, store, { through })).rejects.toMatchObject({
      exitCode: 3,
      hint: expect.stringMatching(`^Batches ${first}, ${second} were exported before\\. .`),
      details: { exported: [String(first), String(second)] },
    })
    expect(await where(second ?? 0n)).toEqual(IN_FILES)
    expect(await where(third ?? 0n)).toMatchObject(IN_TABLES)
    await through.close()
  })

  test('that times out while rows are deleted: the batch fails, nothing is half deleted', async () => {
    const batchId = await archiveItems(db)
    const impatient = await connect(database.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 200,
      poolSize: 2,
    })
    const result = await db.transaction(async (tx) => {
      await tx.execute(sql`SELECT FROM shop_archive.items WHERE steward_batch_id = ${batchId} AND id = 4 FOR UPDATE`)
      return exported(database, [batchId], cold.store, { through: impatient })
    })
    await impatient.close()
    expect(result).toMatchObject({ outcome: 'failed', failures: [expect.stringMatching(/200 ms|time/)] })
    expect(await where(batchId)).toMatchObject(IN_TABLES)
  })

  test('whose rows are changed between writing and deleting: they stay, with the change', async () => {
    const batchId = await archiveItems(db)
    const changes = {
      'a value': `UPDATE shop_archive.items SET label = 'changed' WHERE id = 1`,
      'a row more': 'INSERT INTO shop_archive.items SELECT * FROM shop_archive.items WHERE id = 2',
      'a row less': 'DELETE FROM shop_archive.items WHERE id = 5',
    }
    for (const [what, change] of Object.entries(changes)) {
      let read = 0
      const store = watched(cold.store, async (call, uri) => {
        if (call === 'read' && uri.endsWith('items.copy.gz') && read++ === 0) {
          await db.execute(raw(`${change} AND steward_batch_id = ${batchId}`))
        }
      })
      await db.execute(sql`
        CREATE TABLE shop.before AS SELECT * FROM shop_archive.items WHERE steward_batch_id = ${raw(String(batchId))}`)
      const result = await exported(database, [batchId], store)
      expect(result.outcome, what).toBe('failed')
      expect(result.failures[0], what).toMatch(/is not what was exported/)
      expect(await where(batchId), what).toMatchObject({ state: 'archived' })
      await db.execute(sql`DELETE FROM shop_archive.items WHERE steward_batch_id = ${batchId}`)
      await db.execute(sql`INSERT INTO shop_archive.items SELECT * FROM shop.before`)
      await db.execute(sql`DROP TABLE shop.before`)
    }
    expect(await exported(database, [batchId], cold.store)).toMatchObject({ outcome: 'done' })
  })

  test('whose archive is not what was archived: refused before anything is written', async () => {
    const batchId = await archiveItems(db)
    await db.execute(
      sql`UPDATE shop_archive.items SET label = 'forged' WHERE steward_batch_id = ${batchId} AND id = 1`,
    )
    const result = await exported(database, [batchId], cold.store)
    expect(result.failures).toEqual([
      `batch ${batchId}: The rows of batch ${batchId} in shop_archive.items are not those that were archived: their digest differs`,
    ])
    expect(await where(batchId)).toMatchObject(IN_TABLES)
  })
})

describe('a run that must end', () => {
  test('has lost its lease: nothing more is let go', async () => {
    const batchId = await archiveItems(db)
    const store = watched(cold.store, async (call, uri) => {
      if (call === 'write' && uri.endsWith('manifest.json')) {
        await db.execute(
          sql`UPDATE steward.leases SET token = token + 1, command = 'archive run' WHERE name = 'shop'`,
        )
      }
    })
    await expect(exported(database, [batchId], store)).rejects.toMatchObject({ exitCode: 8, code: 'lease-lost' })
    await db.execute(sql`UPDATE steward.leases SET released_at = now()`)
    expect(await where(batchId)).toMatchObject(IN_TABLES)
  })

  test('by a signal: after the batch in flight, with the reason', async () => {
    const batches = [await archiveItems(db), await archiveItems(db)]
    let asked = 0
    const pace = {
      next: async () => (asked++ === 0 ? undefined : { why: 'SIGTERM', error: new InterruptedError('SIGTERM') }),
    }
    const result = await exported(database, batches, cold.store, { run: { pace } })
    expect(result).toMatchObject({ outcome: 'interrupted', batches: 1, why: 'SIGTERM' })
    expect(await where(batches[1] ?? 0n)).toMatchObject(IN_TABLES)
  })
})
