/** Keys of every kind, and rows that are called by their readable names, through every verb. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { resolveIds, resolveReferences } from '../../src/crud/ids.ts'
import { sql } from '../../src/model/sql.ts'
import { scopeOf } from './press.ts'
import { usePress } from './press-commands.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./press.ts')).registry)

const ANNA = 'aaaaaaaa-0000-4000-8000-000000000001'
const BERT = 'aaaaaaaa-0000-4000-8000-000000000002'
const NOBODY = 'aaaaaaaa-0000-4000-8000-00000000ffff'

const press = usePress(async (db) => {
  await db.execute(sql`
    INSERT INTO press.authors (id, email) VALUES (${ANNA}, 'anna@example.com'), (${BERT}, 'bert@example.com')`)
  await db.execute(sql`INSERT INTO press.accounts VALUES (${ANNA}, 5)`)
  await db.execute(sql`
    INSERT INTO press.books (id, author_id, slug, title)
    VALUES (1, ${ANNA}, 'first', 'First'), (2, ${BERT}, 'second', 'Second'), (3, ${ANNA}, 'third', 'Third')`)
  await db.execute(sql`ALTER TABLE press.books ALTER COLUMN id RESTART WITH 100`)
  await db.execute(sql`INSERT INTO press.pages (book_id, number) VALUES (1, 1), (1, 2), (2, 1)`)
})
const PAGE = '9007199254740993'

describe('ids', () => {
  it('are read by the kind of the key, canonical and each once', async () => {
    const { db } = press()
    expect(await resolveIds(db, scopeOf('author'), [ANNA.toUpperCase(), ANNA, BERT])).toEqual([ANNA, BERT])
    expect(await resolveIds(db, scopeOf('book'), ['007', '7', '+8'])).toEqual(['7', '8'])
    expect(await resolveIds(db, scopeOf('page'), [PAGE])).toEqual([PAGE])
    expect(await resolveIds(db, scopeOf('topic'), ['x y', 'Ä'])).toEqual(['x y', 'Ä'])
  })

  it.each(['get', 'delete'])('that are malformed are all named by %s (exit 2)', async (verb) => {
    const result = await press().run(`reading ${verb} nonsense ${NOBODY} 12 --yes`)
    expect(result).toMatchObject({ exitCode: 2, stdout: '' })
    expect(result.stderr).toMatch(/<id> "nonsense" +must be a UUID/)
    expect(result.stderr).toMatch(/<id> "12" +must be a UUID/)
    expect(result.stderr).not.toContain(NOBODY)
  })

  it.each([
    ['reading get', NOBODY],
    ['author get', NOBODY],
    ['author update', `${NOBODY} --name x`],
    ['author delete', `${NOBODY} --yes`],
    ['author restore', NOBODY],
    ['page get', '1'],
    ['page update', '1 --marks x'],
    ['page delete', '1 --yes'],
    ['book publish', '99'],
  ])('that have no row are not found by %s (exit 4)', async (verb, id) => {
    expect(await press().run(`${verb} ${id}`)).toMatchObject({ exitCode: 4 })
  })

  it('of a bigint outside its range are refused, not cut', async () => {
    const result = await press().run('page get 9223372036854775808')
    expect(result).toMatchObject({ exitCode: 2 })
    expect(result.stderr).toContain('must be from')
  })
})

describe('readable names', () => {
  it('stand for the id in every verb', async () => {
    const { json, run } = press()
    expect(await json('author get ANNA@example.com')).toMatchObject({ id: ANNA })
    expect(await json('book get first 2')).toMatchObject([{ id: 1 }, { id: 2 }])
    expect(await json('book update second --title Zweites')).toMatchObject({ id: 2, title: 'Zweites', letters: 7 })
    expect((await run('book delete third --purge --dry-run')).stdout).toContain('books')
    expect(await json('book publish second')).toMatchObject({ id: 2, state: 'published' })
  })

  it('of the parent stand for a key that is a reference', async () => {
    expect(await press().json('account get anna@example.com')).toMatchObject({ author_id: ANNA, balance: 5 })
    expect(await press().json('account update anna@example.com --balance 6')).toMatchObject({ balance: 6 })
  })

  it('that nobody has are not found, all of them named', async () => {
    const result = await press().run('author get anna@example.com nobody@example.com who@example.com')
    expect(result).toMatchObject({ exitCode: 4 })
    expect(result.stderr).toContain('There are no authors nobody@example.com, who@example.com')
  })

  it('name parents of new and changed rows, by both spellings of the flag', async () => {
    const { json } = press()
    const made = await json("book create --author bert@example.com --slug fourth --title 'The Fourth'")
    expect(made).toMatchObject({ author_id: BERT, letters: 10 })
    expect(await json('book update fourth --author-id anna@example.com')).toMatchObject({ author_id: ANNA })
    expect(await json(`book update fourth --author ${BERT.toUpperCase()}`)).toMatchObject({ author_id: BERT })
    expect(await json('page create --book fourth')).toMatchObject({ number: 1 })
  })

  it('that no parent has are problems of the input, among the others', async () => {
    const { run } = press()
    const unknown = await run("book create --author nobody@example.com --slug first --title ''")
    expect(unknown).toMatchObject({ exitCode: 5 })
    expect(unknown.stderr).toContain('author_id names author nobody@example.com, which does not exist')
    const wrong = await run(`reading create --book 99 --reader nonsense`)
    expect(wrong.stderr).toMatch(/book_id +names book 99, which does not exist/)
    expect(wrong.stderr).toMatch(/reader +must be a UUID/)
  })

  it('name parents in the rows of a file', async () => {
    const { db, folder, run } = press()
    await writeFile(join(folder, 'books.csv'), 'author_id,slug,title\nanna@example.com,fifth,Fifth\n')
    expect(await run('book import books.csv')).toMatchObject({ exitCode: 0 })
    const [row] = await db.rows(sql`SELECT author_id FROM press.books WHERE slug = 'fifth'`)
    expect(row).toEqual({ author_id: ANNA })
  })

  it('are replaced in values that an operation was given', async () => {
    const { db } = press()
    const scope = scopeOf('book')
    expect(await resolveReferences(db, scope, { author_id: 'bert@example.com', title: 'x' })).toEqual({
      values: { author_id: BERT, title: 'x' },
      problems: [],
    })
    const { values, problems } = await resolveReferences(db, scope, { author_id: 'nobody@example.com' })
    expect(values).toEqual({})
    expect(problems).toEqual([
      { where: 'author_id', reason: 'names author nobody@example.com, which does not exist' },
    ])
  })

  it('choose rows in filters, and are looked for', async () => {
    const { json, run } = press()
    const slugs = async (words: string) => (await json<{ slug: string }[]>(words)).map(({ slug }) => slug).sort()
    expect(await slugs('book list --author anna@example.com')).toEqual(['fifth', 'first', 'third'])
    expect(await slugs(`book list --author-id anna@example.com,${BERT}`)).toHaveLength(5)
    expect(await slugs("book list --filter 'author_id != anna@example.com'")).toEqual(['fourth', 'second'])
    expect(await slugs("book list --filter 'author_id in bert@example.com'")).toEqual(['fourth', 'second'])
    expect(await json('page count --book first')).toEqual({ count: 2 })
    const unknown = await run('book list --author nobody@example.com,anna@example.com')
    expect(unknown).toMatchObject({ exitCode: 4 })
    expect(unknown.stderr).toContain('There is no author nobody@example.com')
    // Many by filter go the same way.
    expect(await run('page count --book nonsense')).toMatchObject({ exitCode: 4 })
  })
})

describe('the other verbs', () => {
  it('page through integer, bigint and uuid keys, each row once', async () => {
    const { json, run } = press()
    for (const [entity, sort] of [
      ['book', 'id'],
      ['page', '-id'],
      ['author', '-id'],
      ['book', 'author_id'],
    ]) {
      const all = await json<{ id: string | number }[]>(`${entity} list --sort ${sort} --all`)
      const seen: (string | number)[] = []
      for (let after = ''; ; ) {
        const page = await run(`${entity} list --sort ${sort} --limit 1 ${after} -o json`)
        seen.push(...JSON.parse(page.stdout).map(({ id }: { id: string | number }) => id))
        const cursor = /--after (\S+)/.exec(page.stderr)?.[1]
        if (cursor === undefined) break
        after = `--after ${cursor}`
      }
      expect(seen).toEqual(all.map(({ id }) => id))
    }
  })

  it('include related rows over uuid and integer keys', async () => {
    const found = await press().json('author get bert@example.com --include books.pages')
    expect(found).toMatchObject({ books: [{ slug: 'fourth', pages: [{ number: 1 }] }, { slug: 'second' }] })
    expect(await press().json(`page get ${PAGE} --include book.author`)).toMatchObject({
      book: { slug: 'first', author: { email: 'anna@example.com' } },
    })
  })

  it('number rows within a parent of an integer key', async () => {
    const { json } = press()
    expect(await json('page create --book first')).toMatchObject({ book_id: 1, number: 3 })
    expect(await json('page create --book first')).toMatchObject({ book_id: 1, number: 4 })
  })

  it('record the key of every kind in the audit log', async () => {
    const { db } = press()
    const rows = await db.rows<{ row_id: string }>(
      sql`SELECT DISTINCT row_id FROM steward.audit_log WHERE entity IN ('book', 'account') ORDER BY row_id`,
    )
    expect(rows.map(({ row_id }) => row_id)).toEqual(expect.arrayContaining(['2', ANNA]))
  })

  it('take an alias of the entity', async () => {
    expect(await press().json('writer get anna@example.com')).toMatchObject({ id: ANNA })
    expect(await press().json('writers count')).toEqual({ count: 2 })
  })

  it('delete by integer key with what depends on it, and detach by uuid', async () => {
    const { db, json, run } = press()
    await db.execute(sql`UPDATE press.authors SET mentor_id = ${ANNA} WHERE id = ${BERT}`)
    const plan = await run('author delete anna@example.com --purge --dry-run -o json')
    expect(JSON.parse(plan.stdout)).toMatchObject({
      deleted: [
        { table: 'authors', rows: 1 },
        { table: 'accounts', rows: 1 },
        { table: 'books', rows: 3 },
        { table: 'pages', rows: 4 },
      ],
      detached: [{ table: 'authors', column: 'mentor_id', rows: 1 }],
    })
    expect(await run('author delete anna@example.com --purge --yes')).toMatchObject({ exitCode: 0 })
    expect(await json('book count')).toEqual({ count: 2 })
    expect(await json('author get bert@example.com')).toMatchObject({ mentor_id: null })
  })
})
