/** Batches in an S3-compatible store, with a proxy before it that answers 403, 404, 500, slowly, or half. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { thaw } from '../../../src/archive/cold/thaw.ts'
import type { Database } from '../../../src/db/database.ts'
import { InterruptedError } from '../../../src/errors.ts'
import type { Stores } from '../../../src/storage/open.ts'
import { S3Store } from '../../../src/storage/s3-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { type Fault, type FaultyProxy, faultyProxy } from '../../support/faulty-proxy.ts'
import { asRun } from '../../support/job-run.ts'
import { type S3Server, startS3 } from '../../support/s3.ts'
import { archiveItems, createShop, exported, whereabouts } from './support.ts'

let database: TestDatabase
let db: Database
let s3: S3Server
let proxy: FaultyProxy

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
  await createShop(db)
  s3 = await startS3({ buckets: ['cold'] })
  proxy = await faultyProxy(s3.endpoint)
  for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await proxy.close()
  await s3.stop()
  await database.drop()
})
beforeEach(() => proxy.reset())

/** One attempt a request: what the client does about a fault that passes is tested where the client is. */
function storesAt(
  endpoint: string,
  { signal, requestMs = 10_000 }: { readonly signal?: AbortSignal; readonly requestMs?: number } = {},
): Stores & { readonly store: S3Store } {
  const limits = { requestMs, attempts: 1 }
  const options = signal === undefined ? { limits } : { limits, signal }
  const store = new S3Store({ name: 'cold', url: 's3://cold/prefix', endpoint, region: 'eu-central-1' }, options)
  return {
    store,
    all: [store],
    named: () => store,
    holding: (uri) => (store.contains(uri) ? store : undefined),
    close: () => store.close(),
  }
}

test('a batch goes to S3 and comes back', async () => {
  const stores = storesAt(s3.endpoint)
  const batchId = await archiveItems(db)
  expect(await exported(database, [batchId], stores.store)).toMatchObject({ outcome: 'done', failures: [] })
  expect(await whereabouts(db, batchId, stores)).toEqual({ state: 'cold', rows: 0n, filed: 5n, findings: [] })
  const back = await asRun(database, ['shop'], (run) => thaw(db, batchId, stores, run))
  expect(back).toEqual({ thawed: true, rows: 5n })
})

describe('a store that', () => {
  const faults: Readonly<Record<string, Fault>> = {
    'answers 403': { status: 403, code: 'AccessDenied' },
    'answers 404': { status: 404, code: 'NoSuchBucket' },
    'answers 500': { status: 500, code: 'InternalError' },
    'answers by a gateway': { status: 502 },
    'breaks off': { breaks: 'unheard' },
    'breaks off after it did what it was asked': { breaks: 'unanswered' },
  }

  test.each(Object.entries(faults))(
    '%s for three of four batches: those stay, the next run goes on',
    async (_, fault) => {
      const batches = [await archiveItems(db), await archiveItems(db), await archiveItems(db), await archiveItems(db)]
      const [first, second, third] = batches
      // While rows are written, while the manifest is, and while what was written is read back.
      const places = [
        { method: 'PUT', ends: `batch-${first}/items.copy.gz` },
        { method: 'PUT', ends: `batch-${second}/manifest.json` },
        { method: 'GET', ends: `batch-${third}/items.parquet` },
      ]
      proxy.reset(({ method, target }) => {
        const [path = ''] = target.split('?')
        return places.some((place) => place.method === method && path.endsWith(place.ends)) ? fault : undefined
      })
      const result = await exported(database, batches, storesAt(proxy.endpoint).store)
      expect(result).toMatchObject({ outcome: 'partial', batches: 1, rows: 5n })
      expect(result.exported.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'failed', 'exported'])
      for (const reason of result.failures) expect(reason).toMatch(/^batch \d+: .*([Ss]tore cold|did not come back)/)
      const whole = storesAt(s3.endpoint)
      for (const batchId of batches.slice(0, 3)) {
        expect(await whereabouts(db, batchId, whole)).toMatchObject({ state: 'archived', rows: 5n })
      }
      expect(await exported(database, batches.slice(0, 3), whole.store)).toMatchObject({
        outcome: 'done',
        batches: 3,
      })
      for (const batchId of batches) {
        expect(await whereabouts(db, batchId, whole)).toEqual({ state: 'cold', rows: 0n, filed: 5n, findings: [] })
      }
    },
  )

  test('never answers is given up: the rows stay', async () => {
    const batchId = await archiveItems(db)
    proxy.reset(({ operation }) => (operation === 'PutObject' ? { waits: 60_000 } : undefined))
    const result = await exported(database, [batchId], storesAt(proxy.endpoint, { requestMs: 1000 }).store)
    expect(result).toMatchObject({ outcome: 'failed', failures: [expect.stringMatching(/in time/)] })
    expect(await whereabouts(db, batchId, storesAt(s3.endpoint))).toMatchObject({ state: 'archived', rows: 5n })
  })

  test('gives half of a file: it is not taken for the whole', async () => {
    const batchId = await archiveItems(db)
    proxy.reset((asked) =>
      asked.operation === 'GetObject' && asked.target.includes('parquet') ? { half: 'breaks' } : undefined,
    )
    const result = await exported(database, [batchId], storesAt(proxy.endpoint).store)
    expect(result.failures).toEqual([expect.stringMatching(/[Ss]tore cold/)])
    expect(await whereabouts(db, batchId, storesAt(s3.endpoint))).toMatchObject({ state: 'archived', rows: 5n })
  })

  test('answers slowly is waited for', async () => {
    const batchId = await archiveItems(db)
    proxy.reset(() => ({ waits: 50 }))
    expect(await exported(database, [batchId], storesAt(proxy.endpoint).store)).toMatchObject({ outcome: 'done' })
  })

  test('does not answer keeps nobody who wants to leave', async () => {
    const batchId = await archiveItems(db)
    const stop = new AbortController()
    const stores = storesAt(proxy.endpoint, { signal: stop.signal })
    proxy.reset((asked) => {
      if (asked.operation !== 'PutObject') return undefined
      setTimeout(() => stop.abort(new InterruptedError('SIGTERM')), 20)
      return { waits: 60_000 }
    })
    const result = await exported(database, [batchId], stores.store)
    expect(result).toMatchObject({ outcome: 'interrupted', batches: 0, failures: [] })
    expect(await whereabouts(db, batchId, stores)).toMatchObject({ state: 'archived', rows: 5n })
  })
})
