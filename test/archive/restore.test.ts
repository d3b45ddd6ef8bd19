/** Restoring aggregates, batches and windows: what comes together, what waits, what is in the way. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { listBatches, requireBatches } from '../../src/archive/batches.ts'
import { runRestore } from '../../src/archive/restore.ts'
import { planRestore } from '../../src/archive/restore-plan.ts'
import type { AskedBatches, AskedRows, RestoreRequest } from '../../src/archive/restore-request.ts'
import type { Database } from '../../src/db/database.ts'
import { LockedError, UnfinishedError } from '../../src/errors.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveByHand, contents, idleRun, request } from './by-hand.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await createTestDatabase()
  db = database.db
})
afterAll(() => database?.drop())

/** Tasks with steps, and edges between tasks that go with either of them. */
beforeEach(async () => {
  await run('DROP SCHEMA IF EXISTS shop CASCADE')
  await run('DROP SCHEMA IF EXISTS shop_archive CASCADE')
  await run('TRUNCATE steward.archive_batches CASCADE')
  await run('CREATE SCHEMA shop')
  await run(`CREATE TABLE shop.tasks (
    id text PRIMARY KEY, ended date, code integer UNIQUE, retry_of text REFERENCES shop.tasks ON DELETE SET NULL)`)
  await run(`CREATE TABLE shop.steps (
    task text REFERENCES shop.tasks ON DELETE CASCADE, number integer, PRIMARY KEY (task, number))`)
  await run(`CREATE TABLE shop.actions (
    id integer PRIMARY KEY, task text, step integer,
    CONSTRAINT fk_actions_step FOREIGN KEY (task, step) REFERENCES shop.steps ON DELETE CASCADE)`)
  await run(`CREATE TABLE shop.edges (
    id integer PRIMARY KEY,
    from_task text CONSTRAINT fk_edges_from REFERENCES shop.tasks ON DELETE CASCADE,
    to_task text CONSTRAINT fk_edges_to REFERENCES shop.tasks ON DELETE CASCADE)`)
  await run('CREATE INDEX ON shop.tasks (retry_of); CREATE INDEX ON shop.actions (task, step)')
  await run('CREATE INDEX ON shop.edges (from_task); CREATE INDEX ON shop.edges (to_task)')
  await run("INSERT INTO shop.tasks VALUES ('a', '2026-01-01', 1), ('b', '2026-02-01', 2), ('c', '2026-03-01', 3)")
  await run("INSERT INTO shop.steps VALUES ('a', 1), ('a', 2), ('b', 1)")
  await run("INSERT INTO shop.actions VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 1), (4, NULL, 7)")
  await run("INSERT INTO shop.edges VALUES (1, 'a', 'b'), (2, 'b', 'c')")
})

const run = (statement: string) => db.execute(raw(statement))
const TABLES = ['tasks', 'steps', 'actions', 'edges']

/** Everything that is live, by table. */
const live = async () =>
  Object.fromEntries(await Promise.all(TABLES.map(async (table) => [table, await contents(db, 'shop', table)])))

const archiveTask = (id: string, edges: string) =>
  archiveByHand(db, 'shop', [
    { table: 'tasks', where: `id = '${id}'` },
    { table: 'steps', where: `task = '${id}'` },
    { table: 'actions', where: `task = '${id}'` },
    { table: 'edges', where: edges },
  ])

const rows = (...ids: readonly string[]): AskedRows => ({
  kind: 'rows',
  table: 'tasks',
  roots: ids.map((id) => ({ name: id, by: [{ id }] })),
  cold: [],
})
const whole = async (...batches: readonly bigint[]): Promise<AskedBatches> => ({
  kind: 'batches',
  batches: await requireBatches(db, batches),
})
const restore = (what: RestoreRequest['what'], over: Partial<RestoreRequest> = {}, job = idleRun(db)) =>
  runRestore(db, request('shop', what, over), job, { thaw: async () => {} })
const plan = (what: RestoreRequest['what'], over: Partial<RestoreRequest> = {}) =>
  planRestore(db, request('shop', what, over))
const left = async () => (await listBatches(db, {})).map(({ batch, state, rows: count }) => [batch, state, count])

describe('one aggregate', () => {
  test('comes back whole, the rest of its batch stays', async () => {
    const before = await live()
    const batch = await archiveByHand(db, 'shop', [
      { table: 'tasks', where: "id <> 'c'" },
      { table: 'steps', where: 'true' },
      { table: 'actions', where: 'task IS NOT NULL' },
      { table: 'edges', where: 'true' },
    ])
    const planned = await plan(rows('a'))
    const result = await restore(rows('a'))
    expect(planned.tables).toEqual(result.tables)
    expect(result.tables).toEqual([
      { schema: 'shop', table: 'actions', rows: 2n, there: 0n, waiting: 0n },
      { schema: 'shop', table: 'edges', rows: 0n, there: 0n, waiting: 1n },
      { schema: 'shop', table: 'steps', rows: 2n, there: 0n, waiting: 0n },
      { schema: 'shop', table: 'tasks', rows: 1n, there: 0n, waiting: 0n },
    ])
    expect(result.waiting).toEqual([
      { schema: 'shop', table: 'edges', rows: 1n, reason: `shop.tasks of batch ${batch} (fk_edges_to)` },
    ])
    expect(result.askedWaiting).toBe(0n)
    expect(await left()).toEqual([[batch, 'archived', 5n]])
    const again = await restore(rows('a'))
    expect([again.transactions, again.tables]).toEqual([
      0,
      [expect.objectContaining({ table: 'edges', waiting: 1n })],
    ])
    // The edge comes with the other task.
    await restore(rows('b'))
    expect(await live()).toEqual(before)
    expect(await left()).toEqual([[batch, 'restored', 0n]])
  })

  test('brings what waited for it in other batches, and what was archived before by itself', async () => {
    const before = await live()
    const actions = await archiveByHand(db, 'shop', [{ table: 'actions', where: "task = 'a'" }])
    const a = await archiveTask('a', "from_task = 'a'")
    const b = await archiveTask('b', 'true')
    await restore(rows('a'))
    expect(await left()).toEqual([
      [b, 'archived', 4n],
      [a, 'archived', 1n],
      [actions, 'restored', 0n],
    ])
    await restore(rows('b'))
    expect(await live()).toEqual(before)
  })

  test('that is there while parts of it are not gets them back', async () => {
    const before = await live()
    const batch = await archiveByHand(db, 'shop', [{ table: 'actions', where: "task = 'a'" }])
    expect((await restore(rows('b'))).tables).toEqual([])
    expect((await restore(rows('a'))).tables).toEqual([expect.objectContaining({ table: 'actions', rows: 2n })])
    expect(await live()).toEqual(before)
    expect(await left()).toEqual([[batch, 'restored', 0n]])
  })

  test('with --with-parents brings the rows that its own refer to', async () => {
    const batch = await archiveByHand(db, 'shop', [
      { table: 'tasks', where: "id <> 'c'" },
      { table: 'steps', where: 'true' },
      { table: 'actions', where: 'task IS NOT NULL' },
      { table: 'edges', where: 'true' },
    ])
    const result = await restore(rows('a'), { withParents: true })
    expect(result.waiting).toEqual([])
    expect(await contents(db, 'shop', 'edges')).toEqual(['(1,a,b)'])
    expect(await contents(db, 'shop', 'tasks')).toHaveLength(3)
    expect(await left()).toEqual([[batch, 'archived', 3n]])
  })

  test('that nobody knows is an error that names it, and restores no other', async () => {
    const batch = await archiveTask('a', "from_task = 'a'")
    await expect(restore(rows('a', 'x', 'y'))).rejects.toMatchObject({
      exitCode: 4,
      message: 'shop.tasks x, y: neither archived nor in the table itself',
    })
    expect(await left()).toEqual([[batch, 'archived', 6n]])
  })

  test('that waits itself is told apart from parts that wait', async () => {
    await run('CREATE TABLE shop.owners (id integer PRIMARY KEY); INSERT INTO shop.owners VALUES (1)')
    await run('ALTER TABLE shop.tasks ADD owner integer CONSTRAINT fk_owner REFERENCES shop.owners')
    await run("UPDATE shop.tasks SET owner = 1 WHERE id = 'a'")
    await archiveTask('a', "from_task = 'a'")
    await run('DELETE FROM shop.owners')
    const result = await restore(rows('a'))
    expect(result.askedWaiting).toBe(1n)
    expect(result.waiting).toContainEqual({
      schema: 'shop',
      table: 'tasks',
      rows: 1n,
      reason: 'shop.owners that is neither there nor in the archive tables (fk_owner)',
    })
    // Whatever depends on it waits as well.
    expect(result.tables.map(({ table, rows: back, waiting }) => [table, back, waiting])).toEqual([
      ['actions', 0n, 2n],
      ['edges', 0n, 1n],
      ['steps', 0n, 2n],
      ['tasks', 0n, 1n],
    ])
  })
})

describe('rows that refer to each other', () => {
  test('a self-reference and a ring over two tables go back in one statement', async () => {
    await run(
      'CREATE TABLE shop.heads (id integer PRIMARY KEY, best integer NOT NULL, boss integer REFERENCES shop.heads)',
    )
    await run('CREATE TABLE shop.arms (id integer PRIMARY KEY, head integer NOT NULL REFERENCES shop.heads)')
    await run('ALTER TABLE shop.heads ADD CONSTRAINT fk_best FOREIGN KEY (best) REFERENCES shop.arms')
    await run(`WITH h AS (INSERT INTO shop.heads VALUES (1, 10, 2), (2, 20, 1), (3, 30, 3)),
      a AS (INSERT INTO shop.arms VALUES (10, 1), (20, 2), (30, 3)) SELECT`)
    const before = [await contents(db, 'shop', 'heads'), await contents(db, 'shop', 'arms')]
    const batch = await archiveByHand(db, 'shop', [
      { table: 'heads', where: 'true' },
      { table: 'arms', where: 'true' },
    ])
    const one = { ...rows(), table: 'heads', roots: [{ name: '3', by: [{ id: '3' }] }] }
    const refused = await restore(one)
    expect(refused.askedWaiting).toBe(1n)
    await restore(one, { withParents: true })
    expect(await contents(db, 'shop', 'heads')).toEqual(['(3,30,3)'])
    await restore(await whole(batch))
    expect([await contents(db, 'shop', 'heads'), await contents(db, 'shop', 'arms')]).toEqual(before)
  })

  test('--with-children follows keys that do not cascade', async () => {
    await run('CREATE TABLE shop.notes (id integer PRIMARY KEY, task text NOT NULL REFERENCES shop.tasks)')
    await run("INSERT INTO shop.notes VALUES (1, 'c')")
    await archiveByHand(db, 'shop', [
      { table: 'tasks', where: "id = 'c'" },
      { table: 'notes', where: 'true' },
      { table: 'edges', where: "to_task = 'c'" },
    ])
    expect((await plan(rows('c'))).tables.map(({ table }) => table)).toEqual(['edges', 'tasks'])
    expect((await plan(rows('c'), { follow: 'all' })).tables.map(({ table }) => table)).toEqual([
      'edges',
      'notes',
      'tasks',
    ])
  })
})

describe('batches', () => {
  test('several come back in whatever order they are named, exactly as planned', async () => {
    const before = await live()
    const a = await archiveTask('a', "from_task = 'a'")
    const b = await archiveTask('b', "from_task = 'b'")
    const planned = await plan(await whole(a, b))
    expect([planned.waiting, planned.batches]).toEqual([[], [b, a]])
    const result = await restore(await whole(a, b))
    expect(result.tables).toEqual(planned.tables)
    expect(result.emptied).toEqual([b, a])
    expect(await live()).toEqual(before)
  })

  test('rows of a batch that wait come with the batch that they wait for', async () => {
    const before = await live()
    const a = await archiveTask('a', "from_task = 'a'")
    const b = await archiveTask('b', "from_task = 'b'")
    const first = await restore(await whole(a))
    expect(first.askedWaiting).toBe(1n)
    expect(first.waiting.map(({ reason }) => reason)).toEqual([`shop.tasks of batch ${b} (fk_edges_to)`])
    const second = await restore(await whole(b))
    expect(second.emptied.toSorted()).toEqual([a, b])
    expect(await live()).toEqual(before)
  })

  test('one that is refused keeps no other back', async () => {
    const a = await archiveTask('a', 'false')
    const b = await archiveTask('b', 'true')
    await run("INSERT INTO shop.tasks VALUES ('b', '2027-01-01', 9)")
    const result = await restore(await whole(a, b))
    expect(result.refused).toEqual([{ batch: b, error: expect.objectContaining({ code: 'restore-conflict' }) }])
    expect(result.emptied).toEqual([a])
    expect(await left()).toEqual([
      [b, 'archived', 4n],
      [a, 'restored', 0n],
    ])
  })

  test('what is left of one that was restored in part comes with what it waits for', async () => {
    // Of its root table every row stays: only the record tells that a part of it is gone.
    const batch = await archiveByHand(db, 'shop', [
      { table: 'edges', where: 'true' },
      { table: 'actions', where: "task = 'a'" },
    ])
    const b = await archiveByHand(db, 'shop', [
      { table: 'tasks', where: "id = 'b'" },
      { table: 'steps', where: "task = 'b'" },
      { table: 'actions', where: "task = 'b'" },
    ])
    const first = await restore(await whole(batch))
    expect(first.tables.map(({ table, rows: back, waiting }) => [table, back, waiting])).toEqual([
      ['actions', 2n, 0n],
      ['edges', 0n, 2n],
    ])
    expect((await restore(await whole(b))).emptied.toSorted()).toEqual([batch, b])
  })

  test('a run that is stopped between two says why and leaves the rest', async () => {
    const a = await archiveTask('a', 'false')
    const b = await archiveTask('b', 'true')
    let asked = 0
    const stop = {
      why: '--run-time of 1s is over',
      error: new UnfinishedError({ code: 'run-time', message: 'over' }),
    }
    const job = idleRun(db, { pace: { next: async () => (++asked > 1 ? stop : undefined) } })
    const result = await restore(await whole(a, b), {}, job)
    expect(result.stopped).toBe(stop)
    expect(await left()).toEqual([
      [b, 'restored', 0n],
      [a, 'archived', 5n],
    ])
  })

  test('nothing is written once the lease is lost', async () => {
    const a = await archiveTask('a', "from_task = 'a'")
    const before = await live()
    const lost = new LockedError({ code: 'lease-lost', message: 'another run holds it' })
    const guard = async () => {
      throw lost
    }
    const job = idleRun(db, { lease: { names: [], token: () => 1n, guard } })
    await expect(restore(await whole(a), {}, job)).rejects.toBe(lost)
    expect(await live()).toEqual(before)
  })

  test('a large one goes back in portions, its parents first, rings and all', async () => {
    await run(`INSERT INTO shop.tasks (id, code) SELECT 't' || n, n FROM generate_series(100, 1099) AS n`)
    // Rows of one portion refer to rows of others, in rings.
    await run(`UPDATE shop.tasks SET retry_of = 't' || ((code - 100 + 500) % 1000 + 100) WHERE code >= 100`)
    await run(`INSERT INTO shop.steps SELECT id, n FROM shop.tasks, generate_series(1, 2) AS n WHERE code >= 100`)
    const count = sql`SELECT count(*) AS tasks, sum(hashtextextended(t::text, 0)) AS sum FROM shop.tasks AS t`
    const before = await db.one(count)
    const batch = await archiveByHand(db, 'shop', [
      { table: 'steps', where: "task LIKE 't%'" },
      { table: 'tasks', where: "id LIKE 't%'" },
    ])
    const portions = { portionRows: 300 }
    const planned = await plan(await whole(batch), portions)
    const result = await restore(await whole(batch), portions)
    expect(result.transactions).toBeGreaterThan(5)
    expect(result.tables.map(({ table, rows: back }) => [table, back])).toEqual([
      ['steps', 2000n],
      ['tasks', 1000n],
    ])
    expect(planned.tables).toEqual(result.tables)
    expect(await db.one(count)).toEqual(before)
    expect(await left()).toEqual([[batch, 'restored', 0n]])
  })

  test('of a window of age only the aggregates in it', async () => {
    const batch = await archiveByHand(db, 'shop', [
      { table: 'tasks', where: 'true' },
      { table: 'steps', where: 'true' },
      { table: 'actions', where: 'task IS NOT NULL' },
      { table: 'edges', where: 'true' },
    ])
    const age = {
      of: (alias: string) => raw(`${alias}.ended`),
      since: { kind: 'at', instant: '2026-01-15T00:00:00Z' },
      until: { kind: 'at', instant: '2026-03-01T00:00:00Z' },
    } as const
    const result = await restore({ ...(await whole(batch)), age })
    expect(await contents(db, 'shop', 'tasks')).toEqual(['(b,2026-02-01,2,)'])
    expect(await contents(db, 'shop', 'actions')).toEqual(['(3,b,1)', '(4,,7)'])
    expect(result.waiting.map(({ table, rows: waiting }) => [table, waiting])).toContainEqual(['edges', 1n])
  })
})

describe('what is there already', () => {
  test('the same row only leaves the archive', async () => {
    const before = await live()
    const batch = await archiveTask('a', "from_task = 'a'")
    await run("INSERT INTO shop.tasks VALUES ('a', '2026-01-01', 1); INSERT INTO shop.steps VALUES ('a', 2)")
    const planned = await plan(rows('a'))
    const result = await restore(rows('a'))
    expect(result.tables).toEqual(planned.tables)
    expect(result.tables.map(({ table, rows: back, there }) => [table, back, there])).toEqual([
      ['actions', 2n, 0n],
      ['edges', 1n, 0n],
      ['steps', 1n, 1n],
      ['tasks', 0n, 1n],
    ])
    expect(await live()).toEqual(before)
    expect(await left()).toEqual([[batch, 'restored', 0n]])
  })

  test('another row of the same key is a conflict: named, nothing half done', async () => {
    const batch = await archiveTask('a', "from_task = 'a'")
    await run("INSERT INTO shop.tasks VALUES ('a', '2026-01-02', 1)")
    const problems = [
      { where: 'shop.tasks id=a', reason: 'there is another row of the same key, and it is not the same' },
    ]
    expect((await plan(rows('a'))).problems).toEqual(problems)
    await expect(restore(rows('a'))).rejects.toMatchObject({ exitCode: 5, code: 'restore-conflict', problems })
    expect(await left()).toEqual([[batch, 'archived', 6n]])
    expect(await contents(db, 'shop', 'steps')).toEqual(['(b,1)'])
  })

  test('another row with a value that only one may have is a conflict', async () => {
    const batch = await archiveTask('a', "from_task = 'a'")
    await run("INSERT INTO shop.tasks VALUES ('z', NULL, 1)")
    await expect(restore(rows('a'))).rejects.toMatchObject({
      exitCode: 5,
      code: 'restore-conflict',
      problems: [{ where: 'shop.tasks id=a', reason: 'there is another row with the same code (tasks_code_key)' }],
    })
    expect((await plan(rows('a'))).problems).toHaveLength(1)
    expect(await left()).toEqual([[batch, 'archived', 6n]])
  })

  test('two archived rows of one key are a conflict until a batch is chosen', async () => {
    await archiveTask('a', "from_task = 'a'")
    await run("INSERT INTO shop.tasks VALUES ('a', '2027-01-01', 9)")
    const second = await archiveTask('a', 'false')
    await expect(restore(rows('a'))).rejects.toMatchObject({
      problems: [{ where: 'shop.tasks id=a', reason: expect.stringContaining('archived more than once') }],
    })
    await restore({ ...rows('a'), batches: [second] })
    expect(await contents(db, 'shop', 'tasks')).toContain('(a,2027-01-01,9,)')
  })
})

describe('references that were let go of', () => {
  const detach = async (batch: bigint, row: string, reference: string) =>
    db.execute(sql`
      INSERT INTO steward.archive_detached
      VALUES (${batch}, 'tasks_retry_of_fkey', 'shop', 'tasks', ${`{"id": "${row}"}`}::jsonb,
              ${`{"retry_of": "${reference}"}`}::jsonb)`)
  const recorded = async () => (await db.rows(sql`SELECT FROM steward.archive_detached`)).length
  const retryOf = async (id: string) =>
    (await db.one<{ retry_of: string | null }>(sql`SELECT retry_of FROM shop.tasks WHERE id = ${id}`)).retry_of

  test('are put back', async () => {
    await run("UPDATE shop.tasks SET retry_of = 'a' WHERE id IN ('b', 'c')")
    const batch = await archiveTask('a', "from_task = 'a'")
    await detach(batch, 'b', 'a')
    await detach(batch, 'c', 'a')
    await run("UPDATE shop.tasks SET retry_of = 'c' WHERE id = 'c'")
    const { references } = await restore(rows('a'))
    expect(references).toEqual({ put: 1, outdated: 1 })
    expect([await retryOf('b'), await retryOf('c'), await recorded()]).toEqual(['a', 'c', 0])
  })

  test('of a row that was archived meanwhile are put back when both are there again', async () => {
    await run("UPDATE shop.tasks SET retry_of = 'a' WHERE id = 'b'")
    const first = await archiveTask('a', "from_task = 'a'")
    await detach(first, 'b', 'a')
    await archiveTask('b', 'true')
    await restore(rows('a'))
    expect(await recorded()).toBe(1)
    const { references } = await restore(rows('b'))
    expect(references).toEqual({ put: 1, outdated: 0 })
    expect([await retryOf('b'), await recorded()]).toEqual(['a', 0])
  })
})

describe('an archive that was changed', () => {
  const corrupt = async (change: string, other?: bigint) => {
    const batch = await archiveTask('a', "from_task = 'a'")
    await run(change)
    const before = await live()
    await expect(restore(rows('a'))).rejects.toMatchObject({
      exitCode: 6,
      code: 'archive-damaged',
      hint: expect.stringContaining(`archive verify ${other ?? batch}`),
    })
    expect(await live()).toEqual(before)
  }
  test('gives back what lies there when that is accepted, and what is left of it is still found', async () => {
    const batch = await archiveByHand(db, 'shop', [
      { table: 'tasks', where: "id <> 'c'" },
      { table: 'steps', where: 'true' },
      { table: 'actions', where: 'task IS NOT NULL' },
      { table: 'edges', where: 'true' },
    ])
    await run("UPDATE shop_archive.tasks SET code = 11 WHERE id = 'b'; DELETE FROM shop_archive.actions WHERE id = 1")
    const first = await restore(rows('a'), { damaged: true })
    expect(first.damaged).toEqual([batch])
    expect(await contents(db, 'shop', 'tasks')).toContain('(a,2026-01-01,1,)')
    await expect(restore(rows('b'))).rejects.toMatchObject({ code: 'archive-damaged' })
    await restore(rows('b'), { damaged: true })
    expect(await contents(db, 'shop', 'tasks')).toContain('(b,2026-02-01,11,)')
    expect(await left()).toEqual([[batch, 'restored', 0n]])
  })
  test('restores nothing of a flipped value', () => corrupt('UPDATE shop_archive.tasks SET code = 11'))
  test('restores nothing of a batch with a missing row', () =>
    corrupt('DELETE FROM shop_archive.actions WHERE id = 1'))
  test('restores nothing of a row in a batch that is not recorded', () =>
    corrupt("INSERT INTO shop_archive.steps VALUES ('a', 9, 4711)", 4711n))
})
