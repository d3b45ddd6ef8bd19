import { expect, it } from 'vitest'
import { InvalidValue } from '../../src/errors.ts'
import { parseMoment } from '../../src/model/moment.ts'

it.each([
  ['now', { kind: 'ago', seconds: 0 }],
  ['90s', { kind: 'ago', seconds: 90 }],
  ['1.5h', { kind: 'ago', seconds: 5_400 }],
  ['2000000d', { kind: 'ago', seconds: 172_800_000_000 }],
  ['2026-11-01', { kind: 'at', instant: '2026-11-01T00:00:00Z' }],
  ['2026-11-01T08:00+01:00', { kind: 'at', instant: '2026-11-01T08:00:00+01:00' }],
])('reads %s', (text, moment) => {
  expect(parseMoment(text)).toEqual(moment)
})

it.each(['', 'yesterday', '-1d', '2026-02-30', '2026-13-01', '99999999999999999d', `${'9'.repeat(400)}w`])(
  'refuses %j',
  (text) => {
    expect(() => parseMoment(text)).toThrow(InvalidValue)
  },
)
