/** The commands of a ledger and of outside events, as an operator meets them. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { createBank, openAccount } from './bank.ts'

vi.mock('../../src/systems/registry.ts', async () => ({ systems: [(await import('./bank.ts')).bankEntry] }))

let database: TestDatabase
const run = (...argv: string[]) => runCli(['bank', ...argv], { env: { DATABASE_URL: database.url } })
const json = async (...argv: string[]) => {
  const { exitCode, stdout, stderr } = await run(...argv, '--json')
  return { exitCode, stderr, data: stdout === '' ? undefined : JSON.parse(stdout) }
}
const lastRun = () => database.db.one(sql`SELECT outcome, counts FROM steward.journal ORDER BY run_id DESC LIMIT 1`)

beforeAll(async () => {
  database = await createTestDatabase()
  await createBank(database.db)
})
afterAll(() => database.drop())

describe('posting', () => {
  test('shows the entry and the new balance; the account goes by what its owner is known by', async () => {
    await openAccount(database.db, 'ada', 100n)
    const { exitCode, stdout } = await run(
      'account',
      'debit',
      'Ada@example.org',
      '--cents',
      '30',
      '--reason',
      'coffee',
    )
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/delta cents\s+-30/)
    expect(stdout).toMatch(/before\s+100/)
    expect(stdout).toMatch(/after\s+70/)
    const { data } = await json('account', 'adjust', 'ada@example.org', '--cents', '-20', '--reason', 'mistake')
    expect(data).toMatchObject({
      entry: { delta_cents: -20, type: 'FIX', reason: 'mistake' },
      balance: { before: 70, after: 50, booked: true },
    })
    expect(await database.db.one(sql`SELECT DISTINCT reason FROM steward.audit_log WHERE action = 'adjust'`)).toEqual(
      { reason: 'mistake' },
    )
  })

  test('wants a whole number greater than 0, and what the entry must have', async () => {
    for (const [amount, reason] of [
      ['0', 'greater than 0'],
      ['-5', 'greater than 0'],
      ['1.5', 'greater than 0'],
      ['ten', 'greater than 0'],
      ['', 'greater than 0'],
    ] as const) {
      const { exitCode, stderr } = await run('account', 'debit', 'ada@example.org', '--cents', amount)
      expect([amount, exitCode]).toEqual([amount, 2])
      expect(stderr).toContain(`--cents must be a whole number ${reason}`)
    }
    expect((await run('account', 'debit', 'ada@example.org')).stderr).toContain('--cents is required')
    const huge = await run('account', 'debit', 'ada@example.org', '--cents', '9223372036854775809')
    expect(huge).toMatchObject({ exitCode: 2 })
    expect(huge.stderr).toContain('--cents must be from -9223372036854775808 to 9223372036854775807')
    const absurd = await run('account', 'debit', 'ada@example.org', '--cents', '9'.repeat(60))
    expect(absurd.stderr).toContain('--cents must be from -9223372036854775808 to 9223372036854775807')
    const zero = await run('account', 'adjust', 'ada@example.org', '--cents', '0', '--reason', 'x')
    expect(zero.stderr).toContain('--cents must be a whole number other than 0')
    const missing = await run('account', 'deposit', 'ada@example.org', '--cents', '5')
    expect(missing).toMatchObject({ exitCode: 5 })
    expect(missing.stderr).toContain('transfer_id is required')
  })

  test('says that an event was booked before, exit 0, and refuses it with another amount, exit 5', async () => {
    const deposit = (cents: string) =>
      run('account', 'deposit', 'ada@example.org', '--cents', cents, '--transfer-id', 'tr_1')
    expect((await deposit('5')).exitCode).toBe(0)
    const again = await deposit('5')
    expect(again.exitCode).toBe(0)
    expect(again.stderr).toMatch(/It was booked before as entry \d+; nothing was done\./)
    expect(again.stdout).toMatch(/transfer id\s+tr_1/)
    const other = await deposit('6')
    expect(other.exitCode).toBe(5)
    expect(other.stderr).toMatch(/transfer_id was booked before as entry \d+ with delta_cents 5, not 6/)
  })

  test('rehearses', async () => {
    const { stdout, stderr } = await run('account', 'debit', 'ada@example.org', '--cents', '1', '--dry-run')
    expect(stdout).toMatch(/after\s+54/)
    expect(stderr).toContain('Nothing was written')
    expect((await json('account', 'get', 'ada@example.org')).data).toMatchObject({ balance_cents: 55 })
  })

  test('names what it takes in its help', async () => {
    const { stdout } = await run('account', 'deposit', '--help')
    expect(stdout).toMatch(/--cents <n>\s+how many to add: a whole number greater than 0, required/)
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('Booked once for each --transfer-id')
    expect((await run('account', 'update', 'ada@example.org', '--balance-cents', '5')).stderr).toContain(
      'balance_cents is changed by account deposit, debit, adjust',
    )
  })
})

describe('reconciling', () => {
  test('is quiet with a line when all agree', async () => {
    const { exitCode, stdout, stderr } = await run('account', 'reconcile')
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    expect(stderr).toContain('The balance_cents of the only account is the sum of its entries.')
    expect((await json('account', 'reconcile')).data).toEqual([])
    const repaired = await run('account', 'reconcile', '--repair', '--reason', 'x', '--yes')
    expect(repaired.exitCode).toBe(0)
    expect(repaired.stderr).toContain('The balance_cents of the only account')
  })

  test('shows differences with exit 10, wants a reason and a yes to repair them', async () => {
    const id = await openAccount(database.db, 'bob', 40n)
    await database.db.execute(sql`UPDATE bank.accounts SET balance_cents = 45 WHERE person_id = ${id}::integer`)
    const found = await json('account', 'reconcile')
    expect(found).toMatchObject({
      exitCode: 10,
      data: [{ person_id: Number(id), balance: 45, entries: 40, difference: 5 }],
    })
    expect((await run('account', 'reconcile', '--dry-run')).exitCode).toBe(10)
    for (const reason of [[], ['--reason', ''], ['--reason', ' ']]) {
      const { exitCode, stderr } = await run('account', 'reconcile', '--repair', '--yes', ...reason)
      expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('needs a --reason') })
    }
    const rehearsed = await run('account', 'reconcile', '--repair', '--reason', 'checked', '--dry-run')
    expect(rehearsed.exitCode).toBe(0)
    expect((await run('account', 'reconcile', '--trust', 'balance')).exitCode).toBe(2)
    const unsure = await run('account', 'reconcile', '--repair', '--reason', 'checked')
    expect(unsure.exitCode).toBe(2)
    expect(unsure.stderr).toContain('add --yes')
    const repaired = await run('account', 'reconcile', '--repair', '--reason', 'checked', '--yes')
    expect(await lastRun()).toMatchObject({ outcome: 'done', counts: { repaired: 1 } })
    expect(repaired.exitCode).toBe(0)
    expect(repaired.stderr).toMatch(/2\s+45\s+40\s+5/)
    expect((await run('account', 'reconcile')).exitCode).toBe(0)
    expect((await json('account', 'get', id)).data).toMatchObject({ balance_cents: 40 })
  })

  test('finds entries of no account, exit 10, which no repair puts right', async () => {
    const { id } = await database.db.one<{ id: number }>(sql`
      INSERT INTO bank.people (email, hashed_password) VALUES ('lost@example.org', 'none') RETURNING id`)
    await database.db.execute(sql`INSERT INTO bank.entries (person_id, delta_cents, type) VALUES (${id}, 1, 'IN')`)
    for (const more of [[], ['--repair', '--reason', 'x', '--yes']]) {
      const { exitCode, stderr } = await run('account', 'reconcile', ...more)
      expect({ exitCode, stderr }).toEqual({
        exitCode: 10,
        stderr: expect.stringContaining('1 entry belongs to no account'),
      })
    }
    await database.db.execute(sql`INSERT INTO bank.entries (person_id, delta_cents, type) VALUES (${id}, 1, 'IN')`)
    expect((await run('account', 'reconcile')).stderr).toContain('2 entries belong to no account')
    await database.db.execute(sql`DELETE FROM bank.entries WHERE person_id = ${id}`)
    expect((await run('account', 'reconcile')).exitCode).toBe(0)
  })
})

describe('replaying', () => {
  const receive = (id: string, payload: object, type = 'transfer.arrived') =>
    database.db.execute(sql`
      INSERT INTO bank.notices (id, type, payload) VALUES (${id}, ${type}, ${JSON.stringify(payload)}::jsonb)`)
  const arrived = (owner: unknown, cents: unknown, id: unknown = 'tr_9') => ({
    data: { owner, id, lines: [{ cents }], words: null },
  })
  const stored = (id: string) =>
    database.db.one(sql`SELECT processed_at IS NOT NULL AS processed, error FROM bank.notices WHERE id = ${id}`)

  test('books what the payload says, once, and marks the event', async () => {
    await openAccount(database.db, 'eve', 0n)
    await receive('n1', arrived('eve@example.org', 25))
    const first = await json('notice', 'replay', 'n1')
    expect(first).toMatchObject({ exitCode: 0, data: [{ id: 'n1', outcome: 'booked' }] })
    expect(await stored('n1')).toEqual({ processed: true, error: null })
    const again = await json('notice', 'replay', 'n1')
    expect(again).toMatchObject({ exitCode: 0, data: [{ outcome: 'processed before' }] })
    await receive('n2', arrived('eve@example.org', '25'))
    expect((await json('notice', 'replay', 'n2')).data).toMatchObject([{ outcome: 'booked before' }])
    expect((await json('account', 'get', 'eve@example.org')).data).toMatchObject({ balance_cents: 25 })
  })

  test('names every missing and wrong path, keeps the error, and goes on with the others: 7, or 6 when all fail', async () => {
    await receive('n3', { data: { id: { nested: true }, lines: [{ cents: -1 }] } })
    await receive('n4', arrived('nobody@example.org', 5, 'tr_10'))
    await receive('n5', arrived('eve@example.org', 5, 'tr_11'))
    const some = await json('notice', 'replay', 'n3', 'n4', 'n5')
    expect(some).toMatchObject({
      exitCode: 7,
      data: [
        {
          id: 'n3',
          outcome: 'failed',
          detail:
            'data.owner is missing from the payload; data.lines.0.cents must be a whole number greater than 0; ' +
            'data.id must be text or a number',
        },
        {
          id: 'n4',
          outcome: 'failed',
          detail: 'data.owner names account nobody@example.org, which does not exist',
        },
        { id: 'n5', outcome: 'booked' },
      ],
    })
    expect(await stored('n4')).toEqual({
      processed: false,
      error: 'data.owner names account nobody@example.org, which does not exist',
    })
    expect((await json('notice', 'replay', '--failed')).exitCode).toBe(6)
    await openAccount(database.db, 'nobody', 0n)
    expect(await lastRun()).toMatchObject({ outcome: 'failed' })
    const mended = await json('notice', 'replay', '--failed')
    expect(await lastRun()).toMatchObject({ outcome: 'partial', counts: { tried: 2, left: 0 } })
    expect(mended).toMatchObject({ exitCode: 7, data: [{ id: 'n3' }, { id: 'n4', outcome: 'booked' }] })
    expect(await stored('n4')).toEqual({ processed: true, error: null })
  })

  test('does not handle a type that nothing handles, names those there are, and leaves the event as it is', async () => {
    await receive('n6', {}, 'weather.changed')
    const { exitCode, data } = await json('notice', 'replay', 'n6')
    expect(exitCode).toBe(6)
    expect(data[0].outcome).toBe('not handled')
    // The table leaves the type out: the reason needs the room.
    expect((await run('notice', 'replay', 'n6')).stdout).toMatch(/^ID +OUTCOME +DETAIL\nn6 +not handled +nothing/)
    expect(data[0].detail).toBe('nothing handles the type weather.changed; there are transfer.arrived')
    expect(await stored('n6')).toEqual({ processed: false, error: null })
  })

  test('rehearses, wants events to be named, and finds none that are not there', async () => {
    await receive('n7', arrived('eve@example.org', 7, 'tr_12'))
    expect((await json('notice', 'replay', 'n7', '--dry-run')).data).toMatchObject([{ outcome: 'booked' }])
    expect(await stored('n7')).toEqual({ processed: false, error: null })
    expect((await run('notice', 'replay')).exitCode).toBe(2)
    expect((await run('notice', 'replay', 'n7', '--failed')).exitCode).toBe(2)
    expect((await run('notice', 'replay', 'n7', 'nope')).exitCode).toBe(4)
  })

  test('is done once however many replay the same event at the same time', async () => {
    await receive('n8', arrived('eve@example.org', 11, 'tr_13'))
    const before = (await json('account', 'get', 'eve@example.org')).data.balance_cents
    const outcomes = await Promise.all([1, 2, 3].map(() => json('notice', 'replay', 'n8')))
    expect(outcomes.map(({ data }) => data[0].outcome).toSorted()).toEqual([
      'booked',
      'processed before',
      'processed before',
    ])
    expect((await json('account', 'get', 'eve@example.org')).data.balance_cents).toBe(before + 11)
  })
})
