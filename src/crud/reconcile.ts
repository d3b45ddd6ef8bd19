/**
 * Reconciling a ledger: every balance against the sum of its entries (decision 41).
 *
 * Which side is right when they differ? The entries are the record: append-only, each with its reason, while the balance
 * is a figure that is derived from them. So a repair brings the balance to their sum, unless told to trust the balance:
 * then the difference is booked as an entry, and the record says who found the balance right and why.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { type Problem, RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { ReconcileOperation } from '../model/operation.ts'
import { identifier, raw, type Sql, sql } from '../model/sql.ts'
import type { Candidate } from './candidate.ts'
import { writeCandidates } from './create.ts'
import { cellOf, entriesOf, ledgerOf, lockRows, setBalances, wholeOf, whyNoBalance } from './ledger.ts'
import { keyIn } from './missing.ts'
import { fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { unitOfWork } from './unit-of-work.ts'

export interface Difference {
  readonly id: string
  readonly balance: bigint
  readonly entries: bigint
  /** Balance less entries. */
  readonly difference: bigint
}

export interface Reconciliation {
  /** Rows that were looked at. */
  readonly rows: bigint
  readonly differences: readonly Difference[]
  /** Entries that belong to no row with a balance. */
  readonly unmatched: bigint
}

/** Which side a repair believes. */
export type Trusted = 'entries' | 'balance'

export interface Repaired {
  readonly repaired: readonly Difference[]
  /** Rows that were right by the time they were locked. */
  readonly settled: number
}

/** Compares every balance with the sum of its entries, all as of one moment. Reads only. */
export function reconcile(db: Database, scope: Scope): Promise<Reconciliation> {
  const ledger = ledgerOf(scope.entity)
  const entries = tableOf(scopeOf(scope, entriesOf(scope.system, scope.entity)))
  return db.transaction(
    async (transaction) => {
      const { rows } = await transaction.one<{ rows: bigint }>(sql`SELECT count(*) AS rows FROM ${tableOf(scope)}`)
      const { unmatched } = await transaction.one<{ unmatched: bigint }>(sql`
        SELECT count(*) AS unmatched
        FROM ${entries} AS e
        WHERE NOT EXISTS (
          SELECT FROM ${tableOf(scope)} AS r
          WHERE ${identifier('r', ledger.equals)} = ${identifier('e', ledger.via)}
        )`)
      const differences = await differencesOf(transaction, scope)
      return { rows, differences, unmatched }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

/**
 * Puts the planned differences right, all or none. Each is looked at again under its lock: what is right by then is
 * left alone, and one that is another than planned refuses the whole.
 *
 * @throws RefusedError (exit 5) naming the rows that changed or cannot be put right
 */
export function repair(
  db: Database,
  scope: Scope,
  operation: ReconcileOperation,
  planned: readonly Difference[],
  { trust, actor }: { readonly trust: Trusted; readonly actor: Actor },
): Promise<Repaired> {
  const { entity } = scope
  return unitOfWork(db, false, async (transaction) => {
    const ids = planned.map(({ id }) => id)
    const rows = await lockRows(transaction, scope, ids)
    const found = await differencesOf(transaction, scope, ids)
    refuseChanged(scope, planned, found)
    const wrong = new Set(found.map(({ id }) => id))
    const locked = rows.filter((row) => wrong.has(String(row[entity.primaryKey])))
    if (trust === 'entries') await trustEntries(transaction, scope, operation, locked, found, actor)
    else await trustBalances(transaction, scope, operation, locked, found, actor)
    return { repaired: found, settled: planned.length - found.length }
  })
}

async function differencesOf(db: Queryable, scope: Scope, ids?: readonly string[]): Promise<Difference[]> {
  const { entity } = scope
  const ledger = ledgerOf(entity)
  const entries = tableOf(scopeOf(scope, entriesOf(scope.system, entity)))
  const balance = identifier('r', ledger.balance)
  const chosen: Sql = ids === undefined ? raw('TRUE') : keyIn(scope, ids)
  const via = identifier(ledger.via)
  const theirs =
    ids === undefined
      ? raw('TRUE')
      : sql`${via} IN (SELECT ${identifier(ledger.equals)} FROM ${tableOf(scope)} WHERE ${chosen})`
  // Sums of bigint are numeric: they cannot overflow, and come as exact text.
  const found = await db.rows<{ id: unknown; balance: string; entries: string }>(sql`
    SELECT ${identifier('r', entity.primaryKey)} AS id, ${balance}::text AS balance, coalesce(e.total, 0)::text AS entries
    FROM ${tableOf(scope)} AS r
    LEFT JOIN (
      SELECT ${via} AS via, sum(${identifier(ledger.amount)}) AS total
      FROM ${entries}
      WHERE ${theirs}
      GROUP BY ${via}
    ) AS e ON e.via = ${identifier('r', ledger.equals)}
    WHERE ${chosen}
      AND ${balance} <> coalesce(e.total, 0)
    ORDER BY ${identifier('r', entity.primaryKey)}`)
  return found.map((row) => {
    const [has, sum] = [BigInt(row.balance), BigInt(row.entries)]
    return { id: String(row.id), balance: has, entries: sum, difference: has - sum }
  })
}

/** Booking changes both sides alike, so a difference that is another one now has a cause that nobody has looked at. */
function refuseChanged(
  { system, entity }: Scope,
  planned: readonly Difference[],
  found: readonly Difference[],
): void {
  const before = new Map(planned.map(({ id, difference }) => [id, difference]))
  const changed = found.filter(({ id, difference }) => before.get(id) !== difference)
  const [first] = changed
  if (!first) return
  const problems = changed.map(
    ({ id, difference }): Problem => ({ where: id, reason: `differs by ${difference}, not by ${before.get(id)}` }),
  )
  throw new RefusedError({
    code: 'changed-meanwhile',
    message: `${changed.length === 1 ? `The difference of ${entity.name} ${first.id}` : `${changed.length} differences`} changed meanwhile; nothing was repaired`,
    hint: `Look again: steward ${system.name} ${entity.name} reconcile`,
    problems,
  })
}

async function trustEntries(
  transaction: Transaction,
  scope: Scope,
  operation: ReconcileOperation,
  rows: readonly Cells[],
  found: readonly Difference[],
  actor: Actor,
): Promise<void> {
  const problems = found.flatMap(({ id, entries }): Problem[] => {
    if (entries < 0n) return [{ where: id, reason: `has entries that sum to ${entries}, and no balance is below 0` }]
    const refused = whyNoBalance(scope, 0n, entries)
    return refused ? [{ where: id, reason: `${refused.where} has no room for ${entries}` }] : []
  })
  refuseRepair(scope, problems, 'Book what is missing first, or let the balances hold with --trust balance')
  const sums = new Map(found.map(({ id, entries }) => [id, entries]))
  await setBalances(transaction, scope, operation.name, rows, sums, actor)
}

async function trustBalances(
  transaction: Transaction,
  scope: Scope,
  operation: ReconcileOperation,
  rows: readonly Cells[],
  found: readonly Difference[],
  actor: Actor,
): Promise<void> {
  const { entity } = scope
  const ledger = ledgerOf(entity)
  const entries = scopeOf(scope, entriesOf(scope.system, entity))
  const amount = fieldOf(entries.entity, ledger.amount)
  const differences = new Map(found.map(({ id, difference }) => [id, difference]))
  const candidates = rows.map(
    (row): Candidate => ({
      values: {
        [ledger.via]: row[ledger.equals],
        [ledger.amount]: cellOf(amount, differences.get(String(row[entity.primaryKey])) ?? wholeOf(0)),
        [ledger.type]: operation.repairType,
        ...(operation.reason === undefined || actor.reason === undefined ? {} : { [operation.reason]: actor.reason }),
      },
      problems: [],
    }),
  )
  await writeCandidates(transaction, entries, candidates, actor)
  const problems = candidates.flatMap((candidate, index) =>
    candidate.problems.map(({ where, reason }) => ({
      where: String(rows[index]?.[entity.primaryKey]),
      reason: [where, reason].filter(Boolean).join(' '),
    })),
  )
  refuseRepair(scope, problems, 'Book these with an operation of their own')
}

function refuseRepair({ entity }: Scope, problems: readonly Problem[], hint: string): void {
  const [first] = problems
  if (!first) return
  const only = problems.length === 1
  throw new RefusedError({
    code: 'not-repairable',
    message: only
      ? `${entity.name} ${first.where} ${first.reason}; nothing was repaired`
      : `${problems.length} ${entity.plural} cannot be repaired; none was`,
    hint,
    problems: only ? [] : problems,
  })
}
