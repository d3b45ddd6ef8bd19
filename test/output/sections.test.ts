import { describe, expect, it } from 'vitest'
import type { SectionsView } from '../../src/output/view.ts'
import { terminal } from './fake-streams.ts'
import { shownBy } from './sample.ts'

const report: SectionsView = {
  shape: 'sections',
  title: 'Tasks of the last week',
  sections: [
    {
      kind: 'record',
      key: 'summary',
      title: 'Summary',
      columns: [
        { key: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'success', kind: 'float', unit: 'percent' },
        { key: 'median', kind: 'float', unit: 'seconds' },
      ],
      row: { tasks: 12_345n, success: 91.25, median: 192.4 },
    },
    {
      kind: 'table',
      key: 'outcomes',
      title: 'Outcomes',
      columns: [
        { key: 'status', kind: 'text' },
        { key: 'tasks', kind: 'bigint', unit: 'count' },
      ],
      rows: [
        { status: 'completed', tasks: 11_000n },
        { status: 'failed', tasks: 1200n },
        { status: 'terminated', tasks: 145n },
      ],
      chart: { kind: 'bars', x: 'status', y: ['tasks'] },
    },
    {
      kind: 'table',
      key: 'errors',
      title: 'Errors',
      columns: [{ key: 'reason', kind: 'text' }],
      rows: [],
      empty: 'No errors',
    },
    {
      kind: 'notes',
      key: 'recommendations',
      title: 'Recommendations',
      lines: ['Retry the failed tasks', 'Look at <b>'],
    },
  ],
}

describe('a report', () => {
  it('is told in titled sections with a chart', async () => {
    expect((await shownBy(report)).out).toMatchInlineSnapshot(`
      "Tasks of the last week

      Summary
      tasks    12,345
      success  91.3%
      median   3m 12s

      Outcomes
      STATUS       TASKS
      completed   11,000
      failed       1,200
      terminated     145

      completed   █████████████████████████████████████████████████████████████ 11,000
      failed      ██████▋ 1,200
      terminated  ▊ 145

      Errors
      No errors

      Recommendations
      • Retry the failed tasks
      • Look at <b>
      "
    `)
  })

  it('wraps its notes on a terminal and draws with ASCII where there is no more', async () => {
    const stdout = terminal(30, { env: { LANG: 'C' } })
    const notes = {
      ...report,
      sections: [
        { kind: 'notes', key: 'n', lines: ['A sentence that is longer than the line'] },
        ...report.sections.slice(1, 2),
      ],
    } as SectionsView
    expect((await shownBy(notes, { stdout })).out).toMatchInlineSnapshot(`
      "Tasks of the last week

      - A sentence that is longer
        than the line

      Outcomes
      STATUS       TASKS
      completed   11,000
      failed       1,200
      terminated     145

      completed   ########### 11,000
      failed      # 1,200
      terminated  # 145
      "
    `)
  })

  it('is one JSON object, a member a section, raw figures', async () => {
    expect(JSON.parse((await shownBy(report, { format: 'json' })).out)).toEqual({
      summary: { tasks: 12_345, success: 91.25, median: 192.4 },
      outcomes: [
        { status: 'completed', tasks: 11_000 },
        { status: 'failed', tasks: 1200 },
        { status: 'terminated', tasks: 145 },
      ],
      errors: [],
      recommendations: ['Retry the failed tasks', 'Look at <b>'],
    })
  })

  it('is Markdown with headings', async () => {
    expect((await shownBy(report, { format: 'md' })).out).toMatchInlineSnapshot(`
      "# Tasks of the last week

      ## Summary

      | field | value |
      | --- | --- |
      | tasks | 12,345 |
      | success | 91.3% |
      | median | 3m 12s |

      ## Outcomes

      | status | tasks |
      | --- | ---: |
      | completed | 11,000 |
      | failed | 1,200 |
      | terminated | 145 |

      \`\`\`
      completed   █████████████████████████████████████████████████████████████ 11,000
      failed      ██████▋ 1,200
      terminated  ▊ 145
      \`\`\`

      ## Errors

      No errors

      ## Recommendations

      - Retry the failed tasks
      - Look at &lt;b&gt;
      "
    `)
  })

  it('asks for a section where CSV cannot tell which table is meant', async () => {
    await expect(shownBy(report, { format: 'csv' })).rejects.toMatchObject({
      code: 'section-needed',
      message: 'CSV takes one table, and this has several sections',
      hint: 'Choose one with --section: summary, outcomes, errors, recommendations',
    })
    expect((await shownBy(report, { format: 'csv', section: 'outcomes' })).out).toBe(
      'status,tasks\ncompleted,11000\nfailed,1200\nterminated,145\n',
    )
    const single = { ...report, sections: report.sections.filter(({ key }) => key !== 'errors') }
    expect((await shownBy(single, { format: 'tsv', fields: ['tasks'] })).out).toBe('tasks\n11000\n1200\n145\n')
  })

  it('prints one section in any format', async () => {
    expect((await shownBy(report, { format: 'json', section: 'recommendations' })).out).toBe(
      '[\n  "Retry the failed tasks",\n  "Look at <b>"\n]\n',
    )
    expect((await shownBy(report, { section: 'errors' })).out).toBe('Tasks of the last week\n\nErrors\nNo errors\n')
    await expect(shownBy(report, { section: 'outcome' })).rejects.toMatchObject({
      message: 'There is no section outcome; did you mean outcomes?',
    })
  })
})
