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
import process from 'node:process'
import { type Json, LockedError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { Database, Transaction } from './database.ts'

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

/** Who holds, as it is told to those who come too late; a command's Context and an Actor are one. */
export interface LeaseHolder {
  readonly command: string
  readonly osUser: string
  readonly host: string
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

/** Milliseconds that taking waits for the last batch of a holder whose time ran out. */
const LONGEST_WAIT = 5000
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
  const tokens = await take(db, sorted, holder, leaseMs)
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
        SELECT ${columns}
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

interface LeaseRow {
  readonly name: string
  readonly token: bigint
  readonly command: string
  readonly os_user: string
  readonly host: string
  readonly pid: number
  readonly taken_at: string
  /** Seconds since its last sign, by the server's clock. */
  readonly silent: number
  /** Seconds until another may take it. */
  readonly left: number
  readonly held: boolean
}

type Tokens = ReadonlyMap<string, bigint>

/** clock_timestamp(): now() stands still in a transaction that waited for a lock. */
const columns = sql`
  name, token, command, os_user, host, pid, taken_at,
  GREATEST(EXTRACT(epoch FROM clock_timestamp() - heartbeat_at), 0)::float8 AS silent,
  GREATEST(EXTRACT(epoch FROM expires_at - clock_timestamp()), 0)::float8 AS left,
  released_at IS NULL AND expires_at > clock_timestamp() AS held`

const read = (names: readonly string[]) => sql`
  SELECT ${columns} FROM steward.leases WHERE name = ANY (${[...names]}::text[]) ORDER BY name`

async function take(db: Database, names: readonly string[], holder: LeaseHolder, leaseMs: number): Promise<Tokens> {
  // Most who come too late are told so without a lock: the row's may be held by a batch in flight.
  throwIfHeld(await db.rows<LeaseRow>(read(names)))
  try {
    return await db.transaction((tx) => takeIn(tx, names, holder, leaseMs), {
      isolation: 'read committed',
      lockTimeoutMs: Math.min(leaseMs, LONGEST_WAIT),
    })
  } catch (error) {
    if (!(error instanceof LockedError && error.code === 'lock-timeout')) throw error
    const rows = await db.rows<LeaseRow>(read(names))
    throwIfHeld(rows)
    const [row] = rows
    throw row === undefined ? error : heldBy(row, 'its last batch is not over yet')
  }
}

async function takeIn(
  tx: Transaction,
  names: readonly string[],
  { command, osUser, host }: LeaseHolder,
  leaseMs: number,
): Promise<Tokens> {
  // Names that nobody ever held begin as given back. In one order everywhere, so that two takers never deadlock.
  await tx.execute(sql`
    INSERT INTO steward.leases
      (name, token, command, os_user, host, pid, taken_at, heartbeat_at, expires_at, released_at)
    SELECT name, 1, ${command}, ${osUser}, ${host}, ${process.pid}, now(), now(), now(), now()
    FROM unnest(${[...names]}::text[]) WITH ORDINALITY AS n (name, position)
    ORDER BY position
    ON CONFLICT (name) DO NOTHING`)
  throwIfHeld(await tx.rows<LeaseRow>(sql`${read(names)} FOR UPDATE`))
  const taken = await tx.rows<{ name: string; token: bigint }>(sql`
    UPDATE steward.leases
    SET token = token + 1, command = ${command}, os_user = ${osUser}, host = ${host}, pid = ${process.pid},
        taken_at = clock_timestamp(), heartbeat_at = clock_timestamp(), released_at = NULL,
        expires_at = clock_timestamp() + ${milliseconds(leaseMs)}
    WHERE name = ANY (${[...names]}::text[])
    RETURNING name, token`)
  return new Map(taken.map(({ name, token }) => [name, token]))
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
      const renewed = await within(every, (own) => renew(own, tokens, leaseMs))
      if (renewed === tokens.size || over) return schedule(every)
      const rows = await within(every, (own) => own.rows<LeaseRow>(read([...tokens.keys()])))
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
      await within(FAREWELL, (own) => giveBack(own, tokens)).catch(() => {})
      await link?.then((open) => open.close()).catch(() => {})
    },
  }
}

/** The rows that are still this holder's, locked in the order in which all lock them. */
const mine = (tokens: Tokens) => sql`
  SELECT l.name
  FROM steward.leases AS l
  JOIN unnest(${[...tokens.keys()]}::text[], ${[...tokens.values()]}::bigint[]) AS t (name, token) USING (name, token)
  ORDER BY l.name
  FOR NO KEY UPDATE OF l`

function renew(db: Database, tokens: Tokens, leaseMs: number): Promise<number> {
  return db.execute(sql`
    WITH mine AS (${mine(tokens)})
    UPDATE steward.leases AS l
    SET heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + ${milliseconds(leaseMs)}
    FROM mine
    WHERE l.name = mine.name`)
}

async function giveBack(db: Database, tokens: Tokens): Promise<void> {
  await db.execute(sql`
    WITH mine AS (${mine(tokens)})
    UPDATE steward.leases AS l
    SET released_at = clock_timestamp(), expires_at = clock_timestamp()
    FROM mine
    WHERE l.name = mine.name`)
}

function milliseconds(ms: number) {
  return sql`make_interval(secs => ${ms / 1000}::float8)`
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

function throwIfHeld(rows: readonly LeaseRow[]): void {
  const held = rows.find((row) => row.held)
  if (held !== undefined) throw heldBy(held)
}

function heldBy(row: LeaseRow, why?: string): LockedError {
  const seconds = Math.ceil(row.left)
  return new LockedError({
    code: 'lease-held',
    message: `Another run is working on ${row.name}: ${sentence(row)}${why === undefined ? '' : `; ${why}`}`,
    hint: `Run it again when that one is over; if it was killed, its lease ends by itself in ${seconds} s at most`,
    details: { lease: row.name, holder: facts(row) },
  })
}

function throwIfLost(tokens: Tokens, rows: readonly LeaseRow[]): void {
  for (const [name, token] of tokens) {
    const row = rows.find((each) => each.name === name)
    if (row?.token === token) continue
    const who = row === undefined ? 'somebody removed its record' : `taken by ${sentence(row)}`
    throw new LockedError({
      code: 'lease-lost',
      message: `The lease on ${name} was lost: ${who}`,
      hint: 'What was committed before stays; that run goes on. Raise maintenance.lease where pauses are to be expected',
      details: { lease: name, ...(row === undefined ? {} : { holder: facts(row) }) },
    })
  }
}

function sentence({ command, os_user, host, pid, taken_at, silent }: LeaseRow): string {
  const since = taken_at.replace(/\.\d+Z$/, 'Z')
  return `steward ${command} of ${os_user}@${host}, pid ${pid}, since ${since}, last sign ${Math.round(silent)} s ago`
}

function facts({ command, os_user, host, pid, taken_at, silent }: LeaseRow): Json {
  return { command, user: os_user, host, pid, since: taken_at, lastSignSeconds: silent }
}
