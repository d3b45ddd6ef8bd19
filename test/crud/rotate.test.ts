/** Rotating a key over many rows: stopped half way, with others writing in between. On real PostgreSQL. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyFrom } from '../../src/config/credentials.ts'
import { countKeys, rotateKey } from '../../src/crud/rotate.ts'
import { decrypt, encrypt } from '../../src/crud/seal.ts'
import type { Database } from '../../src/db/database.ts'
import { InterruptedError } from '../../src/errors.ts'
import type { RotateOperation } from '../../src/model/operation.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { bankScope, createBank } from './bank.ts'
import { actor } from './write-support.ts'

const present = keyFrom('aa'.repeat(32))
const next = keyFrom('bb'.repeat(32))
if (!present || !next) throw new Error('no keys')
const keys = { present, next }
const scope = bankScope('safe')
const operation: RotateOperation = { kind: 'rotate', name: 'credentials rotate', summary: '', field: 'contents' }
const place = (row: string) => ({ system: 'bank', table: 'safes', column: 'contents', row })

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await createBank(database.db)
  const ids = Array.from({ length: 250 }, (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`)
  await database.db.execute(sql`
    INSERT INTO bank.safes (id, name, contents)
    SELECT id, id::text, contents
    FROM unnest(${ids}::uuid[], ${ids.map((id) => encrypt(`secret of ${id}`, present, place(id)))}::text[])
      AS made (id, contents)`)
})
afterAll(() => database.drop())

const counts = async () =>
  Object.fromEntries(
    (await countKeys(database.db, scope, operation, keys)).map(({ holder, rows }) => [holder, Number(rows)]),
  )

test('is stopped between two batches, goes on where it was, and opens to the same secrets', async () => {
  const stopping = new AbortController()
  const first = await rotateKey(database.db, scope, operation, keys, {
    actor,
    signal: stopping.signal,
    total: 250,
    onProgress: () => stopping.abort(new InterruptedError('SIGTERM')),
  })
  expect(first).toMatchObject({ rotated: 100, failures: [], stopped: { exitCode: 143 } })
  expect(await counts()).toEqual({ present: 150, new: 100 })

  // Behind the place that the run has reached, someone who still has the old key seals another secret.
  const late = '00000000-0000-4000-8000-000000000003'
  let batches = 0
  const busy: Database = {
    ...database.db,
    async transaction(work, options) {
      const result = await database.db.transaction(work, options)
      if (++batches === 1) {
        await database.db.execute(sql`
          UPDATE bank.safes SET contents = ${encrypt('late', present, place(late))} WHERE id = ${late}::uuid`)
      }
      return result
    },
  }
  const { signal } = new AbortController()
  const second = await rotateKey(busy, scope, operation, keys, { actor, signal, total: 150 })
  expect(second).toEqual({ rotated: 151, failures: [] })
  expect(await counts()).toEqual({ new: 250 })
  const rows = await database.db.rows<{ id: string; contents: string }>(sql`SELECT id, contents FROM bank.safes`)
  for (const { id, contents } of rows) {
    expect(decrypt(contents, next, place(id))).toBe(id === late ? 'late' : `secret of ${id}`)
  }
})
