/** Filters: each operator against an independent check of the same rows, and everything that is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countRows } from '../../src/crud/count.ts'
import { parseExpression } from '../../src/crud/filter-expression.ts'
import { type FilterInput, filtersFrom } from '../../src/crud/filters.ts'
import { listPage } from '../../src/crud/list.ts'
import { sortFrom } from '../../src/crud/sort.ts'
import { UsageError } from '../../src/errors.ts'
import { parseMoment } from '../../src/model/moment.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { createWorkshop, insertThings, scope, type Thing, thing, things } from './read-fixture.ts'

const ODD = '100% _sure_ \\ "quoted" \'single\' Ünï 漢字 🎉'
const base = things(1)[0] as Thing
const ROWS: Thing[] = [
  ...things(200),
  { ...base, thing_id: 'odd_1', name: ODD, code: '%', order: 7 },
  { ...base, thing_id: 'odd_2', name: '1000 xsurex', code: '_', order: 8 },
  { ...base, thing_id: "o'dd,3", name: '', code: 'NULL', order: 9 },
]
let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await createWorkshop(database.db, [])
  await insertThings(database.db, ROWS)
})
afterAll(() => database?.drop())

async function found(input: FilterInput): Promise<string[]> {
  const filters = filtersFrom(thing, input)
  const options = { sort: sortFrom(thing, 'thing_id'), filters, fields: ['thing_id'], limit: 1000 }
  const { rows } = await listPage(database.db, scope, options)
  expect(await countRows(database.db, scope, filters)).toBe(BigInt(rows.length))
  return rows.map((row) => String(row.thing_id)).sort()
}

function expected(keep: (row: Thing) => boolean): string[] {
  return ROWS.filter(keep)
    .map((row) => row.thing_id)
    .sort()
}

describe('--filter', () => {
  const cases: readonly [string, (row: Thing) => boolean][] = [
    ['order=1', (row) => row.order === 1],
    ['order = -1', (row) => row.order === -1],
    ['order!=1', (row) => row.order !== 1],
    ['order>0', (row) => row.order !== null && row.order > 0],
    ['order >= 2147483647', (row) => row.order === 2147483647],
    ['order<=0', (row) => row.order !== null && row.order <= 0],
    ['order in -1, 2', (row) => row.order === -1 || row.order === 2],
    ['order null', (row) => row.order === null],
    ['order is not null', (row) => row.order !== null],
    ['bytes=9007199254740993', (row) => row.bytes === 9007199254740993n],
    ['bytes>9007199254740992', (row) => row.bytes !== null && row.bytes > 9007199254740992n],
    ['bytes<9223372036854775807', (row) => row.bytes !== null && row.bytes < 9223372036854775807n],
    ['price=0.1', (row) => row.price === '0.10'],
    ['price>12345678901234567890.123456788', (row) => row.price?.startsWith('1234') ?? false],
    ['ratio=0.1', (row) => row.ratio === 0.1],
    ['ratio>1e299', (row) => row.ratio === 1e300],
    ['ratio=0.3333333333333333', (row) => row.ratio === 1 / 3],
    ['state=done', (row) => row.state === 'done'],
    ['state!=done', (row) => row.state !== 'done'],
    ['state in done,running', (row) => row.state !== 'waiting'],
    ['size != small', (row) => row.size !== 'small'],
    ['is_new=true', (row) => row.is_new === true],
    ['is-new = no', (row) => row.is_new === false],
    ['is_new not null', (row) => row.is_new !== null],
    ['name~AR', (row) => row.name?.includes('ar') ?? false],
    ['name ~ ar', (row) => row.name?.includes('ar') ?? false],
    ['name>bert', (row) => ['carla', 'dora'].includes(row.name ?? '')],
    [`name=${ODD}`, (row) => row.thing_id === 'odd_1'],
    ['name=', (row) => row.name === ''],
    ['name=""', (row) => row.name === ''],
    ['name~%', (row) => row.thing_id === 'odd_1'],
    ['name~_', (row) => row.thing_id === 'odd_1'],
    ['name~\\', (row) => row.thing_id === 'odd_1'],
    ["name~'single'", (row) => row.thing_id === 'odd_1'],
    [`name~"'single'"`, (row) => row.thing_id === 'odd_1'],
    ['name~漢字 🎉', (row) => row.thing_id === 'odd_1'],
    ['code=NULL', (row) => row.code === 'NULL'],
    ['code in %,_', (row) => row.code === '%' || row.code === '_'],
    ['code=aaaaaaaaaaaaaaaa', () => false],
    ['thing_id in "o\'dd,3",odd_1', (row) => row.thing_id === "o'dd,3" || row.thing_id === 'odd_1'],
    ["thing_id='o''dd,3'", (row) => row.thing_id === "o'dd,3"],
    ['created_at=2026-01-01T00:00:00.000001Z', (row) => row.created_at === '2026-01-01T00:00:00.000001Z'],
    ['created_at>2026-01-01', (row) => row.created_at > '2026-01-01T00:00:00.000000Z'],
    ['created_at<=2026-03-29T03:30:00.123456+02:00', () => true],
    ['ended_at in 2026-01-01,2026-03-29T01:30:00.123456Z', (row) => /000000Z|123456Z/.test(row.ended_at ?? '')],
    ['ended_at null', (row) => row.ended_at === null],
    ['ended_at>now', () => false],
    ['tags contains red', (row) => row.tags?.includes('red') ?? false],
    [`tags contains red,"it""s, {odd}\\"`, (row) => row.tags?.length === 2],
    ['settings contains {"a":1}', (row) => JSON.stringify(row.settings).includes('"a":1')],
    [`settings contains {"b":{"c":["o'clock"]}}`, (row) => JSON.stringify(row.settings).includes("o'clock")],
    ['settings={}', (row) => JSON.stringify(row.settings) === '{}'],
    ['settings != {}', (row) => JSON.stringify(row.settings) !== '{}'],
    ['token=AAAAAAAA-1111-4111-8111-111111111111', (row) => row.token?.startsWith('a') ?? false],
    ['made_by in m_1', (row) => row.made_by === 'm_1'],
  ]
  it.each(cases)('%s', async (expression, keep) => {
    expect(await found({ filters: [expression] })).toEqual(expected(keep))
  })

  it('several must all hold', async () => {
    expect(await found({ filters: ['state=done', 'order>0', 'name~a'] })).toEqual(
      expected((row) => row.state === 'done' && (row.order ?? 0) > 0 && (row.name?.includes('a') ?? false)),
    )
  })

  it.each([
    "name='; DROP TABLE things; --",
    "name~' OR '1'='1",
    "name in x','y",
    'thing_id=$1',
    'settings contains {"a":"\'::text; DROP TABLE things; --"}',
    "tags contains '});DROP TABLE things;--",
  ])('a value is never SQL: %s', async (expression) => {
    expect(await found({ filters: [expression] })).toEqual([])
    expect(await countRows(database.db, scope, [])).toBe(BigInt(ROWS.length))
  })
})

describe('flags', () => {
  it('several values of one field mean any of them', async () => {
    const fields = { state: ['done', 'running'], made_by: ['m_1'], is_new: ['true'] }
    expect(await found({ fields })).toEqual(
      expected((row) => row.state !== 'waiting' && row.made_by === 'm_1' && row.is_new === true),
    )
  })

  it('no value of a field is no filter', async () => {
    expect(await found({ fields: { state: [] } })).toEqual(expected(() => true))
  })

  it('the period is half-open, to the microsecond', async () => {
    const period = (since: string, until: string) => ({ since: parseMoment(since), until: parseMoment(until) })
    expect(await found(period('2026-01-01', '2026-01-01T00:00:00.000001Z'))).toEqual(
      expected((row) => row.created_at === '2026-01-01T00:00:00.000000Z'),
    )
    expect(await found(period('2026-01-01T00:00:00.000001Z', '2026-03-29T01:30:00.123456Z'))).toEqual(
      expected((row) => row.created_at === '2026-01-01T00:00:00.000001Z'),
    )
    expect(await found({ until: parseMoment('5000d') })).toEqual([])
  })

  it('search looks into every declared field', async () => {
    expect(await found({ search: '%' })).toEqual(expected((row) => row.code === '%' || row.name === ODD))
    expect(await found({ search: 'CARL' })).toEqual(expected((row) => row.name === 'carla'))
    expect(await found({ search: "' OR true --" })).toEqual([])
  })
})

describe('what is refused', () => {
  const reasons = (input: FilterInput): string => {
    try {
      filtersFrom(thing, input)
      return ''
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      expect(error.exitCode).toBe(2)
      return [error.message, ...error.problems.map((problem) => `${problem.where} ${problem.reason}`)].join('\n')
    }
  }

  it.each([
    ['statee=done', 'did you mean state?'],
    ['nonsense', 'must be a field, one of'],
    ['', 'must be a field, one of'],
    ['secret_hash=x', 'secret_hash is secret and cannot be filtered'],
    ['secret_hash null', 'secret'],
    ['order=x', 'order must be a whole number'],
    ['order=2147483648', 'order must be from -2147483648 to 2147483647'],
    ['order in 1,x', 'order must be a whole number'],
    ['bytes=9223372036854775808', 'bytes must be from'],
    ['ratio=1e999', 'range of double precision'],
    ['price=1,5', 'price must be a number'],
    ['state=dnoe', 'did you mean done?'],
    ['state>done', 'state is an enumeration and takes = != in null not null, not >'],
    ['is_new=maybe', 'true or false'],
    ['settings contains {a:1}', 'must be JSON'],
    ['settings contains {"a":"\\u0000"}', 'U+0000'],
    ['settings contains {"a":["\\ud800"]}', 'surrogate'],
    ['settings~x', 'settings is JSON and takes'],
    ['name contains x', 'name is text and takes'],
    ['created_at=yesterday', 'must be a time'],
    ['created_at=2026-02-30', 'must be a time'],
    ['created_at null', 'created_at is never null'],
    ['token=1', 'token must be a UUID'],
    ['name=a\0b', 'NUL'],
    ['name~', 'something to look for'],
    ['thing_id; DROP TABLE things = 1', 'must be a field'],
    ['"name"=1', 'must be a field'],
    ['__proto__=1', "no field '__proto__'"],
    ['constructor=1', "no field 'constructor'"],
  ])('%j', (expression, reason) => {
    expect(reasons({ filters: [expression] })).toContain(reason)
  })

  it('everything at once', () => {
    const text = reasons({
      fields: { state: ['dnoe'], nothing: ['1'] },
      filters: ['order=x', 'secret_hash=1'],
      since: parseMoment('2026-02-01'),
      until: parseMoment('2026-01-01'),
      search: '',
    })
    expect(text.split('\n')[0]).toBe('6 problems with the input')
    for (const where of ['--state', '--nothing', '--filter order', '--filter secret_hash', '--since', '--search']) {
      expect(text).toContain(where)
    }
  })

  it('does not repeat the value, which may be private', () => {
    expect(reasons({ filters: ['order=hunter2', 'token=hunter2', 'created_at>hunter2'] })).not.toContain('hunter2')
  })
})

describe('the grammar', () => {
  it.each([
    ['a=b=c', ['a', '=', 'b=c']],
    ['a!=b', ['a', '!=', 'b']],
    ['a >= 1', ['a', '>=', '1']],
    ['a-b = "x, y"', ['a-b', '=', 'x, y']],
    ["a = it's", ['a', '=', "it's"]],
    ['a IN b', ['a', 'in', 'b']],
    ['a Is Not Null', ['a', 'not null', '']],
    ['a = null', ['a', '=', 'null']],
    ['a in =b', ['a', 'in', '=b']],
    ['a=line\nbreak', ['a', '=', 'line\nbreak']],
  ])('%j', (text, [name, operator, value]) => {
    expect(parseExpression(text)).toMatchObject({ name, operator, text: value })
  })

  it.each([
    ['a in b,c', ['b', 'c']],
    ['a in "b,c", d', ['b,c', 'd']],
    ["a in it's,'x''y'", ["it's", "x'y"]],
    ['a in b,', ['b', '']],
    ['a in "b" c,d', ['"b" c', 'd']],
    ['a in , ,', ['', '', '']],
  ])('%j', (text, parts) => {
    expect(parseExpression(text).parts).toEqual(parts)
  })
})
