/** `steward schema diff`, over every system as it is migrated, and over one that somebody changed by hand. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { raw } from '../../src/model/sql.ts'
import { connectionUrl } from '../../src/server/url.ts'
import { systems } from '../../src/systems/registry.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

const execute = async (...texts: readonly string[]) => {
  for (const text of texts) await database.db.execute(raw(text))
}

test('every migrated system is as declared: a line each, exit 0, an empty array for a script', async () => {
  const { exitCode, stdout, stderr } = await runCli(['schema', 'diff', '--url', database.url])
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
  const lines = stderr.trim().split('\n')
  expect(lines.map((line) => line.replace(/\d+ tables/, 'n tables'))).toEqual([
    ...systems.map(({ name }) => `${name}: n tables, as declared`),
    'No differences.',
  ])
  const machine = await runCli(['schema', 'diff', '--json', '-q', '--url', database.url])
  expect({ ...machine, stdout: JSON.parse(machine.stdout) }).toEqual({ exitCode: 0, stdout: [], stderr: '' })
})

test('a role that may read nothing at all can compare', async () => {
  const name = `reader_${database.db.database}`
  await execute(`CREATE ROLE ${name} LOGIN`)
  try {
    const url = connectionUrl({ ...database.endpoint, user: name })
    expect(await runCli(['schema', 'diff', 'skyvern', '--url', url])).toMatchObject({ exitCode: 0 })
  } finally {
    await execute(`DROP ROLE ${name}`)
  }
})

test('every change by hand is named with where it is, exit 10', async () => {
  await execute(
    `ALTER TABLE skyvern.tasks ALTER COLUMN url DROP NOT NULL`,
    `ALTER TABLE skyvern.tasks ALTER COLUMN proxy_location SET DEFAULT 'home'`,
    `ALTER TABLE skyvern.tasks ALTER COLUMN failure_reason TYPE varchar(20)`,
    `ALTER TABLE skyvern.tasks ADD COLUMN note text`,
    `ALTER TABLE skyvern.tasks DISABLE TRIGGER tasks_set_modified_at`,
    `ALTER TABLE skyvern.tasks DROP CONSTRAINT check_task_url_format`,
    `ALTER TABLE skyvern.steps DROP CONSTRAINT fk_steps_task`,
    `ALTER TABLE skyvern.steps ADD CONSTRAINT fk_steps_task FOREIGN KEY (task_id) REFERENCES skyvern.tasks ON DELETE SET NULL`,
    `ALTER TABLE skyvern.users DROP CONSTRAINT uq_users_organization_email`,
    `DROP INDEX skyvern.ix_tasks_status`,
    `CREATE INDEX ix_tasks_status ON skyvern.tasks (status DESC)`,
    `ALTER TYPE skyvern.task_status ADD VALUE 'forgotten'`,
    `DROP TABLE skyvern.screenshots`,
    `CREATE VIEW skyvern.recent AS SELECT task_id FROM skyvern.tasks`,
    `CREATE FUNCTION skyvern.nothing() RETURNS integer LANGUAGE sql RETURN 1`,
  )
  const { exitCode, stdout, stderr } = await runCli(['schema', 'diff', 'skyvern', '--json', '--url', database.url])
  expect(exitCode).toBe(10)
  expect(stderr.trim()).toBe('skyvern: 13 differences')
  const rows: { object: string; kind: string; expected: unknown; found: unknown; system: string }[] =
    JSON.parse(stdout)
  expect(rows.map(({ system, object, kind, expected, found }) => [system, object, kind, expected, found])).toEqual([
    ['skyvern', 'nothing()', 'function', null, 'present'],
    ['skyvern', 'recent', 'view', null, 'present'],
    ['skyvern', 'screenshots', 'table', 'present', null],
    [
      'skyvern',
      'steps.task_id',
      'foreign key',
      'fk_steps_task to tasks (task_id) ON DELETE CASCADE',
      'fk_steps_task to tasks (task_id) ON DELETE SET NULL',
    ],
    [
      'skyvern',
      'task_status',
      'enum',
      'created, queued, running, completed, failed, cancelled, terminated',
      'created, queued, running, completed, failed, cancelled, terminated, forgotten',
    ],
    ['skyvern', 'tasks.check_task_url_format', 'check', "(url ~* '^https?://.*'::text)", null],
    ['skyvern', 'tasks.failure_reason', 'column', 'text', 'character varying(20)'],
    ['skyvern', 'tasks.ix_tasks_status', 'index', 'btree (status)', 'btree (status DESC)'],
    ['skyvern', 'tasks.note', 'column', null, 'text'],
    ['skyvern', 'tasks.proxy_location', 'default', 'none', "'home'::text"],
    ['skyvern', 'tasks.tasks_set_modified_at', 'trigger', 'enabled', 'disabled'],
    ['skyvern', 'tasks.url', 'nullability', 'NOT NULL', 'nullable'],
    ['skyvern', 'users.uq_users_organization_email', 'unique', '(organization_id, email)', null],
  ])
})

test('a schema that is not there is one difference, and the words say how to get it', async () => {
  const empty = await createEmptyDatabase()
  try {
    const { exitCode, stdout, stderr } = await runCli(['schema', 'diff', 'skyvern', '-o', 'csv', '--url', empty.url])
    expect(exitCode).toBe(10)
    expect(stdout).toBe(
      'system,object,kind,expected,found,difference\nskyvern,skyvern,schema,present,,schema is missing\n',
    )
    expect(stderr.trim()).toBe('skyvern: there is no schema skyvern; steward migrate up makes it')
  } finally {
    await empty.drop()
  }
})

test('an unknown system is refused by name', async () => {
  const { exitCode, stderr } = await runCli(['schema', 'diff', 'skyvrn'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('did you mean skyvern?')
})
