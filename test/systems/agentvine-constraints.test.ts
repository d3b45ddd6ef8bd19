/** What the database itself guards in AgentVine's schema, for every writer: checks, keys, cascades, triggers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Queryable } from '../../src/db/database.ts'
import { identifier, raw, type Sql, sql } from '../../src/model/sql.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { checkConstraints, constraintAgainst, rowCounts } from './support/constraints.ts'
import { migrateSystem } from './support/migrate.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await migrateSystem(database.endpoint, 'agentvine', 'up')
})
afterAll(() => database?.drop())

const ONE = '00000000-0000-4000-8000-000000000001'
const TWO = '00000000-0000-4000-8000-000000000002'
const THREE = '00000000-0000-4000-8000-000000000003'
const HASH = `$2b$12$${'a'.repeat(53)}`

/** One row of each table that hang together, and two more tasks; the order is finished. */
beforeEach(async () => {
  const rows = [
    // Tasks take orders and assignments along; a worker with an active one stays. DELETE, since there are few rows.
    ...['tasks', 'workers', 'chat_messages', 'context_documents', 'users'].map(
      (name) => `DELETE FROM agentvine.${name}`,
    ),
    `INSERT INTO agentvine.users (id, username, email, hashed_password, role)
     VALUES ('${ONE}', 'ada', 'ada@example.com', '${HASH}', 'admin')`,
    `INSERT INTO agentvine.workers (id, name, worker_type, status) VALUES ('${ONE}', 'vine', 'feature', 'idle')`,
    `INSERT INTO agentvine.worker_capabilities (id, worker_id, capability_name)
     VALUES ('${ONE}', '${ONE}', 'Python')`,
    `INSERT INTO agentvine.tasks (id, title, task_type, permission_level, created_by, assigned_to)
     SELECT id::uuid, 'Build', 'feature', 'autonomous', '${ONE}', '${ONE}'
     FROM unnest(ARRAY['${ONE}', '${TWO}', '${THREE}']) AS id`,
    `UPDATE agentvine.tasks SET parent_task_id = '${ONE}' WHERE id = '${TWO}'`,
    `INSERT INTO agentvine.task_dependencies (id, task_id, depends_on_task_id) VALUES ('${ONE}', '${TWO}', '${ONE}')`,
    `INSERT INTO agentvine.work_orders (id, task_id, queue_name, status) VALUES ('${ONE}', '${ONE}', 'q', 'completed')`,
    `INSERT INTO agentvine.worker_assignments (id, worker_id, work_order_id, status)
     VALUES ('${ONE}', '${ONE}', '${ONE}', 'completed')`,
    `INSERT INTO agentvine.executions (id, task_id, worker_id, status) VALUES ('${ONE}', '${ONE}', '${ONE}', 'completed')`,
    `INSERT INTO agentvine.execution_logs (execution_id, level, message) VALUES ('${ONE}', 'INFO', 'hello')`,
    `INSERT INTO agentvine.chat_messages (id, conversation_id, sender_type, sender_id, message)
     VALUES ('${ONE}', '${ONE}', 'user', '${ONE}', 'hello')`,
    `INSERT INTO agentvine.chat_messages (id, conversation_id, sender_type, sender_id, message, parent_message_id)
     VALUES ('${TWO}', '${ONE}', 'worker', '${ONE}', 'hello back', '${ONE}')`,
    `INSERT INTO agentvine.chat_attachments (id, message_id, file_name, file_path) VALUES ('${ONE}', '${ONE}', 'a', '/a')`,
    `INSERT INTO agentvine.context_documents (id, title, document_type, content, created_by)
     VALUES ('${ONE}', 'Queue', 'design', 'Workers claim orders.', '${ONE}')`,
  ]
  await database.db.transaction(async (tx) => {
    for (const row of rows) await tx.execute(raw(row))
  })
})

/** The constraint that refuses the statement; undefined when none does. */
const refusedBy = (statement: Sql, on: Queryable = database.db) => constraintAgainst(on, statement)

const openOrder = (task: string) => `INSERT INTO agentvine.work_orders (task_id, queue_name) VALUES ('${task}', 'q')`

/** Each constraint with a statement that it must refuse. */
const refusals: readonly (readonly [string, string])[] = [
  [
    'uq_users_username',
    `INSERT INTO agentvine.users (username, email, hashed_password, role) VALUES ('ada', 'b@example.com', '${HASH}', 'viewer')`,
  ],
  [
    'uq_users_email',
    `INSERT INTO agentvine.users (username, email, hashed_password, role) VALUES ('b', 'ada@example.com', '${HASH}', 'viewer')`,
  ],
  ['chk_users_role', `UPDATE agentvine.users SET role = 'king'`],
  ['chk_users_hashed_password', `UPDATE agentvine.users SET hashed_password = 'secret'`],
  ['chk_users_email', `UPDATE agentvine.users SET email = 'Ada@example.com'`],
  ['chk_users_email', `UPDATE agentvine.users SET email = '@example.com'`],
  ['chk_users_settings', `UPDATE agentvine.users SET settings = '[]'`],
  ['chk_workers_type', `UPDATE agentvine.workers SET worker_type = 'dance'`],
  ['chk_workers_status', `UPDATE agentvine.workers SET status = 'draining'`],
  ['chk_workers_limits', `UPDATE agentvine.workers SET max_concurrent_tasks = 0`],
  ['chk_workers_limits', `UPDATE agentvine.workers SET timeout_seconds = 0`],
  ['chk_workers_limits', `UPDATE agentvine.workers SET context_window_size = -1`],
  ['chk_workers_config', `UPDATE agentvine.workers SET config = 'null'`],
  [
    'uq_worker_capabilities_name',
    `INSERT INTO agentvine.worker_capabilities (worker_id, capability_name) VALUES ('${ONE}', 'Python')`,
  ],
  ['chk_worker_capabilities_level', `UPDATE agentvine.worker_capabilities SET capability_level = 'god'`],
  ['chk_tasks_type', `UPDATE agentvine.tasks SET task_type = 'dance'`],
  ['chk_tasks_permission_level', `UPDATE agentvine.tasks SET permission_level = 'none'`],
  ['chk_tasks_priority', `UPDATE agentvine.tasks SET priority = 'urgent'`],
  ['chk_tasks_status', `UPDATE agentvine.tasks SET status = 'done'`],
  ['chk_tasks_numbers', `UPDATE agentvine.tasks SET issue_number = 0`],
  ['chk_tasks_numbers', `UPDATE agentvine.tasks SET pr_number = -1`],
  ['chk_tasks_parent', `UPDATE agentvine.tasks SET parent_task_id = id`],
  ['chk_tasks_times', `UPDATE agentvine.tasks SET started_at = now(), completed_at = now() - interval '1s'`],
  [
    'uq_task_dependencies_pair',
    `INSERT INTO agentvine.task_dependencies (task_id, depends_on_task_id, dependency_type)
     VALUES ('${TWO}', '${ONE}', 'related')`,
  ],
  ['chk_task_dependencies_self', `UPDATE agentvine.task_dependencies SET depends_on_task_id = task_id`],
  ['chk_task_dependencies_type', `UPDATE agentvine.task_dependencies SET dependency_type = 'likes'`],
  ['chk_work_orders_status', `UPDATE agentvine.work_orders SET status = 'done'`],
  ['chk_work_orders_retries', `UPDATE agentvine.work_orders SET retry_count = -1`],
  ['chk_work_orders_retries', `UPDATE agentvine.work_orders SET max_retries = -1`],
  ['chk_work_orders_timeout', `UPDATE agentvine.work_orders SET timeout_seconds = 0`],
  [
    'chk_work_orders_times',
    `UPDATE agentvine.work_orders SET claimed_at = now(), completed_at = now() - interval '1s'`,
  ],
  ['chk_worker_assignments_status', `UPDATE agentvine.worker_assignments SET status = 'lost'`],
  [
    'chk_worker_assignments_times',
    `UPDATE agentvine.worker_assignments SET completed_at = assigned_at - interval '1s'`,
  ],
  ['chk_executions_status', `UPDATE agentvine.executions SET status = 'done'`],
  ['chk_executions_times', `UPDATE agentvine.executions SET completed_at = started_at - interval '1s'`],
  ['chk_execution_logs_level', `UPDATE agentvine.execution_logs SET level = 'info'`],
  ['chk_chat_messages_sender_type', `UPDATE agentvine.chat_messages SET sender_type = 'robot', sender_id = NULL`],
  ['chk_chat_messages_type', `UPDATE agentvine.chat_messages SET message_type = 'shout'`],
  ['chk_chat_messages_sender', `UPDATE agentvine.chat_messages SET sender_id = NULL`],
  ['chk_chat_messages_sender', `UPDATE agentvine.chat_messages SET sender_type = 'system'`],
  ['chk_chat_messages_parent', `UPDATE agentvine.chat_messages SET parent_message_id = id`],
  ['chk_chat_attachments_size', `UPDATE agentvine.chat_attachments SET file_size_bytes = -1`],
  ['chk_context_documents_type', `UPDATE agentvine.context_documents SET document_type = 'novel'`],
  [
    'chk_context_documents_version',
    `INSERT INTO agentvine.context_documents (title, document_type, content, version) VALUES ('x', 'plan', 'x', 0)`,
  ],
  [
    'uq_context_document_versions_number',
    `INSERT INTO agentvine.context_document_versions (document_id, version, title, document_type, content, tags)
     VALUES ('${ONE}', 1, 'x', 'plan', 'x', '{}')`,
  ],
  ['chk_context_document_versions_version', `UPDATE agentvine.context_document_versions SET version = 0`],
  // Decision 47, and what keeps one order and one execution a task.
  [
    'uq_worker_assignments_active',
    `INSERT INTO agentvine.worker_assignments (worker_id, work_order_id)
     SELECT '${ONE}', '${ONE}' FROM generate_series(1, 2)`,
  ],
  ['uq_work_orders_open', `${openOrder(ONE)}, ('${ONE}', 'another')`],
  ['uq_executions_running', `INSERT INTO agentvine.executions (task_id) VALUES ('${ONE}'), ('${ONE}')`],
]

checkConstraints(agentvine, () => database.db, refusals, [
  ['limits at their bounds', `UPDATE agentvine.workers SET max_concurrent_tasks = 1, timeout_seconds = 1`],
  ['a task without numbers', `UPDATE agentvine.tasks SET issue_number = NULL, pr_number = 1`],
  ['an end at the very start', `UPDATE agentvine.executions SET completed_at = started_at`],
  ['no retries', `UPDATE agentvine.work_orders SET max_retries = 0`],
  ['an empty file', `UPDATE agentvine.chat_attachments SET file_size_bytes = 0`],
  ['a message of the system', `INSERT INTO agentvine.chat_messages (sender_type, message) VALUES ('system', 'x')`],
  [
    'a second try of the same worker at the same order',
    `INSERT INTO agentvine.worker_assignments (worker_id, work_order_id) VALUES ('${ONE}', '${ONE}')`,
  ],
  ['another order once the first is finished', openOrder(ONE)],
])

describe('cycles among the tasks that wait for each other', () => {
  const edge = (from: string, to: string, type = 'blocks') => sql`
    INSERT INTO agentvine.task_dependencies (task_id, depends_on_task_id, dependency_type)
    VALUES (${from}::uuid, ${to}::uuid, ${type})`

  it('are refused, of two and of three, and made by an update too', async () => {
    expect(await refusedBy(edge(ONE, TWO))).toBe('task_dependencies_no_cycle')
    expect(await refusedBy(edge(THREE, TWO))).toBeUndefined()
    expect(await refusedBy(edge(ONE, THREE))).toBe('task_dependencies_no_cycle')
    expect(await refusedBy(edge(ONE, THREE, 'related'))).toBeUndefined()
    const harden = sql`UPDATE agentvine.task_dependencies SET dependency_type = 'blocks'`
    expect(await refusedBy(harden)).toBe('task_dependencies_no_cycle')
  })

  it('are not seen where two ways lead to one task', async () => {
    expect(await refusedBy(edge(THREE, TWO))).toBeUndefined()
    expect(await refusedBy(edge(THREE, ONE))).toBeUndefined()
  })

  it('are found in one statement that makes both halves', async () => {
    const both = sql`
      INSERT INTO agentvine.task_dependencies (task_id, depends_on_task_id)
      VALUES (${ONE}::uuid, ${THREE}::uuid), (${THREE}::uuid, ${ONE}::uuid)`
    expect(await refusedBy(both)).toBe('task_dependencies_no_cycle')
  })

  it('are found by the second of two writers who each make one half', async () => {
    const results = await Promise.all(
      [
        [ONE, THREE],
        [THREE, ONE],
      ].map(([from = '', to = '']) => refusedBy(edge(from, to))),
    )
    expect(results.toSorted()).toEqual(['task_dependencies_no_cycle', undefined])
  })
})

describe('a worker', () => {
  const status = async () =>
    (await database.db.one<{ status: string }>(sql`SELECT status FROM agentvine.workers`)).status
  const assign = raw(
    `INSERT INTO agentvine.worker_assignments (worker_id, work_order_id) VALUES ('${ONE}', '${ONE}')`,
  )

  it('is busy as long as it has an active assignment, whatever someone writes', async () => {
    await database.db.execute(sql`UPDATE agentvine.workers SET status = 'busy'`)
    expect(await status()).toBe('idle')
    await database.db.execute(assign)
    expect(await status()).toBe('busy')
    await database.db.execute(sql`UPDATE agentvine.workers SET status = 'idle'`)
    expect(await status()).toBe('busy')
    await database.db.execute(sql`UPDATE agentvine.worker_assignments SET status = 'failed' WHERE status = 'active'`)
    expect(await status()).toBe('idle')
    await database.db.execute(assign)
    await database.db.execute(sql`DELETE FROM agentvine.worker_assignments WHERE status = 'active'`)
    expect(await status()).toBe('idle')
  })

  it('stays offline or in error whatever becomes of its assignments, and is what they say when it is back', async () => {
    for (const away of ['offline', 'error']) {
      await database.db.execute(sql`UPDATE agentvine.workers SET status = ${away}`)
      await database.db.execute(assign)
      expect(await status()).toBe(away)
      await database.db.execute(sql`UPDATE agentvine.workers SET status = 'idle'`)
      expect(await status()).toBe('busy')
      await database.db.execute(sql`DELETE FROM agentvine.worker_assignments WHERE status = 'active'`)
    }
  })

  it('is not deleted while it has one; later it is, and its executions and tasks stay', async () => {
    const remove = sql`DELETE FROM agentvine.workers`
    await database.db.execute(assign)
    expect(await refusedBy(remove)).toBe('workers_not_deleted_busy')
    await database.db.execute(sql`UPDATE agentvine.worker_assignments SET status = 'timeout'`)
    expect(await refusedBy(remove)).toBeUndefined()
    expect(await database.db.rows(sql`SELECT worker_id FROM agentvine.executions`)).toEqual([{ worker_id: null }])
    expect(await counts()).toMatchObject({ tasks: 3n, worker_assignments: 0n, worker_capabilities: 0n })
  })

  it('has the names and levels of its capabilities, by name, and nothing that someone writes there', async () => {
    await database.db.execute(sql`
      INSERT INTO agentvine.worker_capabilities (worker_id, capability_name, capability_level)
      VALUES (${ONE}::uuid, 'Ada', 'expert'), (${ONE}::uuid, 'ruby', 'beginner')`)
    const capabilities = sql`SELECT capabilities FROM agentvine.workers`
    const python = { name: 'Python', level: 'intermediate' }
    const expected = [{ name: 'Ada', level: 'expert' }, python, { name: 'ruby', level: 'beginner' }]
    expect(await database.db.one(capabilities)).toEqual({ capabilities: expected })
    await database.db.execute(sql`UPDATE agentvine.workers SET capabilities = '["lies"]'`)
    expect(await database.db.one(capabilities)).toEqual({ capabilities: expected })
    await database.db.execute(sql`DELETE FROM agentvine.worker_capabilities WHERE capability_name <> 'Python'`)
    expect(await database.db.one(capabilities)).toEqual({ capabilities: [python] })
    await database.db.execute(sql`UPDATE agentvine.worker_capabilities SET capability_level = 'expert'`)
    expect(await database.db.one(capabilities)).toEqual({ capabilities: [{ name: 'Python', level: 'expert' }] })
  })
})

describe('the sender of a message', () => {
  const send = (type: string, id: string) => sql`
    INSERT INTO agentvine.chat_messages (sender_type, sender_id, message) VALUES (${type}, ${id}::uuid, 'x')`

  it('must be one of its kind', async () => {
    expect(await refusedBy(send('user', TWO))).toBe('chat_messages_check_sender')
    expect(await refusedBy(send('worker', TWO))).toBe('chat_messages_check_sender')
    await database.db.execute(sql`
      INSERT INTO agentvine.workers (id, name, worker_type) VALUES (${TWO}::uuid, 'ivy', 'docs')`)
    expect(await refusedBy(send('user', TWO))).toBe('chat_messages_check_sender')
    expect(await refusedBy(send('worker', TWO))).toBeUndefined()
  })

  it('sends nothing once it is deleted, and what it sent stays when it is gone', async () => {
    await database.db.execute(sql`UPDATE agentvine.users SET deleted_at = now()`)
    expect(await refusedBy(send('user', ONE))).toBe('chat_messages_check_sender')
    await database.db.execute(sql`UPDATE agentvine.chat_messages SET message = 'edited'`)
    await database.db.execute(sql`DELETE FROM agentvine.users`)
    expect(await counts()).toMatchObject({ chat_messages: 2n, tasks: 3n, context_documents: 1n })
  })
})

describe('a document', () => {
  const versions = () =>
    database.db.rows(sql`
      SELECT version, title, content, tags FROM agentvine.context_document_versions ORDER BY version`)

  it('keeps every version, and counts what changes it alone', async () => {
    const first = { version: 1, title: 'Queue', content: 'Workers claim orders.', tags: [] }
    expect(await versions()).toEqual([first])
    await database.db.execute(sql`UPDATE agentvine.context_documents SET metadata = '{"a": 1}', version = 9`)
    await database.db.execute(sql`UPDATE agentvine.context_documents SET title = title`)
    expect(await versions()).toEqual([first])
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`UPDATE agentvine.context_documents SET content = 'Second.'`)
      await tx.execute(sql`UPDATE agentvine.context_documents SET tags = '{queue}', content = 'Third.'`)
    })
    expect(await versions()).toEqual([
      first,
      { ...first, version: 2, content: 'Second.' },
      { ...first, version: 3, content: 'Third.', tags: ['queue'] },
    ])
    expect(await database.db.one(sql`SELECT version FROM agentvine.context_documents`)).toEqual({ version: 3 })
  })

  it('that comes and goes in one transaction leaves nothing behind', async () => {
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`
        INSERT INTO agentvine.context_documents (id, title, document_type, content) VALUES (${TWO}::uuid, 'x', 'plan', 'x')`)
      await tx.execute(sql`DELETE FROM agentvine.context_documents`)
    })
    expect(await versions()).toEqual([])
  })

  it('of any length can be stored and found by its beginning', async () => {
    // Words that are all different: a whole tsvector of them would exceed what PostgreSQL stores.
    await database.db.execute(sql`
      UPDATE agentvine.context_documents
      SET content = 'Heartbeats matter. ' || (SELECT string_agg(md5(n::text), ' ') FROM generate_series(1, 60000) AS n)`)
    const found = sql`
      SELECT id FROM agentvine.context_documents WHERE search_vector @@ websearch_to_tsquery('english', 'heartbeat')`
    expect(await database.db.rows(found)).toEqual([{ id: ONE }])
  })
})

describe('an execution', () => {
  it('has a duration in whole seconds once it has ended', async () => {
    const duration = sql`SELECT duration_seconds FROM agentvine.executions`
    expect(await database.db.one(duration)).toEqual({ duration_seconds: null })
    await database.db.execute(sql`UPDATE agentvine.executions SET completed_at = started_at + interval '90.6 s'`)
    expect(await database.db.one(duration)).toEqual({ duration_seconds: 91 })
  })

  it('logs into the month of the line, or into the default partition', async () => {
    const log = (at: Sql) =>
      database.db.one<{ place: string }>(sql`
        INSERT INTO agentvine.execution_logs (execution_id, level, message, logged_at)
        VALUES (${ONE}::uuid, 'INFO', 'x', ${at}) RETURNING tableoid::regclass::text AS place`)
    const month = sql`to_char(now() AT TIME ZONE 'UTC', '"agentvine.execution_logs_y"YYYY"m"MM')`
    expect(await log(sql`now()`)).toEqual(await database.db.one(sql`SELECT ${month} AS place`))
    expect(await log(sql`'2020-01-01Z'`)).toEqual({ place: 'agentvine.execution_logs_default' })
  })
})

describe('deleting', () => {
  it('a task takes what is its own, and leaves its subtasks and the worker', async () => {
    await database.db.execute(sql`DELETE FROM agentvine.tasks WHERE id = ${ONE}::uuid`)
    expect(await counts()).toMatchObject({
      ...{ tasks: 2n, task_dependencies: 0n, work_orders: 0n, worker_assignments: 0n, executions: 0n },
      ...{ execution_logs: 0n, workers: 1n, chat_messages: 2n },
    })
    const rest = sql`SELECT parent_task_id FROM agentvine.tasks WHERE id = ${TWO}::uuid`
    expect(await database.db.one(rest)).toEqual({ parent_task_id: null })
  })

  it('a message takes its attachments and leaves its replies; a document takes its versions', async () => {
    await database.db.execute(sql`DELETE FROM agentvine.chat_messages WHERE id = ${ONE}::uuid`)
    await database.db.execute(sql`DELETE FROM agentvine.context_documents`)
    expect(await counts()).toMatchObject({ chat_messages: 1n, chat_attachments: 0n, context_document_versions: 0n })
  })
})

describe('the time of the last change', () => {
  const tables = agentvine.entities.map(({ table }) => ({ table }))

  it.each(tables)('of $table moves when the row changes, and only then', async ({ table }) => {
    const target = identifier('agentvine', table)
    // The trigger has the last word, so an old time can only be planted around it.
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL session_replication_role = replica`)
      await tx.execute(sql`UPDATE ${target} SET updated_at = '2024-01-01T00:00:00Z'`)
    })
    const recent = sql`SELECT bool_and(updated_at > '2024-01-02T00:00:00Z'::timestamptz) AS recent FROM ${target}`
    await database.db.execute(sql`UPDATE ${target} SET created_at = created_at`)
    expect(await database.db.one(recent)).toEqual({ recent: false })
    await database.db.execute(sql`UPDATE ${target} SET created_at = now() - interval '1 minute'`)
    expect(await database.db.one(recent)).toEqual({ recent: true })
  })
})

it('the triggers follow a schema that is renamed', async () => {
  await database.db.execute(sql`ALTER SCHEMA agentvine RENAME TO renamed`)
  try {
    await database.db.execute(sql`UPDATE renamed.context_documents SET title = 'Renamed'`)
    await database.db.execute(sql`UPDATE renamed.worker_capabilities SET capability_level = 'expert'`)
    await database.db.execute(sql`UPDATE renamed.task_dependencies SET dependency_type = 'blocks'`)
    await database.db.execute(sql`UPDATE renamed.worker_assignments SET status = 'active'`)
    await database.db.execute(sql`UPDATE renamed.chat_messages SET sender_type = sender_type`)
    expect(await refusedBy(sql`DELETE FROM renamed.workers`)).toBe('workers_not_deleted_busy')
    const worker = sql`SELECT status, capabilities FROM renamed.workers`
    expect(await database.db.one(worker)).toEqual({
      status: 'busy',
      capabilities: [{ name: 'Python', level: 'expert' }],
    })
  } finally {
    await database.db.execute(sql`ALTER SCHEMA renamed RENAME TO agentvine`)
  }
})

const counts = () => rowCounts(database.db, agentvine)
