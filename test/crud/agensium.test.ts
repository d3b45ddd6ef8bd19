/** Agensium's operations as an operator meets them, and what many do to one wallet at the same time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inputReader } from '../../src/crud/input.ts'
import { postEntry } from '../../src/crud/ledger.ts'
import { connect } from '../../src/db/connect.ts'
import { RefusedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { transaction } from '../../src/systems/agensium/entities/transaction.ts'
import { wallet } from '../../src/systems/agensium/entities/wallet.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'
import { actor } from './write-support.ts'

let database: TestDatabase
const folder = mkdtempSync(join(tmpdir(), 'steward-agensium-'))
const password = join(folder, 'password')

const run = (...argv: string[]): Promise<CliResult> =>
  runCli(['agensium', ...argv], { env: { DATABASE_URL: database.url } })

/** The output as data; the command must succeed. */
async function json(...argv: string[]) {
  const { exitCode, stdout, stderr } = await run(...argv, '--json')
  expect(stderr === '' ? exitCode : `${exitCode} ${stderr}`, argv.join(' ')).toBe(0)
  return JSON.parse(stdout)
}

async function refused(...argv: string[]): Promise<string> {
  const { exitCode, stderr, stdout } = await run(...argv)
  expect([exitCode, stdout]).toEqual([5, ''])
  return stderr
}

/** A user as `user create` would make one, without the time that bcrypt takes. @returns the address */
async function createUser(name: string): Promise<string> {
  const address = `${name}@example.com`
  await database.db.execute(sql`
    WITH created AS (
      INSERT INTO agensium.users (email, full_name, hashed_password)
      VALUES (${address}, ${name}, ${`$2b$12$${'a'.repeat(53)}`})
      RETURNING id
    )
    INSERT INTO agensium.credit_wallets (user_id) SELECT id FROM created`)
  return address
}

/** A task of a new user, taken through these verbs. */
async function createTask(owner: string, ...verbs: string[]): Promise<string> {
  const { task_id } = await json('task', 'create', '--user-id', owner, '--tool-id', 'profile-my-data')
  for (const verb of verbs) await json('task', verb, task_id)
  return task_id
}

beforeAll(async () => {
  database = await createTestDatabase()
  writeFileSync(password, 'correct horse battery staple\n')
  for (const [agent, cost] of Object.entries({ 'unified-profiler': 50, 'score-risk': 30, 'old-one': 1 })) {
    await json(
      'agent-cost',
      'create',
      '--agent-id',
      agent,
      '--tool-id',
      'profile-my-data',
      '--cost-credits',
      `${cost}`,
    )
  }
  await run('agent-cost', 'deactivate', 'old-one', '--yes')
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

describe('users', () => {
  it('get a wallet with them, and a password of which only the bcrypt hash is stored and nothing is shown', async () => {
    const shown = await json(
      ...['user', 'create', '--email', 'Ann@Example.com', '--full-name', 'Ann', '--password-file', password],
    )
    expect(shown).toMatchObject({ email: 'ann@example.com', is_active: true, is_verified: false })
    expect(Object.keys(shown)).not.toContain('hashed_password')
    const { hashed_password } = await database.db.one<{ hashed_password: string }>(sql`
      SELECT hashed_password FROM agensium.users WHERE email = 'ann@example.com'`)
    expect(await compare('correct horse battery staple', hashed_password)).toBe(true)
    expect(await json('wallet', 'get', 'ann@example.com')).toMatchObject({ user_id: shown.id, balance_credits: 0 })
    const { log } = await database.db.one<{ log: string }>(sql`
      SELECT string_agg(a::text, ' ') AS log FROM steward.audit_log a`)
    expect(log).not.toContain('correct horse')
    expect(log).not.toContain(hashed_password)
  })

  it('have an address of their own', async () => {
    const address = await createUser('eve')
    expect(
      await refused('user', 'create', '--email', 'EVE@example.com', '--full-name', 'E', '--password-file', password),
    ).toContain('email is taken')
    expect((await json('user', 'list', '--filter', `email=${address}`)).length).toBe(1)
  })

  it('are verified once, and get another password; the codes that were sent end with both', async () => {
    const address = await createUser('vera')
    const sendCode = () =>
      database.db.execute(sql`
        UPDATE agensium.users SET otp_code = '123456', otp_expires_at = now() + interval '1 hour', otp_type = 'x'
        WHERE email = ${address}`)
    const account = () =>
      database.db.one<{ otp_code: string | null; otp_expires_at: string | null; hashed_password: string }>(sql`
        SELECT otp_code, otp_expires_at, hashed_password FROM agensium.users WHERE email = ${address}`)
    await sendCode()
    await json('user', 'verify', address)
    expect(await account()).toMatchObject({ otp_code: null, otp_expires_at: null })
    expect(await refused('user', 'verify', address)).toContain('is already verified')
    await sendCode()
    writeFileSync(join(folder, 'other'), 'another one altogether')
    await json('user', 'set-password', address, '--password-file', join(folder, 'other'))
    const { hashed_password, otp_code } = await account()
    expect(otp_code).toBeNull()
    expect(await compare('another one altogether', hashed_password)).toBe(true)
  })

  it('are looked for before their password is asked for', async () => {
    const { exitCode, stderr } = await run('user', 'set-password', 'nobody@example.com')
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: expect.stringContaining('no user nobody@') })
  })

  it('that came by other means have their wallet opened by hand, once and empty', async () => {
    await database.db.execute(sql`
      INSERT INTO agensium.users (email, hashed_password, full_name)
      SELECT 'imported@example.com', hashed_password, 'Imported' FROM agensium.users WHERE email = 'ann@example.com'`)
    expect(await run('wallet', 'grant', 'imported@example.com', '--credits', '1', '--reason', 'x')).toMatchObject({
      exitCode: 4,
    })
    expect(await json('wallet', 'open', '--user', 'imported@example.com')).toMatchObject({ balance_credits: 0 })
    expect(await run('wallet', 'open', '--user', 'imported@example.com')).toMatchObject({ exitCode: 5 })
    await json('wallet', 'grant', 'imported@example.com', '--credits', '1', '--reason', 'x')
  })

  it('go with their wallet, but not when they have tasks or ever had a credit', async () => {
    const [empty, rich] = [await createUser('empty'), await createUser('rich')]
    await json('wallet', 'grant', rich, '--credits', '1', '--reason', 'welcome')
    expect(await refused('user', 'delete', rich, '--yes')).toContain('credit_transactions.user_id')
    expect((await run('user', 'delete', empty, '--yes')).exitCode).toBe(0)
    expect(await run('wallet', 'get', empty)).toMatchObject({ exitCode: 4 })
  })
})

describe('tasks', () => {
  it('run the active agents of their tool unless they name some', async () => {
    const owner = await createUser('tom')
    const { agents } = await json('task', 'create', '--user-id', owner, '--tool-id', 'profile-my-data')
    expect(agents).toEqual(['score-risk', 'unified-profiler'])
    const named = ['task', 'create', '--user-id', owner, '--tool-id', 'clean-my-data']
    expect(await refused(...named)).toContain('tool_id has no active agents')
    expect((await json(...named, '--agents', '["mine"]')).agents).toEqual(['mine'])
  })

  it('go through their stages, each with its time, to their end', async () => {
    const id = await createTask(await createUser('stage'), 'start-upload', 'queue', 'process')
    await json('task', 'progress', id, '--progress', '40', '--current-agent', 'score-risk')
    // Nothing says that progress cannot go back, as when an agent starts again.
    await json('task', 'progress', id, '--progress', '20')
    expect(await refused('task', 'progress', id, '--progress', '101')).toContain('progress must be from 0 to 100')
    expect(await refused('task', 'progress', id, '--progress', '50', '--current-agent', 'nobody')).toContain(
      "current_agent must be one of the task's agents",
    )
    const ended = await json('task', 'complete', id)
    expect(ended).toMatchObject({ status: 'COMPLETED', progress: 100, current_agent: null, upload_failed_at: null })
    const times = ['created_at', 'upload_started_at', 'queued_at', 'processing_started_at', 'completed_at'].map(
      (key) => ended[key],
    )
    expect(times).toEqual(times.toSorted())
    expect(await refused('task', 'progress', id, '--progress', '50')).toContain('is not being processed')
  })

  it('are processed after a failed upload as well, without its error', async () => {
    const id = await createTask(await createUser('again'), 'start-upload')
    expect(await json('task', 'fail-upload', id, '--error-code', 'FILE_EMPTY')).toMatchObject({
      status: 'UPLOAD_FAILED',
      error_code: 'FILE_EMPTY',
    })
    const processing = await json('task', 'process', id)
    expect(processing).toMatchObject({ status: 'PROCESSING', error_code: null, queued_at: null })
    expect(await refused('task', 'fail', id, '--error-code', 'X')).toContain('error_message')
    expect(await json('task', 'fail', id, '--error-code', 'X', '--error-message', 'broken')).toMatchObject({
      status: 'FAILED',
      error_message: 'broken',
      completed_at: null,
    })
  })

  it.each([
    [[], 'process', 'is CREATED, and process needs QUEUED or UPLOAD_FAILED'],
    [['start-upload'], 'complete', 'is UPLOADING, and complete needs PROCESSING'],
    [
      ['start-upload', 'fail-upload'],
      'cancel',
      'is UPLOAD_FAILED, and cancel needs CREATED or UPLOADING or QUEUED or PROCESSING',
    ],
    [['cancel'], 'start-upload', 'is CANCELLED'],
    [['start-upload', 'queue', 'process'], 'expire', 'is PROCESSING'],
    [['expire'], 'cancel', 'is EXPIRED'],
  ])('after %j refuse %s, and say where they may go', async (verbs, verb, words) => {
    const id = await createTask(await createUser(`no-${verbs.join('-')}-${verb}`), ...verbs)
    const before = await json('task', 'get', id)
    const message = await refused('task', verb, id)
    expect(message).toContain(words)
    expect(await json('task', 'get', id)).toEqual(before)
  })

  it('are refused to users who are not active or not there', async () => {
    const owner = await createUser('gone')
    expect((await run('user', 'deactivate', owner, '--yes')).exitCode).toBe(0)
    expect(await refused('task', 'create', '--user-id', owner, '--tool-id', 'profile-my-data')).toContain(
      'user_id is not active',
    )
    expect(await refused('task', 'create', '--user-id', '4711', '--tool-id', 'profile-my-data')).toContain('user_id')
  })

  it('are deleted softly: ended, files gone, out of the lists, and back again', async () => {
    const id = await createTask(await createUser('soft'))
    for (const purge of [[], ['--purge']]) {
      expect(await refused('task', 'delete', id, '--yes', ...purge)).toContain(
        `task ${id} cannot be deleted: it has not ended (status is CREATED); its files are not deleted yet`,
      )
    }
    await json('task', 'cancel', id)
    expect(await refused('task', 'delete', id, '--yes')).toContain('its files are not deleted yet')
    await database.db.execute(sql`
      UPDATE agensium.tasks SET inputs_cleaned_at = now(), outputs_cleaned_at = now() WHERE task_id = ${id}`)
    expect((await run('task', 'delete', id, '--yes')).exitCode).toBe(0)
    expect(await json('task', 'list', '--filter', `task_id=${id}`)).toEqual([])
    expect((await json('task', 'list', '--filter', `task_id=${id}`, '--deleted'))[0]).toMatchObject({
      status: 'CANCELLED',
    })
    await json('task', 'restore', id)
    expect(await json('task', 'list', '--filter', `task_id=${id}`)).toHaveLength(1)
  })
})

describe('credits', () => {
  it('come and go with their sign, and never below zero', async () => {
    const owner = await createUser('carl')
    const book = (verb: string, credits: string, ...more: string[]) =>
      json('wallet', verb, owner, '--credits', credits, ...more)
    await book('grant', '100', '--reason', 'welcome')
    await book('debit', '60', '--agent-id', 'score-risk', '--analysis-id', 'x')
    expect(await refused('wallet', 'debit', owner, '--credits', '41', '--agent-id', 'score-risk')).toContain(
      'balance_credits is 40, 1 short of the 41 to take',
    )
    await book('debit', '40', '--agent-id', 'score-risk')
    await book('refund', '60', '--reason', 'it failed', '--analysis-id', 'x')
    const { entry, balance } = await book('adjust', '-10', '--reason', 'too much')
    expect(entry).toMatchObject({ type: 'ADJUSTMENT', delta_credits: -10, reason: 'too much' })
    expect(balance).toMatchObject({ before: 60, after: 50 })
    expect((await run('wallet', 'grant', owner, '--credits', '0', '--reason', 'x')).exitCode).toBe(2)
    expect(await refused('wallet', 'grant', owner, '--credits', '1')).toContain('reason')
    const types = (await json('transaction', 'list', '--user-id', owner, '--sort', 'created_at')).map(
      ({ type, delta_credits }: { type: string; delta_credits: number }) => `${type} ${delta_credits}`,
    )
    expect(types).toEqual(['GRANT 100', 'CONSUME -60', 'CONSUME -40', 'REFUND 60', 'ADJUSTMENT -10'])
  })

  it('of one checkout are booked once, and refused with other figures', async () => {
    const owner = await createUser('dora')
    const buy = ['wallet', 'purchase', owner, '--stripe-checkout-session-id', 'cs_1', '--credits']
    expect((await json(...buy, '500', '--stripe-payment-intent-id', 'pi_1')).balance).toMatchObject({ after: 500 })
    const again = await run(...buy, '500', '--stripe-payment-intent-id', 'pi_1', '--json')
    expect(again.exitCode).toBe(0)
    expect(JSON.parse(again.stdout).balance).toMatchObject({ before: 500, after: 500, booked: false })
    expect(await refused(...buy, '600')).toContain('was booked before')
    const other = ['--stripe-checkout-session-id', 'cs_other', '--stripe-payment-intent-id', 'pi_1']
    expect(await refused('wallet', 'purchase', owner, '--credits', '500', ...other)).toMatch(
      /stripe_payment_intent_id was booked before as .* with stripe_checkout_session_id cs_1, not cs_other/,
    )
    expect((await json('wallet', 'get', owner)).balance_credits).toBe(500)
  })

  it('of 200 debits at the same time leave exactly what was not taken', async () => {
    const owner = await createUser('parallel')
    const { entry } = await json('wallet', 'grant', owner, '--credits', '1050', '--reason', 'race')
    const id = String(entry.user_id)
    const debit = wallet.operations.find(({ name }) => name === 'debit')
    if (debit?.kind !== 'post') throw new Error('no debit')
    const db = await connect(database.endpoint, {
      applicationName: 'steward:test',
      statementTimeoutMs: 60_000,
      poolSize: 20,
    })
    try {
      const scope = { system: agensium, schema: 'agensium', entity: wallet }
      const reader = await inputReader(transaction, 'create', Object.keys(debit.takes))
      const reading = reader.read({ agent_id: 'score-risk' }, 'json')
      // Room for 150 of them.
      const outcomes = await Promise.allSettled(
        Array.from({ length: 200 }, () => postEntry(db, scope, debit, id, { amount: 7n, reading }, { actor })),
      )
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      expect(failures).toHaveLength(50)
      expect(failures.every((error) => error instanceof RefusedError)).toBe(true)
    } finally {
      await db.close()
    }
    expect(
      await database.db.one(sql`
        SELECT w.balance_credits AS balance, SUM(c.delta_credits) AS entries, COUNT(*) AS count
        FROM agensium.credit_wallets w
        JOIN agensium.credit_transactions c USING (user_id)
        WHERE w.user_id = ${id}::integer
        GROUP BY w.balance_credits`),
    ).toEqual({ balance: 0n, entries: '0', count: 151n })
    expect((await run('wallet', 'reconcile')).exitCode).toBe(0)
  })

  it('that differ from their transactions are found (exit 10) and put right with a reason', async () => {
    const owner = await createUser('odd')
    await json('wallet', 'grant', owner, '--credits', '10', '--reason', 'welcome')
    await database.db.execute(sql`
      UPDATE agensium.credit_wallets SET balance_credits = 13
      WHERE user_id = (SELECT id FROM agensium.users WHERE email = ${owner})`)
    const found = await run('wallet', 'reconcile', '--json')
    expect(found.exitCode).toBe(10)
    expect(JSON.parse(found.stdout)).toMatchObject([{ balance: 13, entries: 10, difference: 3 }])
    expect((await run('wallet', 'reconcile', '--repair', '--yes')).exitCode).toBe(2)
    const repaired = await run('wallet', 'reconcile', '--repair', '--yes', '--reason', 'edited by hand')
    expect(repaired.exitCode).toBe(0)
    expect((await json('wallet', 'get', owner)).balance_credits).toBe(10)
    expect((await run('wallet', 'reconcile')).exitCode).toBe(0)
  })

  it('that hold against their transactions get an adjustment, which says why', async () => {
    const owner = await createUser('trusted')
    await database.db.execute(sql`
      UPDATE agensium.credit_wallets SET balance_credits = 7
      WHERE user_id = (SELECT id FROM agensium.users WHERE email = ${owner})`)
    const repair = ['wallet', 'reconcile', '--repair', '--trust', 'balance', '--reason', 'an entry was lost', '--yes']
    expect((await run(...repair)).exitCode).toBe(0)
    expect(await json('transaction', 'list', '--user-id', owner)).toMatchObject([
      { type: 'ADJUSTMENT', delta_credits: 7, reason: 'an entry was lost' },
    ])
  })
})

describe('events of Stripe', () => {
  const event = (id: string, type: string, object: object) =>
    json(
      'stripe-event',
      'create',
      '--event-id',
      id,
      '--type',
      type,
      '--payload',
      JSON.stringify({ data: { object } }),
    )

  it('book a purchase, and take it back when its charge is refunded; each once', async () => {
    const owner = await createUser('buyer')
    const { id } = await json('user', 'get', owner)
    const metadata = { user_id: String(id), credits: '250' }
    await event('evt_buy', 'checkout.session.completed', { id: 'cs_b', payment_intent: 'pi_b', metadata })
    await event('evt_back', 'charge.refunded', { id: 'ch_b', payment_intent: 'pi_b', metadata })
    const outcomes = async (...ids: string[]) =>
      (await json('stripe-event', 'replay', ...ids)).map(({ outcome }: { outcome: string }) => outcome)
    expect(await outcomes('evt_buy')).toEqual(['booked'])
    expect(await outcomes('evt_buy')).toEqual(['processed before'])
    expect((await json('wallet', 'get', owner)).balance_credits).toBe(250)
    // Stripe sends the same thing under another id now and then.
    await event('evt_buy2', 'checkout.session.completed', { id: 'cs_b', payment_intent: 'pi_b', metadata })
    expect(await outcomes('evt_buy2', 'evt_back')).toEqual(['booked before', 'booked'])
    expect((await json('wallet', 'get', owner)).balance_credits).toBe(0)
    const entries = await json('transaction', 'list', '--user-id', owner, '--sort', 'created_at')
    expect(entries).toMatchObject([
      { type: 'PURCHASE', delta_credits: 250, stripe_checkout_session_id: 'cs_b', stripe_payment_intent_id: 'pi_b' },
      { type: 'ADJUSTMENT', delta_credits: -250, stripe_charge_id: 'ch_b' },
    ])
  })

  it('keep why they failed, and no half of what they are about', async () => {
    const owner = await createUser('spender')
    const { id } = await json('user', 'get', owner)
    await event('evt_nobody', 'checkout.session.completed', { id: 'cs_n', metadata: { credits: '5' } })
    await event('evt_spent', 'charge.refunded', { id: 'ch_n', metadata: { user_id: `${id}`, credits: '5' } })
    const { exitCode, stdout } = await run('stripe-event', 'replay', 'evt_nobody', 'evt_spent', '--json')
    expect(exitCode).toBe(6)
    expect(JSON.parse(stdout).map(({ outcome }: { outcome: string }) => outcome)).toEqual(['failed', 'failed'])
    expect(await json('stripe-event', 'get', 'evt_nobody')).toMatchObject({
      processed_at: null,
      error: expect.stringContaining('data.object.metadata.user_id'),
    })
    expect(await json('stripe-event', 'get', 'evt_spent')).toMatchObject({
      processed_at: null,
      error: expect.stringContaining('short'),
    })
    expect(await json('transaction', 'list', '--user-id', owner)).toEqual([])
    await json('wallet', 'grant', owner, '--credits', '5', '--reason', 'so that it can be taken back')
    const retried = await run('stripe-event', 'replay', '--failed', '--json')
    expect(retried.exitCode).toBe(7)
    expect(await json('stripe-event', 'get', 'evt_spent')).toMatchObject({ error: null })
  })

  it('book nothing for a session that is not paid, or for a charge of which a part was refunded', async () => {
    const owner = await createUser('debtor')
    const { id } = await json('user', 'get', owner)
    const metadata = { user_id: String(id), credits: '40' }
    const session = { id: 'cs_debt', payment_intent: 'pi_debt', metadata }
    await event('evt_unpaid', 'checkout.session.completed', { ...session, payment_status: 'unpaid' })
    await event('evt_paid', 'checkout.session.async_payment_succeeded', { ...session, payment_status: 'paid' })
    await event('evt_part', 'charge.refunded', { id: 'ch_part', refunded: false, metadata })
    const { exitCode, stdout } = await run('stripe-event', 'replay', 'evt_unpaid', 'evt_paid', 'evt_part', '--json')
    expect(exitCode).toBe(7)
    expect(JSON.parse(stdout)).toMatchObject([
      { outcome: 'failed', detail: expect.stringContaining('payment_status is unpaid: ') },
      { outcome: 'booked' },
      { outcome: 'failed', detail: expect.stringContaining('refunded is false: ') },
    ])
    expect((await json('wallet', 'get', owner)).balance_credits).toBe(40)
  })
})
