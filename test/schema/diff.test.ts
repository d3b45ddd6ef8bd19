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
      'steps.fk_steps_task',
      'foreign key',
      '(task_id) to tasks (task_id) ON DELETE CASCADE',
      '(task_id) to tasks (task_id) ON DELETE SET NULL',
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

test('what looks the same by its name is told apart, and nobody is told of the parts of what is there', async () => {
  await execute(
    `DROP INDEX devflow.idx_tasks_tags`,
    `CREATE INDEX idx_tasks_tags ON devflow.tasks USING gin (tags jsonb_path_ops)`,
    `DROP INDEX devflow.idx_projects_repository_url`,
    `CREATE INDEX idx_projects_repository_url ON devflow.projects (repository_url COLLATE "C")`,
    `ALTER TABLE devflow.tasks DROP CONSTRAINT chk_tasks_priority`,
    `ALTER TABLE devflow.tasks ADD CONSTRAINT chk_tasks_priority CHECK (priority BETWEEN 0 AND 10) NOT VALID`,
    `ALTER TABLE devflow.tasks DROP CONSTRAINT fk_tasks_project`,
    `ALTER TABLE devflow.tasks ADD CONSTRAINT fk_tasks_project FOREIGN KEY (project_id) REFERENCES devflow.projects
       ON DELETE CASCADE ON UPDATE CASCADE NOT VALID`,
    `ALTER TABLE devflow.tasks ADD CONSTRAINT a_second FOREIGN KEY (project_id) REFERENCES devflow.projects`,
    `ALTER TABLE devflow.validations ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE devflow.workflow_events SET UNLOGGED`,
    `CREATE TYPE devflow.span AS RANGE (subtype = integer)`,
    `DROP TABLE autopr.execution_logs_default`,
  )
  const { stdout } = await runCli(['schema', 'diff', 'autopr', 'devflow', '--json', '--url', database.url])
  const rows: { object: string; difference: string }[] = JSON.parse(stdout)
  expect(rows.map(({ object, difference }) => `${object}: ${difference}`)).toEqual([
    'execution_logs: partitioning is RANGE (created_at) without a DEFAULT partition, declared RANGE (created_at) with a DEFAULT partition',
    'projects.idx_projects_repository_url: index is btree (repository_url COLLATE C), declared btree (repository_url)',
    'range span: object is not declared',
    'tasks.a_second: foreign key is not declared: (project_id) to projects (id) ON DELETE NO ACTION',
    'tasks.chk_tasks_priority: check is ((priority >= 0) AND (priority <= 10)) NOT VALID, declared ((priority >= 0) AND (priority <= 10))',
    'tasks.fk_tasks_project: foreign key is (project_id) to projects (id) ON DELETE CASCADE ON UPDATE CASCADE NOT VALID, declared (project_id) to projects (id) ON DELETE CASCADE',
    'tasks.idx_tasks_tags: index is gin (tags jsonb_path_ops), declared gin (tags)',
    'validations: row security is on, declared off',
    'workflow_events: persistence is unlogged, declared permanent',
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
