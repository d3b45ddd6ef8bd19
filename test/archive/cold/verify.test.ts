/** What was written is checked again later, and nothing that a store holds is believed. */
import { createHash } from 'node:crypto'
import { readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchFolder, encodeName, isFileName } from '../../../src/archive/cold/names.ts'
import { thaw } from '../../../src/archive/cold/thaw.ts'
import { verifyCold } from '../../../src/archive/cold/verify.ts'
import { connect } from '../../../src/db/connect.ts'
import type { Database } from '../../../src/db/database.ts'
import { raw, sql } from '../../../src/model/sql.ts'
import { openStores } from '../../../src/storage/open.ts'
import { cuttingProxy } from '../../support/cutting-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { asRun } from '../../support/job-run.ts'
import { archiveItems, archiveRows, createShop, exported, fileStore, type TestStore, whereabouts } from './support.ts'
import { watched } from './watched.ts'

let database: TestDatabase
let cold: TestStore
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
  await createShop(db)
  cold = await fileStore()
})
afterAll(async () => {
  await database.drop()
  await cold.remove()
})

const FILES = ['items.copy.gz', 'items.parquet', 'manifest.json']

function folderOf(id: bigint): string {
  return join(cold.folder, batchFolder({ database: db.database, schema: 'shop', rule: 'old-items', id }))
}

async function coldBatch(): Promise<bigint> {
  const batchId = await archiveItems(db)
  const result = await exported(database, [batchId], cold.store)
  expect(result.failures).toEqual([])
  return batchId
}

const thawed = (batchId: bigint, through = db) =>
  asRun(database, ['shop'], (run) => thaw(through, batchId, cold.stores, run))

/** Puts another manifest in place of the batch's, as somebody would who can write to the store and to the record. */
async function forge(batchId: bigint, change: (manifest: Record<string, unknown>) => unknown): Promise<void> {
  const path = join(folderOf(batchId), 'manifest.json')
  const document = JSON.parse(await readFile(path, 'utf8'))
  const bytes = Buffer.from(JSON.stringify(change(document) ?? document))
  await writeFile(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await db.execute(sql`UPDATE steward.archive_batches SET cold_sha256 = ${sha256} WHERE batch_id = ${batchId}`)
}

describe('verifying', () => {
  test('finds a flipped bit in any file, wherever it is', async () => {
    const batchId = await coldBatch()
    expect((await verifyCold(db, batchId, cold.stores)).findings).toEqual([])
    for (const name of FILES) {
      const path = join(folderOf(batchId), name)
      const whole = await readFile(path)
      const places = [0, 9, whole.length >> 2, whole.length >> 1, whole.length - 1]
      for (const place of places) {
        const bytes = Buffer.from(whole)
        bytes[place] = (bytes[place] ?? 0) ^ (1 << (place % 8))
        await writeFile(path, bytes)
        const { findings } = await verifyCold(db, batchId, cold.stores)
        expect(findings, `${name} at ${place}`).toHaveLength(1)
        expect(findings[0]?.code).toBe(name === 'manifest.json' ? 'manifest-replaced' : 'file-changed')
        expect(findings[0]?.uri).toMatch(new RegExp(`/${name}$`))
      }
      await writeFile(path, whole)
    }
    expect((await verifyCold(db, batchId, cold.stores)).findings).toEqual([])
  })

  test('finds a file that is missing, cut, longer, or a link', async () => {
    const batchId = await coldBatch()
    for (const name of FILES) {
      const path = join(folderOf(batchId), name)
      const whole = await readFile(path)
      const codes: (string | undefined)[] = []
      const look = async () => codes.push((await verifyCold(db, batchId, cold.stores)).findings[0]?.code)
      await unlink(path)
      await look()
      await writeFile(path, whole.subarray(0, whole.length - 20))
      await look()
      await writeFile(path, Buffer.concat([whole, Buffer.from('more')]))
      await look()
      await unlink(path)
      await writeFile(join(cold.folder, 'elsewhere'), whole)
      await symlink(join(cold.folder, 'elsewhere'), path)
      await look()
      expect(codes).toEqual(
        name === 'manifest.json'
          ? ['manifest-missing', 'manifest-replaced', 'manifest-replaced', 'manifest-missing']
          : ['file-missing', 'file-changed', 'file-changed', 'file-missing'],
      )
      await unlink(path)
      await writeFile(path, whole)
    }
  })

  test('finds rows that differ from those that were archived, whoever forged file and manifest together', async () => {
    const batchId = await coldBatch()
    const path = join(folderOf(batchId), 'items.copy.gz')
    const text = Buffer.from(
      gunzipSync(await readFile(path))
        .toString()
        .replace('plain', 'forged'),
    )
    const bytes = gzipSync(text)
    await writeFile(path, bytes)
    const sha256 = (of: Buffer) => createHash('sha256').update(of).digest('hex')
    await forge(batchId, ({ tables }) => {
      if (!Array.isArray(tables)) throw new Error('no tables')
      const [file] = tables[0].files
      Object.assign(file, { bytes: String(bytes.length), sha256: sha256(bytes) })
      file.text = { bytes: String(text.length), sha256: sha256(text) }
    })
    const { findings } = await verifyCold(db, batchId, cold.stores)
    expect(findings).toMatchObject([{ code: 'rows-differ' }])
    await expect(thawed(batchId)).rejects.toMatchObject({ code: 'cold-files-damaged', exitCode: 6 })
    expect(await whereabouts(db, batchId, cold.stores)).toMatchObject({ state: 'cold', rows: 0n })
  })

  test('says so when no store of the profile holds the files', async () => {
    const batchId = await coldBatch()
    expect((await verifyCold(db, batchId, openStores([]))).findings).toMatchObject([{ code: 'no-store' }])
  })

  test('has nothing to say of a batch without files', async () => {
    const batchId = await archiveItems(db)
    expect(await verifyCold(db, batchId, cold.stores)).toEqual({
      batchId,
      uri: null,
      files: 0,
      bytes: 0n,
      rows: 0n,
      findings: [],
    })
  })
})

describe('a manifest', () => {
  const forgeries: Record<string, (manifest: Record<string, unknown>) => unknown> = {
    'no object': () => [],
    'of another format': (manifest) => Object.assign(manifest, { format: 'backup' }),
    'of a later version': (manifest) => Object.assign(manifest, { version: 2 }),
    'with a file elsewhere': (manifest) => file(manifest, { name: '../../../../../../etc/passwd' }),
    'with a file in a folder': (manifest) => file(manifest, { name: 'other/items.copy.gz' }),
    'with an absolute file': (manifest) => file(manifest, { name: '/etc/passwd' }),
    'with an encoded way out': (manifest) => file(manifest, { name: '%2e%2e%2fitems.copy.gz' }),
    'with itself as a file': (manifest) => file(manifest, { name: 'manifest.json' }),
    'with another compression': (manifest) => file(manifest, { compression: 'none' }),
    'with a size that is none': (manifest) => file(manifest, { bytes: '-1' }),
    'with a hash that is none': (manifest) => file(manifest, { sha256: 'x' }),
    'with a table twice': ({ tables, ...rest }) => ({ ...rest, tables: [tables, tables].flat() }),
    'with other types than its fingerprint says': (manifest) => table(manifest, { fingerprint: '0'.repeat(64) }),
    'with a key of other columns': (manifest) => table(manifest, { primaryKey: ['nothing'] }),
    'with a count that is a number': (manifest) => table(manifest, { rows: 5 }),
    'without tables': (manifest) => Object.assign(manifest, { tables: undefined }),
  }

  function table(manifest: Record<string, unknown>, change: Record<string, unknown>): void {
    if (!Array.isArray(manifest.tables)) throw new Error('no tables')
    Object.assign(manifest.tables[0], change)
  }

  function file(manifest: Record<string, unknown>, change: Record<string, unknown>): void {
    if (!Array.isArray(manifest.tables)) throw new Error('no tables')
    Object.assign(manifest.tables[0].files[0], change)
  }

  test('that is none is refused, also where the record vouches for it', async () => {
    const batchId = await coldBatch()
    const whole = await readFile(join(folderOf(batchId), 'manifest.json'))
    for (const [what, forgery] of Object.entries(forgeries)) {
      await writeFile(join(folderOf(batchId), 'manifest.json'), whole)
      await forge(batchId, forgery)
      expect((await verifyCold(db, batchId, cold.stores)).findings, what).toMatchObject([
        { code: 'manifest-malformed' },
      ])
      await expect(thawed(batchId), what).rejects.toMatchObject({ code: 'cold-files-damaged' })
    }
  })

  test('of another batch, or with other rows than the record has, is refused', async () => {
    const [one, other] = [await coldBatch(), await coldBatch()]
    const path = join(folderOf(one), 'manifest.json')
    const whole = await readFile(path)
    await writeFile(path, await readFile(join(folderOf(other), 'manifest.json')))
    await forge(one, (manifest) => manifest)
    expect((await verifyCold(db, one, cold.stores)).findings).toMatchObject([{ code: 'manifest-of-another-batch' }])
    await writeFile(path, whole)
    await forge(one, (manifest) => table(manifest, { rows: '4' }))
    expect((await verifyCold(db, one, cold.stores)).findings).toMatchObject([{ code: 'manifest-of-another-batch' }])
  })

  test('with a column that the archive table does not have is not loaded', async () => {
    const batchId = await coldBatch()
    await db.execute(raw('ALTER TABLE shop_archive.items RENAME COLUMN label TO title'))
    await expect(thawed(batchId)).rejects.toMatchObject({ code: 'archive-column-missing' })
    await db.execute(raw('ALTER TABLE shop_archive.items RENAME COLUMN title TO label'))
    expect(await thawed(batchId)).toEqual({ thawed: true, rows: 5n })
  })
})

describe('thawing', () => {
  test('finds columns by name, when the archive table has gained some and they stand in another order', async () => {
    const batchId = await archiveRows(db, {
      parts: { select: "SELECT 9::bigint, 'file:///a', 1::bigint", columns: ['bytes', 'uri', 'id'] },
    })
    await exported(database, [batchId], cold.store)
    await db.execute(raw('ALTER TABLE shop_archive.parts ADD COLUMN gained text'))
    expect(await thawed(batchId)).toEqual({ thawed: true, rows: 1n })
    expect(
      await db.rows(sql`SELECT id, uri, bytes, gained FROM shop_archive.parts WHERE steward_batch_id = ${batchId}`),
    ).toEqual([{ id: 1n, uri: 'file:///a', bytes: 9n, gained: null }])
    // What was filled in since would be in no file.
    await db.execute(sql`UPDATE shop_archive.parts SET gained = 'x' WHERE steward_batch_id = ${batchId}`)
    const result = await exported(database, [batchId], cold.store)
    expect(result.failures[0]).toMatch(/columns that parts gained since were filled/)
  })

  test('of a batch whose rows are there is nothing', async () => {
    const batchId = await archiveItems(db)
    expect(await thawed(batchId)).toEqual({ thawed: false, rows: 0n })
    await expect(thawed(999_999n)).rejects.toMatchObject({ exitCode: 4 })
  })

  test('and exporting again writes nothing twice', async () => {
    const batchId = await coldBatch()
    await thawed(batchId)
    const before = await readFile(join(folderOf(batchId), 'manifest.json'))
    const store = watched(cold.store, async (call) => {
      if (call === 'write') throw new Error('written twice')
    })
    await exported(database, [batchId], store)
    expect(await readFile(join(folderOf(batchId), 'manifest.json'))).toEqual(before)
    expect(await whereabouts(db, batchId, cold.stores)).toMatchObject({ state: 'cold', rows: 0n, findings: [] })
  })

  test('through a connection that is cut at any question leaves the batch in one place', async () => {
    const proxy = await cuttingProxy(database.endpoint)
    const through = await connect(proxy.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 60_000,
      poolSize: 1,
    })
    const batchId = await coldBatch()
    try {
      for (const when of ['heard', 'unanswered'] as const) {
        for (let at = 1; ; at += 1) {
          proxy.cutAt({ at, when })
          const outcome = await thawed(batchId, through).catch((error: unknown) => error)
          if (!proxy.cut) break
          expect(outcome).toBeInstanceOf(Error)
          const { state, rows } = await whereabouts(db, batchId, cold.stores)
          expect({ at, when, state, rows }).toEqual({ at, when, state, rows: state === 'cold' ? 0n : 5n })
          if (state !== 'cold') await exported(database, [batchId], cold.store)
        }
        await exported(database, [batchId], cold.store)
      }
    } finally {
      await through.close()
      await proxy.close()
    }
  })

  test('takes the files of its rows off the list of those that only files know', async () => {
    const filed = { schema: 'shop', table: 'parts', key: 'id', uri: 'uri', bytes: 'bytes' }
    const select = "SELECT 1::bigint, 'file:///a', 5::bigint UNION ALL SELECT 2, NULL, NULL"
    const batchId = await archiveRows(db, { parts: { select, columns: ['id', 'uri', 'bytes'] } })
    await exported(database, [batchId], cold.store, { filed: [filed] })
    const files = () =>
      db.rows(sql`SELECT artifact_id, uri, bytes FROM steward.archived_files WHERE batch_id = ${batchId}`)
    expect(await files()).toEqual([{ artifact_id: '1', uri: 'file:///a', bytes: 5n }])
    await thawed(batchId)
    expect(await files()).toEqual([])
  })
})

describe('files of another', () => {
  test('database of the same name are not written over', async () => {
    const batchId = await archiveItems(db)
    await exported(database, [batchId], cold.store, { keepRows: true })
    await db.execute(
      sql`UPDATE steward.archive_batches SET archived_at = archived_at + interval '1 s' WHERE batch_id = ${batchId}`,
    )
    const before = await readFile(join(folderOf(batchId), 'manifest.json'))
    const result = await exported(database, [batchId], cold.store)
    expect(result.failures[0]).toMatch(/lies the manifest of another batch/)
    await writeFile(join(folderOf(batchId), 'manifest.json'), 'garbage')
    const again = await exported(database, [batchId], cold.store)
    expect(again.failures[0]).toMatch(/lies a manifest that cannot be read \(it is not JSON\)/)
    await rm(join(folderOf(batchId), 'manifest.json'))
    expect((await exported(database, [batchId], cold.store)).outcome).toBe('done')
    expect(await readFile(join(folderOf(batchId), 'manifest.json'))).not.toEqual(before)
  })
})

describe('keeping the rows', () => {
  test('writes and records files once, and lets nothing go', async () => {
    const batchId = await archiveItems(db)
    const once = await exported(database, [batchId], cold.store, { keepRows: true, formats: ['parquet'] })
    expect(once.exported).toMatchObject([{ outcome: 'written', rows: 5n }])
    expect(await whereabouts(db, batchId, cold.stores)).toMatchObject({ state: 'archived', rows: 5n, filed: 5n })
    const twice = await exported(database, [batchId], cold.store, { keepRows: true, formats: ['parquet'] })
    expect(twice).toMatchObject({ outcome: 'nothing', exported: [{ outcome: 'unchanged' }] })
    await expect(exported(database, [batchId], cold.store, { formats: ['parquet'] })).rejects.toMatchObject({
      code: 'no-loadable-format',
    })
    const then = await exported(database, [batchId], cold.store)
    expect(then.exported).toMatchObject([{ outcome: 'exported' }])
    expect(await whereabouts(db, batchId, cold.stores)).toMatchObject({ state: 'cold', rows: 0n, findings: [] })
  })
})

describe('names', () => {
  test('are one safe segment each, and no two the same', () => {
    const names = [
      'a',
      'A',
      '.',
      '..',
      '...',
      'a/b',
      'a\\b',
      'a b',
      'ü',
      '',
      '!',
      '!2e',
      'a.',
      'a..b',
      '日本',
      'x'.repeat(300),
      'x'.repeat(301),
    ]
    const encoded = names.map(encodeName)
    expect(new Set(encoded).size).toBe(names.length)
    for (const segment of encoded) {
      expect(segment).toMatch(/^[a-z0-9_!-][a-z0-9_.!-]*$/)
      expect(segment.length).toBeLessThanOrEqual(200)
      expect(isFileName(`${segment}.copy.gz`)).toBe(true)
    }
    expect(encodeName('execution_logs')).toBe('execution_logs')
    expect(encodeName('Orders')).toBe('!4frders')
  })
})
