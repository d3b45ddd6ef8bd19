import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRows } from '../../src/crud/create.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { actor, auditOf, create, organization, refusal, scopeFor, setStatus, task } from './write-support.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe('creating a row', () => {
  it('returns it as stored, with the defaults of the database, and records it', async () => {
    const { db } = database
    const row = await create(db, scopeFor('organization'), { organization_name: '  Ünïcode 東京 🚀 ', domain: null })
    expect(row).toMatchObject({
      organization_name: 'Ünïcode 東京 🚀',
      domain: null,
      max_steps_per_run: 10,
      is_active: true,
      settings: {},
    })
    expect(row.organization_id).toMatch(/^o_\d+$/)
    expect(row.created_at).toMatch(/^\d{4}-\d\d-\d\dT.*\.\d{6}Z$/)
    const [entry] = await auditOf(db, String(row.organization_id))
    expect(entry).toMatchObject({ action: 'create', entity: 'organization', before: null, os_user: 'tester' })
    expect(entry?.after).toMatchObject({ organization_name: 'Ünïcode 東京 🚀' })
  })

  it('keeps NULL and the empty text apart', async () => {
    const { db } = database
    const id = await organization(db)
    const scope = scopeFor('task')
    const given = { organization_id: id, url: 'https://example.org', navigation_goal: 'Look' }
    const empty = await create(db, scope, { ...given, proxy_location: '' })
    const absent = await create(db, scope, { ...given, proxy_location: null })
    expect([empty.proxy_location, absent.proxy_location]).toEqual(['', null])
  })

  it('finds every problem of one input, the database’s among them', async () => {
    const { db } = database
    const { error, problems } = await refusal(
      create(db, scopeFor('task'), {
        organization_id: 'o_1',
        url: 'ftp://example.org',
        navigation_goal: '   ',
        webhook_callback_url: 'nowhere',
        navigation_payload: [1],
        statuss: 'queued',
        status: 'queued',
        task_id: 'tsk_1',
      }),
    )
    expect(error.exitCode).toBe(5)
    expect(problems.map(({ where, reason }) => `${where} ${reason}`).sort()).toEqual([
      'navigation_goal must not be blank',
      'navigation_payload must be a JSON object',
      'organization_id names organization o_1, which does not exist',
      'status starts as created and is changed by task queue, start, complete, fail, cancel, terminate, retry',
      'statuss is not a field of task',
      'task_id is assigned by the database',
      'url must start with http:// or https://',
      'webhook_callback_url must start with http:// or https://',
    ])
  })

  it('says which required fields are missing, and what a misspelt one was meant to be', async () => {
    const { problems } = await refusal(create(database.db, scopeFor('task'), { navigationgoal: 'x' }))
    expect(problems).toEqual([
      { where: 'navigationgoal', reason: 'is not a field of task (did you mean navigation_goal?)' },
      { where: 'organization_id', reason: 'is required' },
      { where: 'url', reason: 'is required' },
      { where: 'navigation_goal', reason: 'is required' },
    ])
  })

  it('takes names from outside as names only', async () => {
    const hostile = { 'url"; DROP TABLE skyvern.tasks; --': 'x', __proto__: { url: 'x' }, constructor: 'x' }
    const { problems } = await refusal(
      create(database.db, scopeFor('task'), {
        ...hostile,
        ...JSON.parse('{"__proto__": "x"}'),
        toString: 'x',
        organization_id: "o_1'; DROP TABLE skyvern.tasks; --",
        url: 'https://example.org',
        navigation_goal: 'x',
      }),
    )
    expect(problems.length).toBeGreaterThanOrEqual(4)
    expect(problems).toContainEqual({
      where: '"url\\"; DROP TABLE skyvern.tasks; --"',
      reason: 'is not a field of task',
    })
    expect(await database.db.one(sql`SELECT count(*) AS count FROM skyvern.tasks WHERE false`)).toEqual({ count: 0n })
  })

  it('says in the declaration’s words what a constraint refuses', async () => {
    const { db } = database
    await create(db, scopeFor('organization'), { organization_name: 'Taken' })
    const { error } = await refusal(create(db, scopeFor('organization'), { organization_name: 'Taken' }))
    expect(error.message).toBe('organization_name is taken: another organization has it already')
    const loose = scopeFor('organization', (entity) => ({
      ...entity,
      fields: Object.fromEntries(Object.entries(entity.fields).map(([key, field]) => [key, { ...field, rules: [] }])),
    }))
    const check = await refusal(create(db, loose, { organization_name: 'Zero', max_steps_per_run: 0 }))
    expect(check.error.message).toContain('max_steps_per_run, max_retries_per_step must be at least 1')
  })

  it('writes nothing in a dry run', async () => {
    const { db } = database
    const scope = scopeFor('organization')
    const candidate = { values: { organization_name: 'Rehearsed' }, problems: [] }
    const [row] = await createRows(db, scope, [candidate], { actor, dryRun: true })
    expect(row?.organization_name).toBe('Rehearsed')
    expect(await db.rows(sql`SELECT FROM skyvern.organizations WHERE organization_name = 'Rehearsed'`)).toHaveLength(
      0,
    )
  })

  it('compiles JSON Schemas and says what is wrong with them', async () => {
    const { db } = database
    const organization_id = await organization(db)
    const given = { organization_id, title: 'Invoices', workflow_definition: { blocks: [] } }
    const { error } = await refusal(
      create(db, scopeFor('workflow'), { ...given, parameter_schema: { type: 'objekt' } }),
    )
    expect(error.message).toMatch(/^parameter_schema is not a valid JSON Schema: \/type/)
    const row = await create(db, scopeFor('workflow'), { ...given, parameter_schema: { type: 'object' } })
    expect(row).toMatchObject({ version: 1, is_active: true })
    expect(row.workflow_permanent_id).toMatch(/^wpid_/)
  })
})

describe('an API key', () => {
  it('is shown once; only its hash is stored, and the audit log has not even that', async () => {
    const { db } = database
    const organization_id = await organization(db)
    const row = await create(db, scopeFor('api-key'), { organization_id, name: 'CI' })
    const secret = String(row.secret)
    expect(secret).toMatch(/^sk_[\w-]{43}$/)
    expect(row.key_prefix).toBe(secret.slice(0, 11))
    const { createHash } = await import('node:crypto')
    const hash = createHash('sha256').update(secret).digest('hex')
    expect(await db.one(sql`SELECT key_hash FROM skyvern.api_keys WHERE api_key_id = ${row.api_key_id}`)).toEqual({
      key_hash: hash,
    })
    const log = JSON.stringify(await auditOf(db, String(row.api_key_id)), (_key, value) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    expect(log).not.toContain(secret)
    expect(log).not.toContain(hash)
    expect(log).toContain('***')
  })
})

describe('rules about parents', () => {
  it('refuses an inactive organization and parents of another one', async () => {
    const { db } = database
    const [mine, theirs] = [await organization(db), await organization(db)]
    const user = await create(db, scopeFor('user'), {
      organization_id: theirs,
      email: 'a@example.org',
      full_name: 'A',
    })
    await db.execute(sql`UPDATE skyvern.organizations SET is_active = false WHERE organization_id = ${mine}`)
    const { problems } = await refusal(task(db, mine, { created_by: user.user_id, browser_session_id: 'pbs_1' }))
    expect(problems).toEqual([
      { where: 'organization_id', reason: 'is not active' },
      { where: 'organization_id', reason: `must be the organization_id of user ${user.user_id}` },
      { where: 'browser_session_id', reason: 'names browser-session pbs_1, which does not exist' },
    ])
  })

  it('validates parameters against the schema of the workflow, every problem with its place', async () => {
    const { db } = database
    const organization_id = await organization(db)
    const workflow = await create(db, scopeFor('workflow'), {
      organization_id,
      title: 'Invoices',
      workflow_definition: {},
      parameter_schema: {
        type: 'object',
        properties: {
          customer: { type: 'string' },
          month: { type: 'string', pattern: '^\\d{4}-\\d\\d$' },
          limit: { type: 'integer' },
        },
        required: ['month', 'customer'],
        additionalProperties: false,
      },
    })
    const { workflow_id } = workflow
    const { problems } = await refusal(
      create(db, scopeFor('workflow-run'), {
        workflow_id,
        organization_id,
        parameters: { month: 'June', limit: 'ten', extra: 1 },
      }),
    )
    expect(problems).toEqual(
      expect.arrayContaining([
        { where: 'parameters.customer', reason: 'is required' },
        { where: 'parameters.extra', reason: 'is not a parameter the schema knows' },
        { where: 'parameters.limit', reason: 'must be of type integer' },
        { where: 'parameters.month', reason: expect.stringContaining('must match pattern') },
      ]),
    )
    const absent = await refusal(create(db, scopeFor('workflow-run'), { workflow_id, organization_id }))
    expect(absent.problems.map(({ where }) => where)).toEqual(['parameters.month', 'parameters.customer'])
    const run = await create(db, scopeFor('workflow-run'), {
      workflow_id,
      organization_id,
      parameters: { month: '2026-06', customer: 'x' },
    })
    expect(run.status).toBe('created')
  })

  it('takes what is left out from the parent, and asks for nothing that the parent gives', async () => {
    const { db } = database
    const organization_id = await organization(db)
    const scope = scopeFor('workflow-run')
    const { workflow_id } = await create(db, scopeFor('workflow'), {
      organization_id,
      title: 'Invoices',
      workflow_definition: {},
    })
    expect(await create(db, scope, { workflow_id })).toMatchObject({ organization_id })
    expect(await create(db, scope, { workflow_id, organization_id: null }, 'csv')).toMatchObject({ organization_id })
    // Neither is a reference given: the workflow is what is missing.
    expect((await refusal(create(db, scope, {}))).error.message).toBe('workflow_id is required')
    const absent = await refusal(create(db, scope, { workflow_id: 'w_404' }))
    expect(absent.error.message).toBe('workflow_id names workflow w_404, which does not exist')
    // What is taken is checked like anything that is given.
    await db.execute(
      sql`UPDATE skyvern.organizations SET is_active = false WHERE organization_id = ${organization_id}`,
    )
    expect((await refusal(create(db, scope, { workflow_id }))).error.message).toBe('organization_id is not active')
  })

  it('refuses tasks of an organization whose limit is reached, zero being a limit', async () => {
    const { db } = database
    const one = await organization(db, { settings: { max_concurrent_tasks: 1 } })
    const id = await task(db, one)
    await setStatus(db, scopeFor('task'), id, 'running')
    const { error } = await refusal(task(db, one))
    expect(error.message).toBe(
      'organization_id already has 1 active task, and settings.max_concurrent_tasks allows 1',
    )
    const none = await organization(db, { settings: { max_concurrent_tasks: 0 } })
    expect((await refusal(task(db, none))).error.message).toContain('allows 0')
  })
})

describe('writers at the same time', () => {
  it('gives 20 parallel steps the orders 1 to 20', async () => {
    const { db } = database
    const task_id = await task(db, await organization(db))
    const scope = scopeFor('step')
    await Promise.all(Array.from({ length: 20 }, () => create(db, scope, { task_id, step_type: 'action' })))
    const rows = await db.rows<{ order: number }>(
      sql`SELECT "order" FROM skyvern.steps WHERE task_id = ${task_id} ORDER BY "order"`,
    )
    expect(rows.map(({ order }) => order)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })

  it('tries again when a writer that locks nothing takes the number', async () => {
    const { db } = database
    const task_id = await task(db, await organization(db))
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let inserted = () => {}
    const ready = new Promise<void>((resolve) => {
      inserted = resolve
    })
    const rival = db.transaction(async (transaction) => {
      await transaction.execute(
        sql`INSERT INTO skyvern.steps (task_id, "order", step_type) VALUES (${task_id}, 1, 'action')`,
      )
      inserted()
      await held
    })
    await ready
    const created = create(db, scopeFor('step'), { task_id, step_type: 'action' })
    await waitForLock(1)
    release()
    await rival
    expect((await created).order).toBe(2)
  })

  it('never exceeds max_concurrent_tasks under 20 parallel creates', async () => {
    const { db } = database
    // Tasks that begin in the queue hold a place at once.
    await db.execute(raw(`ALTER TABLE skyvern.tasks ALTER COLUMN status SET DEFAULT 'queued'`))
    try {
      const organization_id = await organization(db, { settings: { max_concurrent_tasks: 7 } })
      const scope = scopeFor('task', (entity) => ({
        ...entity,
        ...(entity.lifecycle ? { lifecycle: { ...entity.lifecycle, initial: 'queued' } } : {}),
      }))
      const given = { organization_id, url: 'https://example.org', navigation_goal: 'Look' }
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => create(db, scope, given)))
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(7)
      expect(
        await db.one(sql`SELECT count(*) AS count FROM skyvern.tasks WHERE organization_id = ${organization_id}`),
      ).toEqual({ count: 7n })
      const several = Array.from({ length: 3 }, () => ({ values: given, problems: [] }))
      const { problems } = await refusal(createRows(db, scope, several, { actor }))
      expect(problems).toHaveLength(3)
    } finally {
      await db.execute(raw(`ALTER TABLE skyvern.tasks ALTER COLUMN status SET DEFAULT 'created'`))
    }
  })

  /** Until that many statements wait for a lock. */
  async function waitForLock(count: number): Promise<void> {
    await until(`${count} wait for a lock`, async () => {
      const { waiting } = await database.db.one<{ waiting: bigint }>(sql`
        SELECT count(*) AS waiting FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`)
      return waiting >= BigInt(count)
    })
  }
})
