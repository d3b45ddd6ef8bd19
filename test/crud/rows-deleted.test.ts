/** Rows that are marked as deleted: hidden, unchanged, no parents, restored or removed for good. */
import { describe, expect, it, vi } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { sql } from '../../src/model/sql.ts'
import { until } from '../support/until.ts'
import { usePress } from './press-commands.ts'
import { auditOf } from './write-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./press.ts')).registry)

const ANNA = 'aaaaaaaa-0000-4000-8000-000000000001'
const BERT = 'aaaaaaaa-0000-4000-8000-000000000002'

const press = usePress(async (db) => {
  await db.execute(sql`
    INSERT INTO press.authors (id, email) VALUES (${ANNA}, 'anna@example.com'), (${BERT}, 'bert@example.com')`)
  await db.execute(sql`
    INSERT INTO press.books (id, author_id, slug, title, state)
    VALUES (1, ${ANNA}, 'first', 'Crab', 'draft'), (2, ${ANNA}, 'second', 'Crab', 'published'),
           (3, ${ANNA}, 'third', 'Crab', 'archived')`)
  await db.execute(sql`ALTER TABLE press.books ALTER COLUMN id RESTART WITH 100`)
  await db.execute(sql`INSERT INTO press.pages (book_id, number) VALUES (1, 1)`)
})

describe('delete', () => {
  it('shows what it hides, asks, and says how to bring it back', async () => {
    const { db, run } = press()
    const plan = await run('book delete first --dry-run')
    expect(plan).toMatchObject({ exitCode: 0 })
    expect(plan.stdout).toContain('Hidden from now on, and kept')
    expect(await run('book delete first')).toMatchObject({ exitCode: 2 })
    const done = await run("book delete first --yes --reason 'out of print'")
    expect(done).toMatchObject({ exitCode: 0 })
    expect(done.stderr).toContain('steward press book restore 1')
    const [row] = await db.rows(sql`SELECT deleted_at IS NOT NULL AS gone FROM press.books WHERE id = 1`)
    expect(row).toEqual({ gone: true })
    expect(await auditOf(db, '1')).toMatchObject([{ action: 'delete', reason: 'out of print' }])
  })

  it('refuses rows that do not meet the conditions, in their words, and deletes none', async () => {
    const { json, run } = press()
    for (const how of ['', '--purge']) {
      const result = await run(`book delete second third ${how} --yes`)
      expect(result).toMatchObject({ exitCode: 5 })
      expect(result.stderr).toContain(
        'book 2 cannot be deleted: it is on sale; archive it first (state is published)',
      )
    }
    expect(await json('book count')).toEqual({ count: 2 })
  })

  it('refuses a row that is deleted already', async () => {
    const result = await press().run('book delete first --yes')
    expect(result).toMatchObject({ exitCode: 5 })
    expect(result.stderr).toContain('book 1 is deleted already; --purge removes it for good')
  })
})

describe('a deleted row', () => {
  it('is hidden from lists, counts, exports, searches and includes, unless asked for', async () => {
    const { json, run } = press()
    const slugs = async (words: string) => (await json<{ slug: string }[]>(words)).map(({ slug }) => slug).sort()
    expect(await slugs('book list')).toEqual(['second', 'third'])
    expect(await slugs('book list --deleted')).toEqual(['first', 'second', 'third'])
    expect(await slugs("book list --filter 'deleted_at not null'")).toEqual(['first'])
    expect(await slugs('book search crab')).toEqual(['second', 'third'])
    expect(await slugs('book search crab --deleted')).toEqual(['first', 'second', 'third'])
    expect(await json('book count')).toEqual({ count: 2 })
    expect(await json('book count --deleted')).toEqual({ count: 3 })
    expect((await run('book export')).stdout.trim().split('\n')).toHaveLength(2)
    expect((await run('book export --deleted')).stdout.trim().split('\n')).toHaveLength(3)
    expect((await json<{ books: unknown[] }>('author get anna@example.com --include books')).books).toHaveLength(2)
    const whole = await json<{ books: unknown[] }>('author get anna@example.com --include books --deleted')
    expect(whole.books).toHaveLength(3)
    expect((await run('book list --deleted')).stdout).toContain('DELETED AT')
  })

  it('is said to be deleted by get, with how to see it', async () => {
    const { json, run } = press()
    const hidden = await run('book get first')
    expect(hidden).toMatchObject({ exitCode: 4, stdout: '' })
    expect(hidden.stderr).toContain('book 1 is deleted')
    expect(hidden.stderr).toContain('--deleted')
    expect(hidden.stderr).toContain('steward press book restore 1')
    expect(await json('book get first --deleted')).toMatchObject({ slug: 'first' })
  })

  it('is not changed by update, import of children, or a bulk change', async () => {
    const { run } = press()
    const update = await run('book update first --title Other')
    expect(update).toMatchObject({ exitCode: 5 })
    expect(update.stderr).toContain('book 1 is deleted')
    const bulk = await run('book publish --state draft --yes')
    expect(bulk).toMatchObject({ exitCode: 0 })
    expect(bulk.stderr).toContain('nothing to do')
  })

  it('is no parent of new or changed rows', async () => {
    const { run } = press()
    const child = await run('page create --book first')
    expect(child).toMatchObject({ exitCode: 5 })
    expect(child.stderr).toContain('book_id names book 1, which is deleted; restore brings it back')
  })

  it('keeps its unique values, and who wants one is told', async () => {
    const { run } = press()
    const again = await run(`book create --author ${ANNA} --slug first --title Again`)
    expect(again).toMatchObject({ exitCode: 5 })
    expect(again.stderr).toContain(
      'slug is taken: a deleted book has it still; restore it, or delete it with --purge',
    )
    const renamed = await run('book update third --slug first')
    expect(renamed.stderr).toContain('slug is taken: a deleted book has it still')
    const other = await run(`book create --author ${ANNA} --slug third --title Again`)
    expect(other.stderr).toContain('slug is taken: another book has it already')
  })
})

describe('restore', () => {
  it('brings a deleted row back as it was', async () => {
    const { db, json, run } = press()
    expect(await json('book restore first --dry-run')).toMatchObject({ id: 1, deleted_at: null })
    expect(await json('book count')).toEqual({ count: 2 })
    expect(await run('book restore first')).toMatchObject({ exitCode: 0 })
    expect(await json('book get first')).toMatchObject({ state: 'draft' })
    expect((await auditOf(db, '1')).map(({ action }) => action)).toEqual(['delete', 'restore'])
  })

  it("takes the lifecycle's own restore where the row is not deleted", async () => {
    const { json, run } = press()
    expect(await json('book restore third')).toMatchObject({ id: 3, state: 'draft' })
    const not = await run('book restore second')
    expect(not).toMatchObject({ exitCode: 5 })
    expect(not.stderr).toContain('book 2 is published, and restore needs archived')
    const never = await run('author restore anna@example.com bert@example.com')
    expect(never).toMatchObject({ exitCode: 5 })
    expect(never.stderr).toContain('2 authors are not deleted; none was restored')
  })

  it('takes deleted and put-away rows together, all or none', async () => {
    const { db, json, run } = press()
    await db.execute(sql`
      INSERT INTO press.books (id, author_id, slug, title, state, deleted_at)
      VALUES (60, ${BERT}, 'gone', 'Gone', 'archived', now()), (61, ${BERT}, 'away', 'Away', 'archived', NULL)`)
    expect(await run('book restore gone second')).toMatchObject({ exitCode: 5 })
    expect(await run('book get gone')).toMatchObject({ exitCode: 4 })
    expect(await json('book restore away gone')).toMatchObject([
      { id: 61, state: 'draft' },
      { id: 60, state: 'archived', deleted_at: null },
    ])
    await db.execute(sql`DELETE FROM press.books WHERE id IN (60, 61)`)
  })

  it('refuses a row that belongs to a deleted one, and takes both together', async () => {
    const { db, json, run } = press()
    await db.execute(sql`
      INSERT INTO press.authors (id, email, mentor_id, deleted_at)
      VALUES ('cccccccc-0000-4000-8000-000000000001', 'cora@example.com', NULL, now()),
             ('cccccccc-0000-4000-8000-000000000002', 'dora@example.com', 'cccccccc-0000-4000-8000-000000000001', now())`)
    const orphan = await run('author restore dora@example.com')
    expect(orphan).toMatchObject({ exitCode: 5, stdout: '' })
    expect(orphan.stderr).toContain(
      'mentor_id names author cccccccc-0000-4000-8000-000000000001, which is deleted; restore brings it back',
    )
    expect(await json('author restore dora@example.com cora@example.com')).toHaveLength(2)
  })
})

describe('delete --purge', () => {
  it('removes the row for good, deleted or not, with what depends on it', async () => {
    const { db, json, run } = press()
    await run('book delete first --yes')
    const plan = await run('book delete first --purge --dry-run -o json')
    expect(JSON.parse(plan.stdout)).toMatchObject({ deleted: [{ table: 'books' }, { table: 'pages', rows: 1 }] })
    expect(await run('book delete first --purge --yes')).toMatchObject({ exitCode: 0 })
    expect(await json('book count --deleted')).toEqual({ count: 2 })
    expect((await auditOf(db, '1')).at(-1)).toMatchObject({ action: 'delete', after: null })
    expect(await run(`book create --author ${ANNA} --slug first --title Again`)).toMatchObject({ exitCode: 0 })
  })
})

describe('at the same time', () => {
  it('a row that is just being deleted gets no new child', async () => {
    const { db, run } = press()
    await db.execute(sql`INSERT INTO press.books (id, author_id, slug, title) VALUES (50, ${ANNA}, 'going', 'Going')`)
    let creating: ReturnType<typeof run> | undefined
    await db.transaction(async (transaction) => {
      // As markDeleted does it.
      await transaction.execute(sql`SELECT FROM press.books WHERE id = 50 FOR UPDATE`)
      await transaction.execute(sql`UPDATE press.books SET deleted_at = now() WHERE id = 50`)
      creating = run('page create --book going')
      await someoneWaits(db)
    })
    const result = await creating
    expect(result).toMatchObject({ exitCode: 5 })
    expect(result?.stderr).toContain('book_id names book 50, which is deleted')
  })

  it('a row that just gets a child is deleted after it', async () => {
    const { db, run } = press()
    await db.execute(
      sql`INSERT INTO press.books (id, author_id, slug, title) VALUES (51, ${ANNA}, 'staying', 'Staying')`,
    )
    let deleting: ReturnType<typeof run> | undefined
    await db.transaction(async (transaction) => {
      // The lock of the foreign key.
      await transaction.execute(sql`SELECT FROM press.books WHERE id = 51 FOR KEY SHARE`)
      deleting = run('book delete staying --yes')
      await someoneWaits(db)
    })
    expect(await deleting).toMatchObject({ exitCode: 0 })
  })

  async function someoneWaits(db: Database): Promise<void> {
    await until('someone waits for the lock', async () => {
      const { waiting } = await db.one<{ waiting: bigint }>(sql`
        SELECT count(*) AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`)
      return waiting > 0n
    })
  }
})
