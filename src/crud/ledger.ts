/**
 * Booking on a ledger (decision 41): one entry and the new balance, in one transaction. The row with the balance is
 * locked first, so however many book at the same time, each sees the balance that the one before it left.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { InvalidValue, type Problem, RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity, Ledger } from '../model/entity.ts'
import type { Field } from '../model/field.ts'
import type { PostOperation } from '../model/operation.ts'
import { identifier, join, type Sql, sql } from '../model/sql.ts'
import { entityNamed, type System } from '../model/system.ts'
import { recordChanged } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { problemsOf, writeCandidates } from './create.ts'
import { type Reading, refuseInput, type Values } from './input.ts'
import { keyIn, notFound } from './missing.ts'
import { fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { refuseDeleted } from './soft-delete.ts'
import { isSameValue, typedSql } from './typed.ts'
import { unitOfWork } from './unit-of-work.ts'
import { parseValue } from './values.ts'
import { rethrow } from './violations.ts'

export interface Posting {
  /** As it was given: greater than 0, or signed where the operation takes it as it is typed. */
  readonly amount: bigint
  /** Fields of the entry, and what was wrong with them. */
  readonly reading: Reading
}

export interface Posted {
  readonly entry: Cells
  /** The row with the balance, after. */
  readonly row: Cells
  readonly before: bigint
  readonly after: bigint
  /** False when the outside event was booked before, so that nothing was done. */
  readonly booked: boolean
}

/** The ledger of an entity that has one. @throws RangeError (a bug) without one */
export function ledgerOf({ name, ledger }: Entity): Ledger {
  if (!ledger) throw new RangeError(`${name} has no ledger`)
  return ledger
}

/** The entity of the entries. */
export function entriesOf(system: System, entity: Entity): Entity {
  const entries = entityNamed(system, ledgerOf(entity).entries)
  if (!entries) throw new RangeError(`there is no entity ${ledgerOf(entity).entries}`)
  return entries
}

/**
 * Reads an amount as a person or a payload gives it.
 *
 * @throws InvalidValue with the reason: no whole number, not greater than 0 (or 0), or too large for the column
 */
export function readAmount(amount: Field, { sign }: PostOperation, text: string): bigint {
  const signed = sign === 'given'
  const expected = signed ? 'must be a whole number other than 0' : 'must be a whole number greater than 0'
  if (!/^[+-]?\d+$/.test(text.trim())) throw new InvalidValue(expected)
  const value = BigInt(text.trim().replace(/^\+/, ''))
  if (value === 0n || (!signed && value < 0n)) throw new InvalidValue(expected)
  parseValue(amount, String(sign === 'minus' ? -value : value))
  return value
}

/**
 * Books an amount on a row.
 *
 * @param id primary key of the row
 * @throws NotFoundError (exit 4); RefusedError (exit 5) when the balance would fall below 0, when the outside event was
 * booked otherwise, or with every problem of the entry
 */
export function postEntry(
  db: Database,
  scope: Scope,
  operation: PostOperation,
  id: string,
  posting: Posting,
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<Posted> {
  return unitOfWork(db, dryRun, (transaction) => post(transaction, scope, operation, id, posting, actor))
}

/** The same, as part of a transaction. */
export async function post(
  transaction: Transaction,
  scope: Scope,
  operation: PostOperation,
  id: string,
  { amount: given, reading }: Posting,
  actor: Actor,
): Promise<Posted> {
  const ledger = ledgerOf(scope.entity)
  const entries = scopeOf(scope, entriesOf(scope.system, scope.entity))
  const [row] = await lockRows(transaction, scope, [id])
  if (!row) throw notFound(scope, [id])
  refuseDeleted(scope, row)
  const before = wholeOf(row[ledger.balance])
  const amount = operation.sign === 'minus' ? -given : given
  const values: Values = {
    ...reading.values,
    [ledger.via]: row[ledger.equals],
    [ledger.amount]: cellOf(fieldOf(entries.entity, ledger.amount), amount),
    [ledger.type]: operation.type,
  }
  const earlier = async (): Promise<Posted | undefined> => {
    const entry = await bookedBefore(transaction, scope, operation, values)
    return entry && { entry, row, before, after: before, booked: false }
  }
  // What is wrong with the entry may be what it would be found by.
  const known = reading.problems.length === 0 ? await earlier() : undefined
  if (known) return known
  const candidate: Candidate = { values, problems: [...reading.problems] }
  const refused = whyNoBalance(scope, before, amount)
  if (refused) candidate.problems.push(refused)
  const [entry] = await writeCandidates(transaction, entries, [candidate], actor)
  if (!entry) {
    // Another session may have booked the same event in between, on this row or another.
    const meanwhile = reading.problems.length === 0 && !refused ? await earlier() : undefined
    if (meanwhile) return meanwhile
  }
  if (refused && candidate.problems.length === 1) throw noBalance(scope, id, refused)
  refuseInput(scope.entity, operation.name, problemsOf(candidate))
  if (!entry) throw new Error('an entry without problems was not inserted')
  const after = before + amount
  const [stored] = await setBalances(transaction, scope, operation.name, [row], new Map([[id, after]]), actor)
  if (!stored) throw new Error('a locked row was gone')
  return { entry, row: stored, before, after, booked: true }
}

/** Locks rows with balances, in the order of their keys, so that two sessions cannot wait for each other. */
export function lockRows(transaction: Transaction, scope: Scope, ids: readonly string[]): Promise<Cells[]> {
  return transaction.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, ids)}
    ORDER BY ${identifier(scope.entity.primaryKey)}
    FOR NO KEY UPDATE`)
}

/** Sets the balances of locked rows, by key, and records them. @returns the rows as stored */
export async function setBalances(
  transaction: Transaction,
  scope: Scope,
  action: string,
  rows: readonly Cells[],
  balances: ReadonlyMap<string, bigint>,
  actor: Actor,
): Promise<readonly Cells[]> {
  const { entity } = scope
  const { balance } = ledgerOf(entity)
  const stored: Cells[] = []
  for (const row of rows) {
    const id = String(row[entity.primaryKey])
    const next = cellOf(fieldOf(entity, balance), balances.get(id) ?? wholeOf(row[balance]))
    const after = await transaction
      .maybeOne<Cells>(sql`
        UPDATE ${tableOf(scope)}
        SET ${identifier(balance)} = ${typedSql(scope, fieldOf(entity, balance), next)}
        WHERE ${keyIn(scope, [id])}
        RETURNING ${selectList(Object.keys(entity.fields))}`)
      .catch((error: unknown) => rethrow(entity, error))
    if (after) stored.push(after)
  }
  await recordChanged(transaction, scope, { action, actor }, rows, stored)
  return stored
}

/** What is wrong with a balance that an amount is added to; undefined when nothing is. */
export function whyNoBalance({ entity }: Scope, balance: bigint, amount: bigint): Problem | undefined {
  const field = ledgerOf(entity).balance
  const next = balance + amount
  if (next < 0n)
    return { where: field, reason: `is ${balance}, ${-amount - balance} short of the ${-amount} to take` }
  try {
    parseValue(fieldOf(entity, field), String(next))
    return undefined
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    return { where: field, reason: `is ${balance}, and has no room for ${amount} more` }
  }
}

function noBalance({ entity }: Scope, id: string, { where, reason }: Problem): RefusedError {
  return new RefusedError({
    code: 'balance-refuses',
    message: `${entity.name} ${id}: ${where} ${reason}`,
    hint: 'Nothing was booked; give another amount, or book what is missing first',
    details: { problems: [{ where: where ?? '', reason }] },
  })
}

/** A balance or amount as an exact number. */
export function wholeOf(value: unknown): bigint {
  return BigInt(String(value ?? 0))
}

/** An exact number as its column holds it. */
export function cellOf({ kind }: Field, value: bigint): unknown {
  if (kind === 'integer') return Number(value)
  return kind === 'bigint' ? value : String(value)
}

/**
 * The entry by which the outside event was booked before.
 *
 * @throws RefusedError (exit 5) when it was booked with another amount, type, row or other id of the event
 */
async function bookedBefore(
  transaction: Transaction,
  scope: Scope,
  operation: PostOperation,
  values: Values,
): Promise<Cells | undefined> {
  const { amount, type, via } = ledgerOf(scope.entity)
  const { entity: entries, ...rest } = scopeOf(scope, entriesOf(scope.system, scope.entity))
  const given = (operation.once ?? []).filter((key) => (values[key] ?? null) !== null)
  if (given.length === 0) return undefined
  const same: Sql[] = given.map(
    (key) => sql`${identifier(key)} = ${typedSql({ entity: entries, ...rest }, fieldOf(entries, key), values[key])}`,
  )
  const found = await transaction.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(entries.fields))}
    FROM ${identifier(scope.schema, entries.table)}
    WHERE ${join(same, ' OR ')}
    ORDER BY ${identifier(entries.primaryKey)}`)
  const problems = found.flatMap((entry): Problem[] => {
    const event = given.find((key) => isSameValue(fieldOf(entries, key), entry[key], values[key]))
    // An entry may lack an id of the event that came to be known later, but not have another one.
    const known = given.filter((key) => (entry[key] ?? null) !== null)
    const differs = [amount, type, via, ...known].filter(
      (key) => !isSameValue(fieldOf(entries, key), entry[key], values[key]),
    )
    if (differs.length === 0) return []
    const words = differs.map((key) => `${key} ${String(entry[key])}, not ${String(values[key])}`).join(', ')
    const where = event ?? given.join(', ')
    return [
      { where, reason: `was booked before as ${entries.name} ${String(entry[entries.primaryKey])} with ${words}` },
    ]
  })
  const [first] = problems
  if (first) {
    throw new RefusedError({
      code: 'booked-otherwise',
      message:
        problems.length === 1 ? `${first.where} ${first.reason}` : 'The event was booked before, and otherwise',
      hint: `An outside event is booked once; look at it with steward ${scope.system.name} ${entries.name} list`,
      problems: problems.length === 1 ? [] : problems,
    })
  }
  const [entry] = found
  if (found.length > 1) {
    throw new RefusedError({
      code: 'booked-otherwise',
      message: `${given.join(' and ')} were booked before as different ${entries.plural}`,
      hint: 'Give the ids of one outside event',
    })
  }
  return entry
}
