/** The writing commands from end to end: a command line in, two streams and an exit code out. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setEnvironment } from '../../src/db/environment.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { organization, task } from './write-support.ts'

let database: TestDatabase
let folder: string
let org: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-write-'))
  database = await createTestDatabase()
  org = await organization(database.db, { organization_name: 'Acme', settings: { max_concurrent_tasks: 1000 } })
})
afterAll(async () => {
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

const run = (argv: readonly string[], options: CliOptions = {}) =>
  runCli(['skyvern', ...argv], { env: { DATABASE_URL: database.url }, cwd: folder, ...options })

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
})

describe('create --check-url', () => {
  let server: Server
  let port: number
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? ''
      if (path === '/slow') return
      if (path === '/away') response.writeHead(302, { location: `http://127.0.0.2:${port}/` })
      else if (path === '/round') response.writeHead(302, { location: '/round' })
      else response.writeHead(path === '/gone' ? 404 : 200)
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('asks only when told, and never addresses that are not public', async () => {
    const { isPublic, whyUnreachable } = await import('../../src/crud/reachable.ts')
    for (const host of [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
    ]) {
      expect(await whyUnreachable(`http://${host}:${port}/`, { mayAsk: isPublic })).toMatch(/not public/)
    }
    const allowed = (path: string, timeoutMs = 5000) =>
      whyUnreachable(`http://localhost:${port}${path}`, { mayAsk: () => true, timeoutMs })
    expect(await allowed('/')).toBeUndefined()
    expect(await allowed('/gone')).toBe('answers with status 404')
    expect(await allowed('/slow', 300)).toBe('does not answer in time')
    expect(await allowed('/round')).toBe('redirects more than 5 times')
    expect(await whyUnreachable('http://name.invalid/', { mayAsk: isPublic })).toBe(
      'names a host that does not resolve',
    )
  })

  it('checks where a redirect leads as well', async () => {
    const { isPublic, whyUnreachable } = await import('../../src/crud/reachable.ts')
    expect(['8.8.8.8', '2606:4700::1111'].map(isPublic)).toEqual([true, true])
    const inner = [
      '10.1.2.3',
      '100.64.0.1',
      '224.0.0.1',
      'fe80::1',
      'fd00::1',
      'ff02::1',
      '64:ff9b::7f00:1',
      '::ffff:10.0.0.1',
    ]
    expect(inner.filter(isPublic)).toEqual([])
    const reason = await whyUnreachable(`http://127.0.0.1:${port}/away`, {
      mayAsk: (address) => address === '127.0.0.1',
    })
    expect(reason).toMatch(/^redirects to a place that leads to an address that is not public/)
  })

  it('is a problem like any other', async () => {
    const given = ['--organization-id', org, '--url', `http://127.0.0.1:${port}/`, '--navigation-goal', 'x']
    const refused = await run(['task', 'create', ...given, '--check-url'])
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain('url leads to an address that is not public')
    const allowed = await run(['task', 'create', ...given, '--check-url', '--allow-private'])
    expect(allowed.exitCode).toBe(0)
  })
})

describe('import', () => {
  it('writes all or nothing, or keeps going with a file of rejects and exit 7, and is journalled', async () => {
    const csv = `organization_id,url,navigation_goal\n${org},https://x.org,a\n${org},x,b\n${org},https://y.org,c\n`
    await writeFile(join(folder, 'tasks.csv'), csv)
    const refused = await run(['task', 'import', 'tasks.csv'])
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toMatchInlineSnapshot(`
  "error: 1 of 3 tasks were refused; none was written
    line 3  url  must start with http:// or https://
  hint:  Correct the file, or add --keep-going to write the others
  "
`)
    const kept = await run(['task', 'import', 'tasks.csv', '--keep-going', '--json'])
    expect(kept.exitCode).toBe(7)
    const file = join(folder, 'tasks.csv.rejects.ndjson')
    expect(JSON.parse(kept.stdout)).toEqual({ read: 3, written: 2, rejected: 1, rejects_file: file, dry_run: false })
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ line: 3, row: { url: 'x' } })
    const runs = await database.db.rows(
      sql`SELECT outcome, counts FROM steward.journal WHERE command = 'skyvern task import' ORDER BY run_id`,
    )
    expect(runs).toEqual([
      { outcome: 'failed', counts: null },
      { outcome: 'partial', counts: { read: 3, rejected: 1, written: 2 } },
    ])
  })

  it('takes back what export wrote, columns that cannot be set left out', async () => {
    const exported = await run(['task', 'export', '--format', 'csv', '--filter', 'navigation_goal=c'])
    const ignore = 'task_id,status,created_at,modified_at,completed_at,extracted_information,failure_reason'
    const plain = await run(['task', 'import', '-'], { stdin: exported.stdout })
    expect(plain.stderr).toContain('--ignore')
    const back = await run(['task', 'import', '-', '--ignore', ignore, '--json'], { stdin: exported.stdout })
    expect(JSON.parse(back.stdout)).toMatchObject({ read: 1, written: 1 })
  })

  it('says what is wrong with the file itself', async () => {
    expect((await run(['task', 'import', 'none.csv'])).exitCode).toBe(2)
    expect((await run(['task', 'import', '.'])).stderr).toContain('is a folder')
  })
})

describe('update, operations, delete', () => {
  it('shows people what changed, and machines the row with its changes', async () => {
    const id = await task(database.db, org)
    const changed = await run(['task', 'update', id, '--failure-reason', 'Blocked'])
    expect(changed.stdout.replaceAll(id, 'tsk_1')).toMatchInlineSnapshot(`
      "task tsk_1

      FIELD           BEFORE  AFTER
      failure_reason  –       Blocked
      "
    `)
    const same = await run(['task', 'update', id, '--failure-reason', 'Blocked'])
    expect([same.exitCode, same.stderr]).toEqual([0, 'Nothing changed.\n'])
    const cleared = await run(['task', 'update', id, '--clear', 'failure-reason', '--json'])
    expect(JSON.parse(cleared.stdout)).toMatchObject({
      failure_reason: null,
      changes: [{ field: 'failure_reason', before: 'Blocked', after: null }],
    })
    const status = await run(['task', 'update', id, '--status', 'failed'])
    expect([status.exitCode, status.stderr]).toEqual([5, expect.stringContaining('is changed by task queue')])
    expect((await run(['task', 'update', id])).exitCode).toBe(2)
    expect((await run(['task', 'update', id, '--edit'])).exitCode).toBe(2)
    expect((await run(['task', 'update', 'tsk_404', '--failure-reason', 'x'])).exitCode).toBe(4)
  })

  it('names each problem of an edited text on a line of its own', async () => {
    const editor = join(folder, 'spoiling-editor.sh')
    await writeFile(editor, '#!/bin/sh\nprintf "max_steps_per_run: 0\\nbogus: 1\\n" > "$1"\n', { mode: 0o755 })
    const edit = { env: { DATABASE_URL: database.url, EDITOR: editor }, tty: { stdin: true, stderr: true } }
    // Nobody answers whether to edit again.
    const { stderr } = await run(['organization', 'update', org, '--edit'], edit)
    expect(stripVTControlCharacters(stderr)).toContain(
      [
        'warning: 2 problems with this organization',
        'warning: max_steps_per_run must be at least 1',
        'warning: bogus is not a field of organization\n',
      ].join('\n'),
    )
  })

  it('opens the fields in an editor', async () => {
    const own = await organization(database.db, { domain: 'old.example' })
    const editor = join(folder, 'editor.sh')
    await writeFile(editor, '#!/bin/sh\nsed -i "s/^domain: .*/domain: new.example/; /^max_steps/d" "$1"\n', {
      mode: 0o755,
    })
    const edit = { env: { DATABASE_URL: database.url, EDITOR: editor }, tty: { stdin: true, stderr: true } }
    const { exitCode, stdout } = await run(['organization', 'update', own, '--edit', '--json'], edit)
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout).changes).toEqual([{ field: 'domain', before: 'old.example', after: 'new.example' }])
  })

  it('ends a bulk change between two batches on SIGINT, with its counts and exit 130', async () => {
    const { db } = database
    const own = await organization(db)
    await db.execute(sql`
      INSERT INTO skyvern.tasks (organization_id, url, navigation_goal, status)
      SELECT ${own}, 'https://x.org', 'x', 'queued' FROM generate_series(1, 400)`)
    let interrupt: (signal: 'SIGINT') => void = () => {}
    const argv = ['task', 'cancel', '--organization-id', own, '--batch-size', '1', '--yes', '--json']
    const running = run(argv, {
      signals: (send) => {
        interrupt = send
      },
    })
    const cancelled = () =>
      db.one<{ count: bigint }>(
        sql`SELECT count(*) AS count FROM skyvern.tasks WHERE organization_id = ${own} AND status = 'cancelled'`,
      )
    while ((await cancelled()).count === 0n) await new Promise((resolve) => setTimeout(resolve, 5))
    interrupt('SIGINT')
    const { exitCode, stdout } = await running
    expect(exitCode).toBe(130)
    const { moved, left } = JSON.parse(stdout).counts
    expect(moved + left).toBe(400)
    expect((await cancelled()).count).toBe(BigInt(moved))
    expect(
      await db.one(sql`SELECT outcome FROM steward.journal WHERE command = 'skyvern task cancel'
                       ORDER BY run_id DESC LIMIT 1`),
    ).toEqual({ outcome: 'interrupted' })
  })

  it('moves rows by id without a question', async () => {
    const id = await task(database.db, org)
    expect((await run(['task', 'queue', id])).exitCode).toBe(0)
    const wrong = await run(['task', 'queue', id])
    expect(wrong.exitCode).toBe(5)
    expect(wrong.stderr.replaceAll(id, 'tsk_1')).toBe(
      'error: task tsk_1 is queued, and queue needs created; from queued there are start (to running), ' +
        'cancel (to cancelled), terminate (to terminated)\n',
    )
    const other = await task(database.db, org)
    const kept = await run(['task', 'queue', id, other, 'tsk_404', '--keep-going', '--json'])
    expect(kept.exitCode).toBe(7)
    expect(JSON.parse(kept.stdout)).toMatchObject({
      changed: [{ task_id: other, status: 'queued' }],
      failures: [{ id }, { id: 'tsk_404' }],
    })
    expect((await run(['task', 'fail', id])).stderr).toContain('failure_reason is required')
    expect((await run(['task', 'cancel', id, other])).exitCode).toBe(2)
    expect((await run(['task', 'cancel', id, other, '--yes'])).exitCode).toBe(0)
  })

  it('moves many by filter after a plan, and needs a filter or ids', async () => {
    const own = await organization(database.db)
    for (let index = 0; index < 3; index++) await task(database.db, own)
    const filter = ['--organization-id', own, '--status', 'created']
    const plan = await run(['task', 'queue', ...filter, '--dry-run'])
    expect(plan.stdout).toMatchInlineSnapshot(`
      "Tasks that match
      STATE    ROWS  CHANGE
      created     3  becomes queued
      "
    `)
    expect((await run(['task', 'queue', ...filter])).exitCode).toBe(2)
    expect((await run(['task', 'queue', ...filter, '--max-rows', '2', '--yes'])).exitCode).toBe(5)
    const done = await run(['task', 'queue', ...filter, '--max-rows', '3', '--batch-size', '2', '--yes', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({
      counts: { planned: 3, moved: 3, skipped: 0, failed: 0, left: 0 },
    })
    const again = await run(['task', 'queue', ...filter, '--yes'])
    expect([again.exitCode, again.stderr]).toEqual([0, 'No tasks that match are created; nothing to do.\n'])
    expect((await run(['task', 'queue', '--yes'])).exitCode).toBe(2)
    expect((await run(['task', 'queue', 'tsk_1', '--status', 'created', '--yes'])).exitCode).toBe(2)
  })

  it('asks for the name on production', async () => {
    await setEnvironment(database.db, 'production', 'tester')
    const filter = ['task', 'cancel', '--organization-id', org, '--status', 'queued']
    const id = await task(database.db, org)
    await run(['task', 'queue', id])
    const yes = await run([...filter, '--yes'])
    expect(yes.exitCode).toBe(2)
    expect((await run([...filter, '--confirm', database.endpoint.database])).exitCode).toBe(0)
    await setEnvironment(database.db, 'development', 'tester')
  })

  it('starts a workflow run from nothing, and copies a workflow', async () => {
    const made = await run([
      ...['workflow', 'create', '--organization-id', org, '--title', 'Invoices', '--workflow-definition', '{}'],
      ...['--parameter-schema', '{"type":"object","required":["month"]}', '--json'],
    ])
    const { workflow_id } = JSON.parse(made.stdout)
    const base = ['workflow-run', 'start', '--workflow-id', workflow_id]
    const wrong = await run([...base, '--parameters', '{"year": 1}'])
    expect([wrong.exitCode, wrong.stderr]).toEqual([5, expect.stringContaining('parameters.month is required')])
    const right = await run([...base, '--parameters', '{"month": "June"}', '--json'])
    expect(JSON.parse(right.stdout)).toMatchObject({
      status: 'running',
      organization_id: org,
      parameters: { month: 'June' },
    })
    const help = await run(['workflow-run', 'start', '--help'])
    expect(help.stdout).toMatch(
      /--organization-id <text> +organization that owns the run, taken from the\s+workflow when absent/,
    )
    expect(help.stdout).toContain('start --workflow-id w_712953182740054018\n')
    const copy = await run([
      'workflow',
      'new-version',
      workflow_id,
      '--title',
      'Bills',
      '--retire-previous',
      '--json',
    ])
    expect(JSON.parse(copy.stdout)).toMatchObject({ version: 2, title: 'Bills', is_active: true })
    expect(copy.stderr).toContain(`Retired: ${workflow_id}`)
    expect((await run(['workflow', 'new-version', workflow_id])).exitCode).toBe(2)
    const inactive = await run([...base, '--parameters', '{"month": "June"}'])
    expect(inactive.stderr).toContain('workflow_id is not active')
  })

  it('journals the rows of a file, whichever verb reads them, and no rehearsal', async () => {
    const file = join(folder, 'journalled.ndjson')
    const row = { organization_id: org, url: 'https://example.org', navigation_goal: 'Go' }
    await writeFile(file, `${JSON.stringify(row)}\n`)
    for (const verb of [['import'], ['create', '--from']]) {
      await run(['task', ...verb, file, '--dry-run'])
      expect((await run(['task', ...verb, file])).exitCode).toBe(0)
    }
    const runs = await database.db.rows(
      sql`SELECT command, outcome, counts FROM steward.journal WHERE arguments @> ${JSON.stringify([file])}::jsonb ORDER BY run_id`,
    )
    const counts = { read: 1, written: 1, rejected: 0 }
    expect(runs).toEqual([
      { command: 'skyvern task import', outcome: 'done', counts },
      { command: 'skyvern task create', outcome: 'done', counts },
    ])
  })

  it('says up to which line rows are written when the connection is lost', async () => {
    const own = await organization(database.db)
    const row = JSON.stringify({ organization_id: own, url: 'https://example.org', navigation_goal: 'Go' })
    const stored = async () =>
      (await database.db.rows(sql`SELECT FROM skyvern.tasks WHERE organization_id = ${own}`)).length
    async function* rows() {
      yield `${row}\n`.repeat(10)
      while ((await stored()) < 10) await new Promise((resolve) => setTimeout(resolve, 20))
      await database.db.execute(sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'steward:skyvern task import'`)
      yield `${row}\n`.repeat(10)
    }
    const given = ['task', 'import', '-', '--keep-going', '--batch-size', '5', '--rejects', 'lost.ndjson']
    const { exitCode, stderr } = await run(given, { stdin: Readable.from(rows()) })
    expect(exitCode).toBe(6)
    const said = /Failed: the rows up to the one on line (\d+) are dealt with, those after it may not be\./.exec(
      stderr,
    )
    // How far it came depends on which of its connections was busy; what it says was written is.
    expect(Number(said?.[1])).toBeGreaterThanOrEqual(5)
    expect(await stored()).toBeGreaterThanOrEqual(Number(said?.[1]))
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

  it('changes what can be changed with --keep-going, also where an id does not exist', async () => {
    const [one, two] = [await task(database.db, org), await task(database.db, org)]
    await run(['task', 'queue', one, two])
    const given = ['task', 'cancel', one, 'tsk_404', two, '--keep-going', '--json']
    const rehearsed = await run([...given, '--dry-run'])
    expect(JSON.parse(rehearsed.stdout)).toHaveLength(2)
    expect(rehearsed.stderr).toContain('tsk_404 There is no task tsk_404')
    const done = await run([...given, '--yes'])
    expect(done.exitCode).toBe(7)
    expect(JSON.parse(done.stdout)).toMatchObject({
      changed: [{ task_id: one, status: 'cancelled' }, { task_id: two }],
      failures: [{ id: 'tsk_404' }],
    })
  })

  it('refuses fields of a new row beside the id of one that is there', async () => {
    const { exitCode, stderr } = await run(['workflow-run', 'start', 'wr_1', '--parameters', '{}'])
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('Both ids and fields of a new workflow run are given: parameters'),
    ])
  })

  it('makes sure that rejects can be written before it writes a row', async () => {
    const file = join(folder, 'mixed.ndjson')
    const row = JSON.stringify({ organization_id: org, url: 'https://kept.example', navigation_goal: 'Go' })
    await writeFile(file, `${row}\n{}\n`)
    await mkdir(join(folder, 'a-folder'))
    for (const [rejects, why] of [
      ['mixed.ndjson', 'it is the file that is read'],
      ['nowhere/x', 'its folder is not there or may not be written to'],
      ['a-folder', 'it is a folder'],
    ] as const) {
      for (const verb of [
        ['import', file],
        ['create', '--from', file],
      ]) {
        const { exitCode, stderr } = await run(['task', ...verb, '--keep-going', '--rejects', rejects])
        expect([exitCode, stderr]).toEqual([2, expect.stringContaining(why)])
      }
    }
    expect(await readFile(file, 'utf8')).toContain('kept.example')
    expect((await run(['task', 'count', '--search', 'kept.example', '--json'])).stdout).toContain('"count": 0')
  })

  it('revokes keys after a question, once', async () => {
    const key = JSON.parse(
      (await run(['api-key', 'create', '--organization-id', org, '--name', 'CI', '--json'])).stdout,
    ).api_key_id
    expect((await run(['api-key', 'revoke', key])).exitCode).toBe(2)
    const revoked = await run(['api-key', 'revoke', key, '--yes', '--json'])
    expect(JSON.parse(revoked.stdout)).toMatchObject({ valid: false, revoked_at: expect.stringMatching(/Z$/) })
    const again = await run(['api-key', 'revoke', key, '--yes'])
    expect([again.exitCode, again.stderr]).toEqual([
      5,
      expect.stringContaining('is already revoked (valid is false)'),
    ])
  })

  it('shows what a delete takes along, then deletes it', async () => {
    const own = await organization(database.db, { organization_name: 'Doomed' })
    await task(database.db, own)
    const plan = await run(['organization', 'delete', own, '--dry-run'])
    expect(plan.stdout).toMatchInlineSnapshot(`
      "What this takes along

      Deleted
      TABLE          ROWS
      organizations     1
      tasks             1
      "
    `)
    expect((await run(['organization', 'delete', own])).exitCode).toBe(2)
    const done = await run(['organization', 'delete', own, '--yes', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({
      summary: { deleted: 2, files_due: 0 },
      tables: [
        { table: 'organizations', rows: 1 },
        { table: 'tasks', rows: 1 },
      ],
    })
    expect((await run(['organization', 'delete', own, '--yes'])).exitCode).toBe(4)
  })

  it('offers only what the matrix allows', async () => {
    for (const [entity, verb] of [
      ['step', 'delete'],
      ['action', 'update'],
      ['workflow-run', 'delete'],
      ['organization', 'import'],
      ['api-key', 'import'],
    ]) {
      expect((await run([String(entity), String(verb), 'x'])).exitCode).toBe(2)
    }
  })
})
