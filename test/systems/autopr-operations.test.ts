/** AutoPR's operations as an operator and its workers meet them, on the command line. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'

let database: TestDatabase
let home: string

beforeAll(async () => {
  database = await createTestDatabase()
  home = mkdtempSync(join(tmpdir(), 'steward-autopr-'))
})
afterAll(async () => {
  await database?.drop()
  rmSync(home, { recursive: true, force: true })
})
beforeEach(async () => {
  await database.db.execute(sql`DELETE FROM autopr.workflows`)
  await database.db.execute(sql`DELETE FROM autopr.integrations`)
})

const run = (words: string, argv: readonly string[] = [], options: CliOptions = {}) =>
  runCli(['--url', database.url, 'autopr', ...words.split(' '), ...argv], options)

type Answer = Readonly<Record<string, unknown>>

/** What a command that must succeed says. */
async function done(words: string, argv: readonly string[] = [], options: CliOptions = {}): Promise<Answer> {
  const { exitCode, stdout, stderr } = await run(words, [...argv, '--json'], options)
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }, words).toEqual({ exitCode: 0, stderr: '' })
  return JSON.parse(stdout)
}

/** What a command that must be refused says, with its exit code. */
async function refused(words: string, argv: readonly string[] = []): Promise<string> {
  const { exitCode, stdout, stderr } = await run(words, argv)
  expect({ exitCode, stdout }, `${words}: ${stderr}`).toEqual({ exitCode: 5, stdout: '' })
  return stderr
}

const activeWorkflow = async (name = 'Deploy') => {
  await done('workflow create', ['--name', name])
  return done('workflow activate', [name])
}

describe('workflow', () => {
  it('goes through its states by name, and says where it may go when it may not', async () => {
    expect(await done('workflow create', ['--name', 'Deploy'])).toMatchObject({ status: 'draft', config: {} })
    expect(await refused('workflow deactivate', ['Deploy', '--yes'])).toMatch(
      /is draft, and deactivate needs active; from draft there are activate \(to active\), archive \(to archived\)/,
    )
    expect(await done('workflow activate', ['Deploy'])).toMatchObject({ status: 'active' })
    expect(await done('workflow deactivate', ['Deploy', '--yes'])).toMatchObject({ status: 'inactive' })
    expect(await done('workflow archive', ['Deploy', '--yes'])).toMatchObject({ status: 'archived' })
    expect(await refused('workflow activate', ['Deploy'])).toContain('from archived there is restore (to inactive)')
    expect(await done('workflow restore', ['Deploy'])).toMatchObject({ status: 'inactive' })
  })

  it('names every problem of a config, a taken name, and changes nothing', async () => {
    await done('workflow create', ['--name', 'Deploy'])
    const config = '{"max_retries": -1, "timeout_seconds": 1.5, "notification_channels": "slack"}'
    const said = await refused('workflow update', ['Deploy', '--config', config, '--name', ' '])
    for (const member of ['max_retries', 'timeout_seconds', 'notification_channels', 'name'])
      expect(said).toContain(member)
    expect(await refused('workflow create', ['--name', 'Deploy'])).toContain('name is taken')
    expect(await done('workflow get', ['Deploy'])).toMatchObject({ config: {} })
  })

  it('is found by what its config holds', async () => {
    await done('workflow create', ['--name', 'A', '--config', '{"notification_channels": ["slack", "email"]}'])
    await done('workflow create', [
      '--name',
      'B',
      '--config',
      '{"settings": {"auto_deploy": true}, "max_retries": 3}',
    ])
    const names = async (...argv: string[]) => {
      const { stdout } = await run('workflow list', [...argv, '--sort', 'name', '--json'])
      const rows: Answer[] = JSON.parse(stdout)
      return rows.map(({ name }) => name)
    }
    expect(await names('--contains', 'config={"notification_channels":["slack"]}')).toEqual(['A'])
    expect(await names('--contains', 'config={"notification_channels":["teams"]}')).toEqual([])
    expect(await names('--filter', 'config.settings.auto_deploy=true')).toEqual(['B'])
    expect(await names('--filter', 'config.max_retries=3')).toEqual(['B'])
  })

  it('is marked when it is deleted, not while it is active, and comes back as it was', async () => {
    await activeWorkflow()
    expect(await refused('workflow delete', ['Deploy', '--yes'])).toContain(
      'it is active; deactivate or archive it first',
    )
    await done('workflow deactivate', ['Deploy', '--yes'])
    await done('workflow delete', ['Deploy', '--yes'])
    expect(await done('workflow list')).toEqual([])
    expect(await done('workflow list', ['--deleted'])).toMatchObject([{ name: 'Deploy' }])
    expect(await refused('workflow activate', ['Deploy'])).toContain('is deleted')
    expect(
      await refused('action create', ['--workflow-id', 'Deploy', '--action-type', 'x', '--action-name', 'x']),
    ).toMatch(/workflow_id.*deleted/)
    expect(await done('workflow restore', ['Deploy'])).toMatchObject({ status: 'inactive', deleted_at: null })
  })

  it('shows what deleting it for good takes along', async () => {
    await activeWorkflow()
    await done('execution create', ['--workflow-id', 'Deploy'])
    await done('workflow archive', ['Deploy', '--yes'])
    const { stdout } = await run('workflow delete', ['Deploy', '--purge', '--dry-run', '--json'])
    expect(stdout).toContain('workflow_executions')
    expect((await run('workflow delete', ['Deploy', '--purge', '--yes'])).exitCode).toBe(0)
    expect(await database.db.rows(sql`SELECT FROM autopr.workflow_executions`)).toEqual([])
  })
})

describe('action', () => {
  it('is numbered from 0 within its workflow, and reordered without two in one place', async () => {
    await activeWorkflow()
    const ids: string[] = []
    for (const name of ['lint', 'test', 'deploy', 'notify']) {
      const made = await done('action create', [
        '--workflow-id',
        'Deploy',
        '--action-type',
        name,
        '--action-name',
        name,
      ])
      ids.push(String(made.id))
    }
    const order = async () => {
      const rows = await database.db.rows<{ at: string }>(
        sql`SELECT order_index || ' ' || action_name AS at FROM autopr.workflow_actions ORDER BY order_index`,
      )
      return rows.map(({ at }) => at)
    }
    expect(await order()).toEqual(['0 lint', '1 test', '2 deploy', '3 notify'])
    const [lint = '', test = '', , notify = ''] = ids
    expect((await run('action reorder', [notify, test])).exitCode).toBe(0)
    expect(await order()).toEqual(['0 notify', '1 test', '2 lint', '3 deploy'])
    expect((await run('action reorder', [lint, '--to', '3'])).exitCode).toBe(0)
    expect(await order()).toEqual(['0 notify', '1 test', '2 deploy', '3 lint'])
    expect((await run('action reorder', ['00000000-0000-4000-8000-000000000000'])).exitCode).toBe(4)
    expect(await order()).toEqual(['0 notify', '1 test', '2 deploy', '3 lint'])
    expect(
      await refused('action create', ['--workflow-id', 'Nothing', '--action-type', 'x', '--action-name', 'x']),
    ).toContain('workflow_id')
  })
})

describe('execution', () => {
  it('begins while its workflow is active only', async () => {
    await done('workflow create', ['--name', 'Deploy'])
    expect(await refused('execution start', ['--workflow-id', 'Deploy'])).toContain(
      'workflow_id is not active (draft)',
    )
    await done('workflow activate', ['Deploy'])
    const waiting = await done('execution create', ['--workflow-id', 'Deploy', '--trigger-type', 'manual'])
    expect(waiting).toMatchObject({ status: 'pending', started_at: null, retry_count: 0 })
    expect(await done('execution start', [String(waiting.execution_id)])).toMatchObject({
      status: 'running',
      started_at: expect.any(String),
    })
    const another = await done('execution create', ['--workflow-id', 'Deploy'])
    await done('workflow deactivate', ['Deploy', '--yes'])
    expect(await refused('execution start', [String(another.execution_id)])).toContain('is not active (inactive)')
  })

  it('ends in one way, with its reason and its time; a second end is refused', async () => {
    await activeWorkflow()
    const start = async () => String((await done('execution start', ['--workflow-id', 'Deploy'])).execution_id)
    expect(
      await done('execution complete', [await start(), '--result', '{"deployed_version": "v1.2.3"}']),
    ).toMatchObject({
      status: 'completed',
      completed_at: expect.any(String),
      result: { deployed_version: 'v1.2.3' },
    })
    const failing = await start()
    expect(await refused('execution fail', [failing])).toContain('error_message is required')
    expect(await done('execution fail', [failing, '--error-message', 'Tests failed'])).toMatchObject({
      status: 'failed',
      error_message: 'Tests failed',
    })
    expect(await refused('execution timeout', [failing])).toMatch(/is failed, and timeout needs running/)
    expect(await done('execution timeout', [await start()])).toMatchObject({ status: 'timeout' })
    expect(await done('execution cancel', [await start(), '--yes'])).toMatchObject({ status: 'cancelled' })
  })

  it('is retried as a child that waits, with nothing of the outcome', async () => {
    await activeWorkflow()
    const first = await done('execution start', [
      ...['--workflow-id', 'Deploy', '--trigger-type', 'event', '--trigger-data', '{"branch": "main"}'],
    ])
    const id = String(first.execution_id)
    expect(await refused('execution retry', [id])).toContain(
      'can be retried once it failed, timed out or was cancelled',
    )
    await done('execution fail', [id, '--error-message', 'broke', '--result', '{"half": 1}'])
    const again = await done('execution retry', [id])
    expect(again).toMatchObject({
      status: 'pending',
      parent_execution_id: first.id,
      retry_count: 1,
      error_message: null,
      result: null,
      started_at: null,
      completed_at: null,
      trigger_type: 'event',
      trigger_data: { branch: 'main' },
    })
    expect(again.execution_id).not.toBe(id)
    await done('execution cancel', [String(again.execution_id), '--yes'])
    const third = await done('execution retry', [String(again.execution_id), '--trigger-data', '{"branch": "fix"}'])
    expect(third).toMatchObject({
      retry_count: 2,
      parent_execution_id: again.id,
      trigger_data: { branch: 'fix' },
    })
    // One retry each: the next one is made of that.
    expect(await refused('execution retry', [id])).toContain(`has a retry already: ${again.execution_id} (cancelled)`)
    await done('execution cancel', [String(third.execution_id), '--yes'])
    await done('workflow archive', ['Deploy', '--yes'])
    expect(await refused('execution retry', [String(third.execution_id)])).toContain('is not active (archived)')
  })

  it('is retried once, however many ask for it at the same time', async () => {
    await activeWorkflow()
    const { execution_id } = await done('execution start', ['--workflow-id', 'Deploy'])
    await done('execution fail', [String(execution_id), '--error-message', 'broke'])
    const asked = await Promise.all(
      Array.from({ length: 5 }, () => run('execution retry', [String(execution_id), '--quiet'])),
    )
    expect(asked.map(({ exitCode }) => exitCode).sort()).toEqual([0, 5, 5, 5, 5])
  })

  it('shows its log by level and since a time, over the months', async () => {
    await activeWorkflow()
    const { id, execution_id } = await done('execution start', ['--workflow-id', 'Deploy'])
    await database.db.execute(sql`
      INSERT INTO autopr.execution_logs (execution_id, level, message, step_name, created_at)
      VALUES (${id}::uuid, 'DEBUG', 'cache hit', NULL, now() - interval '41 days'),
             (${id}::uuid, 'ERROR', 'tests failed', '1_test', now() - interval '40 days'),
             (${id}::uuid, 'INFO', 'deployed', '2_deploy', now())`)
    const lines = async (...argv: string[]) => (await run('execution logs', [String(execution_id), ...argv])).stdout
    expect(await lines()).toMatch(/cache hit\n.*tests failed\n.*deployed\n$/)
    expect(await lines('--level', 'ERROR')).toMatch(/1_test.*tests failed\n$/)
    expect(await lines('--since', '1d')).not.toContain('tests failed')
  })
})

describe('trigger and integration', () => {
  it('are put into use and out of it; an event trigger says which event', async () => {
    await activeWorkflow()
    const args = ['--workflow-id', 'Deploy', '--trigger-type', 'event']
    expect(await refused('trigger create', args)).toContain('conditions must hold event_type')
    const { id } = await done('trigger create', [...args, '--conditions', '{"event_type": "push"}'])
    expect(await done('trigger disable', [String(id), '--yes'])).toMatchObject({ enabled: false })
    expect(await refused('trigger disable', [String(id), '--yes'])).toContain('is already disabled')
    expect(await done('trigger enable', [String(id)])).toMatchObject({ enabled: true })
  })

  it('records health with its time, and refuses another word', async () => {
    await done('integration create', ['--name', 'Slack', '--type', 'slack'])
    expect(await done('integration record-health', ['Slack', '--health-status', 'degraded'])).toMatchObject({
      health_status: 'degraded',
      last_health_check: expect.any(String),
    })
    expect(await refused('integration record-health', ['Slack', '--health-status', 'fine'])).toContain(
      'health_status',
    )
    expect(await refused('integration delete', ['Slack', '--yes'])).toContain('it is enabled; disable it first')
  })

  it('keeps credentials sealed, shows them to nobody, and seals them again under a new key', async () => {
    const [key, next] = ['key', 'next'].map((name) => join(home, name))
    for (const [index, path] of [key, next].entries()) {
      writeFileSync(path ?? '', Buffer.alloc(32, index + 1).toString('base64'))
      chmodSync(path ?? '', 0o600)
    }
    const env = { STEWARD_CREDENTIALS_KEY_FILE: key }
    await done('integration create', ['--name', 'Slack', '--type', 'slack'])
    const given = { env, stdin: 'xoxb-secret' }
    const set = await run('integration credentials', ['set', 'Slack', '--credentials-file', '-', '--json'], given)
    expect(set.exitCode, set.stderr).toBe(0)
    const stored = sql`SELECT credentials_encrypted AS sealed FROM autopr.integrations`
    const before = await database.db.one<{ sealed: string }>(stored)
    expect(before.sealed).not.toContain('xoxb-secret')
    expect(set.stdout + (await run('integration get', ['Slack', '--json'])).stdout).not.toContain(before.sealed)
    const rotated = await run('integration credentials', ['rotate', '--new-key-file', next ?? '', '--yes'], { env })
    expect(rotated.exitCode, rotated.stderr).toBe(0)
    const after = await database.db.one<{ sealed: string }>(stored)
    expect(after.sealed).not.toBe(before.sealed)
    const audit = await database.db.rows(sql`SELECT before, after FROM steward.audit_log`)
    expect(JSON.stringify(audit, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
      /xoxb-secret/,
    )
  })
})

describe('event', () => {
  const fill = (count: number, name = 'GitHub') =>
    database.db.execute(
      raw(`WITH source AS (INSERT INTO autopr.integrations (name, type) VALUES ('${name}', 'github') RETURNING id)
      INSERT INTO autopr.integration_events (integration_id, event_type, event_id, created_at)
      SELECT id, CASE WHEN n % 2 = 0 THEN 'push' ELSE 'release' END, n::text, now() - n * interval '1 minute'
      FROM source, generate_series(1, ${count}) AS n`),
    )

  it('is claimed oldest first, by integration and type, and worked off or put back', async () => {
    await fill(4)
    await fill(2, 'Other')
    const claim = async (...argv: string[]) => {
      const { stdout } = await run('event claim', [...argv, '--json'])
      const rows: Answer[] = JSON.parse(stdout)
      return rows
    }
    expect((await claim('--integration-id', 'GitHub')).map(({ event_id }) => event_id)).toEqual(['4'])
    expect((await claim('--event-type', 'release', '--limit', '5')).map(({ event_id }) => event_id)).toEqual([
      '3',
      '1',
      '1',
    ])
    const [taken = {}] = await claim('--integration-id', 'Other')
    expect(taken).toMatchObject({ status: 'processing', claimed_at: expect.any(String), processed_at: null })
    const id = String(taken.id)
    expect(await refused('event fail', [id])).toContain('error_message is required')
    expect(await done('event fail', [id, '--error-message', 'HTTP 503'])).toMatchObject({
      status: 'failed',
      processed_at: expect.any(String),
    })
    expect(await done('event requeue', [id])).toMatchObject({
      status: 'pending',
      retry_count: 1,
      claimed_at: null,
      processed_at: null,
      error_message: null,
    })
    expect(await refused('event complete', [id])).toMatch(/is pending, and complete needs processing/)
    expect(await done('event ignore', [id])).toMatchObject({ status: 'ignored' })
    expect(await refused('event requeue', [id])).toContain('nothing leads out of ignored')
  })

  it('goes to one of many claimers each', async () => {
    await fill(60)
    const claims = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const { stdout } = await run('event claim', ['--limit', '5', '--json'])
        const rows: Answer[] = JSON.parse(stdout)
        return rows.map(({ id }) => id)
      }),
    )
    expect(new Set(claims.flat()).size).toBe(60)
    expect(claims.flat()).toHaveLength(60)
  })

  it('that was in hand for too long is put back, one that is not stays', async () => {
    await fill(4)
    const { stdout } = await run('event claim', ['--limit', '4', '--json'])
    const claimed: Answer[] = JSON.parse(stdout)
    // One that failed is in no hand: whether it is worth another try is not for the clock to say.
    await done('event fail', [String(claimed[0]?.id), '--error-message', 'no such repository'])
    await database.db.execute(sql`
      UPDATE autopr.integration_events SET claimed_at = now() - interval '16 minutes' WHERE event_id <> '3'`)
    expect((await run('event reap', [])).exitCode).toBe(2)
    expect((await run('event reap', ['--yes'])).exitCode).toBe(0)
    const rows = sql`SELECT event_id, status, retry_count FROM autopr.integration_events ORDER BY event_id`
    expect(await database.db.rows(rows)).toEqual([
      { event_id: '1', status: 'pending', retry_count: 1 },
      { event_id: '2', status: 'pending', retry_count: 1 },
      { event_id: '3', status: 'processing', retry_count: 0 },
      { event_id: '4', status: 'failed', retry_count: 0 },
    ])
  })

  it('waits while its integration is disabled or deleted', async () => {
    await fill(2)
    await done('integration disable', ['GitHub', '--yes'])
    expect(JSON.parse((await run('event claim', ['--limit', '2', '--json'])).stdout)).toEqual([])
    const event = await database.db.one<{ id: string }>(sql`SELECT id FROM autopr.integration_events LIMIT 1`)
    expect(await refused('event claim', [event.id])).toMatch(/waits: its integration \S+ is not enabled/)
    await run('integration delete', ['GitHub', '--yes'])
    expect(await refused('event claim', [event.id])).toMatch(/waits: its integration \S+ is deleted/)
    await run('integration restore', ['GitHub'])
    await done('integration enable', ['GitHub'])
    expect(JSON.parse((await run('event claim', ['--limit', '2', '--json'])).stdout)).toHaveLength(2)
  })

  it('is not taken from an integration that is disabled or unknown', async () => {
    await fill(1)
    await done('integration disable', ['GitHub', '--yes'])
    expect(await refused('event create', ['--integration-id', 'GitHub', '--event-type', 'push'])).toContain(
      'integration_id is not enabled',
    )
    expect(await refused('event create', ['--integration-id', 'Nobody', '--event-type', 'push'])).toContain(
      'integration_id',
    )
  })
})
