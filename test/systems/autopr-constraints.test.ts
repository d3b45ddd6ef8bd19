/** What the database itself guards in AutoPR's schema, for every writer: checks, keys, cascades, triggers, ids. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { identifier, raw, sql } from '../../src/model/sql.ts'
import { autopr } from '../../src/systems/autopr/index.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { checkConstraints, rowCounts } from './support/constraints.ts'
import { migrateSystem } from './support/migrate.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await migrateSystem(database.endpoint, 'autopr', 'up')
})
afterAll(() => database?.drop())

const ONE = '00000000-0000-4000-8000-000000000001'
const TWO = '00000000-0000-4000-8000-000000000002'

/** One row of each table, all of one workflow and one integration; the execution has a retry. */
beforeEach(async () => {
  const rows = [
    'DELETE FROM autopr.workflows',
    'DELETE FROM autopr.integrations',
    `INSERT INTO autopr.workflows (id, name, status) VALUES ('${ONE}', 'Deploy', 'active')`,
    `INSERT INTO autopr.workflow_actions (id, workflow_id, action_type, action_name, order_index)
     VALUES ('${ONE}', '${ONE}', 'test', 'Test', 0)`,
    `INSERT INTO autopr.workflow_triggers (id, workflow_id, trigger_type) VALUES ('${ONE}', '${ONE}', 'manual')`,
    `INSERT INTO autopr.workflow_executions (id, workflow_id) VALUES ('${ONE}', '${ONE}')`,
    `INSERT INTO autopr.workflow_executions (id, workflow_id, parent_execution_id)
     VALUES ('${TWO}', '${ONE}', '${ONE}')`,
    `INSERT INTO autopr.execution_logs (execution_id, action_id, level, message)
     VALUES ('${ONE}', '${ONE}', 'INFO', 'hello')`,
    `INSERT INTO autopr.integrations (id, name, type) VALUES ('${ONE}', 'Slack', 'slack')`,
    `INSERT INTO autopr.integration_events (id, integration_id, event_type) VALUES ('${ONE}', '${ONE}', 'push')`,
  ]
  await database.db.transaction(async (tx) => {
    for (const row of rows) await tx.execute(raw(row))
  })
})

const counts = () => rowCounts(database.db, autopr)

/** Each constraint with a statement that it must refuse. */
const refusals: readonly (readonly [string, string])[] = [
  ['uq_workflow_name', `INSERT INTO autopr.workflows (name) VALUES ('Deploy')`],
  ['chk_workflow_status', `UPDATE autopr.workflows SET status = 'Active'`],
  ['chk_workflow_config', `UPDATE autopr.workflows SET config = '[]'`],
  ['chk_workflow_config', `UPDATE autopr.workflows SET config = 'null'`],
  [
    'uq_workflow_action_order',
    `INSERT INTO autopr.workflow_actions (workflow_id, action_type, action_name, order_index)
       VALUES ('${ONE}', 'test', 'Again', 0)`,
  ],
  ['chk_order_index_positive', `UPDATE autopr.workflow_actions SET order_index = -1`],
  ['chk_action_config', `UPDATE autopr.workflow_actions SET config = '"text"'`],
  ['chk_action_conditions', `UPDATE autopr.workflow_actions SET conditions = 'null'`],
  ['chk_trigger_type', `UPDATE autopr.workflow_triggers SET trigger_type = 'cron'`],
  ['chk_trigger_conditions', `UPDATE autopr.workflow_triggers SET conditions = '[]'`],
  ['chk_trigger_event_type', `UPDATE autopr.workflow_triggers SET trigger_type = 'event'`],
  [
    'chk_trigger_event_type',
    `UPDATE autopr.workflow_triggers SET trigger_type = 'event', conditions = '{"event_type": null}'`,
  ],
  ['uq_execution_id', `UPDATE autopr.workflow_executions SET execution_id = 'exec-1'`],
  ['chk_execution_status', `UPDATE autopr.workflow_executions SET status = 'done'`],
  [
    'chk_completed_at_after_started',
    `UPDATE autopr.workflow_executions SET started_at = now(), completed_at = now() - interval '1 microsecond'`,
  ],
  ['chk_execution_retry_count', `UPDATE autopr.workflow_executions SET retry_count = -1`],
  ['chk_execution_parent', `UPDATE autopr.workflow_executions SET parent_execution_id = id`],
  ['chk_log_level', `UPDATE autopr.execution_logs SET level = 'info'`],
  ['uq_integration_name', `INSERT INTO autopr.integrations (name, type) VALUES ('Slack', 'slack')`],
  ['chk_integration_type', `UPDATE autopr.integrations SET type = 'irc'`],
  ['chk_integration_health_status', `UPDATE autopr.integrations SET health_status = 'fine'`],
  ['chk_integration_config', `UPDATE autopr.integrations SET config = '1'`],
  ['chk_event_status', `UPDATE autopr.integration_events SET status = 'done'`],
  ['chk_event_retry_count', `UPDATE autopr.integration_events SET retry_count = -1`],
]

checkConstraints(autopr, () => database.db, refusals, [
  ['every state', `UPDATE autopr.workflows SET status = 'draft'`],
  ['an action without conditions', `UPDATE autopr.workflow_actions SET conditions = NULL`],
  [
    'the same place in another workflow',
    `WITH other AS (INSERT INTO autopr.workflows (name) VALUES ('Other') RETURNING id)
       INSERT INTO autopr.workflow_actions (workflow_id, action_type, action_name, order_index)
       SELECT id, 'test', 'Test', 0 FROM other`,
  ],
  [
    'an event trigger with its type',
    `UPDATE autopr.workflow_triggers SET trigger_type = 'event', conditions = '{"event_type": "push"}'`,
  ],
  ['an end at the very start', `UPDATE autopr.workflow_executions SET started_at = now(), completed_at = now()`],
  ['an end without a start', `UPDATE autopr.workflow_executions SET completed_at = now()`],
  ['a start before the creation', `UPDATE autopr.workflow_executions SET started_at = now() - interval '1 day'`],
  [
    'two events of one id',
    `INSERT INTO autopr.integration_events (integration_id, event_type, event_id)
       SELECT '${ONE}', 'push', 'gh-1' FROM generate_series(1, 2)`,
  ],
  ['any payload', `UPDATE autopr.integration_events SET payload = '[1, 2]'`],
])

describe('deleting', () => {
  it('a workflow takes its actions, triggers, executions and their logs along', async () => {
    const before = await counts()
    await database.db.execute(sql`DELETE FROM autopr.workflows`)
    expect(await counts()).toEqual({
      ...before,
      workflows: 0n,
      workflow_actions: 0n,
      workflow_triggers: 0n,
      workflow_executions: 0n,
      execution_logs: 0n,
    })
  })

  it('an integration takes its events along', async () => {
    const before = await counts()
    await database.db.execute(sql`DELETE FROM autopr.integrations`)
    expect(await counts()).toEqual({ ...before, integrations: 0n, integration_events: 0n })
  })

  // Decision 28: the document's keys without ON DELETE refused both.
  it('an execution takes its logs, and leaves its retries without a parent', async () => {
    await database.db.execute(sql`DELETE FROM autopr.workflow_executions WHERE id = ${ONE}::uuid`)
    expect(await counts()).toMatchObject({ workflow_executions: 1n, execution_logs: 0n })
    const rest = sql`SELECT id, parent_execution_id FROM autopr.workflow_executions`
    expect(await database.db.rows(rest)).toEqual([{ id: TWO, parent_execution_id: null }])
  })

  it('a logged action leaves its lines without an action', async () => {
    await database.db.execute(sql`DELETE FROM autopr.workflow_actions`)
    expect(await database.db.rows(sql`SELECT action_id, message FROM autopr.execution_logs`)).toEqual([
      { action_id: null, message: 'hello' },
    ])
  })
})

describe('the time of the last change', () => {
  const kept = autopr.entities.filter(({ fields }) => 'updated_at' in fields).map(({ table }) => ({ table }))

  it.each(kept)('of $table moves when the row changes, and only then', async ({ table }) => {
    const target = identifier('autopr', table)
    // The trigger has the last word, so an old time can only be planted around it.
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL session_replication_role = replica`)
      await tx.execute(sql`UPDATE ${target} SET updated_at = '2024-01-01T00:00:00Z'`)
    })
    const recent = sql`SELECT updated_at > '2024-01-02T00:00:00Z'::timestamptz AS recent FROM ${target}`
    await database.db.execute(sql`UPDATE ${target} SET created_at = created_at`)
    expect(await database.db.one(recent)).toEqual({ recent: false })
    await database.db.execute(sql`UPDATE ${target} SET created_at = now() - interval '1 minute'`)
    expect(await database.db.one(recent)).toEqual({ recent: true })
  })
})

describe('the time of a claim', () => {
  const event = sql`SELECT status, claimed_at > now() - interval '1 minute' AS just_now FROM autopr.integration_events`
  const only = (assignments: string) =>
    database.db.execute(raw(`UPDATE autopr.integration_events SET ${assignments}`))

  it('is kept by the database for workers that do not write it, and theirs for those that do', async () => {
    await database.db.execute(sql`DELETE FROM autopr.integration_events`)
    await database.db.execute(sql`
      INSERT INTO autopr.integration_events (integration_id, event_type, status)
      SELECT id, 'push', 'processing' FROM autopr.integrations LIMIT 1`)
    expect(await database.db.one(event)).toEqual({ status: 'processing', just_now: true })
    // Taken once, long ago, and put back without a word about it.
    await only("status = 'processing', claimed_at = '2024-01-01T00:00:00Z'")
    await only("status = 'pending'")
    expect(await database.db.one(event)).toEqual({ status: 'pending', just_now: false })
    await only("status = 'processing'")
    expect(await database.db.one(event)).toEqual({ status: 'processing', just_now: true })
    await only("status = 'processing', claimed_at = '2024-01-01T00:00:00Z'")
    await only("status = 'processing', payload = '{}'")
    expect(await database.db.one(event)).toEqual({ status: 'processing', just_now: false })
  })
})

describe('readable execution ids', () => {
  it('say when, in UTC, and are unique for twenty thousand in one statement', async () => {
    await database.db.execute(sql`
      INSERT INTO autopr.workflow_executions (workflow_id) SELECT ${ONE}::uuid FROM generate_series(1, 20000)`)
    const { wrong, different } = await database.db.one(sql`
      SELECT
        count(*) FILTER (WHERE execution_id !~ '^exec-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$') AS wrong,
        count(DISTINCT right(execution_id, 6)) AS different
      FROM autopr.workflow_executions`)
    expect({ wrong, different }).toEqual({ wrong: 0n, different: 20_002n })
    const { behind } = await database.db.one(sql`
      SELECT bool_and(
        now() - to_timestamp(substr(execution_id, 6, 15), 'YYYYMMDD-HH24MISS') BETWEEN interval '-1 s' AND interval '1 min'
      ) AS behind
      FROM autopr.workflow_executions`)
    expect(behind).toBe(true)
  })

  it('come round to the first digits only after all 16.7 million', async () => {
    const { first } = await database.db.one<{ first: string }>(sql`SELECT autopr.next_execution_id() AS first`)
    const at = (number: number) => sql`SELECT to_hex((${number}::bigint * 10368889) & 16777215) AS digits`
    const digits = await Promise.all([0, 1, 2 ** 23, 2 ** 24 - 1].map((number) => database.db.one(at(number))))
    expect(new Set(digits.map((row) => row.digits)).size).toBe(4)
    expect(first).toMatch(/^exec-/)
    const { maximum, cycles } = await database.db.one(sql`
      SELECT max_value AS maximum, cycle AS cycles FROM pg_sequences WHERE sequencename = 'execution_number'`)
    expect({ maximum, cycles }).toEqual({ maximum: 16_777_215n, cycles: true })
  })
})

describe('the partitions of the log', () => {
  it('take a line of any time: this month and three more have their own, the rest goes to the default one', async () => {
    const insert = (when: string) =>
      database.db.one<{ place: string }>(sql`
        INSERT INTO autopr.execution_logs (execution_id, level, message, created_at)
        VALUES (${ONE}::uuid, 'INFO', 'x', date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + ${when}::interval)
        RETURNING substr(tableoid::regclass::text, 8) AS place`)
    const { now, last } = await database.db.one<{ now: string; last: string }>(sql`
      SELECT to_char(now() AT TIME ZONE 'UTC', '"execution_logs_y"YYYY"m"MM') AS now,
             to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months', '"execution_logs_y"YYYY"m"MM') AS last`)
    expect(await insert('0')).toEqual({ place: now })
    expect(await insert('-1 microsecond')).toEqual({ place: 'execution_logs_default' })
    expect(await insert('4 months -1 microsecond')).toEqual({ place: last })
    expect(await insert('4 months')).toEqual({ place: 'execution_logs_default' })
  })
})
