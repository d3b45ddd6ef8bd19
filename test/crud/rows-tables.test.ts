/** Tables that are not plain: partitioned ones, generated and identity columns, derived fields, fields called like flags. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { insertRows } from '../../src/crud/insert.ts'
import { sql } from '../../src/model/sql.ts'
import { scopeOf } from './press.ts'
import { usePress } from './press-commands.ts'
import { auditOf } from './write-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./press.ts')).registry)

const ANNA = 'aaaaaaaa-0000-4000-8000-000000000001'
const OCTOBER = 'bbbbbbbb-0000-4000-8000-000000000001'
const LATER = 'bbbbbbbb-0000-4000-8000-000000000002'

const press = usePress(async (db) => {
  await db.execute(sql`INSERT INTO press.authors (id, email) VALUES (${ANNA}, 'anna@example.com')`)
  await db.execute(sql`
    INSERT INTO press.books (author_id, slug, title) VALUES (${ANNA}, 'first', 'First'), (${ANNA}, 'second', 'Second')`)
  await db.execute(sql`
    INSERT INTO press.readings (id, book_id, created_at)
    VALUES (${OCTOBER}, 1, '2026-10-05'), (${LATER}, 1, '2027-05-05')`)
  await db.execute(sql`
    INSERT INTO press.topics VALUES ('crime', 'noir', 'on'), ('alibi', 'noir', 'on'), ('ghost', 'noir', 'off')`)
})

describe('a partitioned table', () => {
  it('is read, changed and filled as one', async () => {
    const { db, json } = press()
    expect(await json('reading list --sort created_at')).toMatchObject([{ id: OCTOBER }, { id: LATER }])
    expect(await json('reading count --since 2026-10-01 --until 2026-11-01')).toEqual({ count: 1 })
    const reader = 'cccccccc-0000-4000-8000-000000000001'
    expect(await json(`reading update ${OCTOBER} --reader ${reader}`)).toMatchObject({ reader })
    const made = await json('reading create --book first --created-at 2026-10-31T23:59Z')
    const [place] = await db.rows(
      sql`SELECT tableoid::regclass::text AS place FROM press.readings WHERE id = ${made.id}::uuid`,
    )
    expect(place).toEqual({ place: 'press.readings_y2026m10' })
    expect((await press().run('reading export --format csv --fields id')).stdout.trim().split('\n')).toHaveLength(4)
  })

  it('counts once in what a delete takes along, from every partition, and is audited row by row', async () => {
    const { db, run } = press()
    const plan = await run('book delete first --purge --dry-run -o json')
    expect(JSON.parse(plan.stdout).deleted).toEqual([
      { table: 'books', rows: 1 },
      { table: 'readings', rows: 3 },
    ])
    expect(await run('book delete first --purge --yes')).toMatchObject({ exitCode: 0 })
    expect(await db.rows(sql`SELECT FROM press.readings`)).toEqual([])
    for (const id of [OCTOBER, LATER]) {
      expect(await auditOf(db, id)).toEqual(
        expect.arrayContaining([expect.objectContaining({ entity: 'reading', action: 'delete', after: null })]),
      )
    }
  })

  it('has its own rows deleted from whatever partition they are in', async () => {
    const { db, run } = press()
    await db.execute(sql`INSERT INTO press.readings (id, book_id, created_at) VALUES (${OCTOBER}, 2, '2026-10-05')`)
    expect(await run(`reading delete ${OCTOBER.toUpperCase()} --yes`)).toMatchObject({ exitCode: 0 })
    expect(await db.rows(sql`SELECT FROM press.readings`)).toEqual([])
  })
})

describe('generated and identity columns', () => {
  it('are written by nobody, and shown as the database made them', async () => {
    const { json, run } = press()
    const made = await json(`book create --author ${ANNA} --slug made --title 'Four'`)
    expect(made).toMatchObject({ letters: 4, id: expect.any(Number) })
    expect(await json('book update made --title Longer')).toMatchObject({ letters: 6 })
    for (const words of ['--letters 9', '--set letters=9']) {
      const result = await run(`book update made ${words}`)
      expect(result).toMatchObject({ exitCode: 5 })
      expect(result.stderr).toContain('letters is computed')
    }
    const id = await run(`book create --author ${ANNA} --slug x --title X --set id=7`)
    expect(id.stderr).toContain('id is assigned by the database')
  })

  it('are left out of what is inserted, even where a row brings them along', async () => {
    const { db } = press()
    const scope = scopeOf('book')
    const row = { author_id: ANNA, slug: 'copy', title: 'Copied', letters: 999, tags: ['x'] }
    const [stored] = await db.transaction((transaction) => insertRows(transaction, scope, [row]))
    expect(stored).toMatchObject({ letters: 6, tags: ['x'] })
  })

  it('come back from an export with --ignore', async () => {
    const { folder, json, run } = press()
    const { stdout } = await run('book export --format ndjson --filter slug=copy')
    await writeFile(join(folder, 'copy.ndjson'), stdout.replace('"copy"', '"copied"'))
    const ignored = '--ignore id,letters,state,deleted_at,created_at'
    expect(await run(`book import copy.ndjson ${ignored}`)).toMatchObject({ exitCode: 0 })
    expect(await json('book get copied')).toMatchObject({ title: 'Copied', letters: 6, tags: ['x'] })
  })

  it('are refused as texts too long for their column, not cut', async () => {
    const result = await press().run(`book update made --tags ${'x'.repeat(21)}`)
    expect(result).toMatchObject({ exitCode: 5 })
  })
})

describe('a derived field', () => {
  it('is filled in when it is left out, from the rows that count', async () => {
    const { json } = press()
    const words = `book create --author ${ANNA} --title T --shelf noir`
    expect(await json(`${words} --slug derived`)).toMatchObject({ topics: ['alibi', 'crime'] })
    expect(await json(`${words} --slug given --topics '["own"]'`)).toMatchObject({ topics: ['own'] })
    expect(await json(`book create --author ${ANNA} --title T --slug bare`)).toMatchObject({ topics: null })
  })

  it('refuses a row for which there is nothing to fill in, with the other problems', async () => {
    const result = await press().run('book create --author nobody@example.com --title T --slug t --shelf empty')
    expect(result).toMatchObject({ exitCode: 5 })
    expect(result.stderr).toMatch(/shelf +has no active topics/)
    expect(result.stderr).toMatch(/author_id +names author nobody@example.com/)
  })
})

describe('fields that are called like flags', () => {
  const CREATE = `book create --author ${ANNA} --title T`

  it('are given and filtered beside the flags of the verbs', async () => {
    const { json, run } = press()
    const made = await json(
      `${CREATE} --slug clash --field-format paper --field-limit 7 --field-sort asc --field-file f.txt --version 3`,
    )
    expect(made).toMatchObject({ format: 'paper', limit: 7, sort: 'asc', file: 'f.txt', version: 3 })
    expect(await json('book update clash --set format=screen --set limit=8')).toMatchObject({
      format: 'screen',
      limit: 8,
    })
    expect(await json('book list --field-format screen --limit 1 --sort id')).toMatchObject([{ slug: 'clash' }])
    expect(await json("book count --filter 'limit=8' --filter 'format=screen'")).toEqual({ count: 1 })
    expect((await run('book export --format csv --field-format screen --fields slug')).stdout).toBe('slug\nclash\n')
    expect(await json('book list --limit 1 --sort slug')).toHaveLength(1)
  })

  it('are not taken from the arguments and flags of an import, a create or an update', async () => {
    const { folder, json, run } = press()
    await writeFile(join(folder, 'rows.data'), `author_id,slug,title\n${ANNA},imported,T\n`)
    expect(await run('book import rows.data --format csv')).toMatchObject({ exitCode: 0 })
    expect(await json('book get imported')).toMatchObject({ format: null, file: null })
    await writeFile(join(folder, 'row.json'), `{"author_id":"${ANNA}","slug":"from","title":"T","format":"paper"}`)
    expect(await run('book create --from row.json --format json')).toMatchObject({ exitCode: 0 })
    expect(await json('book get from')).toMatchObject({ format: 'paper' })
    expect(await json('book update from --title Other')).toMatchObject({ title: 'Other' })
  })

  it('have their flag in the help', async () => {
    const help = await press().run('book create --help')
    expect(help.stdout).toContain('--field-format')
    expect(help.stdout).not.toContain('--author <')
  })
})
