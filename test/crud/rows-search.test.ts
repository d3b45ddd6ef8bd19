/** Searching JSON, tags and texts: what is found, that indexes find it, and what is refused. */
import { describe, expect, it, vi } from 'vitest'
import { type FilterInput, filtersFrom } from '../../src/crud/filters.ts'
import { listStatement } from '../../src/crud/list.ts'
import { searchRows } from '../../src/crud/search.ts'
import { sortFrom } from '../../src/crud/sort.ts'
import type { Queryable } from '../../src/db/database.ts'
import { type Sql, sql } from '../../src/model/sql.ts'
import { scopeOf } from './press.ts'
import { usePress } from './press-commands.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./press.ts')).registry)

const ANNA = 'aaaaaaaa-0000-4000-8000-000000000001'
const MANY = 5000

const press = usePress(async (db) => {
  await db.execute(sql`INSERT INTO press.authors (id, email) VALUES (${ANNA}, 'anna@example.com')`)
  await db.execute(sql`
    INSERT INTO press.books (author_id, slug, title, text, config, tags)
    SELECT ${ANNA}, slug, title, text, config::jsonb, tags::varchar[]
    FROM (VALUES
      ('a', 'Authentication', 'Security of tokens', '{"settings":{"auto_deploy":true,"tries":3},"channels":["slack"]}', '{frontend,backend}'),
      ('b', 'Deployment', 'How authentication and security testing meet', '{"settings":{"auto_deploy":false,"tries":"3"}}', '{backend}'),
      ('c', 'Testing', 'The rate limit', '{"settings":{"auto_deploy":"true","name":null},"a.b":{"c":1}}', '{frontend}'),
      ('d', 'Draft', NULL, NULL, '{}')
    ) AS row (slug, title, text, config, tags)`)
  await db.execute(sql`
    INSERT INTO press.books (author_id, slug, title, config, tags, created_at)
    SELECT ${ANNA}, 'filler-' || n, 'Filler ' || n, jsonb_build_object('n', n), ARRAY['tag' || n % 500], '2020-01-01'
    FROM generate_series(1, ${MANY}::integer) AS n`)
  await db.execute(sql`INSERT INTO press.pages (book_id, number, labels, marks)
    VALUES (1, 1, '["red","blue"]', '{x,y}'), (1, 2, '["red"]', '{y}')`)
  await db.execute(sql`
    INSERT INTO press.pages (book_id, number, labels)
    SELECT 2, n, jsonb_build_array('label' || n % 500) FROM generate_series(1, ${MANY}::integer) AS n`)
  await db.execute(sql`ANALYZE press.books`)
  await db.execute(sql`ANALYZE press.pages`)
})

async function slugs(words: string): Promise<string[]> {
  return (await press().json<{ slug: string }[]>(words)).map(({ slug }) => slug).sort()
}

describe('--contains and paths in --filter', () => {
  it.each([
    [`--contains 'config={"channels":["slack"]}'`, ['a']],
    [`--contains 'config={"settings":{}}'`, ['a', 'b', 'c']],
    [`--contains 'config.settings={"tries":3}' --contains 'config.channels=["slack"]'`, ['a']],
    [`--contains 'tags=frontend,backend'`, ['a']],
    [`--filter 'config.settings.auto_deploy=true'`, ['a']],
    [`--filter 'config.settings.auto_deploy="true"'`, ['c']],
    [`--filter 'config.settings.tries=3'`, ['a']],
    [`--filter 'config.settings.tries="3"'`, ['b']],
    [`--filter 'config.settings.name = null'`, ['c']],
    [`--filter 'config."a.b".c=1'`, ['c']],
    // Containment would find a part of an array or object as well; equality does not.
    [`--filter 'config.channels=["slack"]'`, ['a']],
    [`--filter 'config.channels=[]'`, []],
    [`--filter 'config.settings={"auto_deploy":true}'`, []],
    [`--filter 'config.settings contains {"auto_deploy":true}'`, ['a']],
    [`--filter 'config.channels contains slack'`, ['a']],
    [`--contains 'config.channels=slack'`, ['a']],
    [`--filter 'config.settings.tries contains 3'`, ['a']],
    [`--filter 'config.settings.auto_deploy!=true' --since 2026-01-01`, ['b', 'c', 'd']],
    ['--tag backend', ['a', 'b']],
    ['--tag frontend,backend', ['a']],
    ['--tag frontend --tag backend', ['a']],
  ])('book list %s', async (flags, expected) => {
    expect(await slugs(`book list ${flags}`)).toEqual(expected)
    expect(await press().json(`book count ${flags}`)).toEqual({ count: expected.length })
    expect((await press().run(`book export ${flags}`)).stdout.split('\n').length - 1).toBe(expected.length)
  })

  it('look into arrays and JSON tags of other entities', async () => {
    const { json } = press()
    expect(await json('page count --tag red')).toEqual({ count: 2 })
    expect(await json('page count --tag red,blue')).toEqual({ count: 1 })
    expect(await json('page count --contains marks=x,y')).toEqual({ count: 1 })
    expect(await json(`page count --filter 'marks contains y'`)).toEqual({ count: 2 })
  })

  it('choose rows of a bulk change', async () => {
    const plan = await press().run('book publish --tag frontend,backend --dry-run -o json')
    expect(JSON.parse(plan.stdout)).toMatchObject({ states: [{ state: 'draft', rows: 1 }] })
  })

  it('report every problem of a command line together', async () => {
    const { run } = press()
    const result = await run(
      `book list --contains 'config={"a":}' --contains title=x --contains nonsense --contains config= --filter 'title.x=1' ` +
        `--filter 'config.a>1' --filter 'config.a={' --filter 'confg.a=1' --sort nothing`,
    )
    expect(result).toMatchObject({ exitCode: 2, stdout: '' })
    for (const line of [
      /--contains +config must be JSON/,
      /--contains +title is text; only JSON and arrays contain anything/,
      /--contains +must have the form field=JSON[\s\S]*--contains +must have the form field=JSON/,
      /--filter +title is not JSON, so there is no title\.x/,
      /--filter +config\.a is a part of JSON and takes = != contains, not >/,
      /--filter +config\.a must be JSON/,
      /--filter +book has no field 'confg' \(did you mean config\?\)/,
      /--sort +book has no field 'nothing'/,
    ]) {
      expect(result.stderr).toMatch(line)
    }
    expect(await run('topic list --tag x')).toMatchObject({ exitCode: 2 })
  })
})

describe('the indexes', () => {
  it.each([
    ['book', { contains: ['config={"channels":["slack"]}'] }, 'books_config'],
    ['book', { filters: ['config.settings.auto_deploy=true'] }, 'books_config'],
    ['book', { filters: ['config.channels=["slack"]'] }, 'books_config'],
    ['book', { tags: ['frontend', 'backend'] }, 'books_tags'],
    ['page', { tags: ['red'] }, 'pages_labels'],
  ] satisfies [string, FilterInput, string][])('serve %s %j by %s', async (name, input, index) => {
    const scope = scopeOf(name)
    const filters = filtersFrom(scope.entity, input)
    const statement = listStatement(scope, { filters, sort: sortFrom(scope.entity), fields: ['id'] })
    expect(await planOf(statement)).toMatch(new RegExp(`Index Scan on ${index}`))
  })

  it('serve a search', async () => {
    const { db } = press()
    const asked: Sql[] = []
    // Passes every question on, and keeps it.
    const listening: Queryable = {
      ...db,
      one: (statement) => db.one(statement),
      rows(statement) {
        asked.push(statement)
        return db.rows(statement)
      },
    }
    await searchRows(listening, scopeOf('book'), {
      query: 'authentication & security',
      filters: [],
      fields: ['slug'],
      limit: 5,
      headline: true,
    })
    const [statement] = asked
    if (!statement) throw new Error('nothing was asked')
    expect(await planOf(statement)).toMatch(/Index Scan on books_words/)
  })

  async function planOf(statement: Sql): Promise<string> {
    const rows = await press().db.rows<{ 'QUERY PLAN': string }>(sql`EXPLAIN (COSTS OFF) ${statement}`)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }
})

describe('search', () => {
  it('finds words in any form, best match first, with rank and headline for people', async () => {
    const { run, json } = press()
    const found = await json<{ slug: string; rank: number }[]>(`book search 'authentication & security'`)
    expect(found.map(({ slug }) => slug).sort()).toEqual(['a', 'b'])
    const [first, second] = found
    expect(first?.rank).toBeGreaterThanOrEqual(second?.rank ?? 1)
    expect(first).not.toHaveProperty('headline')
    const table = await run(`book search tests`)
    expect(table.stdout).toContain('RANK')
    expect(table.stdout).toContain('[testing]')
    expect(table.stdout).toContain('[Testing]')
  })

  it.each([
    ['tests', ['b', 'c']],
    ['deploy:*', ['b']],
    ['testing & !limit', ['b']],
    ['draft | deployment', ['b', 'd']],
    ['rate <-> limit', ['c']],
    ['"rate limit"', ['c']],
    ['testing -limit', ['b']],
    ['draft or deployment', ['b', 'd']],
    ['C++ (limit)', []],
  ])('%s', async (query, expected) => {
    expect(await slugs(`book search '${query}'`)).toEqual(expected)
  })

  it('combines with filters, tags, JSON, a limit and --fields', async () => {
    const { json, run } = press()
    expect(await slugs('book search testing --tag frontend')).toEqual(['c'])
    expect(await slugs(`book search testing --contains 'config={"settings":{"tries":"3"}}'`)).toEqual(['b'])
    expect(await slugs('book search testing --state published')).toEqual([])
    const one = await run('book search filler --limit 1 -o json')
    expect(JSON.parse(one.stdout)).toHaveLength(1)
    expect(one.stderr).toContain('There are more')
    expect(await json('book search limit --fields slug,headline')).toEqual([
      { slug: 'c', headline: expect.stringContaining('[limit]') },
    ])
    expect(await json('book search limit --fields rank')).toEqual([{ rank: expect.any(Number) }])
  })

  it('refuses wrong operators and queries without words (exit 2)', async () => {
    const { run } = press()
    for (const query of ['a & & b', 'authentication &', '& x', '!', '(a | b']) {
      const result = await run(`book search '${query}'`)
      expect(result, query).toMatchObject({ exitCode: 2, stdout: '' })
    }
    const empty = await run(`book search 'the of'`)
    expect(empty).toMatchObject({ exitCode: 2 })
    expect(empty.stderr).toContain('no word to look for')
    expect(await run('book search limit --fields nothing')).toMatchObject({ exitCode: 2 })
  })
})
