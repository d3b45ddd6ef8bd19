/** Paging through lists: every row once, in the order asked for, whatever the sort. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cursorAfter } from '../../src/crud/cursor.ts'
import { filtersFrom } from '../../src/crud/filters.ts'
import { type ListOptions, listAll, listPage, listStatement } from '../../src/crud/list.ts'
import { visibleFields } from '../../src/crud/select.ts'
import { sortFrom } from '../../src/crud/sort.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { createWorkshop, SCHEMA, STATES, scope, type Thing, thing, things } from './read-fixture.ts'

const ROWS = things(300)
let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await createWorkshop(database.db, ROWS)
})
afterAll(() => database?.drop())

/** Independent of the code under test: NULL is larger than every value, enumerations go by their declared order. */
function sorted(rows: readonly Thing[], sort: string): string[] {
  const keys = [...sort.split(',')]
  const last = keys.at(-1) ?? ''
  if (!keys.some((key) => key.endsWith('thing_id'))) keys.push(`${last.startsWith('-') ? '-' : ''}thing_id`)
  const rank = (row: Thing, key: string): unknown => {
    const value = row[key as keyof Thing]
    if (value === null) return null
    if (key === 'state') return STATES.indexOf(row.state)
    return key === 'price' ? Number(value) : value
  }
  return [...rows]
    .sort((a, b) => {
      for (const key of keys) {
        const name = key.replace('-', '')
        const [x, y] = [rank(a, name), rank(b, name)]
        if (x === y) continue
        const ascending = y === null || (x !== null && (x as string) < (y as string)) ? -1 : 1
        return key.startsWith('-') ? -ascending : ascending
      }
      return 0
    })
    .map((row) => row.thing_id)
}

async function allPages(options: Omit<ListOptions, 'fields'>, limit: number): Promise<string[]> {
  const ids: string[] = []
  let after: string | undefined
  do {
    const page = await listPage(database.db, scope, { ...options, fields: ['thing_id'], limit, after })
    expect(page.rows.length).toBeLessThanOrEqual(limit)
    ids.push(...page.rows.map((row) => String(row.thing_id)))
    after = page.next
  } while (after !== undefined)
  return ids
}

describe('paging through everything', () => {
  it.each([
    '-created_at',
    'created_at',
    '-ended_at',
    'ended_at',
    'state,-created_at',
    '-state,ended_at',
    'order,ended_at',
    '-order,-ended_at',
    '-order,ended_at,name',
    'name,-bytes',
    'ratio',
    '-ratio,price',
    '-price',
    'bytes',
    'is_new,-size',
    'token,-code',
    'size,-thing_id',
    '-thing_id',
    '-state,-code,-created_at',
  ])('sorted by %s', async (sort) => {
    expect(await allPages({ sort: sortFrom(thing, sort), filters: [] }, 37)).toEqual(sorted(ROWS, sort))
  })

  it('a page of one row, the hardest for ties', async () => {
    const some = ROWS.filter((row) => row.state === 'done').slice(0, 60)
    const filters = filtersFrom(thing, { filters: [`thing_id in ${some.map((row) => row.thing_id)}`] })
    for (const sort of ['ended_at,-order', '-ended_at', '-is_new,-size,name']) {
      expect(await allPages({ sort: sortFrom(thing, sort), filters }, 1)).toEqual(sorted(some, sort))
    }
  })

  it('the last page says that it is the last, also when it is full', async () => {
    const options = { sort: sortFrom(thing), filters: [], fields: ['thing_id'] }
    expect((await listPage(database.db, scope, { ...options, limit: 300 })).next).toBeUndefined()
    const { next } = await listPage(database.db, scope, { ...options, limit: 299 })
    const rest = await listPage(database.db, scope, { ...options, limit: 299, after: next })
    expect(rest.rows).toHaveLength(1)
    expect(rest.next).toBeUndefined()
  })

  it('keeps microseconds and the digits of large numbers in the cursor', async () => {
    const sort = sortFrom(thing, 'bytes,created_at')
    const options = { sort, filters: [], fields: ['thing_id'], limit: 120 }
    const { next = '' } = await listPage(database.db, scope, options)
    const carried = Buffer.from(next, 'base64url').toString()
    expect(carried).toMatch(/"9007199254740993","2026-0[13]-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"/)
  })

  it('streams everything in the same order, from a cursor on', async () => {
    const options = { sort: sortFrom(thing, 'state,-created_at'), filters: [], fields: ['thing_id'] }
    const ids = async (from: AsyncIterable<Readonly<Record<string, unknown>>>) => {
      const found: unknown[] = []
      for await (const row of from) found.push(row.thing_id)
      return found
    }
    const expected = sorted(ROWS, 'state,-created_at')
    expect(await ids(listAll(database.db, scope, options))).toEqual(expected)
    const { next } = await listPage(database.db, scope, { ...options, limit: 100 })
    expect(await ids(listAll(database.db, scope, { ...options, after: next }))).toEqual(expected.slice(100))
  })

  it('a reader that stops early ends the transaction', async () => {
    const rows = listAll(database.db, scope, { sort: sortFrom(thing), filters: [], fields: ['thing_id'] })
    for await (const _ of rows) break
    const { open } = await database.db.one<{ open: bigint }>(
      sql`SELECT count(*) AS open FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'idle in transaction'`,
    )
    expect(open).toBe(0n)
  })

  it('a failure of the query reaches the reader', async () => {
    const broken = { ...scope, schema: 'nowhere' }
    const rows = listAll(database.db, broken, { sort: sortFrom(thing), filters: [], fields: ['thing_id'] })
    await expect(async () => {
      for await (const _ of rows);
    }).rejects.toThrow()
  })
})

describe('a cursor of another list', () => {
  const listing = (sort: string, filters: readonly string[] = []) => ({
    sort: sortFrom(thing, sort),
    filters: filtersFrom(thing, { filters }),
  })
  const row = { ...things(1)[0] }
  const read = (options: ReturnType<typeof listing>, after: string) =>
    listPage(database.db, scope, { ...options, fields: ['thing_id'], limit: 5, after })

  it.each([
    ['another sort', listing('created_at')],
    ['another filter', listing('-created_at', ['state=done'])],
  ])('is refused for %s', async (_, other) => {
    const cursor = cursorAfter(scope, listing('-created_at'), row)
    await expect(read(other, cursor)).rejects.toMatchObject({ code: 'cursor-mismatch', exitCode: 2 })
  })

  it('is accepted when the same filters come in another order', async () => {
    const one = listing('-created_at', ['state=done', 'order>1'])
    const other = listing('-created_at', ['order>1', 'state=done'])
    const cursor = cursorAfter(scope, one, row)
    expect(await read(other, cursor)).toEqual({ ...(await read(one, cursor)) })
  })

  it.each(['nonsense', '', '%%%', Buffer.from('{}').toString('base64url'), Buffer.from('[1]').toString('base64url')])(
    '%j is no cursor at all',
    async (cursor) => {
      await expect(read(listing('-created_at'), cursor)).rejects.toMatchObject({
        code: 'invalid-cursor',
        exitCode: 2,
      })
    },
  )

  it('is refused when its values were tampered with, before any SQL', async () => {
    const valid = JSON.parse(
      Buffer.from(cursorAfter(scope, listing('order'), { order: 1, thing_id: 'x' }), 'base64url').toString(),
    )
    for (const keys of [["1'; DROP TABLE things"], ['1', 'x', 'y'], [{}, 'x'], ['99999999999', 'x'], [null]]) {
      const cursor = Buffer.from(JSON.stringify([...valid.slice(0, 2), ...keys])).toString('base64url')
      await expect(read(listing('order'), cursor)).rejects.toMatchObject({ code: 'invalid-cursor' })
    }
  })
})

describe('the sort', () => {
  it.each([
    ['creatd_at', 'did you mean created_at?'],
    ['secret_hash', 'secret'],
    ['settings', 'no order'],
    ['name,-name', 'twice'],
    ['name;DROP TABLE things', "no field 'name;DROP TABLE things'"],
    ['', "no field ''"],
    ['constructor', "no field 'constructor'"],
  ])('refuses %j', (sort, reason) => {
    expect(() => sortFrom(thing, sort)).toThrow(expect.objectContaining({ exitCode: 2 }))
    expect(() => sortFrom(thing, sort)).toThrow(reason)
  })
})

describe('a deep page', () => {
  it('costs what the first one costs: an index scan, no sort', async () => {
    const table = identifier(SCHEMA, 'things')
    await database.db.transaction(async (transaction) => {
      await transaction.execute(sql`
        INSERT INTO ${table} (thing_id, state, code, secret_hash, created_at)
        SELECT 'u_' || i, 'done', 'aa', '', '2026-05-01T00:00:00Z'::timestamptz + make_interval(secs => i / 100)
        FROM generate_series(1, 20000) AS i`)
      await transaction.execute(sql`CREATE INDEX ON ${table} (created_at, thing_id)`)
      await transaction.execute(sql`ANALYZE ${table}`)
      const listing = { sort: sortFrom(thing), filters: [], fields: visibleFields(thing) }
      const explain = async (after?: string) => {
        const statement = sql`${listStatement(scope, { ...listing, after })} LIMIT 21`
        const rows = await transaction.rows<{ 'QUERY PLAN': string }>(
          sql`EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ${statement}`,
        )
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        const buffers = [...plan.matchAll(/shared hit=(\d+)(?: read=(\d+))?/g)][0]
        return { plan, pages: Number(buffers?.[1] ?? 0) + Number(buffers?.[2] ?? 0) }
      }
      const first = await explain()
      const [deep] = await transaction.rows(sql`
        SELECT thing_id, created_at FROM ${table} ORDER BY created_at DESC, thing_id DESC OFFSET 15000 LIMIT 1`)
      const far = await explain(cursorAfter(scope, listing, deep ?? {}))
      for (const { plan } of [first, far]) {
        expect(plan).toMatch(/Index Scan Backward/)
        expect(plan).not.toMatch(/Sort|Seq Scan/)
      }
      expect(far.plan).toMatch(/Index Cond: \(ROW\(/)
      expect(far.pages).toBeLessThanOrEqual(first.pages + 3)
      await transaction.execute(sql`DELETE FROM ${table} WHERE thing_id LIKE 'u!_%' ESCAPE '!'`)
    })
  })
})
