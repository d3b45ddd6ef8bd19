import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import type { RecordView, TableView } from '../../src/output/view.ts'
import { terminal } from './fake-streams.ts'
import { columns, list, rows, shown, shownBy } from './sample.ts'

describe('a table in a pipe', () => {
  it('has every value whole, one row a line, no colour, nothing that steers a terminal', async () => {
    const { out, err } = await shownBy(list)
    expect(out).toMatchInlineSnapshot(`
      "TASK ID  STATUS     GOAL                                             SIZE  CREATED AT
      tsk_1    failed     日本語 👩‍👩‍👧 "quoted", a|b <b>*bold*</b>         1.4 GiB  2026-11-22 03:51:04
      tsk_2    completed  line\\nbreak\\ttab \\e[31mred\\e[0m \\u202eevil \\      0 B  2026-11-22 03:51:04
      tsk_3    running                                                        –  –
      "
    `)
    expect(err).toBe('')
  })

  it('keeps the widths of the first page and lets later, longer values stand out', async () => {
    const many = Array.from({ length: 1002 }, (_, index) => ({
      id: index === 1001 ? 'x'.repeat(12) : `${index}`,
      n: 1,
    }))
    const view = {
      shape: 'table',
      columns: [
        { key: 'id', kind: 'text' },
        { key: 'n', kind: 'integer' },
      ],
      rows: many,
    } as const
    const lines = (await shownBy(view)).out.split('\n')
    expect(lines).toHaveLength(1004)
    expect(lines.slice(0, 2)).toEqual(['ID   N', '0    1'])
    expect(lines.slice(1001, 1003)).toEqual(['1000  1', `${'x'.repeat(12)}  1`])
  })
})

describe('a table on a terminal', () => {
  it('is cut to 80 columns, texts first, ids and figures never', async () => {
    const { out } = await shownBy(
      { ...list, shown: [...shown, 'credits', 'sequence'] },
      { stdout: terminal(80), fields: ['task_id', 'status', 'goal', 'sequence', 'created_at', 'payload'] },
    )
    expect(out).toMatchInlineSnapshot(`
      "TASK ID  STATUS     GOAL                    SEQUENCE  CREATED AT  PAYLOAD
      tsk_1    failed     日本語 👩‍👩‍👧 "qu…  9007199254740993  2 h ago     {"list":[1,{"…
      tsk_2    completed  line\\nbreak\\t…                -1  3 h ago     "text"
      tsk_3    running                                   –  –           –
      "
    `)
    for (const line of out.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80)
  })

  it('leaves columns out from the right where even that is not enough, and says which', async () => {
    const { out, err } = await shownBy(list, { stdout: terminal(40) })
    expect(out).toMatchInlineSnapshot(`
      "TASK ID  STATUS     GOAL            SIZE
      tsk_1    failed     日本語 👩‍👩‍👧 …  1.4 GiB
      tsk_2    completed  line\\nbrea…      0 B
      tsk_3    running                       –
      "
    `)
    expect(err).toBe('No room for created at: use a wider terminal, --fields, or another format with -o\n')
  })

  it('cuts a long text also where it comes first', async () => {
    const reasons: TableView = {
      shape: 'table',
      columns: [
        { key: 'reason', kind: 'text' },
        { key: 'tasks', kind: 'bigint' },
      ],
      rows: [{ reason: 'The page asked for a one-time code and none arrived before the deadline', tasks: 12n }],
    }
    expect((await shownBy(reasons, { stdout: terminal(60) })).out).toMatchInlineSnapshot(`
      "REASON                                                 TASKS
      The page asked for a one-time code and none arrived …     12
      "
    `)
  })

  it('cuts a single column that is wider than the terminal', async () => {
    const view = { shape: 'table', columns: [{ key: 'goal', kind: 'text' }], rows } as const
    const { out } = await shownBy(view, { stdout: terminal(24) })
    expect(out).toMatchInlineSnapshot(`
      "GOAL
      日本語 👩‍👩‍👧 "quoted", a|b…
      line\\nbreak\\ttab \\e[31m…

      "
    `)
  })

  it('colours headings, missing values and status words', async () => {
    const stdout = terminal(80, { noColor: false })
    const { out } = await shownBy({ ...list, shown: ['task_id', 'status', 'size_bytes'] }, { stdout })
    expect(out.replaceAll('\x1b', 'ESC')).toMatchInlineSnapshot(`
      "ESC[1mTASK IDESC[22m  ESC[1mSTATUSESC[22m        ESC[1mSIZEESC[22m
      tsk_1    ESC[31mfailedESC[39m     1.4 GiB
      tsk_2    ESC[32mcompletedESC[39m      0 B
      tsk_3    running          ESC[2m–ESC[22m
      "
    `)
  })

  it('draws with ASCII where the locale has no more', async () => {
    const stdout = terminal(50, { env: { LC_ALL: 'C', LANG: 'en_US.UTF-8' } })
    const { out } = await shownBy(
      { ...list, rows: rows.slice(1), shown: ['task_id', 'goal', 'sequence'] },
      { stdout },
    )
    expect(out).toMatchInlineSnapshot(`
      "TASK ID  GOAL                             SEQUENCE
      tsk_2    line\\nbreak\\ttab \\e[31mred\\e[0~        -1
      tsk_3                                            -
      "
    `)
  })
})

describe('an empty list', () => {
  it('prints nothing on stdout and its reason on stderr', async () => {
    const view = { ...list, rows: [], empty: 'No tasks match' }
    expect(await shownBy(view)).toEqual({ out: '', err: 'No tasks match\n' })
    expect(await shownBy({ ...list, rows: [] })).toEqual({ out: '', err: 'No rows\n' })
    expect(await shownBy(view, { quiet: true })).toEqual({ out: '', err: '' })
  })
})

it('says on stderr, after the rows, that a list was cut', async () => {
  const view = { ...list, more: () => 'More rows: --after abc' }
  expect((await shownBy(view)).err).toBe('More rows: --after abc\n')
  expect((await shownBy(view, { format: 'json' })).err).toBe('More rows: --after abc\n')
})

describe('a record', () => {
  const record: RecordView = {
    shape: 'record',
    title: 'Task tsk_1',
    columns,
    row: rows[0] ?? {},
    related: [
      { key: 'steps', columns: columns.slice(0, 2), rows: [...rows] },
      { key: 'organization', columns: columns.slice(0, 2), rows: rows[1] ?? null },
      { key: 'workflow_run', columns, rows: null },
    ],
  }

  it('is a name and a value a line, its relations below', async () => {
    expect((await shownBy(record)).out).toMatchInlineSnapshot(`
      "Task tsk_1

      task id     tsk_1
      status      failed
      goal        日本語 👩‍👩‍👧 "quoted", a|b <b>*bold*</b>
      size        1.4 GiB
      credits     12.50
      sequence    9007199254740993
      payload     {"list":[1,{"deep":"\\u009b31m"}]}
      tags        a, b,c
      created at  2026-11-22 03:51:04 (2 h ago)

      steps  3
      TASK ID  STATUS
      tsk_1    failed
      tsk_2    completed
      tsk_3    running

      organization
      task id  tsk_2
      status   completed

      workflow run  none
      "
    `)
  })

  it('wraps long values under their beginning on a terminal', async () => {
    const row = {
      ...rows[0],
      goal: 'Fill in the form of the customer and send it twice',
      payload: { a: 'x'.repeat(30), b: [1, 2] },
    }
    const { out } = await shownBy(
      { ...record, row, related: [] },
      { stdout: terminal(40), fields: ['goal', 'payload'] },
    )
    expect(out).toMatchInlineSnapshot(`
      "Task tsk_1

      goal     Fill in the form of the
               customer and send it twice
      payload  {
                 "a":
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxx
                 xx",
                 "b": [
                   1,
                   2
                 ]
               }
      "
    `)
  })
})
