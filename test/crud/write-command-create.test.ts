/** `create` from end to end. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { type Commands, useCommands } from './write-commands.ts'

let database: Commands['database']
let folder: string
let org: string
let run: Commands['run']
useCommands((made) => {
  ;({ database, folder, org, run } = made)
})

describe('create', () => {
  it('takes flags, JSON from files, --set, and shows the stored row', async () => {
    await writeFile(join(folder, 'payload.json'), '{"deep": [1, 2]}')
    const given = ['--organization-id', org, '--url', 'https://example.org', '--navigation-goal', 'Go']
    const more = ['--navigation-payload', '@payload.json', '--set', 'proxy_location=', '--reason', 'a test']
    const { exitCode, stdout } = await run(['task', 'create', ...given, ...more, '--json'])
    expect(exitCode).toBe(0)
    const row = JSON.parse(stdout)
    expect(row).toMatchObject({ status: 'created', navigation_payload: { deep: [1, 2] }, proxy_location: '' })
    const log = await database.db.one(
      sql`SELECT command, reason FROM steward.audit_log WHERE row_id = ${row.task_id}`,
    )
    expect(log).toEqual({ command: 'skyvern task create', reason: 'a test' })
  })

  it('reports every problem at once, and which operations a status is changed by', async () => {
    const { exitCode, stderr } = await run(['task', 'create', '--url', 'example.org', '--status', 'running'])
    expect(exitCode).toBe(5)
    expect(stderr).toMatchInlineSnapshot(`
      "error: 4 problems with this task
        status           starts as created and is changed by task queue, start, complete, fail, cancel, terminate, retry
        url              must start with http:// or https://
        organization_id  is required
        navigation_goal  is required
      hint:  Add --help to task create to see what each field takes
      "
    `)
  })

  it('gives machines the problems in the same place whether there is one or many', async () => {
    const { stderr } = await run(['organization', 'create', '--json'])
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'invalid-input',
      exitCode: 5,
      details: { problems: [{ where: 'organization_name', reason: 'is required' }] },
    })
  })

  it('leaves what is wrong with the command line itself to exit 2', async () => {
    const wrong = await run(['task', 'create', '--set', 'novalue', '--navigation-payload', '@missing.json'])
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toContain('must have the form field=value')
    expect(wrong.stderr).toContain('there is no such file')
    const secret = await run(['artifact', 'create', '--set', 'signed_url=https://x'])
    expect(secret.stderr).toContain('--signed-url-file')
  })

  it('creates many from a file where the entity allows it, one where it does not', async () => {
    const rows = ['a', 'b'].map((goal) => ({ url: 'https://x.org', navigation_goal: goal }))
    const stdin = JSON.stringify(rows)
    const many = await run(['task', 'create', '--from', '-', '--organization-id', org, '--json'], { stdin })
    expect(JSON.parse(many.stdout)).toHaveLength(2)
    const several = JSON.stringify([{ organization_name: 'B' }, { organization_name: 'C' }])
    const one = await run(['organization', 'create', '--from', '-'], { stdin: several })
    expect(one.exitCode).toBe(2)
    expect(one.stderr).toContain('one at a time')
  })
})

describe('create with secrets', () => {
  it('reads secret fields from a file and keeps them out of the output', async () => {
    await writeFile(join(folder, 'signed'), 'https://store.example/x?signature=abc\n')
    const given = ['--organization-id', org, '--artifact-type', 'recording', '--uri', 'file:///a']
    const { stdout, exitCode } = await run(['artifact', 'create', ...given, '--signed-url-file', 'signed', '--json'])
    expect(exitCode).toBe(0)
    expect(stdout).not.toContain('signature')
    const id = JSON.parse(stdout).artifact_id
    expect(await database.db.one(sql`SELECT signed_url FROM skyvern.artifacts WHERE artifact_id = ${id}`)).toEqual({
      signed_url: 'https://store.example/x?signature=abc',
    })
    const [entry] = await database.db.rows<{ after: unknown }>(
      sql`SELECT after FROM steward.audit_log WHERE row_id = ${id}`,
    )
    expect(JSON.stringify(entry?.after)).not.toContain('signature')
  })

  it('takes no secret from the command line, however its name is spelt', async () => {
    const given = [
      'artifact',
      'create',
      '--organization-id',
      org,
      '--artifact-type',
      'recording',
      '--uri',
      'file:///x',
    ]
    const { exitCode, stderr } = await run([...given, '--set', 'SIGNED-URL=https://example.org/?sig=hush'])
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('use --signed-url-file')])
    expect(stderr).not.toContain('hush')
  })

  it('says where a secret is given, for its plain option as well', async () => {
    const given = [
      'artifact',
      'create',
      '--organization-id',
      org,
      '--artifact-type',
      'recording',
      '--uri',
      'file:///x',
    ]
    const { exitCode, stderr } = await run([...given, '--signed-url', 'https://example.org/?sig=hush'])
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('--signed-url is secret, and arguments are seen by everyone: use --signed-url-file'),
    ])
    expect(stderr).not.toContain('hush')
    expect((await run(['artifact', 'create', '--help'])).stdout).not.toMatch(/--signed-url /)
  })

  it('shows an API key once, with a warning, and never in the journal or the log', async () => {
    const { stdout, stderr } = await run(['api-key', 'create', '--organization-id', org, '--name', 'CI', '--json'])
    const { secret } = JSON.parse(stdout)
    expect(secret).toMatch(/^sk_/)
    expect(stderr).toContain('cannot be read again')
    const { dump } = await database.db.one<{ dump: string }>(
      sql`SELECT string_agg(a::text, '') || coalesce((SELECT string_agg(j::text, '') FROM steward.journal AS j), '') AS dump
          FROM steward.audit_log AS a`,
    )
    expect(dump).not.toContain(secret)
  })

  it('shows a secret once, and never one that opens nothing', async () => {
    const given = ['api-key', 'create', '--organization-id', org, '--name', 'CI']
    const rehearsed = await run([...given, '--dry-run', '--json'])
    expect([rehearsed.exitCode, JSON.parse(rehearsed.stdout).secret]).toEqual([0, undefined])
    const count = async () => (await run(['api-key', 'count', '-o', 'json'])).stdout
    const before = await count()
    const hidden = await run([...given, '--fields', 'api_key_id'])
    expect([hidden.exitCode, hidden.stderr]).toEqual([2, expect.stringContaining('--fields secret,api_key_id')])
    expect(await count()).toBe(before)
    const shown = await run([...given, '--fields', 'secret', '--json'])
    expect(JSON.parse(shown.stdout).secret).toMatch(/^sk_/)
  })
})
