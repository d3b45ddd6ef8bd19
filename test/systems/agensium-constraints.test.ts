/** What the database itself guards in Agensium's schema, for every writer: checks, keys, cascades, triggers, ids. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { identifier, raw, type Sql, sql } from '../../src/model/sql.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { checkConstraints, constraintAgainst } from './support/constraints.ts'

let database: TestDatabase

const HASH = `$2b$12$${'a'.repeat(53)}`

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

beforeEach(async () => {
  await database.db.transaction(async (tx) => {
    await tx.execute(sql`SET LOCAL agensium.ledger_removals = 'on'`)
    for (const table of ['stripe_webhook_events', 'credit_transactions', 'agent_costs', 'tasks', 'users']) {
      await tx.execute(sql`DELETE FROM ${identifier('agensium', table)}`)
    }
    await tx.execute(sql`
      INSERT INTO agensium.users (id, email, full_name, hashed_password, stripe_customer_id)
      VALUES (9001, 'ann@example.com', 'Ann', ${HASH}, 'cus_1')`)
    await tx.execute(sql`INSERT INTO agensium.credit_wallets (user_id, balance_credits) VALUES (9001, 100)`)
    await tx.execute(sql`
      INSERT INTO agensium.agent_costs (agent_id, tool_id, cost_credits) VALUES ('one', 'clean-my-data', 5)`)
    await tx.execute(sql`
      INSERT INTO agensium.tasks (user_id, tool_id, agents) VALUES (9001, 'clean-my-data', '["one", "two"]')`)
    await tx.execute(sql`
      INSERT INTO agensium.credit_transactions
        (user_id, delta_credits, type, stripe_checkout_session_id, stripe_payment_intent_id)
      VALUES (9001, 100, 'PURCHASE', 'cs_1', 'pi_1')`)
    await tx.execute(sql`
      INSERT INTO agensium.credit_transactions (user_id, delta_credits, type, stripe_charge_id)
      VALUES (9001, -10, 'ADJUSTMENT', 'ch_1')`)
    await tx.execute(sql`
      INSERT INTO agensium.stripe_webhook_events (event_id, type, payload) VALUES ('evt_1', 'ping', '{}')`)
  })
})

/** The constraint that refuses the statement; undefined when none does. */
const refusedBy = (statement: Sql) => constraintAgainst(database.db, statement)

/** An entry of this many credits and type. */
const entry = (credits: number, type: string) =>
  `INSERT INTO agensium.credit_transactions (user_id, delta_credits, type) VALUES (9001, ${credits}, '${type}')`

/** Each constraint with a statement that it must refuse. */
const refusals: readonly (readonly [string, string])[] = [
  ['chk_users_email', `UPDATE agensium.users SET email = 'Ann@example.com'`],
  ['chk_users_email', `UPDATE agensium.users SET email = '@example.com'`],
  ['chk_users_hashed_password', `UPDATE agensium.users SET hashed_password = 'secret'`],
  ['chk_users_hashed_password', `UPDATE agensium.users SET hashed_password = repeat('a', 60)`],
  ['chk_users_otp', `UPDATE agensium.users SET otp_code = '123456'`],
  ['chk_agent_costs_agent_id', `UPDATE agensium.agent_costs SET agent_id = 'Not Good'`],
  ['chk_agent_costs_tool_id', `UPDATE agensium.agent_costs SET tool_id = 'paint-my-data'`],
  ['chk_agent_costs_cost_credits', `UPDATE agensium.agent_costs SET cost_credits = -1`],
  ['chk_credit_wallets_balance_credits', `UPDATE agensium.credit_wallets SET balance_credits = -1`],
  ['chk_status', `UPDATE agensium.tasks SET status = 'DELETED'`],
  ['chk_progress', `UPDATE agensium.tasks SET progress = 101`],
  ['chk_progress', `UPDATE agensium.tasks SET progress = -1`],
  ['chk_tool_id', `UPDATE agensium.tasks SET tool_id = 'paint-my-data'`],
  ['chk_tasks_task_id', `UPDATE agensium.tasks SET task_id = ''`],
  ['chk_tasks_task_id', `UPDATE agensium.tasks SET task_id = '../../1/tasks/1'`],
  ['chk_tasks_agents', `UPDATE agensium.tasks SET agents = '[]'`],
  ['chk_tasks_agents', `UPDATE agensium.tasks SET agents = '{"a": 1}'`],
  ['chk_tasks_agents', `UPDATE agensium.tasks SET agents = '"one"'`],
  ['chk_tasks_agents', `UPDATE agensium.tasks SET agents = '["one", 2]'`],
  ['chk_tasks_current_agent', `UPDATE agensium.tasks SET current_agent = 'three'`],
  [
    'chk_tasks_deleted',
    `UPDATE agensium.tasks SET deleted_at = now(), inputs_cleaned_at = now(), outputs_cleaned_at = now()`,
  ],
  ['chk_tasks_deleted', `UPDATE agensium.tasks SET deleted_at = now(), status = 'FAILED', inputs_cleaned_at = now()`],
  [
    'chk_credit_transactions_id',
    `INSERT INTO agensium.credit_transactions (id, user_id, delta_credits, type) VALUES ('1', 9001, 1, 'GRANT')`,
  ],
  ['chk_credit_transactions_type', entry(1, 'GIFT')],
  ['chk_credit_transactions_delta_credits', entry(-1, 'PURCHASE')],
  ['chk_credit_transactions_delta_credits', entry(-1, 'GRANT')],
  ['chk_credit_transactions_delta_credits', entry(-1, 'REFUND')],
  ['chk_credit_transactions_delta_credits', entry(1, 'CONSUME')],
  ...['PURCHASE', 'GRANT', 'REFUND', 'CONSUME', 'ADJUSTMENT'].map(
    (type) => ['chk_credit_transactions_delta_credits', entry(0, type)] as const,
  ),
  ['chk_stripe_webhook_events_payload', `UPDATE agensium.stripe_webhook_events SET payload = '[]'`],
  ['chk_stripe_webhook_events_error', `UPDATE agensium.stripe_webhook_events SET processed_at = now(), error = 'no'`],
  [
    'uq_users_email',
    `INSERT INTO agensium.users (email, full_name, hashed_password) SELECT email, 'B', hashed_password FROM agensium.users`,
  ],
  [
    'uq_users_stripe_customer_id',
    `INSERT INTO agensium.users (email, full_name, hashed_password, stripe_customer_id)
     SELECT 'bob@example.com', 'B', hashed_password, stripe_customer_id FROM agensium.users`,
  ],
  ...['stripe_checkout_session_id', 'stripe_payment_intent_id', 'stripe_charge_id'].map(
    (column) =>
      [
        `uq_credit_transactions_${column}`,
        `INSERT INTO agensium.credit_transactions (user_id, delta_credits, type, ${column})
         SELECT user_id, delta_credits, type, ${column} FROM agensium.credit_transactions WHERE ${column} IS NOT NULL`,
      ] as const,
  ),
]

checkConstraints(agensium, () => database.db, refusals, [
  ['progress at its bounds', `UPDATE agensium.tasks SET progress = 100`],
  ['no current agent', `UPDATE agensium.tasks SET current_agent = NULL`],
  ['one of the agents', `UPDATE agensium.tasks SET current_agent = 'two'`],
  ['an agent for nothing', `UPDATE agensium.agent_costs SET cost_credits = 0`],
  ['an empty wallet', `UPDATE agensium.credit_wallets SET balance_credits = 0`],
  ['a code with its end', `UPDATE agensium.users SET otp_code = '123456', otp_expires_at = now()`],
  ['a hash as PHP writes it', `UPDATE agensium.users SET hashed_password = '$2y$10$' || repeat('.', 53)`],
  ['an adjustment up', entry(1, 'ADJUSTMENT')],
  ['an adjustment down', entry(-1, 'ADJUSTMENT')],
  ['what is consumed', entry(-1, 'CONSUME')],
  ['two entries without ids of Stripe', entry(5, 'GRANT')],
  ['an event that failed', `UPDATE agensium.stripe_webhook_events SET error = 'no'`],
  [
    'deleting an ended task whose files are gone',
    `UPDATE agensium.tasks SET deleted_at = now(), status = 'EXPIRED', inputs_cleaned_at = now(), outputs_cleaned_at = now()`,
  ],
])

describe('s3_cleaned', () => {
  it('follows from both times and cannot be written', async () => {
    const cleaned = async () =>
      (await database.db.one<{ s3_cleaned: boolean }>(sql`SELECT s3_cleaned FROM agensium.tasks`)).s3_cleaned
    expect(await cleaned()).toBe(false)
    await database.db.execute(sql`UPDATE agensium.tasks SET inputs_cleaned_at = now()`)
    expect(await cleaned()).toBe(false)
    await database.db.execute(sql`UPDATE agensium.tasks SET outputs_cleaned_at = now()`)
    expect(await cleaned()).toBe(true)
    await expect(database.db.execute(sql`UPDATE agensium.tasks SET s3_cleaned = false`)).rejects.toThrow(/s3_cleaned/)
  })
})

describe('the ledger', () => {
  it.each([
    [`UPDATE agensium.credit_transactions SET reason = 'other'`],
    [`UPDATE agensium.credit_transactions SET delta_credits = 1`],
    [`DELETE FROM agensium.credit_transactions`],
    [`TRUNCATE agensium.credit_transactions`],
    [`TRUNCATE agensium.users CASCADE`],
  ])('refuses %s', async (statement) => {
    expect(await refusedBy(raw(statement))).toBe('credit_transactions_append_only')
    const { rows } = await database.db.one<{ rows: bigint }>(
      sql`SELECT count(*) AS rows FROM agensium.credit_transactions WHERE reason IS NULL`,
    )
    expect(rows).toBe(2n)
  })

  it('lets a DELETE pass in a transaction that says so, and in that one only; never an UPDATE', async () => {
    const inRemoval = (statement: Sql) =>
      database.db.transaction(async (tx) => {
        await tx.execute(sql`SET LOCAL agensium.ledger_removals = 'on'`)
        await tx.execute(statement)
      })
    const remove = sql`DELETE FROM agensium.credit_transactions WHERE type = 'ADJUSTMENT'`
    await expect(inRemoval(sql`UPDATE agensium.credit_transactions SET reason = 'x'`)).rejects.toThrow()
    await expect(inRemoval(sql`TRUNCATE agensium.credit_transactions`)).rejects.toThrow()
    await inRemoval(remove)
    expect(await refusedBy(sql`DELETE FROM agensium.credit_transactions`)).toBe('credit_transactions_append_only')
    expect(await database.db.rows(sql`SELECT type FROM agensium.credit_transactions`)).toEqual([{ type: 'PURCHASE' }])
  })
})

describe('deleting a user', () => {
  const remove = () => refusedBy(sql`DELETE FROM agensium.users WHERE id = 9001`)

  it('is refused by tasks, by money, and takes the wallet along when there is neither', async () => {
    expect(await remove()).toBe('fk_task_user')
    await database.db.execute(sql`DELETE FROM agensium.tasks`)
    expect(await remove()).toBe('fk_credit_transactions_user')
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL agensium.ledger_removals = 'on'`)
      await tx.execute(sql`DELETE FROM agensium.credit_transactions`)
    })
    expect(await remove()).toBeUndefined()
    expect(await database.db.rows(sql`SELECT user_id FROM agensium.credit_wallets`)).toEqual([])
  })
})

describe('the time of the last change', () => {
  const kept = agensium.entities.flatMap(({ table, fields }) => ('updated_at' in fields ? [table] : []))

  it.each(kept)('of %s moves when the row changes, and only then', async (table) => {
    const target = identifier('agensium', table)
    // The trigger has the last word, so an old time can only be planted around it.
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL session_replication_role = replica`)
      await tx.execute(sql`UPDATE ${target} SET updated_at = '2024-01-01T00:00:00Z'`)
    })
    const isRecent = async () =>
      (await database.db.one<{ recent: boolean }>(sql`SELECT updated_at > '2024-01-02' AS recent FROM ${target}`))
        .recent
    await database.db.execute(sql`UPDATE ${target} SET created_at = created_at`)
    expect(await isRecent()).toBe(false)
    await database.db.execute(sql`UPDATE ${target} SET created_at = now() - interval '1 minute'`)
    expect(await isRecent()).toBe(true)
  })

  it('of tasks moves with every column that can be written', async () => {
    const columns = await database.db.rows<{ name: string; type: string }>(sql`
      SELECT attname AS name, format_type(atttypid, atttypmod) AS type
      FROM pg_attribute
      WHERE attrelid = 'agensium.tasks'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`)
    const { definition } = await database.db.one<{ definition: string }>(sql`
      SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger
      WHERE tgname = 'tasks_set_updated_at' AND tgrelid = 'agensium.tasks'::regclass`)
    const watched = columns.filter(({ name }) => definition.includes(`old.${name}`)).map(({ name }) => name)
    expect(watched).toEqual(columns.map(({ name }) => name).filter((name) => name !== 'updated_at'))
  })
})

describe('generated ids', () => {
  it('of transactions are ULIDs of the server’s time, distinct within one statement, later ones greater', async () => {
    const make = () =>
      database.db.rows<{ id: string; millis: bigint }>(sql`
        SELECT agensium.next_ulid() AS id, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS millis
        FROM generate_series(1, 500)`)
    const early = await make()
    await database.db.execute(sql`SELECT pg_sleep(0.002)`)
    const late = await make()
    const ids = [...early, ...late].map(({ id }) => id)
    expect(new Set(ids).size).toBe(1000)
    expect(ids.filter((id) => !/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id))).toEqual([])
    const { id, millis } = early[0] ?? { id: '', millis: 0n }
    const time = [...id.slice(0, 10)].reduce((sum, digit) => sum * 32n + BigInt(BASE32.indexOf(digit)), 0n)
    expect(Number(millis - time)).toBeLessThan(1000)
    const [latest, earliest] = [
      early
        .map((row) => row.id)
        .sort()
        .at(-1),
      late.map((row) => row.id).sort()[0],
    ]
    expect(String(latest) < String(earliest)).toBe(true)
    // All 80 bits are random: every digit of the second part takes every value.
    for (let place = 10; place < 26; place++) expect(new Set(ids.map((one) => one[place])).size).toBe(32)
  })

  it('of tasks are UUIDs', async () => {
    const { task_id } = await database.db.one<{ task_id: string }>(sql`SELECT task_id FROM agensium.tasks`)
    expect(task_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
