/** What the database itself guards in DevFlow's schema, for every writer: checks both ways, cycles, projections, audit. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { devflow } from '../../src/systems/devflow/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { constraintAgainst, guardsOf } from './support/constraints.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

const id = (kind: number, number = 0) =>
  `00000000-0000-4000-8${String(kind).padStart(3, '0')}-${String(number).padStart(12, '0')}`
const [P, E, R] = [id(0), id(2), id(3)]
const task = (number: number) => id(1, number)
const run = (text: string) => database.db.execute(raw(text))
const one = <T extends object>(text: string) => database.db.one<T>(raw(text))

beforeEach(async () => {
  await run('DELETE FROM devflow.projects')
  await run('DELETE FROM devflow.workflow_events')
  await run(`INSERT INTO devflow.projects (id, name) VALUES ('${P}', 'storefront')`)
  await run(`INSERT INTO devflow.tasks (id, project_id, title, description)
             SELECT ('00000000-0000-4000-8001-' || lpad(n::text, 12, '0'))::uuid, '${P}', 'Task ' || n,
                    CASE n WHEN 1 THEN 'Implement authentication with security keys' END
             FROM generate_series(1, 5) AS n`)
  await run(`INSERT INTO devflow.task_executions (id, task_id, agent_type) VALUES ('${E}', '${task(1)}', 'codegen')`)
  await run(`INSERT INTO devflow.pull_requests (id, project_id, repository_url, branch_name, title)
             VALUES ('${R}', '${P}', 'https://git.example.com/a', 'feature/a', 'A')`)
  await run(`INSERT INTO devflow.validations (pr_id, validation_type, validator_name, result, created_at)
             VALUES ('${R}', 'lint', 'biome', 'warning', '2026-01-01')`)
  await run(
    `INSERT INTO devflow.agent_configurations (project_id, agent_type, agent_name) VALUES ('${P}', 'codegen', 'a')`,
  )
})

/** The constraint that refuses the statement; undefined when none does. */
const refusedBy = (statement: string) => constraintAgainst(database.db, raw(statement))

const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`
const T = `UPDATE devflow.tasks SET`
const X = `UPDATE devflow.task_executions SET`
const Q = `UPDATE devflow.pull_requests SET`
const V = `UPDATE devflow.validations SET`

/** Each constraint with a statement that it refuses, and the nearest one that it lets through. */
const bounds: readonly (readonly [constraint: string, refused: string, accepted: string])[] = [
  ['chk_projects_name', `UPDATE devflow.projects SET name = ' '`, `UPDATE devflow.projects SET name = 'x'`],
  [
    'chk_projects_settings',
    `UPDATE devflow.projects SET settings = '[]'`,
    `UPDATE devflow.projects SET settings = '{"a":[1]}'`,
  ],
  [
    'uq_projects_name',
    `INSERT INTO devflow.projects (name) VALUES ('storefront')`,
    `INSERT INTO devflow.projects (name) VALUES ('Storefront')`,
  ],
  ['chk_tasks_title', `${T} title = ' ab '`, `${T} title = 'abc'`],
  ['chk_tasks_priority', `${T} priority = 11`, `${T} priority = 10`],
  ['chk_tasks_priority', `${T} priority = -1`, `${T} priority = 0`],
  ['chk_tasks_requirements', `${T} requirements = '[]'`, `${T} requirements = '{}'`],
  ['chk_tasks_requirements', `${T} requirements = '${nested(11)}'`, `${T} requirements = '${nested(10)}'`],
  ['chk_tasks_context', `${T} context = '{"a":[[[[[[[[[{}]]]]]]]]]}'`, `${T} context = '{"a":[[[[[[[[{}]]]]]]]]}'`],
  ['chk_tasks_requirements_type', `${T} requirements = '{"type":1}'`, `${T} requirements = '{"type":"feature"}'`],
  ['chk_tasks_requirements_type', `${T} requirements = '{"type":null}'`, `${T} requirements = '{"kind":1}'`],
  [
    'chk_tasks_requirements_priority',
    `${T} requirements = '{"priority":"1"}'`,
    `${T} requirements = '{"priority":1.5}'`,
  ],
  ['chk_tasks_dependencies', `${T} dependencies = '{}'`, `${T} dependencies = '[]'`],
  ['chk_tasks_tags', `${T} tags = '["a", 1]'`, `${T} tags = '["a", "b"]'`],
  ['chk_tasks_tags', `${T} tags = '"a"'`, `${T} tags = '[]'`],
  ['chk_tasks_parent', `${T} parent_task_id = id`, `${T} parent_task_id = '${task(2)}' WHERE id = '${task(1)}'`],
  ['chk_tasks_agent', `${T} status = 'in_progress'`, `${T} status = 'in_progress', assigned_agent = 'codegen'`],
  ['chk_tasks_ended', `${T} status = 'completed'`, `${T} status = 'completed', completed_at = now() + interval '1s'`],
  ['chk_tasks_ended', `${T} completed_at = now()`, `${T} status = 'cancelled', completed_at = now()`],
  ['chk_tasks_ended', `${T} status = 'validation', completed_at = now()`, `${T} status = 'cancelled'`],
  [
    'chk_tasks_times',
    `${T} status = 'failed', completed_at = created_at - interval '1us'`,
    `${T} status = 'failed', completed_at = created_at`,
  ],
  ['chk_tasks_durations', `${T} estimated_duration = -1`, `${T} estimated_duration = 0, actual_duration = 0`],
  ['chk_dependencies_self', edge(1, 1), edge(1, 2)],
  ['chk_dependencies_type', edge(1, 2, 'needs'), edge(1, 2, 'conflicts')],
  [
    'chk_dependencies_satisfied',
    `${edge(1, 2)}; UPDATE devflow.dependencies SET is_satisfied = true`,
    `${edge(1, 2)}; UPDATE devflow.dependencies SET is_satisfied = true, satisfied_at = now()`,
  ],
  ['uq_dependencies_tasks', `${edge(1, 2)}; ${edge(1, 2, 'suggests')}`, `${edge(1, 2)}; ${edge(1, 3, 'suggests')}`],
  [
    'chk_task_executions_started',
    `${X} execution_status = 'running'`,
    `${X} execution_status = 'running', started_at = now()`,
  ],
  [
    'chk_task_executions_started',
    `${X} execution_status = 'timeout', completed_at = now()`,
    `${X} execution_status = 'failed', completed_at = now()`,
  ],
  ['chk_task_executions_ended', `${X} execution_status = 'failed'`, `${X} execution_status = 'cancelled'`],
  [
    'chk_task_executions_ended',
    `${X} completed_at = now()`,
    `${X} execution_status = 'cancelled', completed_at = now()`,
  ],
  [
    'chk_task_executions_times',
    `${X} execution_status = 'completed', started_at = now(), completed_at = now() - interval '1us'`,
    `${X} execution_status = 'completed', started_at = now(), completed_at = now()`,
  ],
  ['chk_task_executions_resources', `${X} cpu_time_ms = -1`, `${X} cpu_time_ms = 0, memory_usage_mb = 0`],
  ['chk_task_executions_output_results', `${X} output_results = 'null'`, `${X} output_results = '{}'`],
  ['chk_pull_requests_number', `${Q} pr_number = 0`, `${Q} pr_number = 1`],
  ['chk_pull_requests_branches', `${Q} base_branch = branch_name`, `${Q} base_branch = 'develop'`],
  ['chk_pull_requests_commit_sha', `${Q} commit_sha = repeat('A', 40)`, `${Q} commit_sha = repeat('a', 40)`],
  ['chk_pull_requests_commit_sha', `${Q} commit_sha = repeat('a', 39)`, `${Q} commit_sha = NULL`],
  ['chk_pull_requests_merged', `${Q} status = 'merged'`, `${Q} status = 'merged', merged_at = now() + interval '1s'`],
  ['chk_pull_requests_merged', `${Q} status = 'open', merged_at = now()`, `${Q} status = 'open'`],
  ['chk_pull_requests_closed', `${Q} status = 'closed'`, `${Q} status = 'closed', closed_at = now() + interval '1s'`],
  [
    'chk_pull_requests_closed',
    `${Q} status = 'approved', closed_at = now() + interval '1s'`,
    `${Q} status = 'merged', merged_at = now() + interval '1s', closed_at = now() + interval '1s'`,
  ],
  [
    'chk_pull_requests_times',
    `${Q} status = 'closed', closed_at = created_at - interval '1us'`,
    `${Q} status = 'closed', closed_at = created_at`,
  ],
  ['chk_pull_requests_review_comments', `${Q} review_comments = '{}'`, `${Q} review_comments = '[]'`],
  [
    'uq_pull_requests_number',
    `${Q} pr_number = 7; ${pull('feature/b', 7)}`,
    `${Q} pr_number = 7; ${pull('feature/b', 8)}`,
  ],
  ['chk_validations_subject', `${V} pr_id = NULL`, `${V} pr_id = NULL, task_execution_id = '${E}'`],
  ['chk_validations_type', `${V} validation_type = ''`, `${V} validation_type = 'x'`],
  ['chk_validations_score', `${V} score = 100.01`, `${V} score = 100`],
  ['chk_validations_score', `${V} score = 'NaN'`, `${V} score = 0`],
  ['chk_validations_suggestions', `${V} suggestions = '{}'`, `${V} suggestions = '[{}]'`],
  ['chk_validations_execution_time', `${V} execution_time_ms = -1`, `${V} execution_time_ms = 0`],
  [
    'chk_validations_times',
    `${V} started_at = now(), completed_at = now() - interval '1us'`,
    `${V} started_at = now(), completed_at = now()`,
  ],
  ['chk_agent_configurations_name', config(' '), config('b')],
  ['chk_agent_configurations_version', config('b', 'version', '0'), config('b', 'version', '1')],
  [
    'chk_agent_configurations_capabilities',
    config('b', 'capabilities', `'{}'`),
    config('b', 'capabilities', `'["x"]'`),
  ],
  [
    'chk_agent_configurations_health',
    config('b', 'health_status', `'fine'`),
    config('b', 'health_status', `'healthy'`),
  ],
  ['uq_agent_configurations_version', config('a'), config('a', 'version', '2')],
  [
    'uq_agent_configurations_active',
    `UPDATE devflow.agent_configurations SET is_active = true; ${config('a', 'version, is_active', '2, true')}`,
    `UPDATE devflow.agent_configurations SET is_active = true; ${config('a', 'version, is_active', '2, false')}`,
  ],
  ['chk_workflow_events_category', event(`'other'`), event(`'webhook'`)],
  ['chk_workflow_events_data', event(`'task'`, `'[]'`), event(`'task'`, `'{}'`)],
]

function edge(from: number, to: number, type = 'blocks'): string {
  return `INSERT INTO devflow.dependencies (dependent_task_id, dependency_task_id, dependency_type) VALUES ('${task(from)}', '${task(to)}', '${type}')`
}

function pull(branch: string, number: number): string {
  return `INSERT INTO devflow.pull_requests (project_id, repository_url, branch_name, title, pr_number) VALUES ('${P}', 'https://git.example.com/a', '${branch}', 'B', ${number})`
}

function config(name: string, columns = 'is_active', values = 'false'): string {
  return `INSERT INTO devflow.agent_configurations (project_id, agent_type, agent_name, ${columns}) VALUES ('${P}', 'codegen', '${name}', ${values})`
}

function event(category: string, data = `'{}'`): string {
  return `INSERT INTO devflow.workflow_events (event_type, event_category, action, event_data) VALUES ('x', ${category}, 'x', ${data})`
}

describe('checks and keys', () => {
  it.each(bounds)('%s refuses %s', async (constraint, refused, accepted) => {
    // Several statements in one text are one transaction.
    expect(await refusedBy(refused)).toBe(constraint)
    expect(await refusedBy(accepted)).toBeUndefined()
  })

  it('are each tried: no check or unique constraint is left out', () => {
    const tried = new Set(bounds.map(([name]) => name))
    const shapes =
      /_(settings|context|input_context|output_results|error_details|validation_results|details|configuration|constraints)$/
    const declared = guardsOf(devflow).filter((name) => !shapes.test(name))
    expect(declared.filter((name) => !tried.has(name))).toEqual([])
  })

  it('a project takes everything of its own along; its events stay', async () => {
    await run(edge(1, 2))
    await run(`DELETE FROM devflow.projects WHERE id = '${P}'`)
    for (const { table } of devflow.entities) {
      const { rows } = await one<{ rows: bigint }>(`SELECT count(*) AS rows FROM devflow.${table}`)
      expect(rows > 0n, table).toBe(table === 'workflow_events')
    }
  })

  it('a task that goes takes its executions and dependencies, and leaves subtasks and pull requests', async () => {
    await run(`${T} parent_task_id = '${task(1)}' WHERE id = '${task(2)}'`)
    await run(`${Q} task_id = '${task(1)}'`)
    await run(edge(2, 1))
    await run(`DELETE FROM devflow.tasks WHERE id = '${task(1)}'`)
    expect(
      await one(`SELECT
        (SELECT count(*) FROM devflow.task_executions) AS executions,
        (SELECT count(*) FROM devflow.dependencies) AS dependencies,
        (SELECT parent_task_id FROM devflow.tasks WHERE id = '${task(2)}') AS parent,
        (SELECT dependencies::text FROM devflow.tasks WHERE id = '${task(2)}') AS projection,
        (SELECT task_id FROM devflow.pull_requests) AS task`),
    ).toEqual({ executions: 0n, dependencies: 0n, parent: null, projection: '[]', task: null })
  })
})

describe('cycles (decision 58)', () => {
  it('accepts 1→3 after 1→2→3, and refuses 3→1', async () => {
    await run(edge(1, 2))
    await run(edge(2, 3))
    await run(edge(1, 3))
    expect(await refusedBy(edge(3, 1))).toBe('dependencies_refuse_cycle')
    expect(await refusedBy(edge(2, 1))).toBe('dependencies_refuse_cycle')
    expect(await refusedBy(edge(3, 1, 'requires'))).toBe('dependencies_refuse_cycle')
    // Those that make nobody wait may lead anywhere.
    expect(await refusedBy(edge(3, 1, 'suggests'))).toBeUndefined()
    expect(await refusedBy(`UPDATE devflow.dependencies SET dependency_type = 'blocks'`)).toBe(
      'dependencies_refuse_cycle',
    )
  })

  it('finds one among the rows of a single statement, and one that an update closes', async () => {
    const values = [
      [1, 2],
      [2, 3],
      [3, 1],
    ].map(([from = 0, to = 0]) => `('${task(from)}', '${task(to)}')`)
    const insert = (rows: string[]) =>
      `INSERT INTO devflow.dependencies (dependent_task_id, dependency_task_id) VALUES ${rows.join()}`
    expect(await refusedBy(insert(values))).toBe('dependencies_refuse_cycle')
    await run(insert(values.slice(0, 2)))
    const turn = `UPDATE devflow.dependencies SET dependency_task_id = '${task(1)}' WHERE dependency_task_id = '${task(3)}'`
    expect(await refusedBy(turn)).toBe('dependencies_refuse_cycle')
  })

  it('lets only one of two writers close it, whoever commits first', async () => {
    const { db } = database
    let other: Promise<unknown> | undefined
    await db.transaction(async (tx) => {
      await tx.execute(raw(edge(1, 2)))
      other = refusedBy(edge(2, 1))
      // The second waits for the first under the lock that both take; the server says so.
      for (;;) {
        const waiting = await db.rows(sql`
          SELECT FROM pg_locks
          WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
        if (waiting.length > 0) break
        await db.execute(sql`SELECT pg_sleep(0.01)`)
      }
    })
    expect(await other).toBe('dependencies_refuse_cycle')
  })
})

describe('projections', () => {
  const dependencies = (number: number) =>
    one<{ list: unknown }>(`SELECT dependencies AS list FROM devflow.tasks WHERE id = '${task(number)}'`)

  it('tasks.dependencies follows the table (decision 59)', async () => {
    await run(edge(1, 3))
    await run(edge(1, 2, 'suggests'))
    expect(await dependencies(1)).toEqual({
      list: [
        { task_id: task(2), type: 'suggests' },
        { task_id: task(3), type: 'blocks' },
      ],
    })
    await run(`UPDATE devflow.dependencies SET dependent_task_id = '${task(4)}' WHERE dependency_type = 'blocks'`)
    expect(await dependencies(1)).toEqual({ list: [{ task_id: task(2), type: 'suggests' }] })
    expect(await dependencies(4)).toEqual({ list: [{ task_id: task(3), type: 'blocks' }] })
    await run(`DELETE FROM devflow.dependencies`)
    expect(await dependencies(4)).toEqual({ list: [] })
  })

  it('pull_requests.validation_results holds the last validation of each type', async () => {
    const results = () => one<{ results: unknown }>(`SELECT validation_results AS results FROM devflow.pull_requests`)
    const lint = { result: 'warning', score: null, validator: 'biome' }
    expect(await results()).toEqual({ results: { lint } })
    await run(`INSERT INTO devflow.validations (pr_id, validation_type, validator_name, result, score, created_at, completed_at)
               VALUES ('${R}', 'lint', 'eslint', 'passed', 97.5, '2026-02-01', NULL),
                      ('${R}', 'lint', 'older', 'failed', 1, '2026-03-01', '2025-12-31'),
                      ('${R}', 'unit_tests', 'vitest', 'failed', 40, '2026-01-01', NULL)`)
    const after = {
      lint: { result: 'passed', score: 97.5, validator: 'eslint' },
      unit_tests: { result: 'failed', score: 40, validator: 'vitest' },
    }
    expect(await results()).toEqual({ results: after })
    await run(`DELETE FROM devflow.validations WHERE validator_name = 'eslint'`)
    expect(await results()).toEqual({ results: { ...after, lint } })
    await run(`${V} pr_id = NULL, task_execution_id = '${E}'`)
    expect(await results()).toEqual({ results: {} })
  })

  it('duration and search words are generated, and a missing description hides no title (decision 61)', async () => {
    await run(
      `${X} execution_status = 'completed', started_at = '2026-01-01', completed_at = '2026-01-01T00:01:30.5Z'`,
    )
    expect(await one(`SELECT duration FROM devflow.task_executions`)).toEqual({ duration: 90.5 })
    const found = (query: string) =>
      database.db.rows(sql`
        SELECT title FROM devflow.tasks WHERE search_vector @@ to_tsquery('english', ${query}) ORDER BY title`)
    expect(await found('authentication & security')).toEqual([{ title: 'Task 1' }])
    expect(await found('task & 2')).toEqual([{ title: 'Task 2' }])
  })
})

describe('the audit trail (decision 60)', () => {
  interface Event {
    readonly event_category: string
    readonly action: string
    readonly actor: string
    readonly event_data: { readonly changed?: unknown; readonly row?: unknown }
  }
  const changes: readonly (readonly [
    table: string,
    category: string,
    id: string,
    change: string,
    changed: object,
  ])[] = [
    ['projects', 'system', P, `description = 'new'`, { description: { from: null, to: 'new' } }],
    [
      'tasks',
      'task',
      task(1),
      `priority = 7, tags = '["a"]'`,
      { priority: { from: 0, to: 7 }, tags: { from: [], to: ['a'] } },
    ],
    ['task_executions', 'execution', E, `memory_usage_mb = 5`, { memory_usage_mb: { from: null, to: 5 } }],
    ['pull_requests', 'pr', R, `status = 'open'`, { status: { from: 'draft', to: 'open' } }],
  ]

  it.each(changes)(
    'of %s has its creation, each change with the fields, and its end',
    async (table, category, key, change, changed) => {
      const trail = () =>
        database.db.rows<Event & { ids: Record<string, string | null> }>(sql`
        SELECT event_type, event_category, action, actor, event_data,
               jsonb_build_object('project', project_id, 'task', task_id, 'execution', task_execution_id, 'pr', pr_id) AS ids
        FROM devflow.workflow_events
        WHERE event_data ->> 'id' = ${key} AND event_data #> '{changed,validation_results}' IS NULL
        ORDER BY occurred_at, id`)
      await run(`UPDATE devflow.${table} SET ${change} WHERE id = '${key}'`)
      // What changes nothing is no change, and neither is the time that a trigger keeps.
      await run(`UPDATE devflow.${table} SET ${change}, updated_at = now() + interval '1 day' WHERE id = '${key}'`)
      await database.db.transaction(async (tx) => {
        await tx.execute(sql`SET LOCAL devflow.actor = 'ana'`)
        await tx.execute(raw(`DELETE FROM devflow.${table} WHERE id = '${key}'`))
      })
      const events = await trail()
      const { user } = database.db
      expect(events.map(({ action, actor, event_category }) => [action, actor, event_category])).toEqual([
        ['created', user, category],
        ['updated', user, category],
        ['deleted', 'ana', category],
      ])
      expect(events[1]?.event_data).toEqual({ table, id: key, changed })
      expect(events[2]?.event_data.row).toMatchObject({ id: key })
      expect(events[1]?.ids).toMatchObject({
        project: P,
        task: table === 'tasks' || table === 'task_executions' ? task(1) : null,
        execution: table === 'task_executions' ? key : null,
        pr: table === 'pull_requests' ? key : null,
      })
    },
  )

  it('of an execution that goes with its task or project still names both', async () => {
    const [gone, old] = [randomUUID(), randomUUID()]
    await run(`INSERT INTO devflow.projects (id, name) VALUES ('${old}', 'old')`)
    await run(`INSERT INTO devflow.tasks (id, project_id, title) VALUES ('${gone}', '${old}', 'Goes')`)
    await run(`INSERT INTO devflow.task_executions (task_id, agent_type) VALUES ('${gone}', 'codegen')`)
    await run(`DELETE FROM devflow.projects WHERE id = '${old}'`)
    const deleted = await database.db.rows(sql`
      SELECT event_category, project_id, task_id
      FROM devflow.workflow_events
      WHERE action = 'deleted' AND project_id = ${old}
      ORDER BY event_category`)
    expect(deleted).toEqual([
      { event_category: 'execution', project_id: old, task_id: gone },
      { event_category: 'system', project_id: old, task_id: null },
      { event_category: 'task', project_id: old, task_id: gone },
    ])
  })

  it('is on every table that the decision names, and silent only where the transaction says so', async () => {
    const before = await one<{ events: bigint }>('SELECT count(*) AS events FROM devflow.workflow_events')
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL devflow.audit = 'off'`)
      await tx.execute(sql`UPDATE devflow.tasks SET priority = 3`)
    })
    expect(await one('SELECT count(*) AS events FROM devflow.workflow_events')).toEqual(before)
    await run('UPDATE devflow.tasks SET priority = 4')
    expect(await one('SELECT count(*) AS events FROM devflow.workflow_events')).toEqual({
      events: before.events + 5n,
    })
  })
})

describe('views', () => {
  it('count each child on its own', async () => {
    await run(`INSERT INTO devflow.task_executions (task_id, agent_type, execution_status, started_at, completed_at)
               VALUES ('${task(1)}', 'codegen', 'completed', now(), now()), ('${task(1)}', 'codegen', 'failed', NULL, now())`)
    await run(`INSERT INTO devflow.validations (pr_id, validation_type, validator_name, result, score)
               VALUES ('${R}', 'a', 'v', 'passed', 90), ('${R}', 'b', 'v', 'passed', 80)`)
    expect(
      await one(`SELECT execution_count, project_name FROM devflow.active_tasks WHERE id = '${task(1)}'`),
    ).toEqual({ execution_count: 3n, project_name: 'storefront' })
    expect(
      await one(`SELECT total_executions, successful_executions, failed_executions FROM devflow.task_execution_summary
                 WHERE task_id = '${task(1)}'`),
    ).toEqual({ total_executions: 3n, successful_executions: 1n, failed_executions: 1n })
    expect(
      await one(`SELECT total_validations, passed, warnings, average_score FROM devflow.pr_validation_status`),
    ).toEqual({ total_validations: 3n, passed: 2n, warnings: 1n, average_score: 85 })
  })
})
