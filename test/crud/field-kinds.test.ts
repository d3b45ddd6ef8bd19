/**
 * Fields of every kind, and fields named like flags, given in each way there is: flags, `--set`, a file, answers, an
 * editor. What is read one way is what is read another.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Context } from '../../src/commands/command.ts'
import { promptForMissing } from '../../src/commands/entity/prompts.ts'
import { editedValues, textToEdit } from '../../src/crud/edit.ts'
import { inputReader } from '../../src/crud/input.ts'
import { isSameValue } from '../../src/crud/typed.ts'
import type { Field } from '../../src/model/field.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { item, note, SHELF_TABLES } from './shelf.ts'

vi.mock('../../src/systems/registry.ts', async () => ({ systems: [(await import('./shelf.ts')).shelfEntry] }))

let database: TestDatabase
let folder: string
const run = (...argv: string[]) => runCli(['shelf', ...argv], { env: { DATABASE_URL: database.url }, cwd: folder })

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'steward-kinds-'))
  for (const statement of SHELF_TABLES) await database.db.execute(raw(statement))
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** One item as each form writes it; all mean the same. */
const TEXTS = {
  token: '0B5CBB5E-0D3C-4B8E-9C3A-3B0E7F3C9A11',
  place: ' 7 ',
  bytes: '9007199254740993',
  ratio: '0.25',
  price: '12.50',
  is_new: 'yes',
  made_at: '2026-11-01T08:00:00+01:00',
  tags: 'a b, c',
  size: 'large',
  settings: '{"big":9007199254740993}',
}
const JSON_VALUES = {
  ...{
    token: '0b5cbb5e-0d3c-4b8e-9c3a-3b0e7f3c9a11',
    place: 7,
    bytes: '9007199254740993',
    ratio: 0.25,
    price: '12.50',
  },
  ...{ is_new: true, made_at: '2026-11-01T07:00:00Z', tags: ['a b', 'c'], size: 'large' },
}
const READ = {
  ...{
    token: '0b5cbb5e-0d3c-4b8e-9c3a-3b0e7f3c9a11',
    place: 7,
    bytes: 9007199254740993n,
    ratio: 0.25,
    price: '12.50',
  },
  ...{ is_new: true, tags: ['a b', 'c'], size: 'large' },
}
const STORED = { ...READ, bytes: '9007199254740993' }

async function stored(id: string) {
  return database.db.one(sql`
    SELECT token, place, bytes::text AS bytes, ratio, price, is_new, tags, size,
           extract(epoch FROM made_at)::bigint::text AS made_at, settings->>'big' AS big
    FROM shelf.items WHERE id = ${id}::uuid`)
}

describe('every kind of field', () => {
  test('is read alike from texts, JSON and CSV', async () => {
    const reader = await inputReader(item, 'create')
    const texts = reader.read(TEXTS, 'text')
    expect(texts.problems).toEqual([])
    expect(texts.values).toMatchObject(READ)
    expect(reader.read(JSON_VALUES, 'json')).toMatchObject({ values: READ, problems: [] })
    const cells = { ...TEXTS, place: '7', is_new: 't', made_at: '2026-11-01 07:00:00+00', tags: '{"a b",c}' }
    expect(reader.read(cells, 'csv')).toMatchObject({ values: READ, problems: [] })
  })

  test('is refused with the reason when it is none', async () => {
    const reader = await inputReader(item, 'create')
    const wrong = {
      ...{ token: '123', place: '2147483648', bytes: '1.5', ratio: '1e400', price: 'dear', is_new: 'perhaps' },
      ...{ made_at: '7d', tags: 'short,much too long', size: 'huge', settings: '{' },
    }
    const reasons = Object.fromEntries(
      reader.read(wrong, 'text').problems.map(({ where, reason }) => [where, reason]),
    )
    expect(reasons).toEqual({
      token: 'must be a UUID',
      place: 'must be from -2147483648 to 2147483647',
      bytes: 'must be a whole number',
      ratio: 'must be within the range of double precision',
      price: 'must be a number',
      is_new: 'must be true or false',
      made_at: 'must be an instant such as 2026-11-01T08:00:00Z',
      tags: 'must not hold texts longer than 8 characters',
      size: 'must be one of small, large',
      settings: 'must be JSON, e.g. {"key":"value"}',
    })
    expect(reader.read({ price: '1000001' }, 'text').problems).toEqual([
      { where: 'price', reason: 'must be from 0 to 1000000' },
    ])
    expect(reader.read({ price: '1e6', bytes: '-1' }, 'text').problems).toEqual([
      { where: 'bytes', reason: 'must be at least 0' },
    ])
  })

  test('is stored alike from flags, a file of rows, and an editor that changes nothing', async () => {
    const flags = Object.entries(TEXTS).flatMap(([key, value]) => [`--${key.replaceAll('_', '-')}`, value])
    const created = await run('item', 'create', ...flags, '--json')
    expect(created.stderr).toBe('')
    const { id } = JSON.parse(created.stdout)
    const expected = { ...STORED, made_at: '1793516400', big: '9007199254740993' }
    expect(await stored(id)).toEqual(expected)

    await writeFile(join(folder, 'items.ndjson'), `${JSON.stringify({ ...JSON_VALUES })}\n`)
    expect((await run('item', 'import', 'items.ndjson')).exitCode).toBe(0)
    const imported = await database.db.one<{ id: string }>(sql`SELECT id FROM shelf.items WHERE id <> ${id}::uuid`)
    expect(await stored(imported.id)).toEqual({ ...expected, big: null })

    const row = await database.db.one(sql`SELECT * FROM shelf.items WHERE id = ${id}::uuid`)
    const edited = await editedValues(await textToEdit(item, row))
    const again = (await inputReader(item, 'update')).read(edited, 'json')
    expect(again.problems).toEqual([])
    const changed = Object.entries(again.values).filter(([key, value]) => {
      const field: Field | undefined = Object.entries(item.fields).find(([name]) => name === key)?.[1]
      return field && !isSameValue(field, row[key], value)
    })
    expect(changed).toEqual([])

    const updated = await run(
      'item',
      'update',
      id,
      '--price',
      '12.5',
      '--is-new',
      'no',
      '--set',
      'tags=["x,y"]',
      '--json',
    )
    expect(JSON.parse(updated.stdout).changes.map(({ field }: { field: string }) => field)).toEqual([
      'is_new',
      'tags',
    ])
    expect(await stored(id)).toMatchObject({ price: '12.50', is_new: false, tags: ['x,y'] })
  })

  test.each([
    ['1.50', '15e-1', true],
    ['-0.0', '0', true],
    ['100', '1E2', true],
    ['0.001', '1e-3', true],
    ['+5', '5', true],
    ['1.05', '1.5', false],
    ['-1', '1', false],
    ['10', '1', false],
  ])('knows %s and %s as the same number: %s', (current, next, same) => {
    expect(isSameValue(item.fields.price, current, next)).toBe(same)
  })

  test('is asked for by its kind', async () => {
    const asked: string[] = []
    const answers = ['not a uuid', JSON_VALUES.token, 'true', 'large']
    const answer = (question: string) => {
      asked.push(question)
      return answers.shift() ?? ''
    }
    const ui = {
      interactive: true,
      async input(question: string, options: { validate?: (value: string) => string | true } = {}) {
        for (;;) {
          const given = answer(question)
          const verdict = options.validate?.(given) ?? true
          if (verdict === true) return given
          asked.push(verdict)
        }
      },
      select: async (question: string, choices: readonly { value: string }[]) =>
        answer(`${question}: ${choices.map(({ value }) => value).join(' ')}`),
    }
    const reader = await inputReader(item, 'create')
    const given = await promptForMissing({ ui } as unknown as Context, item, reader, {})
    expect(given).toEqual({ token: JSON_VALUES.token, is_new: 'true', size: 'large' })
    expect(asked).toEqual([
      'token (token)',
      'It must be a UUID',
      'token (token)',
      'is new (whether it is new): true false',
      'size (size): small large',
    ])
  })
})

describe('fields named like flags', () => {
  test('have flags of their own in create, update and transitions, and the flags of the verb keep their meaning', async () => {
    const created = await run(
      ...[
        'note',
        'create',
        '--name',
        'n',
        '--type',
        'memo',
        '--version',
        '3',
        '--config',
        '{"a":1}',
        '--result',
        'r',
      ],
      ...['--field-format', 'A4', '--field-ignore', 'dust', '--field-limit', '5', '--field-from', 'Ada'],
      ...['--set', 'search=moth', '--set', 'file=attic', '--json'],
    )
    expect(created.stderr).toBe('')
    const row = JSON.parse(created.stdout)
    const fields = {
      name: 'n',
      type: 'memo',
      version: 3,
      config: { a: 1 },
      result: 'r',
      format: 'A4',
      ignore: 'dust',
    }
    expect(row).toMatchObject({ ...fields, limit: 5, from: 'Ada', search: 'moth', file: 'attic', state: 'open' })
    const updated = await run('note', 'update', String(row.id), '--field-format', 'A5', '--dry-run', '--json')
    expect(JSON.parse(updated.stdout)).toMatchObject({ format: 'A5', id: row.id })
    const closed = await run('note', 'close', String(row.id), '--result', 'done', '--field-limit', '9', '--json')
    expect(closed.stderr).toBe('')
    expect(JSON.parse(closed.stdout)).toMatchObject({ state: 'closed', result: 'done', limit: 9 })
  })

  test('come from a file under their names, whatever the flags of the import', async () => {
    const rows = [
      { name: 'x', type: 'memo', format: 'A1', file: 'one', from: 'Bob', id: 5 },
      { name: 'y', type: 'memo', format: 'A2', file: 'two', from: 'Cy', id: 6 },
    ]
    await writeFile(join(folder, 'notes.txt'), rows.map((row) => JSON.stringify(row)).join('\n'))
    const done = await run('note', 'import', 'notes.txt', '--format', 'ndjson', '--ignore', 'id', '--set', 'limit=2')
    expect(done.exitCode).toBe(0)
    expect(
      await database.db.rows(
        sql`SELECT name, format, file, "from", "limit" FROM shelf.notes WHERE type = 'memo' AND name IN ('x', 'y') ORDER BY name`,
      ),
    ).toEqual([
      { name: 'x', format: 'A1', file: 'one', from: 'Bob', limit: 2 },
      { name: 'y', format: 'A2', file: 'two', from: 'Cy', limit: 2 },
    ])
    await writeFile(join(folder, 'note.json'), JSON.stringify({ name: 'z', type: 'memo', format: 'A3' }))
    const from = await run(
      'note',
      'create',
      '--from',
      'note.json',
      '--format',
      'json',
      '--field-from',
      'Dee',
      '--json',
    )
    expect(JSON.parse(from.stdout)).toMatchObject([{ format: 'A3', from: 'Dee' }])
  })

  test('are named in the help', async () => {
    const { stdout } = await run('note', 'create', '--help')
    expect(stdout).toMatch(/--field-format <text>\s+paper/)
    expect(stdout).toMatch(/--version <n>/)
    expect(stdout).not.toContain('--field-name')
    expect(Object.keys(note.fields)).toContain('format')
  })
})
