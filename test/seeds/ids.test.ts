import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { join, sql } from '../../src/model/sql.ts'
import { DAY } from '../../src/seeds/calendar.ts'
import type { SeedIds } from '../../src/seeds/definition.ts'
import { seededSql, seedId, seedUlid, seedUuid } from '../../src/seeds/ids.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

const UNTIL = Date.parse('2026-10-01T00:00:00Z') * 1000
const AT = UNTIL - DAY

let database: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
})
afterAll(() => database.drop())

/** Which of the ids count as seeded. */
async function seeded(ids: SeedIds, type: 'text' | 'uuid' | 'bigint', values: readonly string[]): Promise<string[]> {
  const tuples = values.map((value) =>
    type === 'uuid' ? sql`(${value}::uuid)` : type === 'bigint' ? sql`(${value}::bigint)` : sql`(${value}::text)`,
  )
  const rows = await database.db.rows<{ id: string }>(sql`
    SELECT v.id::text AS id
    FROM (VALUES ${join(tuples)}) AS v (id)
    WHERE ${seededSql(sql`v.id`, ids, UNTIL)}`)
  return rows.map(({ id }) => id)
}

describe('an id of a seeded row is told from every other', () => {
  const uuid = seedUuid(7, AT, 4_294_967_297)
  const ulid = seedUlid(AT, 33)
  const id = seedId('tsk', AT, 3)

  it.each([
    ['uuid', { kind: 'uuid' }, 'uuid', uuid, ['01234567-89ab-4cde-9eed-0123456789ab']],
    ['uuid as text', { kind: 'uuid-text' }, 'text', uuid, ['x', '01234567-89ab-8cde-8eed-0123456789ab']],
    ['ulid', { kind: 'ulid' }, 'text', ulid, ['01ARZ3NDEKTSV4RRFFQ69G5FAV']],
    ['number', { kind: 'number', from: 1_000 }, 'bigint', '1000', ['999']],
    ['text', { kind: 'text', startsWith: 'evt_seed_' }, 'text', 'evt_seed_1', ['evt_1', 'xevt_seed_1']],
    ['listed', { kind: 'listed', values: ['a'] }, 'text', 'a', ['A', 'aa']],
    ['prefixed', { kind: 'prefixed', prefix: 'tsk' }, 'text', id, [seedId('stp', AT, 3), 'tsk_1', 'tsk_x']],
  ] satisfies [string, SeedIds, 'text' | 'uuid' | 'bigint', string, string[]][])(
    '%s',
    async (_, ids, type, own, others) => {
      expect(await seeded(ids, type, [own, ...others])).toEqual([own])
    },
  )

  it('and a UUID is version 8 of the right variant, in the order of time, another for each table and number', () => {
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(seedUuid(7, AT + 1000, 0) > seedUuid(7, AT, 99)).toBe(true)
    expect(new Set([uuid, seedUuid(8, AT, 4_294_967_297), seedUuid(7, AT, 1)]).size).toBe(3)
  })

  it('and a ULID has 26 characters of its alphabet, in the order of time', () => {
    expect(ulid).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
    expect(seedUlid(AT + 1000, 0) > ulid).toBe(true)
    expect(seedUlid(AT, 34)).not.toBe(ulid)
  })
})
