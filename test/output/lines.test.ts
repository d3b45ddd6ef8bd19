import { describe, expect, test } from 'vitest'
import type { Cells } from '../../src/model/column.ts'
import { printLines } from '../../src/output/lines.ts'
import type { LinesView } from '../../src/output/view.ts'
import { pipe, terminal } from './fake-streams.ts'

const columns = [
  { key: 'at', kind: 'timestamp' },
  { key: 'level', kind: 'enumeration', tones: { error: 'bad' } },
  { key: 'place', kind: 'text' },
  { key: 'what', kind: 'text' },
] as const

async function* batched(...batches: readonly (readonly Cells[])[]) {
  yield* batches
}

const view = (...batches: readonly (readonly Cells[])[]): LinesView => ({
  shape: 'lines',
  columns,
  batches: batched(...batches),
  line: { time: 'at', level: 'level', message: 'what', beside: 'place' },
  levels: ['info', 'error'],
})

const at = '2026-11-22T07:00:01.234567Z'

describe('log lines', () => {
  test('make room for the widest place so far, but not for an overlong one', async () => {
    const stream = pipe()
    const count = await printLines(
      view(
        [{ at, level: 'info', place: 'a', what: 'one' }],
        [
          { at, level: 'error', place: 'longer', what: 'two' },
          { at, level: 'info', place: 'x'.repeat(30), what: 'three' },
          { at, level: 'info', place: null, what: 'four' },
        ],
      ),
      stream,
    )
    expect(count).toBe(4)
    expect(stream.recorder.text).toBe(
      [
        '2026-11-22 07:00:01.234 INFO  a one',
        '2026-11-22 07:00:01.234 ERROR longer two',
        `2026-11-22 07:00:01.234 INFO  ${'x'.repeat(30)} three`,
        '2026-11-22 07:00:01.234 INFO         four',
        '',
      ].join('\n'),
    )
  })

  test('show what is missing as such, and colour by level', async () => {
    const stream = terminal(80, { env: { FORCE_COLOR: '1', LANG: 'C.UTF-8' }, noColor: false })
    await printLines(view([{ at: 'infinity', level: 'error', place: null, what: null }]), stream)
    expect(stream.recorder.text).toBe('\x1b[2minfinity\x1b[22m \x1b[31mERROR\x1b[39m –\n')
  })
})
