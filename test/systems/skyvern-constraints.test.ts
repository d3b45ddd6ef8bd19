/** What the database itself guards in Skyvern's schema, for every writer: checks, keys, cascades, triggers, ids. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { identifier, raw, sql } from '../../src/model/sql.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { checkConstraints, rowCounts } from './support/constraints.ts'
import { migrateSkyvern } from './support/migrate.ts'
import { insertWorld } from './support/world.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await migrateSkyvern(database.endpoint, 'skyvern', 'up')
})
afterAll(() => database?.drop())
beforeEach(async () => {
  await database.db.execute(sql`DELETE FROM skyvern.organizations`)
  await insertWorld(database.db)
})

const counts = () => rowCounts(database.db, skyvern)

/** Each constraint with a statement that it must refuse. */
const refusals: readonly (readonly [string, string])[] = [
  ['check_org_limits', `UPDATE skyvern.organizations SET max_steps_per_run = 0`],
  ['check_org_limits', `UPDATE skyvern.organizations SET max_retries_per_step = -1`],
  ['check_org_settings', `UPDATE skyvern.organizations SET settings = '[]'`],
  ['check_org_settings', `UPDATE skyvern.organizations SET settings = 'null'`],
  ['check_user_email', `UPDATE skyvern.users SET email = 'Ann@example.com'`],
  ['check_user_email', `UPDATE skyvern.users SET email = '@example.com'`],
  ['check_user_role', `UPDATE skyvern.users SET role = 'king'`],
  ['check_api_key_hash', `UPDATE skyvern.api_keys SET key_hash = 'sk_plain'`],
  ['check_api_key_revoked', `UPDATE skyvern.api_keys SET valid = false`],
  ['check_api_key_revoked', `UPDATE skyvern.api_keys SET revoked_at = now()`],
  ['check_browser_session_timeout', `UPDATE skyvern.browser_sessions SET timeout_seconds = 0`],
  [
    'check_browser_session_times',
    `UPDATE skyvern.browser_sessions SET started_at = now(), ended_at = now() - interval '1s'`,
  ],
  ['check_task_url_format', `UPDATE skyvern.tasks SET url = 'ftp://example.com'`],
  ['check_step_order', `UPDATE skyvern.steps SET "order" = 0`],
  ['check_step_retry_index', `UPDATE skyvern.steps SET retry_index = -1`],
  ['check_step_type', `UPDATE skyvern.steps SET step_type = 'dance'`],
  ['check_step_times', `UPDATE skyvern.steps SET started_at = now(), completed_at = now() - interval '1s'`],
  ['check_action_confidence', `UPDATE skyvern.actions SET confidence_float = 1.01`],
  ['check_action_confidence', `UPDATE skyvern.actions SET confidence_float = -0.01`],
  ['check_action_confidence', `UPDATE skyvern.actions SET confidence_float = 'NaN'`],
  ['check_task_log_level', `UPDATE skyvern.task_logs SET level = 'loud'`],
  ['check_step_log_level', `UPDATE skyvern.step_logs SET level = 'loud'`],
  ['check_workflow_run_log_level', `UPDATE skyvern.workflow_run_logs SET level = 'loud'`],
  ['check_workflow_version', `UPDATE skyvern.workflows SET version = 0`],
  ['check_workflow_definition', `UPDATE skyvern.workflows SET workflow_definition = '"text"'`],
  ['check_workflow_run_block_index', `UPDATE skyvern.workflow_runs SET current_block_index = -1`],
  [
    'check_workflow_run_times',
    `UPDATE skyvern.workflow_runs SET started_at = now(), completed_at = now() - interval '1s'`,
  ],
  ['check_workflow_block_index', `UPDATE skyvern.workflow_blocks SET block_index = -1`],
  [
    'check_workflow_block_times',
    `UPDATE skyvern.workflow_blocks SET started_at = now(), completed_at = now() - interval '1s'`,
  ],
  ['check_file_size', `UPDATE skyvern.artifacts SET file_size_bytes = -1`],
  ['uq_organizations_name', `INSERT INTO skyvern.organizations (organization_name) VALUES ('Acme')`],
  [
    'uq_users_organization_email',
    `INSERT INTO skyvern.users (organization_id, email) VALUES ('o_1', 'ann@example.com')`,
  ],
  ['ix_steps_task_order', `INSERT INTO skyvern.steps (task_id, "order", step_type) VALUES ('tsk_1', 1, 'action')`],
  [
    'uq_workflows_version',
    `INSERT INTO skyvern.workflows (workflow_permanent_id, organization_id, title, workflow_definition)
       SELECT workflow_permanent_id, organization_id, title, workflow_definition FROM skyvern.workflows`,
  ],
  [
    'uq_workflow_blocks_run_index',
    `INSERT INTO skyvern.workflow_blocks (workflow_run_id, block_index, block_type) VALUES ('wr_1', 0, 'task')`,
  ],
  [
    'uq_api_keys_key_hash',
    `INSERT INTO skyvern.api_keys (organization_id, name, key_hash, key_prefix)
       VALUES ('o_1', 'copy', repeat('a', 64), 'sk_abc')`,
  ],
]

checkConstraints(skyvern, () => database.db, refusals, [
  ['limits at their bounds', `UPDATE skyvern.organizations SET max_steps_per_run = 1, max_retries_per_step = 0`],
  ['a URL in capitals', `UPDATE skyvern.tasks SET url = 'HTTPS://EXAMPLE.COM'`],
  ['confidence at its bounds', `UPDATE skyvern.actions SET confidence_float = 1`],
  ['an empty file', `UPDATE skyvern.artifacts SET file_size_bytes = 0`],
  ['an end at the very start', `UPDATE skyvern.steps SET started_at = now(), completed_at = now()`],
  ['an end without a start', `UPDATE skyvern.workflow_runs SET completed_at = now()`],
  [
    'the next version of a workflow',
    `INSERT INTO skyvern.workflows (workflow_permanent_id, organization_id, title, workflow_definition, version)
       SELECT workflow_permanent_id, organization_id, title, workflow_definition, 2 FROM skyvern.workflows`,
  ],
  ['revoking a key with its time', `UPDATE skyvern.api_keys SET valid = false, revoked_at = now()`],
])

describe('deleting', () => {
  it('an organization takes everything of its own along', async () => {
    await database.db.execute(sql`DELETE FROM skyvern.organizations WHERE organization_id = 'o_1'`)
    expect(Object.values(await counts()).every((rows) => rows === 0n)).toBe(true)
  })

  it('a task takes its steps, actions, logs, artifacts and screenshots, and nothing of a workflow', async () => {
    const before = await counts()
    await database.db.execute(sql`DELETE FROM skyvern.tasks WHERE task_id = 'tsk_1'`)
    expect(await counts()).toEqual({
      ...before,
      tasks: 0n,
      steps: 0n,
      actions: 0n,
      task_logs: 0n,
      step_logs: 0n,
      artifacts: 1n,
      screenshots: 0n,
    })
  })

  it('a workflow takes its runs with their blocks, logs and artifacts', async () => {
    const before = await counts()
    await database.db.execute(sql`DELETE FROM skyvern.workflows WHERE workflow_id = 'w_1'`)
    expect(await counts()).toEqual({
      ...before,
      workflows: 0n,
      workflow_runs: 0n,
      workflow_blocks: 0n,
      workflow_run_logs: 0n,
      artifacts: 1n,
    })
  })

  it('a user or a browser session leaves tasks, workflows and runs behind', async () => {
    const before = await counts()
    await database.db.execute(sql`DELETE FROM skyvern.users WHERE user_id = 'u_1'`)
    await database.db.execute(sql`DELETE FROM skyvern.browser_sessions WHERE browser_session_id = 'pbs_1'`)
    expect(await counts()).toEqual({ ...before, users: 0n, browser_sessions: 0n })
    expect(
      await database.db.one(sql`
        SELECT task.created_by, task.browser_session_id, workflow.created_by AS author,
               run.initiated_by, run.browser_session_id AS run_session
        FROM skyvern.tasks task, skyvern.workflows workflow, skyvern.workflow_runs run`),
    ).toEqual({ created_by: null, browser_session_id: null, author: null, initiated_by: null, run_session: null })
  })
})

describe('the time of the last change', () => {
  const kept = skyvern.entities.flatMap(({ table, fields, triggers }) =>
    triggers.map((trigger) => ({
      table,
      trigger,
      column: 'modified_at' in fields ? 'modified_at' : 'updated_at',
      changes: table === 'api_keys' ? 'last_used_at' : 'created_at',
    })),
  )

  it.each(kept)('$trigger moves $column when the row changes, and only then', async ({ table, column, changes }) => {
    const target = identifier('skyvern', table)
    const long = sql`'2024-01-01T00:00:00Z'::timestamptz`
    const read = () =>
      database.db.one<{ at: string; recent: boolean }>(
        sql`SELECT ${identifier(column)} AS at, ${identifier(column)} > ${long} + interval '1 day' AS recent FROM ${target}`,
      )
    // The trigger has the last word, so an old time can only be planted around it.
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL session_replication_role = replica`)
      await tx.execute(sql`UPDATE ${target} SET ${identifier(column)} = ${long}`)
    })
    await database.db.execute(sql`UPDATE ${target} SET ${identifier(changes)} = ${identifier(changes)}`)
    expect((await read()).recent).toBe(false)
    await database.db.execute(sql`UPDATE ${target} SET ${identifier(changes)} = now() - interval '1 minute'`)
    expect((await read()).recent).toBe(true)
  })

  it('belongs to every table with such a column', () => {
    const having = skyvern.entities.filter(({ fields }) => 'updated_at' in fields || 'modified_at' in fields)
    expect(kept.map(({ table }) => table)).toEqual(having.map(({ table }) => table))
  })
})

describe('generated ids', () => {
  it('carry the declared prefix in every table', async () => {
    for (const { fields } of skyvern.entities) {
      for (const { idPrefix, default: expression } of Object.values(fields)) {
        if (idPrefix === undefined || expression === undefined) continue
        const { id } = await database.db.one<{ id: string }>(
          sql`SELECT ${raw(expression.replaceAll('{schema}', 'skyvern'))} AS id`,
        )
        expect(id).toMatch(new RegExp(`^${idPrefix}_[1-9]\\d{17}$`))
      }
    }
  })

  it('hold the seconds since 2022-06-20, stay positive in 64 bits, and end in the bit of the database', async () => {
    const { id, seconds } = await database.db.one<{ id: string; seconds: bigint }>(sql`
      SELECT skyvern.next_id('tsk') AS id, floor(extract(epoch FROM clock_timestamp()))::bigint AS seconds`)
    const number = BigInt(id.replace('tsk_', ''))
    expect(Number((number >> 32n) + 1_655_683_200n - seconds)).toBeCloseTo(0, -1)
    expect(number & 1n).toBe(1n)
    expect(number).toBeGreaterThan(2n ** 53n)
    expect(number).toBeLessThan(2n ** 63n)
  })

  it('differ within one statement and under parallel inserts, and sort in the order of time', async () => {
    const insert = (from: number) =>
      database.db.rows<{ id: string }>(sql`
        INSERT INTO skyvern.organizations (organization_name)
        SELECT 'parallel ' || number FROM generate_series(${from}::int, ${from + 249}::int) AS number
        RETURNING organization_id AS id`)
    const first = await Promise.all([0, 250, 500, 750].map(insert))
    const second = await Promise.all([1000, 1250, 1500, 1750].map(insert))
    const numbers = (batches: { id: string }[][]) => batches.map((rows) => rows.map(({ id }) => BigInt(id.slice(2))))
    const [early, late] = [numbers(first), numbers(second)]
    expect(new Set([...early, ...late].flat()).size).toBe(2000)
    for (const batch of [...early, ...late]) expect(batch).toEqual([...batch].sort((a, b) => (a < b ? -1 : 1)))
    const latest =
      early
        .flat()
        .sort((a, b) => (a < b ? -1 : 1))
        .at(-1) ?? 0n
    expect(late.flat().every((number) => number > latest)).toBe(true)
  })

  it('come from a function that the planner may not call once for many rows', async () => {
    const { volatile } = await database.db.one(sql`
      SELECT provolatile = 'v' AS volatile FROM pg_proc WHERE oid = 'skyvern.next_id(text)'::regprocedure`)
    expect(volatile).toBe(true)
  })
})
