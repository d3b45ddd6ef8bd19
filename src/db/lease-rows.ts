/**
 * The rows of `steward.leases`: taken, renewed and given back, each in one statement or transaction, and what is said of
 * whoever holds one.
 */
import process from 'node:process'
import { type Json, LockedError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { Database, Transaction } from './database.ts'

/** Who holds, as it is told to those who come too late; a command's Context and an Actor are one. */
export interface LeaseHolder {
  readonly command: string
  readonly osUser: string
  readonly host: string
}

/** Milliseconds that taking waits for the last batch of a holder whose time ran out. */
const LONGEST_WAIT = 5000

export interface LeaseRow {
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

export type Tokens = ReadonlyMap<string, bigint>

/** clock_timestamp(): now() stands still in a transaction that waited for a lock. */
export const LEASE_COLUMNS = sql`
  name, token, command, os_user, host, pid, taken_at,
  GREATEST(EXTRACT(epoch FROM clock_timestamp() - heartbeat_at), 0)::float8 AS silent,
  GREATEST(EXTRACT(epoch FROM expires_at - clock_timestamp()), 0)::float8 AS left,
  released_at IS NULL AND expires_at > clock_timestamp() AS held`

export const readLeases = (names: readonly string[]) => sql`
  SELECT ${LEASE_COLUMNS} FROM steward.leases WHERE name = ANY (${[...names]}::text[]) ORDER BY name`

export async function takeLeases(
  db: Database,
  names: readonly string[],
  holder: LeaseHolder,
  leaseMs: number,
): Promise<Tokens> {
  // Most who come too late are told so without a lock: the row's may be held by a batch in flight.
  throwIfHeld(await db.rows<LeaseRow>(readLeases(names)))
  try {
    return await db.transaction((tx) => takeIn(tx, names, holder, leaseMs), {
      isolation: 'read committed',
      lockTimeoutMs: Math.min(leaseMs, LONGEST_WAIT),
    })
  } catch (error) {
    if (!(error instanceof LockedError && error.code === 'lock-timeout')) throw error
    const rows = await db.rows<LeaseRow>(readLeases(names))
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
  throwIfHeld(await tx.rows<LeaseRow>(sql`${readLeases(names)} FOR UPDATE`))
  const taken = await tx.rows<{ name: string; token: bigint }>(sql`
    UPDATE steward.leases
    SET token = token + 1, command = ${command}, os_user = ${osUser}, host = ${host}, pid = ${process.pid},
        taken_at = clock_timestamp(), heartbeat_at = clock_timestamp(), released_at = NULL,
        expires_at = clock_timestamp() + ${milliseconds(leaseMs)}
    WHERE name = ANY (${[...names]}::text[])
    RETURNING name, token`)
  return new Map(taken.map(({ name, token }) => [name, token]))
}

/** The rows that are still this holder's, locked in the order in which all lock them. */
const mine = (tokens: Tokens) => sql`
  SELECT l.name
  FROM steward.leases AS l
  JOIN unnest(${[...tokens.keys()]}::text[], ${[...tokens.values()]}::bigint[]) AS t (name, token) USING (name, token)
  ORDER BY l.name
  FOR NO KEY UPDATE OF l`

export function renewLeases(db: Database, tokens: Tokens, leaseMs: number): Promise<number> {
  return db.execute(sql`
    WITH mine AS (${mine(tokens)})
    UPDATE steward.leases AS l
    SET heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + ${milliseconds(leaseMs)}
    FROM mine
    WHERE l.name = mine.name`)
}

export async function giveBackLeases(db: Database, tokens: Tokens): Promise<void> {
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

export function throwIfLost(tokens: Tokens, rows: readonly LeaseRow[]): void {
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
