/**
 * Leases: who may move or delete data of a schema at the moment. A row in `steward.leases` with a heartbeat and a
 * fencing token. Time is the server's alone, and nothing depends on a session, so a transaction pooler may be between.
 *
 * The token is what makes it safe, the heartbeat only makes it quick. Every transaction that writes under a lease asks
 * `guard` first, which locks the lease row FOR KEY SHARE and compares the token. Whoever takes the lease locks the row
 * FOR UPDATE, which waits for every FOR KEY SHARE (PostgreSQL manual, 13.3.2). So for a lease that dies in the middle
 * of a long batch there are two orders, and in neither do two holders write at once:
 *
 * - the batch passed `guard` first: its successor waits at the row until the batch is committed or rolled back, also
 *   when the process is long dead and only its backend still works; it sees all of the batch or nothing of it;
 * - the successor was first: `guard` waits for it to commit, reads the row anew (13.2.1, READ COMMITTED), finds a
 *   greater token and refuses, before the batch has written a row.
 *
 * That the lease ran out is no reason to refuse by itself: until somebody takes it nobody else writes. The heartbeat
 * changes no column of a key, so its FOR NO KEY UPDATE and the batches' FOR KEY SHARE do not wait for each other.
 */
import { LockedError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { Database, Transaction } from './database.ts'
import {
  giveBackLeases,
  LEASE_COLUMNS,
  type LeaseHolder,
  type LeaseRow,
  readLeases,
  renewLeases,
  type Tokens,
  takeLeases,
  throwIfLost,
} from './lease-rows.ts'

/** What a holder may do with its lease. */
export interface Lease {
  readonly names: readonly string[]
  /** Fencing token of a name, greater than that of any earlier holder. @throws RangeError for a name not held */
  token(name: string): bigint
  /**
   * To be called first in every transaction that writes under the lease. The server ends a transaction that then
   * stands idle for a minute (or as long as the lease, where that is longer).
   *
   * @throws LockedError (exit 8) naming the successor when the lease was lost: nothing may be written
   */
  guard(transaction: Transaction): Promise<void>
}

export interface LeaseOptions {
  /** Milliseconds without a sign after which the lease may be taken by another run. */
  readonly leaseMs: number
  /** The stop request of the run. */
  readonly signal: AbortSignal
}

/** The lease on the data of a schema: `skyvern`. */
export function leaseName(schema: string): string {
  return schema
}

/**
 * Milliseconds that a guarded transaction may stand idle, if the lease is not longer: a process that was suspended in
 * the middle of a batch would keep its successor out for ever, so the server ends that batch
 * (idle_in_transaction_session_timeout).
 */
const LEAST_IDLE = 60_000
/** Milliseconds that giving back may take; a lease that is not given back runs out by itself. */
const FAREWELL = 5000

/**
 * Runs `work` while holding the leases of all these names, or of none.
 *
 * A heartbeat on a connection of its own renews them three times in `leaseMs`. When it fails (a network in trouble, a
 * server that restarts) it is tried again: a lease that nobody took meanwhile still holds. They are given back at the
 * end, however `work` ends.
 *
 * @param names as `leaseName` makes them; duplicates count once
 * @param work gets the lease and a signal that is aborted by the stop request, and, with the error that names the
 *   successor, when the lease was lost
 * @throws LockedError (exit 8) naming the holder when another run holds one of them
 */
export async function withLease<T>(
  db: Database,
  names: readonly string[],
  holder: LeaseHolder,
  { leaseMs, signal }: LeaseOptions,
  work: (lease: Lease, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const sorted = [...new Set(names)].toSorted()
  const tokens = await takeLeases(db, sorted, holder, leaseMs)
  const idle = String(Math.max(leaseMs, LEAST_IDLE))
  const lease: Lease = {
    names: sorted,
    token(name) {
      const token = tokens.get(name)
      if (token === undefined) throw new RangeError(`no lease on ${name} is held`)
      return token
    },
    async guard(transaction) {
      const rows = await transaction.rows<LeaseRow>(sql`
        SELECT ${LEASE_COLUMNS}
        FROM steward.leases AS l
        CROSS JOIN set_config('idle_in_transaction_session_timeout', ${idle}, true) AS idle
        WHERE name = ANY (${sorted}::text[])
        ORDER BY name
        FOR KEY SHARE OF l`)
      throwIfLost(tokens, rows)
    },
  }
  const lost = new AbortController()
  const heart = beat(db, tokens, leaseMs, (error) => lost.abort(error))
  try {
    return await work(lease, AbortSignal.any([signal, lost.signal]))
  } finally {
    await heart.end()
  }
}

interface Heart {
  /** Stops beating and gives the leases back. */
  end(): Promise<void>
}

function beat(db: Database, tokens: Tokens, leaseMs: number, onLost: (error: LockedError) => void): Heart {
  const every = leaseMs / 3
  let link: Promise<Database> | undefined
  let timer: NodeJS.Timeout | undefined
  let beating: Promise<void> = Promise.resolve()
  let over = false

  /** Runs a statement on the connection of its own; one that does not answer is thrown away. */
  async function within<T>(ms: number, statement: (own: Database) => Promise<T>): Promise<T> {
    link ??= db.separate({ poolSize: 1, statementTimeoutMs: ms })
    const own = link
    try {
      return await inTime(
        own.then((open) => statement(open)),
        ms,
      )
    } catch (error) {
      link = undefined
      void own.then((open) => open.close()).catch(() => {})
      throw error
    }
  }

  async function once(): Promise<void> {
    try {
      const renewed = await within(every, (own) => renewLeases(own, tokens, leaseMs))
      if (renewed === tokens.size || over) return schedule(every)
      const rows = await within(every, (own) => own.rows<LeaseRow>(readLeases([...tokens.keys()])))
      throwIfLost(tokens, rows)
      schedule(every)
    } catch (error) {
      if (error instanceof LockedError && error.code === 'lease-lost') onLost(error)
      else schedule(Math.min(every, 1000))
    }
  }

  function schedule(ms: number): void {
    if (over) return
    timer = setTimeout(() => {
      beating = once()
    }, ms)
    timer.unref()
  }

  schedule(every)
  return {
    async end() {
      over = true
      clearTimeout(timer)
      await beating
      await within(FAREWELL, (own) => giveBackLeases(own, tokens)).catch(() => {})
      await link?.then((open) => open.close()).catch(() => {})
    },
  }
}

/** The answer, or an error when it takes longer: a connection whose other end is gone never answers. */
async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
