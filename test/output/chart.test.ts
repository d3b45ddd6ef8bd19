import { describe, expect, it } from 'vitest'
import { barLines, columnLines } from '../../src/output/chart.ts'
import { widthOf } from '../../src/output/width.ts'

const wide = { width: 40, unicode: true }
const bars = [
  { label: 'completed', value: 100, text: '100' },
  { label: 'failed', value: 12, text: '12' },
  { label: 'a label that is too long for the line', value: 0.1, text: '0.1' },
  { label: 'none', value: undefined, text: '–' },
  { label: 'zero', value: 0, text: '0' },
]

describe('bars', () => {
  it('fit the width and start at zero', () => {
    const lines = barLines(bars, wide)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "completed         ██████████████████ 100
      failed            ██▏ 12
      a label that is…  ▏ 0.1
      none              –
      zero              0"
    `)
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(40)
  })

  it('do without Unicode', () => {
    expect(barLines(bars.slice(0, 3), { width: 40, unicode: false }).join('\n')).toMatchInlineSnapshot(`
      "completed         ################## 100
      failed            ## 12
      a label that is~  # 0.1"
    `)
  })

  it('draw nothing from nothing', () => {
    expect(barLines([], wide)).toEqual([])
    expect(barLines([{ label: 'a', value: 0, text: '0' }], wide)).toEqual(['a  0'])
  })
})

describe('columns over time', () => {
  const labels = Array.from({ length: 14 }, (_, day) => `2026-11-${String(day + 1).padStart(2, '0')}`)
  const values = [3, 5, 2, 8, 13, 1, undefined, 7, 9, 12, 4, 4, 6, 10]

  it('show the course with both ends of the axes', () => {
    const lines = columnLines({ labels, values, format: String }, wide)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "13 ┤        ██        ▄▄
         ┤        ██      ▁▁██      ▅▅
         ┤      ▆▆██    ▂▂████      ██
         ┤  ▂▂  ████    ██████    ▆▆██
         ┤▃▃██  ████    ██████▇▇▇▇████
       0 ┤████▇▇████▄▄  ██████████████
         └────────────────────────────
          2026-11-01        2026-11-14"
    `)
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(40)
  })

  it('do without Unicode', () => {
    expect(
      columnLines({ labels, values, format: String }, { width: 40, unicode: false }, 4).join('\n'),
    ).toMatchInlineSnapshot(`
      "13 |        ##        **      ..
         |      ==##    ..**##      ##
         |  ==  ####    ######::::%%##
       0 |%%##++####::  ##############
         +----------------------------
          2026-11-01        2026-11-14"
    `)
  })

  it('average neighbours where there is less room, and say so', () => {
    const year = Array.from({ length: 365 }, (_, day) => day)
    const lines = columnLines({ labels: year.map((day) => `day ${day}`), values: year, format: String }, wide, 3)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "364 ┤                        ▁▁▂▃▄▄▅▆▆▇█
          ┤            ▁▁▂▃▃▄▅▅▆▇▇████████████
        0 ┤ ▁▂▂▃▄▄▅▆▆▇████████████████████████
          └───────────────────────────────────
           day 0                       day 364
           each column is the mean of 10.4 figures"
    `)
  })

  it('survive figures that are all missing, equal or below zero', () => {
    expect(columnLines({ labels: [], values: [], format: String }, wide)).toEqual([])
    expect(
      columnLines({ labels: ['a', 'b'], values: [undefined, undefined], format: String }, wide, 2).join('\n'),
    ).toMatchInlineSnapshot(`
      "  ┤
      0 ┤
        └──────
         a    b"
    `)
    expect(
      columnLines({ labels: ['a', 'b'], values: [-4, 4], format: String }, wide, 2).join('\n'),
    ).toMatchInlineSnapshot(`
      " 4 ┤   ███
      -4 ┤   ███
         └──────
          a    b"
    `)
  })
})
