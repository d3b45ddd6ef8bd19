/**
 * What the maintenance jobs share: a plan is a list of items with the reason for each, and applying it is a loop that
 * bounds every lock wait, survives a failed item, and stops between items when asked to.
 */
import type { Database, Session, Transaction } from '../db/database.ts'
import { sleep } from '../db/pace.ts'
import { LockedError, OperationError, StewardError } from '../errors.ts'
import type { Sql } from '../model/sql.ts'
import type { OnProgress } from '../progress.ts'

/** One table or index that a job looked at. */
export interface Item {
  readonly schema: string
  readonly table: string
  /** Present for jobs on indexes. */
  readonly index?: string
  /** Present for jobs on partitions. */
  readonly partition?: string
  /** Size on disk before, in bytes. */
  readonly bytes: bigint
  /** What is to be done; `keep` items are in the plan to show why they are left alone. */
  readonly action: 'vacuum' | 'analyze' | 'reindex' | 'create' | 'drop' | 'keep'
  /** Why, in words with figures: `23 % dead rows`. */
  readonly reason: string
}

export interface ItemResult extends Item {
  readonly outcome: 'done' | 'failed' | 'stopped'
  readonly seconds: number
  /** Row versions removed; undefined where the job removes none. */
  readonly removed?: bigint
  /** Rows moved to where they belong; undefined where the job moves none. */
  readonly moved?: bigint
  /** Bytes that became free for new rows, an estimate; undefined where the job frees none. */
  readonly freedBytes?: bigint
  /** Bytes returned to the operating system; negative when the relation grew meanwhile. */
  readonly returnedBytes: bigint
  /** Why it failed. */
  readonly error?: string
}

export interface Waits {
  /** Milliseconds for each attempt to get a lock. */
  readonly lockTimeoutMs: number
  /** Attempts before the item counts as failed. */
  readonly attempts: number
  /** Returns after so many milliseconds, or when stopped. */
  readonly pause: (milliseconds: number) => Promise<void>
}

export interface RunOptions {
  readonly onProgress: OnProgress
  readonly signal: AbortSignal
  readonly waits: Waits
  /** Milliseconds on a clock that never goes back. */
  readonly elapsed: () => number
  readonly label: string
  /** Called first in each transaction that changes something (a lease). */
  readonly guard?: (transaction: Transaction) => Promise<void>
}

/** What doing one item brought. */
export interface Effect {
  readonly removed?: bigint
  readonly moved?: bigint
  readonly freedBytes?: bigint
  readonly returnedBytes: bigint
}

/**
 * Does the items of a plan one after the other, each outside any transaction on one pinned direct connection.
 *
 * @param work does one item; a lock that could not be had is tried again after a jittered pause
 * @returns a result an item; the last ones are `stopped` when the run was asked to end
 */
export function runItems(
  db: Database,
  items: readonly Item[],
  options: RunOptions,
  work: (session: Session, item: Item) => Promise<Effect>,
): Promise<ItemResult[]> {
  return db.session((session) => runEach(items, options, (item) => work(session, item)), {
    direct: true,
    statementTimeoutMs: 0,
    lockTimeoutMs: options.waits.lockTimeoutMs,
  })
}

/** As `runItems`, for work that opens transactions of its own. */
export async function runEach<T extends Item>(
  items: readonly T[],
  options: RunOptions,
  work: (item: T) => Promise<Effect>,
): Promise<ItemResult[]> {
  const due = items.filter((item) => item.action !== 'keep')
  const results: ItemResult[] = []
  for (const item of due) {
    options.onProgress({
      label: `${options.label} ${nameOf(item)}`,
      done: results.length,
      total: due.length,
      unit: 'tables',
    })
    results.push(await runItem(item, options, work))
  }
  return results
}

async function runItem<T extends Item>(
  item: T,
  options: RunOptions,
  work: (item: T) => Promise<Effect>,
): Promise<ItemResult> {
  const began = options.elapsed()
  const seconds = () => (options.elapsed() - began) / 1000
  for (let attempt = 1; ; attempt++) {
    if (options.signal.aborted) return { ...item, outcome: 'stopped', seconds: seconds(), returnedBytes: 0n }
    try {
      const effect = await work(item)
      return { ...item, ...effect, outcome: 'done', seconds: seconds() }
    } catch (error) {
      if (options.signal.aborted) return { ...item, outcome: 'stopped', seconds: seconds(), returnedBytes: 0n }
      if (isInTheWay(error) && attempt < options.waits.attempts) {
        // Jitter, so that two jobs waiting for each other do not do so in step.
        await options.waits.pause(200 * attempt * (0.5 + Math.random()))
        continue
      }
      if (!(error instanceof StewardError)) throw error
      return { ...item, outcome: 'failed', seconds: seconds(), returnedBytes: 0n, error: error.message }
    }
  }
}

/** Another session was in the way, and may not be the next time; either left nothing behind. */
function isInTheWay(error: unknown): boolean {
  return error instanceof LockedError || (error instanceof StewardError && error.code === 'deadlock')
}

/** Functions of the server that say so: until PostgreSQL 15, and since. */
const REFUSING = /^vacuum_is_(relation_owner|permitted_for_relation)$/

/**
 * Runs VACUUM or ANALYZE on one table. PostgreSQL passes over a table that the role may not work on, with a warning
 * and no error; here it is the failure that it is.
 *
 * @throws OperationError `not-permitted` when the table was passed over
 */
export async function executeOnTable(session: Session, item: Item, statement: Sql): Promise<void> {
  let refused = false
  const silence = session.onNotice((_message, routine) => {
    refused ||= REFUSING.test(routine)
  })
  try {
    await session.execute(statement)
  } finally {
    silence()
  }
  if (!refused) return
  throw new OperationError({
    code: 'not-permitted',
    message: `only the owner of ${nameOf(item)}, of the database, or a superuser may ${item.action} it`,
    hint: 'Connect as the owner; since PostgreSQL 17 the privilege MAINTAIN is enough',
  })
}

/** `skyvern.tasks`, or the index or partition where the item is one. */
export function nameOf(item: Pick<Item, 'schema' | 'table' | 'index' | 'partition'>): string {
  return `${item.schema}.${item.index ?? item.partition ?? item.table}`
}

/** Waits, but not longer than until the signal. */
export function pauseUnless(signal: AbortSignal): (milliseconds: number) => Promise<void> {
  return (milliseconds) => sleep(milliseconds, signal)
}
