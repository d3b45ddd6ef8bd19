import { beforeAll, describe, expect, it } from 'vitest'
import { visible } from '../../src/output/escape.ts'
import {
  formatAverage,
  formatBytes,
  formatCount,
  formatFloat,
  formatMegabytes,
  formatPercent,
  formatRelative,
  formatSeconds,
  formatTimestamp,
} from '../../src/output/format.ts'
import { pad, prepareToMeasure, truncate, widthOf, wrap } from '../../src/output/width.ts'

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [649.789, '650 B'],
  [1023.7, '1 KiB'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [1_048_575, '1 MiB'],
  [123_456_789n, '118 MiB'],
  [5n * 1024n ** 3n, '5 GiB'],
  [-2048, '-2 KiB'],
])('%s bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

it.each([
  [0, '0 s'],
  [0.0004, '0.4 ms'],
  [0.42, '420 ms'],
  [0.9996, '1 s'],
  [3.21, '3.2 s'],
  [59.96, '1m 00s'],
  [192.4, '3m 12s'],
  [3599.6, '1h 00m'],
  [7500, '2h 05m'],
  [273_600, '3d 4h'],
  [-90, '-1m 30s'],
])('%s seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text))

it.each([
  ['999', '999'],
  ['1000', '1,000'],
  ['-9007199254740993', '-9,007,199,254,740,993'],
  ['1234.5', '1,234.5'],
])('counts %s', (value, text) => expect(formatCount(value)).toBe(text))

it.each([
  [12.5, '12.5%'],
  [100, '100%'],
  [0.04, '0.04%'],
  [33.333, '33.3%'],
])('%s percent is %s', (percent, text) => expect(formatPercent(percent)).toBe(text))

it.each([
  [0.1 + 0.2, '0.3'],
  [1234.56789, '1234.568'],
  [0.000123456, '0.000123'],
  [2, '2'],
  [Number.NaN, 'NaN'],
])('the figure %s is %s', (value, text) => expect(formatFloat(value)).toBe(text))

it.each([
  [1.329, '1.33'],
  [2, '2'],
  [79.556, '79.6'],
  [9.999, '10'],
  [646.189, '646'],
  [-0.125, '-0.13'],
  [Number.NaN, 'NaN'],
])('the mean %s is %s', (value, text) => expect(formatAverage(value)).toBe(text))

it.each([
  [0, '0 MB'],
  [64.25, '64.3 MB'],
  [646.189, '646 MB'],
  [1024, '1 GB'],
  [12_345, '12.3 GB'],
])('%s megabytes are %s', (megabytes, text) => expect(formatMegabytes(megabytes)).toBe(text))

describe('times', () => {
  it('are UTC to the second whatever the zone of the machine', () => {
    expect(formatTimestamp('2026-11-22T03:51:04.999999Z')).toBe('2026-11-22 03:51:04')
    expect(formatTimestamp('infinity')).toBe('infinity')
    expect(formatTimestamp('2026-11-22T03:51:04+02:00')).toBe('2026-11-22T03:51:04+02:00')
  })

  it.each([
    ['2026-11-22T11:59:55Z', 'just now'],
    ['2026-11-22T11:59:15Z', '45 s ago'],
    ['2026-11-22T11:30:00Z', '30 min ago'],
    ['2026-11-22T09:00:01Z', '2 h ago'],
    ['2026-11-19T12:00:00Z', '3 d ago'],
    ['2026-11-24T12:00:00Z', 'in 2 d'],
    ['infinity', undefined],
  ])('%s was %s', (iso, text) => expect(formatRelative(iso, new Date('2026-11-22T12:00:00Z'))).toBe(text))
})

describe('width', () => {
  beforeAll(() => prepareToMeasure(['日本']))

  it.each([
    ['日本', 4],
    ['👩‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['e\u0301', 1],
    ['กำ', 1],
    ['naïve – “ж” │█▏', 15],
  ])('%s takes %i cells', (text, cells) => expect(widthOf(text)).toBe(cells))

  it('cuts between characters, never inside one', () => {
    expect(truncate('日本語です', 6, '…')).toBe('日本…')
    expect(truncate('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 5, '…')).toBe('👩‍👩‍👧👩‍👩‍👧…')
    expect(truncate('fits', 4, '…')).toBe('fits')
    expect(truncate('x'.repeat(1_000_000), 5, '…')).toBe('xxxx…')
    expect(pad('日', 4, 'right')).toBe('  日')
  })

  it('wraps at spaces, and inside words that are too long', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three'])
    expect(wrap('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl'])
    expect(wrap('', 4)).toEqual([''])
  })
})

it.each([
  ['a\nb\r\t', 'a\\nb\\r\\t'],
  ['\x1b[2J\x07\x00', '\\e[2J\\x07\\x00'],
  ['\x9b31m\x7f', '\\x9b31m\\x7f'],
  ['\u202egnp.exe\u2066\u200e', '\\u202egnp.exe\\u2066\\u200e'],
  ['pay\u200bpal\ufeff', 'pay\\u200bpal\\ufeff'],
  ['\ud800', '\\ud800'],
  ['👩‍👩‍👧 ❤️ ok', '👩‍👩‍👧 ❤️ ok'],
])('%j is shown as %j', (text, shown) => expect(visible(text)).toBe(shown))
