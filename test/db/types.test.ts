/** What a value from the database looks like in Steward, and that it goes back unchanged. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringifyJson } from '../../src/db/json.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
})
afterAll(() => database.drop())

async function read(expression: string): Promise<unknown> {
  const { value } = await database.db.one<{ value: unknown }>(sql`SELECT ${raw(expression)} AS value`)
  return value
}

test.each<[string, unknown]>([
  ['9223372036854775807::bigint', 9223372036854775807n],
  ['(SELECT count(*) FROM generate_series(1, 3))', 3n],
  ['2147483647::integer', 2147483647],
  ['123456789012345678901234567890.0100::numeric', '123456789012345678901234567890.0100'],
  ["'NaN'::numeric", 'NaN'],
  ['0.1::double precision', 0.1],
  ["'-Infinity'::double precision", -Infinity],
  ['false', false],
  ['NULL::timestamptz', null],
  ["timestamptz '2026-11-22 03:51:04.123456+00'", '2026-11-22T03:51:04.123456Z'],
  ["timestamptz '2026-11-22 05:51:04.5+02'", '2026-11-22T03:51:04.500000Z'],
  ["timestamptz 'infinity'", 'infinity'],
  ["timestamptz '-infinity'", '-infinity'],
  ["timestamptz '0044-03-15 12:00:00+00 BC'", '0044-03-15 12:00:00+00 BC'],
  ["timestamptz '12026-01-01 00:00:00+00'", '12026-01-01T00:00:00.000000Z'],
  ["timestamp '2026-11-22 03:51:04'", '2026-11-22T03:51:04.000000'],
  ["date '2026-11-22'", '2026-11-22'],
  ["interval '1 day 02:03:04'", '1 day 02:03:04'],
  ['\'{a,"b c",NULL,"NULL","q\\"\\\\",""}\'::text[]', ['a', 'b c', null, 'NULL', 'q"\\', '']],
  ["'{}'::text[]", []],
  [
    "'{{1,2},{3,4}}'::bigint[]",
    [
      [1n, 2n],
      [3n, 4n],
    ],
  ],
  ["'[0:1]={5,6}'::integer[]", [5, 6]],
  ["ARRAY['a', 'b']::name[]", ['a', 'b']],
  ["ARRAY[timestamptz '2026-11-22 00:00:00+00']", ['2026-11-22T00:00:00.000000Z']],
  [`ARRAY['{"a": [1]}'::jsonb]`, [{ a: [1] }]],
  [`'{"a": 1, "b": [true, null, "x"]}'::jsonb`, { a: 1, b: [true, null, 'x'] }],
  [`'{"a": 1, "a": 2}'::json`, { a: 2 }],
  ["'2001:db8::1'::inet", '2001:db8::1'],
])('%s', async (expression, expected) => {
  expect(await read(expression)).toEqual(expected)
})

test('JSON numbers keep every digit, there and back', async () => {
  const text = '{"big": 12345678901234567890, "small": 0.12345678901234567890, "plain": 1.5}'
  const { value } = await database.db.one<{ value: unknown }>(sql`SELECT ${text}::jsonb AS value`)
  expect(value).toMatchObject({ plain: 1.5 })
  expect(stringifyJson(value)).toBe('{"big":12345678901234567890,"plain":1.5,"small":0.12345678901234567890}')
  const { same } = await database.db.one<{ same: boolean }>(sql`SELECT ${value}::jsonb = ${text}::jsonb AS same`)
  expect(same).toBe(true)
})

test.each(['infinity', '0044-03-15 12:00:00+00 BC', '12026-01-01T00:00:00.000000Z', '2026-11-22T03:51:04.123456Z'])(
  'the time %s can be bound again',
  async (text) => {
    const { value } = await database.db.one<{ value: string }>(sql`SELECT ${text}::timestamptz AS value`)
    expect(value).toBe(text)
  },
)

test('bigint, arrays and dates are bound by their values', async () => {
  const row = await database.db.one(sql`
    SELECT ${9007199254740993n}::bigint AS id, ${['a,b', 'c"d']}::text[] AS words,
           ${new Date('2026-11-22T03:51:04.123Z')}::timestamptz AS at`)
  expect(row).toEqual({ id: 9007199254740993n, words: ['a,b', 'c"d'], at: '2026-11-22T03:51:04.123000Z' })
})
