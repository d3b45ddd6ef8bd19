/** Exports: what comes out is what is in the table, in every byte. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countRows } from '../../src/crud/count.ts'
import { type Exported, type ExportFormat, exportBytes } from '../../src/crud/export.ts'
import { writeFileWhole } from '../../src/crud/export-file.ts'
import { filtersFrom } from '../../src/crud/filters.ts'
import { inlined } from '../../src/crud/inline.ts'
import { rowCounter } from '../../src/crud/row-counter.ts'
import { visibleFields } from '../../src/crud/select.ts'
import { InterruptedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import type { Progress } from '../../src/progress.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { createWorkshop, scope, type Thing, thing, things } from './read-fixture.ts'

const base = things(1)[0] as Thing
const NASTY = [
  '',
  ' ',
  'a"b',
  "it's",
  'a,b',
  'line\nbreak\r\n',
  'tab\t',
  '\\',
  '\\n',
  '\\.',
  'NULL',
  '\x01\x02\x7f',
  'Ünï 漢字 🎉',
]
const ROWS: Thing[] = [
  ...things(50),
  ...NASTY.map((name, index) => ({ ...base, thing_id: `x_${index}`, name, settings: { [name]: [name, null, 1.5] } })),
  { ...base, thing_id: 'x_null', name: null, tags: null, settings: null, ended_at: null },
]
let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createEmptyDatabase()
  await createWorkshop(database.db, ROWS)
  folder = await mkdtemp(join(tmpdir(), 'steward-export-'))
})
afterAll(async () => {
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

function start(
  format: ExportFormat,
  options: { filters?: string[]; reveal?: string[]; onProgress?: (p: Progress) => void; signal?: AbortSignal } = {},
) {
  return exportBytes(database.db, scope, {
    format,
    fields: visibleFields(thing, options.reveal),
    filters: filtersFrom(thing, { filters: options.filters ?? [] }),
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal ?? new AbortController().signal,
  })
}

async function exported(format: ExportFormat, options: Parameters<typeof start>[1] = {}) {
  const bytes = start(format, options)
  const chunks: Buffer[] = []
  let step = await bytes.next()
  for (; !step.done; step = await bytes.next()) chunks.push(step.value)
  return { text: Buffer.concat(chunks).toString('utf8'), ...(step.value satisfies Exported) }
}

describe('NDJSON', () => {
  it('holds every row, one JSON object a line', async () => {
    const { text, rows, bytes } = await exported('ndjson')
    const lines = text.split('\n')
    expect(lines.pop()).toBe('')
    expect(rows).toBe(ROWS.length)
    expect(bytes).toBe(Buffer.byteLength(text))
    const byId = new Map(lines.map((line) => [JSON.parse(line).thing_id, JSON.parse(line)]))
    for (const row of ROWS) {
      const { secret_hash, bytes: big, price, ...rest } = row
      const { bytes: gotBig, price: gotPrice, ...got } = byId.get(row.thing_id)
      const utc = (instant: string | null) => instant && new Date(instant).toISOString()
      expect({ ...got, created_at: utc(got.created_at), ended_at: utc(got.ended_at) }).toEqual({
        ...rest,
        created_at: utc(rest.created_at),
        ended_at: utc(rest.ended_at),
      })
      expect(Number(gotBig)).toBe(Number(big))
      expect(Number(gotPrice)).toBe(Number(price))
    }
  })

  it('keeps every digit and microsecond', async () => {
    const { text } = await exported('ndjson')
    expect(text).toContain('"bytes":9007199254740993,')
    expect(text).toContain('"price":12345678901234567890.123456789,')
    expect(text).toMatch(/"created_at":"2026-03-29T01:30:00\.123456Z"/)
  })
})

describe('CSV', () => {
  it('reads back as it was, with NULL and the empty text apart', async () => {
    const { text, rows } = await exported('csv')
    expect(rows).toBe(ROWS.length)
    const records: Record<string, string>[] = parse(text, { columns: true })
    const byId = new Map(records.map((record) => [record.thing_id, record]))
    const written = (value: unknown) => (value === null ? '' : String(value))
    for (const row of ROWS) {
      const got = byId.get(row.thing_id) ?? {}
      expect(got.name).toBe(written(row.name))
      expect(got.bytes).toBe(written(row.bytes))
      expect(got.price).toBe(written(row.price))
      expect(got.is_new).toBe(written(row.is_new))
      expect(got.ratio === '' ? null : Number(got.ratio)).toBe(row.ratio)
      expect(got.tags === '' ? null : JSON.parse(got.tags ?? '')).toEqual(row.tags)
      expect(got.settings === '' ? null : JSON.parse(got.settings ?? '')).toEqual(row.settings)
      expect(got.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/)
      expect(Date.parse(got.created_at ?? '')).toBe(Date.parse(row.created_at))
    }
    expect(text).toMatch(/^x_0,[^,]*,[^,]*,[^,]*,"",/m)
    expect(text).toMatch(/^x_null,[^,]*,[^,]*,[^,]*,,/m)
  })

  it('begins with the names of the fields, also without any row', async () => {
    const { text, rows } = await exported('csv', { filters: ['thing_id=none'] })
    expect(text).toBe(`${visibleFields(thing).join(',')}\n`)
    expect(rows).toBe(0)
    expect(await exported('ndjson', { filters: ['thing_id=none'] })).toEqual({ text: '', rows: 0, bytes: 0 })
  })
})

describe('secrets', () => {
  it('stay out unless revealed by name', async () => {
    for (const format of ['csv', 'ndjson'] as const) {
      expect((await exported(format)).text).not.toMatch(/secret_hash|hidden/)
      expect((await exported(format, { reveal: ['secret_hash'] })).text).toMatch(/secret_hash[\s\S]*hidden/)
    }
  })
})

describe('filters', () => {
  it('select the same rows as in a list', async () => {
    for (const filters of [
      ['state=done', 'order>0'],
      ['name~e'],
      ['created_at>2026-01-01', 'state in done,waiting'],
      ['tags contains red'],
      ['settings contains {"a":1}'],
      ['ended_at>3650d'],
    ]) {
      const count = await countRows(database.db, scope, filtersFrom(thing, { filters }))
      expect(count).toBeGreaterThan(0n)
      expect((await exported('csv', { filters })).rows).toBe(Number(count))
      expect((await exported('ndjson', { filters })).rows).toBe(Number(count))
    }
  })

  it.each(NASTY.filter((name) => name.trim() !== ''))(
    'find %j although its value is part of the statement',
    async (name) => {
      const filters = [`name="${name.replaceAll('"', '""')}"`]
      const { text } = await exported('ndjson', { filters })
      expect(
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).name),
      ).toEqual([name])
    },
  )

  it.each([
    "x'; DROP TABLE things; --",
    "x\\'; DROP TABLE things; --",
    "x') TO PROGRAM 'touch /tmp/owned'; --",
    'x\\',
    '$$; DROP TABLE things; $$',
    "E'\\x27 OR true --",
    '{"}\',\'{"',
  ])('a value is never SQL: %s', async (value) => {
    const quoted = `"${value.replaceAll('"', '""')}"`
    for (const filters of [
      [`name=${quoted}`],
      [`name in ${quoted},y`],
      [`name~${quoted}`],
      [`tags contains ${quoted},y`],
    ]) {
      expect((await exported('ndjson', { filters })).rows).toBe(0)
    }
    expect(await countRows(database.db, scope, [])).toBe(BigInt(ROWS.length))
  })

  it('literals carry their quotes with them', () => {
    expect(
      inlined(sql`SELECT ${"a'b"}::text, ${'c\\d'}::text, ${['e"', 'f\\', 'NULL']}::text[], ${7}::int, ${null}`),
    ).toBe(`SELECT 'a''b'::text,  E'c\\\\d'::text,  E'{"e\\\\"","f\\\\\\\\","NULL"}'::text[], '7'::int, NULL`)
    expect(() => inlined(sql`SELECT ${{}}`)).toThrow(RangeError)
    expect(() => inlined(sql`SELECT ${'a\0b'}`)).toThrow(RangeError)
  })
})

describe('a file', () => {
  async function* chunks(...texts: string[]) {
    for (const text of texts) yield Buffer.from(text)
  }
  async function* failing() {
    yield Buffer.from('half')
    throw new Error('the connection went away')
  }

  it('has everything, and nothing else is left in its folder', async () => {
    const file = join(folder, 'things.ndjson')
    await writeFileWhole(file, start('ndjson'))
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(ROWS.length + 1)
    expect(await readdir(folder)).toEqual(['things.ndjson'])
  })

  it('keeps what it had when the export fails', async () => {
    const file = join(folder, 'kept.csv')
    await writeFile(file, 'before')
    await expect(writeFileWhole(file, failing())).rejects.toThrow('went away')
    expect(await readFile(file, 'utf8')).toBe('before')
    expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([])
  })

  it('behind a symbolic link is replaced, the link stays', async () => {
    await writeFile(join(folder, 'real'), 'before')
    await symlink(join(folder, 'real'), join(folder, 'link'))
    await writeFileWhole(join(folder, 'link'), chunks('a', 'b'))
    expect(await readFile(join(folder, 'real'), 'utf8')).toBe('ab')
  })

  it('that cannot be is refused in words', async () => {
    await expect(writeFileWhole(folder, chunks())).rejects.toMatchObject({ exitCode: 2, message: /is a directory/ })
    await expect(writeFileWhole(join(folder, 'no', 'x'), chunks())).rejects.toMatchObject({
      exitCode: 2,
      message: /directory does not exist/,
    })
  })
})

describe('on the way', () => {
  it('progress counts rows', async () => {
    const seen: Progress[] = []
    await exported('csv', { onProgress: (progress) => seen.push(progress) })
    expect(seen.at(-1)).toEqual({ label: 'exporting things', done: ROWS.length, unit: 'rows' })
  })

  it('a stop request ends it', async () => {
    const stopping = new AbortController()
    stopping.abort(new InterruptedError('SIGTERM'))
    await expect(exported('csv', { signal: stopping.signal })).rejects.toMatchObject({ exitCode: 143 })
    await expect(database.db.one(sql`SELECT 1 AS still_works`)).resolves.toEqual({ still_works: 1 })
  })

  it('a reader that leaves early ends the COPY', async () => {
    const bytes = start('ndjson')
    await bytes.next()
    await bytes.return({ rows: 0, bytes: 0 })
    const { busy } = await database.db.one<{ busy: bigint }>(sql`
      SELECT count(*) AS busy FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`)
    expect(busy).toBe(0n)
  })

  it('rows are counted across chunks that break anywhere', () => {
    const text = 'a,b\n1,"x\ny"\n2,"""\n"\n3,\n'
    for (let size = 1; size <= text.length; size++) {
      const counter = rowCounter('csv')
      for (let at = 0; at < text.length; at += size) counter.add(Buffer.from(text.slice(at, at + size)))
      expect(counter.rows).toBe(3)
    }
  })
})
