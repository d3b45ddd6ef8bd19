import { parse as parseCsv } from 'csv-parse/sync'
import { LosslessNumber, parse as parseExact } from 'lossless-json'
import { describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import type { RecordView } from '../../src/output/view.ts'
import { terminal } from './fake-streams.ts'
import { columns, HUGE, list, rows, shownBy } from './sample.ts'

const record: RecordView = {
  shape: 'record',
  columns,
  row: rows[0] ?? {},
  related: [{ key: 'steps', columns: columns.slice(0, 2), rows: rows.slice(1) }],
}

describe('JSON', () => {
  it('is an array of every field that is not secret, with raw values and exact digits', async () => {
    const { out } = await shownBy(list, { format: 'json' })
    expect(out.replace(HUGE, '1e400')).toMatchInlineSnapshot(`
      "[
        {
          "task_id": "tsk_1",
          "status": "failed",
          "goal": "日本語 👩‍👩‍👧 \\"quoted\\", a|b <b>*bold*</b>",
          "size_bytes": 1500000000,
          "credits": 12.50,
          "sequence": 9007199254740993,
          "payload": {
            "list": [
              1,
              {
                "deep": "\\u009b31m"
              }
            ]
          },
          "tags": [
            "a",
            "b,c"
          ],
          "created_at": "2026-11-22T03:51:04.123456Z"
        },
        {
          "task_id": "tsk_2",
          "status": "completed",
          "goal": "line\\nbreak\\ttab \\u001b[31mred\\u001b[0m \\u202eevil \\\\",
          "size_bytes": 0,
          "credits": 1e400,
          "sequence": -1,
          "payload": "text",
          "tags": [],
          "created_at": "2026-11-22T03:51:04Z"
        },
        {
          "task_id": "tsk_3",
          "status": "running",
          "goal": "",
          "size_bytes": null,
          "credits": "NaN",
          "sequence": null,
          "payload": null,
          "tags": null,
          "created_at": null
        }
      ]
      "
    `)
    expect(JSON.parse(out)).toHaveLength(3)
    expect(out).toContain(`"credits": ${HUGE},`)
  })

  it('reads back to the exact values', async () => {
    const read = parseExact((await shownBy(list, { format: 'json' })).out) as { sequence: unknown; goal: string }[]
    expect(read[0]?.sequence).toEqual(new LosslessNumber('9007199254740993'))
    expect(read.map(({ goal }) => goal)).toEqual(rows.map(({ goal }) => goal))
  })

  it('is valid without rows', async () => {
    expect((await shownBy({ ...list, rows: [] }, { format: 'json' })).out).toBe('[]\n')
  })

  it('stays open when the rows break off, so that nobody takes a part for the whole', async () => {
    async function* broken() {
      yield rows[0] ?? {}
      throw new Error('connection lost')
    }
    const stdout = terminal()
    await expect(shownBy({ ...list, rows: broken() }, { format: 'json', stdout })).rejects.toThrow('connection lost')
    expect(() => JSON.parse(stdout.recorder.text)).toThrow()
  })

  it('gives a record its relations as members', async () => {
    const { out } = await shownBy(record, { format: 'json', fields: ['task_id', 'sequence'] })
    expect(out).toMatchInlineSnapshot(`
      "{
        "task_id": "tsk_1",
        "sequence": 9007199254740993,
        "steps": [
          {
            "task_id": "tsk_2",
            "status": "completed"
          },
          {
            "task_id": "tsk_3",
            "status": "running"
          }
        ]
      }
      "
    `)
  })

  it('writes what a double or the driver holds without losing it', async () => {
    const view = {
      shape: 'text',
      text: 'for people',
      value: {
        nan: Number.NaN,
        big: 10n ** 30n,
        exact: new LosslessNumber('1.10000000000000000001'),
        at: new Date(0),
        none: undefined,
      },
    } as const
    expect(
      JSON.parse(
        (await shownBy(view, { format: 'json' })).out
          .replace(/10{30}/, '"big"')
          .replace('1.10000000000000000001', '"exact"'),
      ),
    ).toEqual({ nan: 'NaN', big: 'big', exact: 'exact', at: '1970-01-01T00:00:00.000Z' })
  })
})

it('NDJSON is one object a line', async () => {
  const { out } = await shownBy(list, { format: 'ndjson', fields: ['task_id', 'goal', 'sequence'] })
  expect(out).toMatchInlineSnapshot(`
    "{"task_id":"tsk_1","goal":"日本語 👩‍👩‍👧 \\"quoted\\", a|b <b>*bold*</b>","sequence":9007199254740993}
    {"task_id":"tsk_2","goal":"line\\nbreak\\ttab \\u001b[31mred\\u001b[0m \\u202eevil \\\\","sequence":-1}
    {"task_id":"tsk_3","goal":"","sequence":null}
    "
  `)
  expect((await shownBy(record, { format: 'ndjson', fields: ['status'] })).out).toBe(
    '{"status":"failed","steps":[{"task_id":"tsk_2","status":"completed"},{"task_id":"tsk_3","status":"running"}]}\n',
  )
})

describe('CSV', () => {
  it('quotes what must be quoted, leaves NULL empty and quotes the empty text', async () => {
    const { out } = await shownBy(list, { format: 'csv' })
    expect(out.replace(HUGE, '1e400').replaceAll('\x1b', 'ESC').replaceAll('\u202e', 'RLO')).toMatchInlineSnapshot(`
      "task_id,status,goal,size_bytes,credits,sequence,payload,tags,created_at
      tsk_1,failed,"日本語 👩‍👩‍👧 ""quoted"", a|b <b>*bold*</b>",1500000000,12.50,9007199254740993,"{""list"":[1,{""deep"":""\\u009b31m""}]}","[""a"",""b,c""]",2026-11-22T03:51:04.123456Z
      tsk_2,completed,"line
      break	tab ESC[31mredESC[0m RLOevil \\",0,1e400,-1,"""text""",[],2026-11-22T03:51:04Z
      tsk_3,running,"",,NaN,,,,
      "
    `)
  })

  it('reads back to the very texts', async () => {
    const read: { goal: string; payload: string }[] = parseCsv((await shownBy(list, { format: 'csv' })).out, {
      columns: true,
    })
    expect(read.map(({ goal }) => goal)).toEqual(rows.map(({ goal }) => goal))
    expect(JSON.parse(read[0]?.payload ?? '')).toEqual(rows[0]?.payload)
  })

  it('shows control characters on a terminal, where nobody parses it', async () => {
    const { out } = await shownBy(list, { format: 'csv', stdout: terminal(), fields: ['goal'] })
    expect(out).not.toContain('\x1b')
    expect(out).toContain('\\e[31mred')
  })
})

it('TSV is what COPY reads in its text format', async () => {
  const { out } = await shownBy(list, { format: 'tsv', fields: ['task_id', 'goal', 'payload', 'size_bytes'] })
  expect(out.replaceAll('\x1b', 'ESC').replaceAll('\u202e', 'RLO')).toMatchInlineSnapshot(`
    "task_id	goal	payload	size_bytes
    tsk_1	日本語 👩‍👩‍👧 "quoted", a|b <b>*bold*</b>	{"list":[1,{"deep":"\\\\u009b31m"}]}	1500000000
    tsk_2	line\\nbreak\\ttab ESC[31mredESC[0m RLOevil \\\\	"text"	0
    tsk_3		\\N	\\N
    "
  `)
})

describe('YAML', () => {
  it('has exact digits, escapes, and quotes for what another reader would misread', async () => {
    const { out } = await shownBy(
      { ...list, rows: [...rows, { task_id: 'no', goal: 'one\ntwo\n' }] },
      { format: 'yaml' },
    )
    expect(out.replace(HUGE, '1e400')).toMatchInlineSnapshot(`
      "- task_id: tsk_1
        status: failed
        goal: 日本語 👩‍👩‍👧 "quoted", a|b <b>*bold*</b>
        size_bytes: 1500000000
        credits: 12.50
        sequence: 9007199254740993
        payload:
          list:
            - 1
            - deep: "\\u009b31m"
        tags:
          - a
          - b,c
        created_at: "2026-11-22T03:51:04.123456Z"
      - task_id: tsk_2
        status: completed
        goal: "line\\nbreak\\ttab \\u001b[31mred\\u001b[0m \\u202eevil \\\\"
        size_bytes: 0
        credits: 1e400
        sequence: -1
        payload: text
        tags: []
        created_at: "2026-11-22T03:51:04Z"
      - task_id: tsk_3
        status: running
        goal: ""
        size_bytes: null
        credits: NaN
        sequence: null
        payload: null
        tags: null
        created_at: null
      - task_id: "no"
        status: null
        goal: |
          one
          two
        size_bytes: null
        credits: null
        sequence: null
        payload: null
        tags: null
        created_at: null
      "
    `)
    const read: { goal: string; sequence: unknown }[] = parseYaml(out, { intAsBigInt: true })
    expect(read[0]?.sequence).toBe(9_007_199_254_740_993n)
    expect(read.slice(0, 3).map(({ goal }) => goal)).toEqual(rows.map(({ goal }) => goal))
  })

  it('is an empty list without rows', async () => {
    expect((await shownBy({ ...list, rows: [] }, { format: 'yaml' })).out).toBe('[]\n')
  })
})

it('prints text as it is, and as a string or its value in JSON', async () => {
  const view = { shape: 'text', text: 'SELECT 1;\n\x1b' } as const
  expect((await shownBy(view)).out).toBe('SELECT 1;\n\x1b\n')
  expect((await shownBy(view, { stdout: terminal() })).out).toBe('SELECT 1;\n\\e\n')
  expect((await shownBy(view, { format: 'json' })).out).toBe('"SELECT 1;\\n\\u001b"\n')
  expect((await shownBy({ ...view, value: { sql: 1n } }, { format: 'ndjson' })).out).toBe('{"sql":1}\n')
  expect((await shownBy({ shape: 'silent' }, { format: 'json' })).out).toBe('')
})
