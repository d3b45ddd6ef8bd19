/** What the user reads when the server refuses a statement: the reason and what to do, never a value. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromPostgres } from '../../src/db/sqlstate.ts'
import { StewardError } from '../../src/errors.ts'
import { raw } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  for (const statement of [
    `CREATE TABLE parents (id integer PRIMARY KEY, email text NOT NULL, tenant integer, UNIQUE (tenant, email))`,
    `CREATE TABLE children (
       parent_id integer CONSTRAINT children_parent REFERENCES parents,
       age integer CONSTRAINT grown_up CHECK (age >= 18),
       note varchar(5)
     )`,
    `INSERT INTO parents VALUES (1, 'hidden-value', 7)`,
    `INSERT INTO children VALUES (1, 20, 'x')`,
  ]) {
    await database.db.execute(raw(statement))
  }
})
afterAll(() => database.drop())

test.each<[string, string, number, string, object]>([
  [
    `INSERT INTO parents VALUES (2, 'hidden-value', 7)`,
    'unique-violation',
    5,
    'public.parents already has a row with the same tenant, email (constraint parents_tenant_email_key)',
    { constraint: 'parents_tenant_email_key', schema: 'public', table: 'parents', columns: ['tenant', 'email'] },
  ],
  [
    `INSERT INTO parents (id, tenant) VALUES (2, 7)`,
    'not-null-violation',
    5,
    'email of public.parents must not be null',
    { columns: ['email'] },
  ],
  [
    `INSERT INTO children (parent_id, note) VALUES (987654, 'x')`,
    'foreign-key-violation',
    5,
    'parent_id of public.children leads to no existing row (constraint children_parent)',
    { constraint: 'children_parent', columns: ['parent_id'] },
  ],
  [
    `DELETE FROM parents`,
    'still-referenced',
    5,
    'Rows of public.children still refer to this row (constraint children_parent)',
    { constraint: 'children_parent', table: 'children' },
  ],
  [
    `INSERT INTO children (age, note) VALUES (3, '(a)=(')`,
    'check-violation',
    5,
    'The row does not satisfy grown_up of public.children',
    { constraint: 'grown_up', table: 'children' },
  ],
  [
    `INSERT INTO children (note) VALUES ('hidden')`,
    'invalid-value',
    5,
    'A text is longer than its column allows',
    {},
  ],
  [`SELECT 'hidden'::uuid`, 'invalid-value', 5, 'A text is not a value of its type', { sqlstate: '22P02' }],
  [
    // Random text, since what repeats is stored compressed and fits.
    `INSERT INTO parents SELECT 3, string_agg(md5(n::text), ''), 7 FROM generate_series(1, 500) AS n`,
    'invalid-value',
    5,
    'A value is larger than PostgreSQL stores or indexes',
    {},
  ],
  [`SELECT 2147483647 + 1`, 'invalid-value', 5, 'A number is out of the range of its type', {}],
  [
    `SELECT * FROM skyvern.tasks`,
    'table-missing',
    6,
    'The database does not have what the command needs: relation "skyvern.tasks" does not exist',
    {},
  ],
  [
    `SELECT nothing FROM parents`,
    'schema-outdated',
    6,
    'The tables are not as this version of Steward expects them: column "nothing" does not exist',
    {},
  ],
  [`SELECT FROM FROM`, 'statement-failed', 6, 'PostgreSQL: syntax error at or near "FROM" (SQLSTATE 42601)', {}],
])('%s', async (statement, code, exitCode, message, details) => {
  const error = await database.db.execute(raw(statement)).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code, exitCode, message, details })
  expect(JSON.stringify(error)).not.toContain('hidden')
})

test('a role without the privilege is told which', async () => {
  const error = await database.db
    .transaction(async (tx) => {
      await tx.execute(raw('CREATE ROLE reader'))
      await tx.execute(raw('SET LOCAL ROLE reader'))
      await tx.execute(raw('DELETE FROM children'))
    })
    .catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    code: 'permission-denied',
    message: 'User steward lacks a privilege: permission denied for table children',
  })
})

test('two sessions that wait for each other', async () => {
  let holding = 0
  let release = () => {}
  const bothHold = new Promise<void>((resolve) => {
    release = resolve
  })
  const outcomes = await Promise.allSettled(
    [1, 2].map((first) =>
      database.db.transaction(async (tx) => {
        await tx.execute(raw(`SET LOCAL deadlock_timeout = '20ms'`))
        await tx.execute(raw(`SELECT pg_advisory_xact_lock(${first})`))
        holding += 1
        if (holding === 2) release()
        await bothHold
        await tx.execute(raw(`SELECT pg_advisory_xact_lock(${3 - first})`))
      }),
    ),
  )
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  expect(refused).toMatchObject([{ code: 'deadlock', exitCode: 6 }])
})

test('Knex puts the statement in front of the message; it is left out', () => {
  const error = Object.assign(new Error('create table "x" (secret) - relation "x" already exists'), {
    code: '42P07',
    severity: 'ERROR',
  })
  expect(fromPostgres(error)).toMatchObject({ message: 'PostgreSQL: relation "x" already exists (SQLSTATE 42P07)' })
})

test('what the database did not cause stays as it is', () => {
  const bug = new TypeError('undefined is not a function')
  expect(fromPostgres(bug)).toBe(bug)
  expect(fromPostgres(bug)).not.toBeInstanceOf(StewardError)
})
