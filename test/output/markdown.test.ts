import { describe, expect, it } from 'vitest'
import { inline } from '../../src/output/markdown.ts'
import type { RecordView } from '../../src/output/view.ts'
import { columns, list, rows, shownBy } from './sample.ts'

describe('Markdown', () => {
  it('is a table that nothing in the data can break or mark up', async () => {
    expect((await shownBy(list, { format: 'md' })).out).toMatchInlineSnapshot(`
      "| task id | status | goal | size | created at |
      | --- | --- | --- | ---: | --- |
      | tsk_1 | failed | 日本語 👩‍👩‍👧 "quoted", a\\|b &lt;b&gt;\\*bold\\*&lt;/b&gt; | 1.4 GiB | 2026-11-22 03:51:04 |
      | tsk_2 | completed | line\\\\nbreak\\\\ttab \\\\e\\[31mred\\\\e\\[0m \\\\u202eevil \\\\ | 0 B | 2026-11-22 03:51:04 |
      | tsk_3 | running |  | – | – |
      "
    `)
  })

  it('gives a record two columns and its relations headings', async () => {
    const view: RecordView = {
      shape: 'record',
      title: 'Task',
      columns: columns.slice(0, 2),
      row: rows[0] ?? {},
      related: [{ key: 'steps', columns: columns.slice(0, 1), rows: [] }],
    }
    expect((await shownBy(view, { format: 'md' })).out).toMatchInlineSnapshot(`
      "# Task

      | field | value |
      | --- | --- |
      | task id | tsk_1 |
      | status | failed |

      ## steps

      none
      "
    `)
  })

  it.each([
    ['created_at', 'created_at'],
    ['_emphasis_', '\\_emphasis\\_'],
    ['# heading', '\\# heading'],
    ['1. item', '1\\. item'],
    ['- item', '\\- item'],
    ['[x](javascript:1)', '\\[x\\](javascript:1)'],
    ['&lt; <script>', '&amp;lt; &lt;script&gt;'],
    ['a\nb', 'a\\\\nb'],
  ])('%j is written %j', (text, markdown) => {
    expect(inline(text)).toBe(markdown)
  })
})
