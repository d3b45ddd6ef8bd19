/** Booking, alone and by many at once; putting balances and entries right. On real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inputReader } from '../../src/crud/input.ts'
import { type Posted, postEntry } from '../../src/crud/ledger.ts'
import { reconcile, repair, type Trusted } from '../../src/crud/reconcile.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { StewardError } from '../../src/errors.ts'
import type { PostOperation } from '../../src/model/operation.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { bankScope, createBank, debit, deposit, openAccount } from './bank.ts'
import { actor, auditOf } from './write-support.ts'

let database: TestDatabase
let db: Database
const scope = bankScope('account')

beforeAll(async () => {
  database = await createTestDatabase()
  // As many connections as there may be writers waiting for one row.
  db = await connect(database.endpoint, {
    applicationName: 'steward:test',
    statementTimeoutMs: 60_000,
    poolSize: 20,
  })
  await createBank(db)
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

async function book(
  operation: PostOperation,
  id: string,
  amount: bigint,
  values: Record<string, unknown> = {},
  dryRun = false,
): Promise<Posted> {
  const reader = await inputReader(bankScope('entry').entity, 'create', Object.keys(operation.takes))
  const reading = reader.read(values, 'json')
  return postEntry(db, scope, operation, id, { amount, reading }, { actor, dryRun })
}

/** The message of a refusal, and its exit code. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof StewardError)) throw error ?? new Error('nothing was refused')
  return `${error.exitCode}: ${error.message}`
}

async function standing(id: string): Promise<{ balance: bigint; total: bigint; entries: bigint }> {
  return db.one(sql`
    SELECT balance_cents AS balance, count(e.id) AS entries, coalesce(sum(delta_cents), 0)::bigint AS total
    FROM bank.accounts AS a
    LEFT JOIN bank.entries AS e USING (person_id)
    WHERE person_id = ${id}::integer
    GROUP BY balance_cents`)
}

describe('booking', () => {
  test('writes one entry and the balance, both audited', async () => {
    const id = await openAccount(db, 'ada', 100n)
    const { entry, row, before, after, booked } = await book(debit, id, 30n, { reason: 'coffee' })
    expect(entry).toMatchObject({ person_id: Number(id), delta_cents: -30n, type: 'OUT', reason: 'coffee' })
    expect({ row, before, after, booked }).toMatchObject({
      row: { balance_cents: 70n },
      before: 100n,
      after: 70n,
      booked: true,
    })
    expect(await standing(id)).toEqual({ balance: 70n, total: 70n, entries: 2n })
    expect(await auditOf(db, id)).toMatchObject([
      { entity: 'account', action: 'debit', before: { balance_cents: 100 }, after: { balance_cents: 70 } },
    ])
    expect(await auditOf(db, String(entry.id))).toMatchObject([{ entity: 'entry', action: 'create', before: null }])
  })

  test('never goes below zero, and says what there is and what is missing', async () => {
    const id = await openAccount(db, 'bob', 20n)
    expect(await refusal(book(debit, id, 21n))).toBe(
      `5: account ${id}: balance_cents is 20, 1 short of the 21 to take`,
    )
    expect((await book(debit, id, 20n)).after).toBe(0n)
    expect(await refusal(book(debit, id, 1n))).toBe(`5: account ${id}: balance_cents is 0, 1 short of the 1 to take`)
    expect(await standing(id)).toEqual({ balance: 0n, total: 0n, entries: 2n })
  })

  test('keeps to what the column holds', async () => {
    const id = await openAccount(db, 'cy', 1n)
    expect(await refusal(book(deposit, id, 2n ** 63n - 1n, { transfer_id: 'big' }))).toBe(
      `5: account ${id}: balance_cents is 1, and has no room for 9223372036854775807 more`,
    )
    expect((await book(deposit, id, 2n ** 63n - 2n, { transfer_id: 'big' })).after).toBe(2n ** 63n - 1n)
  })

  test('reports the entry and the balance together, and does nothing in a rehearsal', async () => {
    const id = await openAccount(db, 'dee', 5n)
    const both = book(debit, id, 6n, { reason: ' ' })
    expect(await refusal(both)).toBe('5: 2 problems with this account')
    expect((await book(debit, id, 5n, {}, true)).after).toBe(0n)
    expect(await standing(id)).toMatchObject({ balance: 5n, entries: 1n })
  })

  test('refuses an account that is not there', async () => {
    expect(await refusal(book(debit, '999999', 1n))).toBe('4: There is no account 999999')
  })
})

describe('an outside event', () => {
  test('is booked once: again it does nothing and shows the entry that is there', async () => {
    const id = await openAccount(db, 'eve', 0n)
    const first = await book(deposit, id, 50n, { transfer_id: 't1', reason: 'first' })
    const again = await book(deposit, id, 50n, { transfer_id: 't1', reason: 'in other words' })
    expect(again).toMatchObject({ booked: false, before: 50n, after: 50n, entry: { ...first.entry } })
    expect(await standing(id)).toEqual({ balance: 50n, total: 50n, entries: 1n })
    expect(await auditOf(db, id)).toHaveLength(1)
  })

  test('is refused with another amount or for another account, naming what it was booked as', async () => {
    const [id, other] = [await openAccount(db, 'fay', 0n), await openAccount(db, 'gus', 0n)]
    const { entry } = await book(deposit, id, 50n, { transfer_id: 't2' })
    expect(await refusal(book(deposit, id, 51n, { transfer_id: 't2' }))).toBe(
      `5: transfer_id was booked before as entry ${entry.id} with delta_cents 50, not 51`,
    )
    expect(await refusal(book(deposit, other, 50n, { transfer_id: 't2' }))).toBe(
      `5: transfer_id was booked before as entry ${entry.id} with person_id ${id}, not ${other}`,
    )
    expect(await standing(other)).toEqual({ balance: 0n, total: 0n, entries: 0n })
  })

  test('is booked once by two at the same time, on one account', async () => {
    const id = await openAccount(db, 'hal', 0n)
    const posted = await Promise.all(
      Array.from({ length: 8 }, () => book(deposit, id, 50n, { transfer_id: 'race-one' })),
    )
    expect(posted.filter(({ booked }) => booked)).toHaveLength(1)
    expect(new Set(posted.map(({ entry }) => entry.id)).size).toBe(1)
    expect(await standing(id)).toEqual({ balance: 50n, total: 50n, entries: 1n })
  })

  test('is booked once by two at the same time, on different accounts: the unique constraint decides', async () => {
    const ids = await Promise.all(['ida', 'jo', 'kay', 'lee'].map((name) => openAccount(db, name, 0n)))
    const outcomes = await Promise.allSettled(ids.map((id) => book(deposit, id, 50n, { transfer_id: 'race-two' })))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refused).toHaveLength(3)
    for (const error of refused) expect(error).toMatchObject({ exitCode: 5, code: 'booked-otherwise' })
    const totals = await Promise.all(ids.map(standing))
    expect(totals.map(({ balance }) => balance).toSorted()).toEqual([0n, 0n, 0n, 50n])
    expect(totals.every(({ balance, total }) => balance === total)).toBe(true)
  })
})

describe('two hundred at once', () => {
  test('end exact', async () => {
    const id = await openAccount(db, 'mia', 1000n)
    await Promise.all(Array.from({ length: 200 }, (_, index) => book(debit, id, BigInt(1 + (index % 5)))))
    expect(await standing(id)).toEqual({ balance: 400n, total: 400n, entries: 201n })
  })

  test('with less than they want: exactly the affordable number succeed', async () => {
    const id = await openAccount(db, 'ned', 341n)
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => book(debit, id, 3n)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(113)
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(new Set(reasons.map(({ message }) => message))).toEqual(
      new Set([`account ${id}: balance_cents is 2, 1 short of the 3 to take`]),
    )
    expect(await standing(id)).toEqual({ balance: 2n, total: 2n, entries: 114n })
  })
})

describe('reconciling', () => {
  const operation = {
    kind: 'reconcile',
    name: 'reconcile',
    summary: '',
    repairType: 'FIX',
    reason: 'reason',
  } as const
  const reasoned = { ...actor, reason: 'restored' }
  const setBalance = (id: string, balance: bigint) =>
    db.execute(sql`UPDATE bank.accounts SET balance_cents = ${balance}::bigint WHERE person_id = ${id}::integer`)
  const fix = (trust: Trusted, planned: Awaited<ReturnType<typeof reconcile>>) =>
    repair(db, scope, operation, planned.differences, { trust, actor: reasoned })

  test('finds what differs, to the cent, and what belongs to nobody', async () => {
    expect(await reconcile(db, scope)).toMatchObject({ differences: [], unmatched: 0n })
    const [high, low] = [await openAccount(db, 'ola', 100n), await openAccount(db, 'pat', 100n)]
    await setBalance(high, 2n ** 60n + 100n)
    await setBalance(low, 99n)
    const found = await reconcile(db, scope)
    expect(found.differences).toEqual([
      { id: high, balance: 2n ** 60n + 100n, entries: 100n, difference: 2n ** 60n },
      { id: low, balance: 99n, entries: 100n, difference: -1n },
    ])
    const { id } = await db.one<{ id: number }>(sql`
      INSERT INTO bank.people (email, hashed_password) VALUES ('nobody@example.org', 'none') RETURNING id`)
    await db.execute(sql`INSERT INTO bank.entries (person_id, delta_cents, type) VALUES (${id}, 1, 'IN')`)
    expect(await reconcile(db, scope)).toMatchObject({ unmatched: 1n })
    await db.execute(sql`DELETE FROM bank.entries WHERE person_id = ${id}`)
  })

  test('trusts the entries: balances become their sums, audited with the reason', async () => {
    const found = await reconcile(db, scope)
    const { repaired, settled } = await fix('entries', found)
    expect({ repaired, settled }).toEqual({ repaired: found.differences, settled: 0 })
    expect((await reconcile(db, scope)).differences).toEqual([])
    const [high] = found.differences
    expect(await standing(high?.id ?? '')).toEqual({ balance: 100n, total: 100n, entries: 1n })
    expect((await auditOf(db, high?.id ?? '')).at(-1)).toMatchObject({ action: 'reconcile', reason: 'restored' })
  })

  test('trusts the balance where it is told to: the difference becomes an entry', async () => {
    const id = await openAccount(db, 'quin', 100n)
    await setBalance(id, 70n)
    await fix('balance', await reconcile(db, scope))
    expect(await standing(id)).toEqual({ balance: 70n, total: 70n, entries: 2n })
    expect(
      await db.one(sql`
        SELECT delta_cents, type, reason FROM bank.entries WHERE person_id = ${id}::integer ORDER BY id DESC LIMIT 1`),
    ).toEqual({ delta_cents: -30n, type: 'FIX', reason: 'restored' })
  })

  test('repairs all or none: a sum below zero is nothing that a balance can be', async () => {
    const [good, bad] = [await openAccount(db, 'ray', 10n), await openAccount(db, 'sue', 10n)]
    await setBalance(good, 11n)
    await db.execute(sql`
      INSERT INTO bank.entries (person_id, delta_cents, type) VALUES (${bad}::integer, -15, 'OUT')`)
    const found = await reconcile(db, scope)
    expect(await refusal(fix('entries', found))).toBe(
      `5: account ${bad} has entries that sum to -5, and no balance is below 0; nothing was repaired`,
    )
    expect((await standing(good)).balance).toBe(11n)
    await fix('balance', found)
    expect((await reconcile(db, scope)).differences).toEqual([])
  })

  test('looks again under the lock: what is booked meanwhile counts, another difference refuses, none is left alone', async () => {
    const id = await openAccount(db, 'tom', 10n)
    await setBalance(id, 12n)
    const found = await reconcile(db, scope)
    await book(debit, id, 5n)
    const { repaired } = await fix('entries', found)
    expect(repaired).toEqual([{ id, balance: 7n, entries: 5n, difference: 2n }])
    expect(await fix('entries', found)).toEqual({ repaired: [], settled: 1 })
    await setBalance(id, 1n)
    expect(await refusal(fix('entries', found))).toBe(
      `5: The difference of account ${id} changed meanwhile; nothing was repaired`,
    )
    await db.execute(raw('UPDATE bank.accounts SET balance_cents = 5 WHERE balance_cents = 1'))
  })
})
