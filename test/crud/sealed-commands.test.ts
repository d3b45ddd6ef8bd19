/** Passwords and credentials on the command line: given by file, stdin or prompt, stored sealed, shown nowhere. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Context } from '../../src/commands/command.ts'
import { promptForMissing } from '../../src/commands/entity/prompts.ts'
import { keyFrom } from '../../src/config/credentials.ts'
import { inputReader } from '../../src/crud/input.ts'
import { decrypt } from '../../src/crud/seal.ts'
import { stringifyJson } from '../../src/db/json.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { bankScope, createBank } from './bank.ts'
import { auditOf } from './write-support.ts'

vi.mock('../../src/systems/registry.ts', async () => ({ systems: [(await import('./bank.ts')).bankEntry] }))

const KEY = Buffer.alloc(32, 1).toString('base64')
const key = keyFrom(KEY)
if (!key) throw new Error('no key')
const PASSWORD = 'correct horse battery'

let database: TestDatabase
let folder: string
/** All that any command of this file printed. */
let printed = ''

async function run(argv: readonly string[], { env, ...options }: CliOptions = {}) {
  const result = await runCli(['bank', ...argv], {
    env: { DATABASE_URL: database.url, STEWARD_CREDENTIALS_KEY: KEY, ...env },
    cwd: folder,
    ...options,
  })
  printed += result.stdout + result.stderr
  return result
}

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'steward-sealed-'))
  await createBank(database.db)
  await writeFile(join(folder, 'password'), `${PASSWORD}\n`)
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const passwordOf = async (email: string) => {
  const { hashed_password } = await database.db.one<{ hashed_password: string }>(sql`
    SELECT hashed_password FROM bank.people WHERE email = ${email}`)
  return hashed_password
}
const safeOf = (name: string) =>
  database.db.one<{ id: string; contents: string }>(sql`SELECT id, contents FROM bank.safes WHERE name = ${name}`)
const opened = async (name: string) => {
  const { id, contents } = await safeOf(name)
  return decrypt(contents, key, { system: 'bank', table: 'safes', column: 'contents', row: id })
}

describe('a password', () => {
  test('is hashed, from a file without its line end or from stdin', async () => {
    const file = await run(['person', 'create', '--email', 'a@x.example', '--password-file', 'password'])
    expect(file.exitCode).toBe(0)
    expect(await compare(PASSWORD, await passwordOf('a@x.example'))).toBe(true)
    const stdin = await run(['person', 'set-password', 'a@x.example', '--password-file', '-'], {
      stdin: 'another one',
    })
    expect(stdin.exitCode).toBe(0)
    expect(await compare('another one', await passwordOf('a@x.example'))).toBe(true)
  })

  test('is needed: without a terminal and without a file, exit 2 with the flag', async () => {
    for (const argv of [
      ['create', '--email', 'b@x.example'],
      ['set-password', 'a@x.example'],
    ]) {
      const { exitCode, stderr } = await run(['person', ...argv])
      expect(exitCode).toBe(2)
      expect(stderr).toContain('The password must be given, and there is no terminal to ask on')
      expect(stderr).toContain('--password-file <file|->')
    }
    // With other problems it is one of them.
    const { exitCode, stderr } = await run(['person', 'create', '--email', 'nonsense'])
    expect(exitCode).toBe(5)
    expect(stderr).toContain('is required; give it with --password-file')
  })

  test('is refused when it is short, long, no text, or on the command line', async () => {
    await writeFile(join(folder, 'binary'), Buffer.from([0xff, 0xfe, 1, 2, 3, 4, 5, 6]))
    const create = (...flags: string[]) => run(['person', 'create', '--email', 'c@x.example', ...flags])
    const short = await run(['person', 'create', '--email', 'c@x.example', '--password-file', '-'], {
      stdin: 'short',
    })
    expect(short).toMatchObject({ exitCode: 5 })
    expect(short.stderr).toContain('hashed_password must have at least 8 characters')
    expect((await create('--password-file', 'binary')).stderr).toContain('cannot read binary: it is not UTF-8 text')
    expect((await create('--password-file', 'absent')).stderr).toContain('there is no such file')
    for (const flag of ['--password', '--hashed-password']) {
      const { exitCode, stderr } = await create(flag, PASSWORD)
      expect([flag, exitCode]).toEqual([flag, 2])
      expect(stderr).toContain(`${flag} is secret, and arguments are seen by everyone: use --password-file`)
    }
    expect((await create('--set', `hashed_password=${PASSWORD}`)).stderr).toContain('use --password-file')
    expect(await database.db.maybeOne(sql`SELECT FROM bank.people WHERE email = 'c@x.example'`)).toBeUndefined()
  })

  test('is given for one person at a time', async () => {
    await run(['person', 'create', '--email', 'd@x.example', '--password-file', 'password'])
    const both = ['a@x.example', 'd@x.example']
    const { exitCode, stderr } = await run(['person', 'set-password', ...both, '--password-file', 'password'])
    expect(exitCode).toBe(5)
    expect(stderr).toContain('hashed_password is sealed for one person, and 2 are named')
    expect(await compare('another one', await passwordOf('a@x.example'))).toBe(true)
  })

  test('is not read from stdin that is a terminal, where everyone could see it', async () => {
    const { exitCode, stderr } = await run(['person', 'set-password', 'a@x.example', '--password-file', '-'], {
      tty: { stdin: true },
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('names stdin, which is a terminal and would show it')
  })

  test('is imported as a hash only', async () => {
    const hash = `$2b$10$${'a'.repeat(53)}`
    await writeFile(join(folder, 'people.csv'), `email,hashed_password\nm@x.example,${hash}\n`)
    expect((await run(['person', 'import', 'people.csv'])).exitCode).toBe(0)
    expect(await passwordOf('m@x.example')).toBe(hash)
    await writeFile(join(folder, 'clear.csv'), `email,hashed_password\nn@x.example,${PASSWORD}\n`)
    const clear = await run(['person', 'import', 'clear.csv'])
    expect(clear.exitCode).toBe(5)
    expect(clear.stderr).toContain('must be a bcrypt hash in a file')
  })

  test('is typed twice on a terminal, hidden, until both are the same and it is long enough', async () => {
    const answers = ['short', PASSWORD, 'something else', PASSWORD, PASSWORD]
    const asked: string[] = []
    const ui = {
      interactive: true,
      warn: (line: string) => asked.push(`! ${line}`),
      async secret(question: string) {
        asked.push(question)
        return answers.shift() ?? ''
      },
    }
    const { entity } = bankScope('person')
    const reader = await inputReader(entity, 'create')
    const context = { ui } as unknown as Context
    const given = await promptForMissing(context, entity, reader, { email: 'e@x.example' })
    expect(asked).toEqual([
      'password (bcrypt hash of the password)',
      '! It must have at least 8 characters',
      'password (bcrypt hash of the password)',
      'password (bcrypt hash of the password), once more',
      '! The two are not the same; once more',
      'password (bcrypt hash of the password)',
      'password (bcrypt hash of the password), once more',
    ])
    expect(String(given.hashed_password)).toBe('***')
  })
})

describe('credentials', () => {
  const set = (name: string, stdin: string, options: CliOptions = {}) =>
    run(['safe', 'credentials', 'set', name, '--credentials-file', '-'], { stdin, ...options })

  test('are encrypted for the row that is created, updated or set, and for no other', async () => {
    await run(['safe', 'create', '--name', 'one', '--credentials-file', '-'], { stdin: 'token-one' })
    expect(await opened('one')).toBe('token-one')
    const { id } = await safeOf('one')
    await run(['safe', 'update', id.toUpperCase(), '--credentials-file', '-'], { stdin: 'token-two' })
    expect(await opened('one')).toBe('token-two')
    await set('one', 'token-three\n')
    expect(await opened('one')).toBe('token-three')
    await run(['safe', 'create', '--name', 'two'])
    await database.db.execute(sql`
      UPDATE bank.safes SET contents = (SELECT contents FROM bank.safes WHERE name = 'one') WHERE name = 'two'`)
    await expect(opened('two')).rejects.toThrow('was sealed for another row')
    await run(['safe', 'update', 'two', '--clear', 'contents'])
    expect((await safeOf('two')).contents).toBeNull()
  })

  test('are shown sealed with --reveal, and otherwise not at all; the audit log has neither form', async () => {
    const { id, contents } = await safeOf('one')
    expect(JSON.parse((await run(['safe', 'get', 'one', '--json'])).stdout)).not.toHaveProperty('contents')
    const revealed = await run(['safe', 'get', 'one', '--reveal', 'contents', '--json'])
    expect(JSON.parse(revealed.stdout)).toMatchObject({ contents })
    expect((await run(['safe', 'export', '-o', 'csv'])).stdout).not.toContain('v1.')
    expect(stringifyJson(await auditOf(database.db, id))).not.toMatch(/v1\.|token/)
  })

  test('need a key: without one, or with one that is none, exit 2 before anything is read or asked', async () => {
    const none = await set('one', 'x', { env: { STEWARD_CREDENTIALS_KEY: undefined } })
    expect(none.exitCode).toBe(2)
    expect(none.stderr).toContain('No key is configured')
    expect(none.stderr).toContain('STEWARD_CREDENTIALS_KEY_FILE')
    const short = await set('one', 'x', { env: { STEWARD_CREDENTIALS_KEY: 'c2hvcnQ=' } })
    expect(short.exitCode).toBe(2)
    expect(short.stderr).toMatch(/STEWARD_CREDENTIALS_KEY.*must be 32 bytes as base64 or hex/)
    expect(short.stderr).not.toContain('c2hvcnQ=')
    await writeFile(join(folder, 'no.key'), 'nothing')
    const file = { STEWARD_CREDENTIALS_KEY: undefined, STEWARD_CREDENTIALS_KEY_FILE: 'no.key' }
    expect((await set('one', 'x', { env: file })).stderr).toContain('no.key holds no key')
    // Whoever may not read the key can still do everything else.
    expect((await run(['safe', 'list'], { env: { ...file, STEWARD_CREDENTIALS_KEY_FILE: 'absent' } })).exitCode).toBe(
      0,
    )
  })

  test('take the key from the file of the profile, with a warning when others may read it', async () => {
    await writeFile(join(folder, 'own.key'), `${Buffer.alloc(32, 1).toString('hex')}\n`)
    await writeFile(
      join(folder, 'steward.yaml'),
      `profiles:\n  here:\n    url: ${database.url}\n    credentials:\n      keyFile: own.key\n`,
    )
    const env = { DATABASE_URL: undefined, STEWARD_CREDENTIALS_KEY: undefined, STEWARD_PROFILE: 'here' }
    await chmod(join(folder, 'own.key'), 0o644)
    const exposed = await set('one', 'token-four', { env })
    expect(exposed.stderr).toContain(`own.key may be read by others: chmod 600`)
    await chmod(join(folder, 'own.key'), 0o600)
    expect((await set('one', 'token-five', { env })).stderr).not.toContain('own.key')
    expect(await opened('one')).toBe('token-five')
    const shown = await runCli(['config', 'show', '--json'], { env, cwd: folder })
    expect(JSON.parse(shown.stdout)).toContainEqual({
      setting: 'credentials.keyFile',
      value: join(folder, 'own.key'),
      origin: `${join(folder, 'steward.yaml')}:5`,
    })
    const variable = await runCli(['config', 'show', '--json'], {
      env: { STEWARD_CREDENTIALS_KEY: KEY },
      cwd: folder,
    })
    expect(variable.stdout).not.toContain(KEY)
    expect(JSON.parse(variable.stdout)).toContainEqual({
      setting: 'credentials.key',
      value: '***',
      origin: 'STEWARD_CREDENTIALS_KEY',
    })
    await rm(join(folder, 'steward.yaml'))
  })
})

test('nothing that was printed holds a secret or a key', () => {
  expect(printed).not.toMatch(/correct horse|another one|token-|AQEBAQEB|0101010101/)
})

describe('rotating the key', () => {
  const NEXT = Buffer.alloc(32, 9).toString('base64')
  const rotate = (...flags: string[]) =>
    run(['safe', 'credentials', 'rotate', '--new-key-file', 'next.key', ...flags, '--json'])

  test('shows how many are under which key, and asks', async () => {
    await writeFile(join(folder, 'next.key'), NEXT, { mode: 0o600 })
    await run(['safe', 'create', '--name', 'three', '--credentials-file', '-'], { stdin: 'token-six' })
    await database.db.execute(sql`
      INSERT INTO bank.safes (name, contents)
      VALUES ('lost', 'v1.deadbeef.AAAA.AAAA.AAAA'), ('plain', 'not sealed'),
             ('moved', (SELECT contents FROM bank.safes WHERE name = 'one'))`)
    const plan = await rotate('--dry-run')
    expect(JSON.parse(plan.stdout)).toEqual([
      { key: key.id, rows: 3, outcome: 'sealed again under the new key' },
      { key: 'deadbeef', rows: 1, outcome: 'cannot be opened: this is neither key' },
      { key: null, rows: 1, outcome: 'cannot be opened: no sealed text' },
    ])
    expect((await rotate()).exitCode).toBe(2)
  })

  test('seals again what it can open, names the others with exit 7, and is journalled', async () => {
    const before = await safeOf('one')
    const { exitCode, stdout, stderr } = await rotate('--yes')
    expect(exitCode).toBe(7)
    const next = keyFrom(NEXT)
    const { summary, failures } = JSON.parse(stdout)
    expect(summary).toEqual({ rotated: 2, failed: 3, key: next?.id })
    const ids = Object.fromEntries(
      await Promise.all(['lost', 'plain', 'moved'].map(async (name) => [(await safeOf(name)).id, name])),
    )
    expect(
      Object.fromEntries(failures.map((one: { id: string; reason: string }) => [ids[one.id], one.reason])),
    ).toEqual({
      lost: `it was sealed under key deadbeef, and this is key ${key.id}`,
      plain: 'it is not a sealed text',
      moved: 'it is damaged, or was sealed for another row',
    })
    expect(stderr).toContain(`3 are not under key ${next?.id}: keep the keys that open such values`)
    expect(stderr).toContain(`Now let the configuration name the new key, ${next?.id}.`)
    const after = await safeOf('one')
    if (!next) throw new Error('no key')
    const place = { system: 'bank', table: 'safes', column: 'contents', row: after.id }
    expect(decrypt(after.contents, next, place)).toBe('token-five')
    expect((await auditOf(database.db, after.id)).at(-1)).toMatchObject({ action: 'credentials rotate' })
    expect(after.contents).not.toBe(before.contents)
    expect(
      await database.db.one(sql`SELECT outcome, counts FROM steward.journal ORDER BY run_id DESC LIMIT 1`),
    ).toEqual({ outcome: 'partial', counts: { rotated: 2, failed: 3 } })
  })

  test('leaves alone what is under the new key, and says when nothing is left', async () => {
    const { contents } = await safeOf('one')
    expect(JSON.parse((await rotate('--yes')).stdout).summary).toMatchObject({ rotated: 0, failed: 3 })
    await database.db.execute(sql`DELETE FROM bank.safes WHERE name IN ('lost', 'plain', 'moved')`)
    const done = await rotate('--yes')
    expect(done.exitCode).toBe(0)
    expect(done.stderr).toContain('Nothing to do')
    expect((await safeOf('one')).contents).toBe(contents)
  })

  test('does not say to configure the new key where nothing is under it', async () => {
    const { contents } = await safeOf('one')
    await database.db.execute(
      sql`UPDATE bank.safes SET contents = 'v1.deadbeef.AAAA.AAAA.AAAA' WHERE contents IS NOT NULL`,
    )
    const { exitCode, stderr } = await rotate('--yes')
    expect(exitCode).toBe(7)
    expect(stderr).toContain('leave the configuration as it is')
    expect(stderr).not.toContain('Now let')
    await database.db.execute(sql`UPDATE bank.safes SET contents = ${contents} WHERE name = 'one'`)
  })

  test('refuses the key that is configured, and a file without one', async () => {
    await writeFile(join(folder, 'same.key'), KEY, { mode: 0o600 })
    const same = await run(['safe', 'credentials', 'rotate', '--new-key-file', 'same.key', '--yes'])
    expect(same.exitCode).toBe(2)
    expect(same.stderr).toContain(`same.key holds the configured key, ${key.id} (STEWARD_CREDENTIALS_KEY)`)
    const none = await run(['safe', 'credentials', 'rotate', '--new-key-file', 'absent', '--yes'])
    expect(none.exitCode).toBe(2)
    expect(none.stderr).toContain('absent is not there')
  })
})
