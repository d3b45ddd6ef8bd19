import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalUri, isOddSql, isPlain, placeOf } from '../../src/artifacts/uri.ts'
import { UriCounts } from '../../src/artifacts/uri-counts.ts'
import { sql } from '../../src/model/sql.ts'
import { FileStore } from '../../src/storage/file-store.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
})
afterAll(() => database.drop())

test.each([
  ['file:///a/b.png', 'file:///a/b.png'],
  ['file:///a/./b.png', 'file:///a/b.png'],
  ['file:///a/x/../b.png', 'file:///a/b.png'],
  ['file:///a//b.png/', 'file:///a/b.png'],
  ['file:////a/b.png', 'file:///a/b.png'],
  ['FILE:/a/b.png', 'file:///a/b.png'],
  ['file://localhost/a/b.png?x#y', 'file:///a/b.png'],
  ['/a/b.png', 'file:///a/b.png'],
  ['file:///a/%62.png', 'file:///a/b.png'],
  ['file:///a/b c.png', 'file:///a/b%20c.png'],
  ['file:///a/b%20c.png', 'file:///a/b%20c.png'],
  ['file:///a/%e2%82%ac', 'file:///a/%E2%82%AC'],
  ['file:///a/€', 'file:///a/%E2%82%AC'],
  ['S3://Bucket/a/./b', 's3://bucket/a/./b'],
  ['s3://bucket/a%20b', 's3://bucket/a%20b'],
  ['relative/a.png', 'relative/a.png'],
  ['ftp://host/a', 'ftp://host/a'],
])('%s stands for %s', (uri, canonical) => {
  expect(canonicalUri(uri)).toBe(canonical)
})

const SEGMENT = fc.string({
  unit: fc.constantFrom('a', 'Z', '9', '.', '-', '_', ' ', '%', '/', '~', '€', '\\', '+'),
  maxLength: 6,
})
const URI = fc
  .tuple(fc.constantFrom('file:///', 's3://bucket/', '/', 'file:/', 'x:', ''), fc.array(SEGMENT, { maxLength: 4 }))
  .map(([start, segments]) => start + segments.join('/'))

test('what is plain is canonical, canonical is stable, and PostgreSQL agrees on what is plain', async () => {
  const uris = fc.sample(URI, { numRuns: 3000, seed: 1 })
  for (const uri of uris) {
    const canonical = canonicalUri(uri)
    expect(canonicalUri(canonical), uri).toBe(canonical)
    if (isPlain(uri)) expect(canonical).toBe(uri)
  }
  const odd = await database.db.rows<{ odd: boolean }>(sql`
    SELECT ${isOddSql(sql`uri`)} AS odd FROM unnest(${uris}::text[]) WITH ORDINALITY AS u (uri, n) ORDER BY n`)
  expect(odd.map((row) => !row.odd)).toEqual(uris.map(isPlain))
})

test('a store writes what it holds in the canonical way', () => {
  const store = new FileStore({ name: 'store', url: 'file:///a' })
  fc.assert(
    fc.property(SEGMENT, SEGMENT, (one, other) => {
      const uri = `file:///a/${one}/${other}x`
      fc.pre(store.contains(uri))
      expect(canonicalUri(uri)).toBe(store.uriOf(store.pathOf(uri)))
    }),
    { seed: 2, numRuns: 2000 },
  )
})

test('a bag counts each URI as often as it was added, less what was taken', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 }), (uris) => {
      const bag = new UriCounts()
      for (const uri of uris) bag.add(uri)
      expect(bag.size).toBe(uris.length)
      for (const uri of ['a', 'b', 'c', 'd', 'e']) {
        const count = uris.filter((one) => one === uri).length
        expect(bag.count(uri)).toBe(count)
        bag.take(uri)
        expect(bag.count(uri)).toBe(Math.max(0, count - 1))
      }
    }),
    { seed: 3 },
  )
  const many = new UriCounts()
  for (let n = 0; n < 5000; n++) many.add(`file:///${n % 2500}`)
  expect([many.size, many.count('file:///2499'), many.count('file:///2500')]).toEqual([5000, 2, 0])
})

describe('the place of a URI', () => {
  test.each([
    ['s3://bucket/secret', 's3://bucket'],
    ['s3://\u001b[31m/x', 's3:'],
    ['HTTP://user:password@host/x', 'http:'],
    ['no scheme', 'no URI'],
  ])('%s is %s', (uri, place) => {
    expect(placeOf(uri)).toBe(place)
  })
})
