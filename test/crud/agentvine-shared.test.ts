/** AgentVine's users, capabilities, logs, chat and documents as operators use them. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'

let database: TestDatabase
let user: string
let worker: string
const folder = mkdtempSync(join(tmpdir(), 'steward-agentvine-'))
const password = join(folder, 'password')

const run = (...argv: string[]): Promise<CliResult> =>
  runCli(['agentvine', ...argv], { env: { DATABASE_URL: database.url } })

/** The output as data; the command must succeed. */
async function json(...argv: string[]) {
  const { exitCode, stdout, stderr } = await run(...argv, '--json')
  expect(exitCode, `${argv.join(' ')}\n${stderr}`).toBe(0)
  return JSON.parse(stdout)
}

async function refused(...argv: string[]): Promise<string> {
  const { exitCode, stderr, stdout } = await run(...argv)
  expect([exitCode, stdout], stderr).toEqual([5, ''])
  return stderr
}

const newUser = (name: string, ...more: string[]) => [
  ...['user', 'create', '--username', name, '--email', `${name}@example.com`, '--role', 'developer'],
  ...['--password-file', password, ...more],
]

beforeAll(async () => {
  database = await createTestDatabase()
  writeFileSync(password, 'correct horse battery staple\n')
  user = (await json(...newUser('ada'))).id
  worker = (await json('worker', 'create', '--name', 'vine', '--worker-type', 'docs')).id
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database?.drop()
})

describe('a user', () => {
  const hash = async (name: string) =>
    (
      await database.db.one<{ hash: string }>(
        sql`SELECT hashed_password AS hash FROM agentvine.users WHERE username = ${name}`,
      )
    ).hash

  it('has a password of which only the hash is stored, and shown to nobody', async () => {
    expect(await compare('correct horse battery staple', await hash('ada'))).toBe(true)
    expect(Object.keys(await json('user', 'get', 'ada'))).not.toContain('hashed_password')
    const before = await hash('ada')
    writeFileSync(join(folder, 'another'), 'another password altogether')
    await json('user', 'set-password', 'ada', '--password-file', join(folder, 'another'))
    expect(await compare('another password altogether', await hash('ada'))).toBe(true)
    const audited = await database.db.rows<{ text: string }>(sql`SELECT a::text AS text FROM steward.audit_log AS a`)
    for (const secret of [before, await hash('ada'), 'correct horse', 'another password']) {
      expect(audited.filter(({ text }) => text.includes(secret))).toEqual([])
    }
  })

  it('is named by username; name and address are taken once, deleted or not', async () => {
    await json(...newUser('grigori'))
    await json('user', 'deactivate', 'grigori', '--yes')
    expect((await run('user', 'deactivate', 'grigori', '--yes')).stderr).toContain('is already inactive')
    await json('user', 'delete', 'grigori', '--yes')
    expect((await json('user', 'list')).map(({ username }: { username: string }) => username)).toEqual(['ada'])
    expect(await refused(...newUser('grigori', '--set', 'email=other@example.com'))).toContain('username is taken')
    expect(await refused('user', 'activate', 'grigori')).toContain('is deleted')
    await json('user', 'restore', 'grigori')
    await json('user', 'activate', 'grigori')
    expect(await json('user', 'get', 'grigori')).toMatchObject({ is_active: true, deleted_at: null })
  })

  it('may create tasks while it is there, by name', async () => {
    const task = (by: string) => [
      ...['task', 'create', '--title', 'Look', '--task-type', 'docs', '--permission-level', 'supervised'],
      ...['--created-by', by],
    ]
    expect(await json(...task('ada'))).toMatchObject({ created_by: user })
    expect(await refused(...task('nobody'))).toContain('created_by names user nobody, which does not exist')
    await json('user', 'delete', 'grigori', '--yes')
    expect(await refused(...task('grigori'))).toContain('created_by')
  })
})

it('a capability is added, improved and removed, and the worker has what is there', async () => {
  const { id } = await json('capability', 'create', '--worker-id', worker, '--capability-name', 'Python')
  const again = ['capability', 'create', '--worker-id', worker, '--capability-name', 'Python']
  expect(await refused(...again)).toContain('worker_id, capability_name are taken')
  await json('capability', 'update', id, '--capability-level', 'expert')
  const capabilities = async () => (await json('worker', 'get', worker)).capabilities
  expect(await capabilities()).toEqual([{ name: 'Python', level: 'expert' }])
  await run('capability', 'delete', id, '--yes')
  expect(await capabilities()).toEqual([])
})

describe('logs of an execution', () => {
  it('are shown from a level on, and followed until it has ended', async () => {
    const { task, execution } = await database.db.one<{ task: string; execution: string }>(sql`
      WITH task AS (
        INSERT INTO agentvine.tasks (title, task_type, permission_level, status)
        VALUES ('Log', 'docs', 'autonomous', 'in_progress') RETURNING id
      )
      INSERT INTO agentvine.executions (task_id) SELECT id FROM task RETURNING task_id AS task, id AS execution`)
    const log = (level: string, message: string) =>
      database.db.execute(sql`
        INSERT INTO agentvine.execution_logs (execution_id, level, message)
        VALUES (${execution}::uuid, ${level}, ${message})`)
    await log('DEBUG', 'Context is read')
    await log('WARNING', 'Tests are slow')
    const messages = async (...more: string[]) =>
      (await json('execution', 'logs', execution, ...more)).map(({ message }: { message: string }) => message)
    expect(await messages()).toEqual(['Context is read', 'Tests are slow'])
    expect(await messages('--level', 'WARNING')).toEqual(['Tests are slow'])

    const following = run('execution', 'logs', execution, '--follow', '-o', 'ndjson')
    await log('INFO', 'Done')
    await json('task', 'complete', task)
    const { exitCode, stdout } = await following
    expect(exitCode).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(3)
  })
})

describe('chat', () => {
  const say = (...more: string[]) => ['chat-message', 'create', '--message', 'Shall I?', ...more]
  const asWorker = ['--sender-type', 'worker', '--sender-id']

  it('is a thread of what users, workers and the controller say', async () => {
    const first = await json(...say(...asWorker, worker, '--message-type', 'question'))
    const answer = ['--sender-type', 'user', '--sender-id', user, '--parent-message-id', first.id]
    const reply = await json('chat-message', 'create', '--message', 'Yes', ...answer)
    expect(reply.conversation_id).toBe(first.conversation_id)
    const note = ['--sender-type', 'controller', '--conversation-id', first.conversation_id]
    await json('chat-message', 'create', '--message', 'Noted', ...note)
    await json('attachment', 'create', '--message-id', reply.id, '--file-name', 'a.png', '--file-path', '/a.png')
    const thread = await json('chat-message', 'thread', first.conversation_id)
    expect(thread.map(({ depth, message }: { depth: number; message: string }) => `${depth} ${message}`)).toEqual([
      '0 Shall I?',
      '1 Yes',
      '0 Noted',
    ])
    await json('chat-message', 'edit', reply.id, '--message', 'Yes, please')
    expect((await json('chat-message', 'get', reply.id)).edited_at).not.toBeNull()
  })

  it('is refused from who is not there, without a sender, and across conversations', async () => {
    const nobody = randomUUID()
    expect(await refused(...say(...asWorker, nobody))).toContain(`sender_id names ${nobody}, which does not exist`)
    expect(await refused(...say(...asWorker, user))).toContain('sender_id names')
    expect(await refused(...say('--sender-type', 'user'))).toContain('is named by sender_id')
    expect(await refused(...say('--sender-type', 'system', '--sender-id', user))).toContain('have none')
    const { id } = await json(...say('--sender-type', 'system'))
    const elsewhere = ['--parent-message-id', id, '--conversation-id', nobody]
    expect(await refused(...say('--sender-type', 'system', ...elsewhere))).toContain('conversation_id must be')
  })
})

describe('documents', () => {
  it('are found by text and tags, and keep their versions', async () => {
    const create = (title: string, content: string, tags: string) =>
      json(
        ...['document', 'create', '--title', title, '--document-type', 'guide', '--content', content],
        ...['--tags', tags, '--created-by', 'ada'],
      )
    const { id } = await create('Queue', 'Workers claim orders.\nOldest first.\n', '["queue", " sql ", "sql"]')
    await create('Style', 'Write plain functions.', '["style"]')
    const titles = async (...argv: string[]) =>
      (await json('document', ...argv)).map(({ title }: { title: string }) => title)
    expect(await titles('search', 'claiming & order')).toEqual(['Queue'])
    expect(await titles('list', '--tag', 'sql')).toEqual(['Queue'])
    expect(await titles('search', 'functions', '--tag', 'sql')).toEqual([])

    await json('document', 'update', id, '--content', 'Workers claim orders.\nOldest first, each once.\n')
    await json('document', 'update', id, '--metadata', '{"seen": true}')
    expect(await json('document', 'get', id)).toMatchObject({ version: 2, tags: ['queue', 'sql'], created_by: user })
    const versions = await json('document', 'versions', id)
    expect(versions.map(({ version }: { version: number }) => version)).toEqual([2, 1])
    const { stdout } = await run('document', 'diff', id, '--from', '1', '--to', '2')
    expect(stdout).toContain('-Oldest first.')
    expect(stdout).toContain('+Oldest first, each once.')

    await json('document', 'delete', id, '--yes')
    expect(await titles('search', 'claim')).toEqual([])
    expect(await refused('document', 'update', id, '--title', 'x')).toContain('is deleted')
    await json('document', 'restore', id)
    expect(await titles('search', 'claim')).toEqual(['Queue'])
  })

  it('are refused with every problem at once', async () => {
    const wrong = ['--document-type', 'novel', '--tags', `["", "${'x'.repeat(51)}"]`, '--repository-url', 'nowhere']
    const text = await refused('document', 'create', '--title', '', '--content', 'x', ...wrong)
    for (const field of ['title', 'document_type', 'tags', 'repository_url']) {
      expect(text).toMatch(new RegExp(`^ {2}${field} `, 'm'))
    }
  })
})

it.each(['execution', 'assignment', 'execution-log', 'document-version'])(
  '%s is written by what happens alone',
  async (entity) => {
    for (const verb of ['create', 'update', 'delete', 'complete']) {
      expect((await run(entity, verb)).exitCode).toBe(2)
    }
  },
)
