/** DevFlow's operations as an operator types them: what they change, what follows, and what they refuse. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await made('project', 'create', '--name', 'shop')
})
afterAll(() => database?.drop())

const steward = (...argv: readonly string[]) => runCli(['--url', database.url, 'devflow', ...argv])

/** The row that a command must have made or changed. */
async function made(
  ...argv: readonly string[]
): Promise<Readonly<Record<string, unknown>> & { readonly id: string }> {
  const { exitCode, stdout, stderr } = await steward(...argv, '--json')
  expect({ argv, exitCode, stderr }).toMatchObject({ exitCode: 0 })
  return JSON.parse(stdout)
}

/** What a command that must be refused says. */
async function refused(...argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await steward(...argv)
  expect({ argv, exitCode, stdout }).toEqual({ argv, exitCode: 5, stdout: '' })
  return stderr
}

const one = (text: string) => database.db.one(raw(text))
const newTask = (title: string, ...flags: readonly string[]) =>
  made('task', 'create', '--project', 'shop', '--title', title, ...flags)
const newPullRequest = async (branch: string) => {
  const task = await newTask(`For ${branch}`)
  const flags = ['--repository-url', 'https://git.example.com/shop', '--branch-name', branch, '--title', branch]
  return made('pull-request', 'create', '--task-id', task.id, ...flags)
}

describe('task', () => {
  it('starts with an agent and after what it waits for, and goes its way to the end', async () => {
    const [first, second] = [await newTask('Build it'), await newTask('Ship it')]
    await made('dependency', 'add', second.id, first.id, '--type', 'requires')
    expect(await refused('task', 'start', first.id)).toContain('assigned_agent must be set')
    await made('task', 'assign', first.id, '--assigned-agent', 'codegen')
    await made('task', 'assign', second.id, '--assigned-agent', 'task_manager')
    expect(await refused('task', 'start', second.id)).toMatch(/waits for task Build it \(.*\), which is pending/)
    await made('task', 'start', first.id)
    expect(await refused('task', 'start', first.id)).toContain('is in_progress, and start needs pending')
    await made('task', 'validate', first.id)
    const done = await made('task', 'complete', first.id, '--actual-duration', '90')
    expect(done).toMatchObject({ status: 'completed', actual_duration: 90, completed_at: expect.any(String) })
    expect(await made('task', 'start', second.id)).toMatchObject({ status: 'in_progress' })
    expect(await refused('task', 'assign', first.id, '--assigned-agent', 'codegen')).toContain('has ended')
    expect(await made('task', 'fail', second.id)).toMatchObject({ status: 'failed' })
    expect(await made('task', 'retry', second.id)).toMatchObject({ status: 'pending', completed_at: null })
    expect(await refused('task', 'retry', first.id)).toContain('nothing leads out of completed')
  })

  it('is let go on by hand, and refuses to wait in a circle with the circle shown', async () => {
    const [first, second] = [await newTask('One of two'), await newTask('Two of two')]
    const edge = await made('dependency', 'add', second.id, first.id)
    expect(await refused('dependency', 'add', first.id, second.id)).toMatch(/One of two.*→ Two of two.*→ One of two/)
    await made('dependency', 'satisfy', edge.id)
    expect(await refused('dependency', 'satisfy', edge.id)).toContain('is already satisfied')
    await made('task', 'assign', second.id, '--assigned-agent', 'codegen')
    expect(await made('task', 'start', second.id)).toMatchObject({
      dependencies: [{ task_id: first.id, type: 'blocks' }],
    })
  })

  it('that is cancelled takes its attempts along, those that ended stay', async () => {
    const task = await newTask('Give it up')
    const flags = ['--task-id', task.id, '--agent-type', 'codegen']
    const [queued, running, ended] = [
      await made('execution', 'create', ...flags),
      await made('execution', 'start', ...flags),
      await made('execution', 'start', ...flags),
    ]
    await made('execution', 'finish', ended.id)
    await made('task', 'cancel', task.id, '--yes')
    const states = await database.db.rows<{ id: string; execution_status: string }>(
      raw(`SELECT id, execution_status FROM devflow.task_executions WHERE task_id = '${task.id}'`),
    )
    expect(Object.fromEntries(states.map((row) => [row.id, row.execution_status]))).toEqual({
      [queued.id]: 'cancelled',
      [running.id]: 'cancelled',
      [ended.id]: 'completed',
    })
    expect(await refused('execution', 'start', ...flags)).toContain('task_id is cancelled')
  })

  it('is found by its words, its tags and its requirements', async () => {
    const flags = ['--description', 'Authentication with security keys', '--tags', '["sign-in"]']
    const { id } = await newTask('Sign in', ...flags, '--requirements', '{"type":"feature","priority":1}')
    const found = async (...argv: string[]) => {
      const { stdout } = await steward('task', ...argv, '--fields', 'id', '--json')
      return JSON.parse(stdout)
    }
    expect(await found('search', 'authentication & security')).toEqual([{ id }])
    expect(await found('list', '--tag', 'sign-in')).toEqual([{ id }])
    expect(await found('list', '--contains', 'requirements={"type":"feature","priority":1}')).toEqual([{ id }])
    expect(await found('list', '--contains', 'requirements={"type":"bugfix"}')).toEqual([])
  })

  it('names every field that is wrong, and a parent that is missing or of another project', async () => {
    const wrong = [
      '--priority',
      '11',
      '--tags',
      '[1]',
      '--requirements',
      '{"type":1}',
      '--context',
      '{"a":'.repeat(10) + '{}' + '}'.repeat(10),
    ]
    const said = await refused('task', 'create', '--project', 'nowhere', '--title', 'ab', ...wrong)
    for (const words of [
      'title         must have at least 3 characters',
      'priority      must be from 0 to 10',
      'tags          must be a JSON array of texts',
      'requirements  type must be a string',
      'context       must not be nested more than 10 deep',
      'project_id    names project nowhere, which does not exist',
    ]) {
      expect(said).toContain(words)
    }
    expect(await refused('task', 'create', '--project', 'shop', '--title', 'ab')).toContain(
      'title must have at least 3',
    )
    await made('project', 'create', '--name', 'other')
    const parent = await newTask('A parent')
    const elsewhere = ['--project', 'other', '--title', 'Elsewhere', '--parent-task-id', parent.id]
    expect(await refused('task', 'create', ...elsewhere)).toContain('project_id')
  })
})

describe('execution', () => {
  it('ends once, with its output, what it took and how long', async () => {
    const task = await newTask('Measure it')
    const { id } = await made('execution', 'start', '--task-id', task.id, '--agent-type', 'claude_code')
    const resources = ['--memory-usage-mb', '512', '--cpu-time-ms', '4200']
    const ended = await made('execution', 'finish', id, '--output-results', '{"files":3}', ...resources)
    expect(ended).toMatchObject({ execution_status: 'completed', memory_usage_mb: 512, cpu_time_ms: 4200 })
    expect(ended.duration).toBeGreaterThanOrEqual(0)
    expect(await refused('execution', 'timeout', id)).toContain('is completed, and timeout needs running')
    const { id: other } = await made('execution', 'create', '--task-id', task.id, '--agent-type', 'codegen')
    expect(await refused('execution', 'fail', other)).toContain('error_details')
    const failed = await made('execution', 'fail', other, '--error-details', '{"code":"RATE_LIMITED"}')
    expect(failed).toMatchObject({ execution_status: 'failed', started_at: null, duration: null })
  })
})

describe('pull-request', () => {
  it('goes from draft to merged, out of review when a validation fails, and back', async () => {
    const { id } = await newPullRequest('feature/a')
    const validate = (result: string, ...more: string[]) =>
      made(
        'pull-request',
        'record-validation',
        id,
        '--validation-type',
        'unit_tests',
        '--validator-name',
        'vitest',
        '--result',
        result,
        ...more,
      )
    await made('pull-request', 'open', id, '--pr-number', '7', '--commit-sha', 'A'.repeat(40))
    await made('pull-request', 'request-review', id)
    const failed = await validate('failed', '--score', '40')
    expect(failed).toMatchObject({
      status: 'failed_validation',
      commit_sha: 'a'.repeat(40),
      validation_results: { unit_tests: { result: 'failed', score: 40, validator: 'vitest' } },
    })
    expect(await refused('pull-request', 'merge', id)).toMatch(/is failed_validation.*close.*reopen/)
    await made('pull-request', 'reopen', id)
    expect(await validate('passed')).toMatchObject({ status: 'open' })
    await made('pull-request', 'approve', id)
    expect(await made('pull-request', 'merge', id)).toMatchObject({ status: 'merged', merged_at: expect.any(String) })
    const late = ['--validation-type', 'lint', '--validator-name', 'biome', '--result', 'passed']
    expect(await refused('pull-request', 'record-validation', id, ...late)).toContain('has ended (status is merged)')
    expect(await refused('validation', 'create', '--pr-id', id, ...late)).toContain('pr_id is merged')
    expect(await one(`SELECT count(*) AS validations FROM devflow.validations WHERE pr_id = '${id}'`)).toEqual({
      validations: 2n,
    })
  })

  it('that fails a validation created by itself leaves review just so; a draft stays one', async () => {
    const [opened, draft] = [await newPullRequest('feature/b'), await newPullRequest('feature/c')]
    await made('pull-request', 'open', opened.id)
    const failing = ['--validation-type', 'lint', '--validator-name', 'biome', '--result', 'failed']
    await made('validation', 'create', '--pr-id', opened.id, ...failing)
    await made('validation', 'create', '--pr-id', draft.id, ...failing)
    expect(await made('pull-request', 'get', opened.id)).toMatchObject({ status: 'failed_validation' })
    expect(await made('pull-request', 'get', draft.id)).toMatchObject({ status: 'draft' })
    expect(await refused('validation', 'create', ...failing)).toContain('pr_id must be given, or task_execution_id')
  })

  it('refuses a number that is taken, and leaves nothing half done', async () => {
    const { id } = await newPullRequest('feature/d')
    expect(await refused('pull-request', 'open', id, '--pr-number', '7')).toContain('pr_number')
    expect(await made('pull-request', 'get', id)).toMatchObject({ status: 'draft', pr_number: null })
    const wrong = ['--validation-type', 'x', '--validator-name', 'x', '--result', 'passed', '--score', '100.5']
    expect(await refused('pull-request', 'record-validation', id, ...wrong)).toContain('score must be from 0 to 100')
  })
})

describe('agent-config', () => {
  it('has one active version of each agent, numbered as they are made', async () => {
    const flags = [
      '--project',
      'shop',
      '--agent-type',
      'codegen',
      '--agent-name',
      'pair',
      '--configuration',
      '{"model":"a"}',
    ]
    const first = await made('agent-config', 'create', ...flags)
    const second = await made('agent-config', 'new-version', first.id, '--configuration', '{"model":"b"}')
    expect([first.version, second.version]).toEqual([1, 2])
    await made('agent-config', 'activate', first.id)
    await made('agent-config', 'activate', second.id)
    expect(await refused('agent-config', 'activate', second.id)).toContain('is already active')
    expect(await made('agent-config', 'get', first.id)).toMatchObject({ is_active: false })
    const checked = await made('agent-config', 'record-health', second.id, '--health-status', 'degraded')
    expect(checked).toMatchObject({ health_status: 'degraded', last_health_check: expect.any(String) })
    await made('agent-config', 'deactivate', second.id, '--yes')
    expect(await refused('agent-config', 'deactivate', second.id, '--yes')).toContain('is already inactive')
  })
})

describe('project', () => {
  it('that is archived takes no new work, until it is unarchived', async () => {
    await made('project', 'create', '--name', 'old')
    await made('project', 'archive', 'old', '--yes')
    expect(await refused('project', 'archive', 'old', '--yes')).toContain('is already archived')
    expect(await refused('task', 'create', '--project', 'old', '--title', 'Too late')).toContain(
      'project_id is archived',
    )
    expect(await made('project', 'unarchive', 'old')).toMatchObject({ archived_at: null })
    expect(await refused('project', 'unarchive', 'old')).toContain('is not archived (archived_at is not set)')
    expect(await refused('project', 'create', '--name', 'old')).toContain('name')
  })
})

describe('event', () => {
  it('says who made each change: the user of the operating system, not the role', async () => {
    const { id } = await newTask('Say who')
    await made('task', 'update', id, '--priority', '3')
    await made('task', 'assign', id, '--assigned-agent', 'codegen')
    const attempt = await made('execution', 'start', '--task-id', id, '--agent-type', 'codegen')
    await made('task', 'cancel', id, '--yes')
    await made('task', 'delete', id, '--yes')
    const rows = '[{"name":"imported one"},{"name":"imported two"}]'
    const imported = await runCli(['--url', database.url, 'devflow', 'project', 'import', '-', '--json'], {
      stdin: rows,
    })
    expect(imported).toMatchObject({ exitCode: 0 })
    const said = await database.db.rows(sql`
      SELECT event_category, action, actor, count(*)::integer AS events
      FROM devflow.workflow_events
      WHERE task_id = ${id} OR event_data ->> 'id' = ${attempt.id}
        OR project_id IN (SELECT p.id FROM devflow.projects AS p WHERE p.name LIKE 'imported %')
      GROUP BY event_category, action, actor
      ORDER BY event_category, action, actor`)
    expect(said).toEqual(
      [
        ['execution', 'created', 1],
        ['execution', 'deleted', 1],
        ['execution', 'updated', 2],
        ['system', 'created', 2],
        ['task', 'created', 1],
        ['task', 'deleted', 1],
        ['task', 'updated', 3],
      ].map(([event_category, action, events]) => ({ event_category, action, actor: 'tester', events })),
    )
  })

  it('is found by what it is about, also by name and when that is gone, and is shown with it', async () => {
    await made('project', 'create', '--name', 'seen')
    const { id } = await made('task', 'create', '--project', 'seen', '--title', 'To be seen')
    const list = async (...argv: string[]) => {
      const { exitCode, stdout, stderr } = await steward('event', 'list', ...argv, '--fields', 'action', '--json')
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
      return JSON.parse(stdout)
    }
    expect(await list('--task-id', id)).toEqual([{ action: 'created' }])
    expect(await list('--project', 'seen', '--event-category', 'system')).toEqual([{ action: 'created' }])
    const { events } = await made('task', 'get', id, '--include', 'events')
    expect(events).toMatchObject([{ task_id: id, action: 'created' }])
    const [event] = JSON.parse((await steward('event', 'list', '--task', id, '--fields', 'id', '--json')).stdout)
    const included = ['event', 'get', event.id, '--include', 'task,project'] as const
    expect(await made(...included)).toMatchObject({ task: { id }, project: { name: 'seen' } })
    await made('task', 'delete', id, '--yes')
    expect(await list('--task', id)).toEqual([{ action: 'deleted' }, { action: 'created' }])
    expect(await made(...included)).toMatchObject({ task: null, project: { name: 'seen' } })
    expect((await steward('event', 'list', '--task', 'nonsense')).stderr).toContain('--task-id must be a UUID')
    expect((await steward('event', 'list', '--project', 'nowhere')).exitCode).toBe(4)
  })

  it('is read only, and the trail of a task says what became of it', async () => {
    expect((await steward('event', 'create')).exitCode).toBe(2)
    const { id } = await newTask('Leave a trail')
    await made('task', 'assign', id, '--assigned-agent', 'codegen')
    await made('task', 'start', id)
    await made('task', 'delete', id, '--yes')
    const wrong = await steward('report', 'audit-trail', 'nonsense')
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('must be a UUID') })
    const { stdout } = await steward('report', 'audit-trail', id, '--json')
    const { trail } = JSON.parse(stdout)
    expect(trail.map(({ action, changes }: { action: string; changes: string | null }) => [action, changes])).toEqual(
      [
        ['created', null],
        ['updated', expect.stringContaining('assigned_agent: none → codegen')],
        ['updated', 'status: pending → in_progress'],
        ['deleted', null],
      ],
    )
  })
})
