/** The digest that is computed of COPY text is the server's, whatever the rows hold. */
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arrayToJson } from '../../../src/archive/cold/array-json.ts'
import { fieldsOf, linesOf, MalformedCopy } from '../../../src/archive/cold/copy-text.ts'
import { RowDigest } from '../../../src/archive/cold/row-digest.ts'
import { digestSql, TEXT_SETTINGS } from '../../../src/archive/digest.ts'
import { raw, sql } from '../../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await database.db.execute(raw('CREATE TABLE rows_of_text (a text, b text, c bytea)'))
})
afterAll(() => database.drop())

/** Rows counted and digested by the server, and from its COPY text cut into chunks. */
async function both(rows: readonly (readonly (string | null)[])[], chunk: number) {
  return database.db.transaction(
    async (tx) => {
      await tx.execute(raw('TRUNCATE rows_of_text'))
      await tx.execute(sql`
        INSERT INTO rows_of_text
        SELECT r ->> 0, r ->> 1, convert_to(r ->> 2, 'UTF8') FROM jsonb_array_elements(${JSON.stringify(rows)}::jsonb) AS r`)
      const server = await tx.one<{ rows: bigint; digest: string }>(sql`
        SELECT count(*) AS rows, ${digestSql('r', ['a', 'b', 'c'])}::text AS digest FROM rows_of_text AS r`)
      const text: Buffer[] = []
      for await (const part of tx.copyOut('SELECT a, b, c FROM rows_of_text', "FORMAT text, ENCODING 'UTF8'")) {
        text.push(part)
      }
      const digest = new RowDigest()
      for await (const lines of linesOf(cut(Buffer.concat(text), chunk))) {
        for (const line of lines) digest.add(fieldsOf(line, 3))
      }
      return { server, ours: { rows: digest.rows, digest: digest.digest } }
    },
    { settings: TEXT_SETTINGS },
  )
}

function cut(bytes: Buffer, size: number): Readable {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return Readable.from(chunks)
}

describe('the digest of rows', () => {
  test('is the same for each single character, and for nothing', async () => {
    const characters = Array.from({ length: 0x2fff }, (_, index) => String.fromCodePoint(index + 1))
    const rows = [...characters, '🙂', '', null].map((value) => [value, null, value])
    const { server, ours } = await both(rows, 64 * 1024)
    expect(ours).toEqual(server)
    expect(ours.rows).toBe(BigInt(0x2fff + 3))
  })

  test('is the same for any texts, however the stream is cut', async () => {
    const special = fc.constantFrom(
      '\\',
      '\t',
      '\n',
      '\r',
      '"',
      ',',
      '(',
      ')',
      ' ',
      '\\N',
      '\\.',
      '\v',
      '\u0085',
      '\u00a0',
    )
    const text = fc.option(
      fc.oneof(
        fc.array(fc.oneof(special, fc.string({ maxLength: 3 })), { maxLength: 5 }).map((parts) => parts.join('')),
        fc.string({ unit: 'grapheme', maxLength: 8 }),
      ),
      { freq: 6 },
    )
    // PostgreSQL has no NUL in a text, and no half of a surrogate pair.
    const value = text.map((of) => of?.replaceAll('\0', '') ?? null)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(value, value, value), { maxLength: 40 }),
        fc.integer({ min: 1, max: 200 }),
        async (rows, chunk) => {
          const { server, ours } = await both(rows, chunk)
          expect(ours).toEqual(server)
        },
      ),
      { numRuns: 60, seed: 4 },
    )
  })

  test('is none of a text that was cut, or that the server did not write', async () => {
    const read = async (text: string) => {
      for await (const lines of linesOf(Readable.from([Buffer.from(text)]))) lines.map((line) => fieldsOf(line, 2))
    }
    await read('a\tb\n')
    for (const damaged of ['a\tb', 'a\n', 'a\tb\tc\n', 'a\t\\x41\n', 'a\tb\\\n']) {
      await expect(read(damaged)).rejects.toThrow(MalformedCopy)
    }
  })
})

describe('an array as JSON', () => {
  test('is what the server makes of it', async () => {
    const arrays: Readonly<Record<string, string>> = {
      'ARRAY[1,NULL,-3]': 'int4',
      'ARRAY[[1,2],[3,4]]': 'int4',
      "'{}'::int[]": 'int4',
      'ARRAY[true,false,NULL]': 'bool',
      "ARRAY['NULL','null','','a b','\"','\\',',','{','}','ü🙂',E'\\n']": 'text',
      'ARRAY[1.50,12345678901234567890.123]::numeric[]': 'numeric',
      "ARRAY['{\"a\": [1, null]}','[]','null']::jsonb[]": 'jsonb',
      "'[0:1]={7,8}'::int[]": 'int4',
    }
    for (const [array, base] of Object.entries(arrays)) {
      const { text, json } = await database.db.one<{ text: string; json: string }>(
        raw(`SELECT (${array})::text AS text, to_json(${array})::text AS json`),
      )
      const made = Buffer.from(arrayToJson(Buffer.from(text, 'utf8').toString('latin1'), base), 'latin1').toString(
        'utf8',
      )
      expect(JSON.parse(made), array).toEqual(JSON.parse(json))
      if (base === 'numeric') expect(made).toBe('[1.50,12345678901234567890.123]')
    }
    expect(arrayToJson('{NaN,Infinity,1e+30,-0}', 'float8')).toBe('["NaN","Infinity",1e+30,-0]')
  })

  test('is refused where it is none', () => {
    for (const text of ['', '1', '{', '{1', '{1,}', '{,1}', '{1}}', '{"a}', '{"a"b}', '{{1}']) {
      expect(() => arrayToJson(text, 'int4'), text).toThrow(RangeError)
    }
  })
})
