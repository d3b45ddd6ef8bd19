import { parse as parseCsv } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import type { Cells } from '../../src/model/column.ts'
import type { Format, View } from '../../src/output/view.ts'
import { shownBy } from './sample.ts'

const LEVELS = 20_000
const TEXT = `${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`
const columns = [
  { key: 'task_id', kind: 'text' },
  { key: 'payload', kind: 'json' },
] as const
const nested = (levels: number): unknown => {
  let value: unknown = []
  for (let level = 1; level < levels; level++) value = [value]
  return value
}
const row: Cells = { task_id: 'tsk_1', payload: nested(LEVELS) }
const views: readonly View[] = [
  { shape: 'table', columns, rows: [row] },
  { shape: 'record', columns, row },
  { shape: 'record', columns: columns.slice(0, 1), row, related: [{ key: 'steps', columns, rows: [row] }] },
]

describe('a value that is nested thousands of levels deep', () => {
  it('is written whole', async () => {
    for (const view of views) {
      const { out } = await shownBy(view, { format: 'ndjson' })
      expect(out).toContain(`"payload":${TEXT}`)
    }
    const csv = await shownBy({ shape: 'table', columns, rows: [row] }, { format: 'csv' })
    expect(parseCsv(csv.out)).toEqual([
      ['task_id', 'payload'],
      ['tsk_1', TEXT],
    ])
    const shallower: Cells = { ...row, payload: nested(3_000) }
    const { out } = await shownBy({ shape: 'table', columns, rows: [shallower] }, { format: 'json' })
    expect(out.replaceAll(/\s/g, '')).toContain(`"payload":${'['.repeat(3_000)}${']'.repeat(3_000)}`)
  })

  it('is refused where the format cannot hold it, with the row and the column', async () => {
    for (const view of views) {
      await expect(shownBy(view, { format: 'yaml' })).rejects.toMatchObject({
        exitCode: 6,
        message: 'The row with task_id tsk_1 cannot be written as YAML: payload is nested deeper than 500 levels',
        hint: 'Leave payload out with --fields, or use -o json',
      })
    }
    const fine: Cells = { ...row, payload: nested(500) }
    const { out } = await shownBy({ shape: 'table', columns, rows: [fine] }, { format: 'yaml' })
    expect(out).toContain('tsk_1')
  })

  it('ends no other format', async () => {
    for (const format of ['table', 'md', 'tsv'] satisfies Format[]) {
      expect((await shownBy({ shape: 'table', columns, rows: [row] }, { format })).out).toContain('tsk_1')
    }
  })
})
