/** Makes a `Database` of an endpoint: connects at once, and owns every connection until `close`. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Endpoint } from '../config/config.ts'
import { ConnectionError, UsageError } from '../errors.ts'
import type { Sql } from '../model/sql.ts'
import type { Database, Session, Transaction, TransactionOptions } from './database.ts'
import { dial, interruption, type Link, type StartupSettings } from './link.ts'
import { Pool } from './pool.ts'
import { queryable } from './queries.ts'
import { inTransaction } from './transaction.ts'

export interface ConnectOptions {
  /** Shown in pg_stat_activity: `steward:skyvern task list`. */
  readonly applicationName: string
  /** Every transaction is read-only; the server refuses changes. */
  readonly readOnly?: boolean
  /** Milliseconds; 0 means none. */
  readonly statementTimeoutMs: number
  /** Milliseconds; the server's own setting when absent. */
  readonly lockTimeoutMs?: number
  /** Connections at most, sessions not counted. */
  readonly poolSize: number
  /** A transaction pooler (PgBouncer) stands at `endpoint`: nothing may depend on session state. */
  readonly pooler?: boolean
  /** Endpoint behind the pooler, for sessions. */
  readonly direct?: Endpoint
  /** Aborting it cancels the statements in flight and refuses new ones, except on sessions. */
  readonly signal?: AbortSignal
  /** Milliseconds to try again while the server starts up; 5,000 when absent. */
  readonly startupPatienceMs?: number
}

/** Milliseconds between two tries while the server starts up. */
const STARTUP_PAUSE = 200

/** Bytes that PostgreSQL keeps of an application name (NAMEDATALEN - 1). */
const APPLICATION_NAME_BYTES = 63

/**
 * Connects and returns the database. Close it, or the process stays alive.
 *
 * @throws ConnectionError saying why there is no connection; the reason of the signal when it was aborted
 */
export async function connect(endpoint: Endpoint, options: ConnectOptions): Promise<Database> {
  const { signal, statementTimeoutMs } = options
  const pooler = options.pooler ?? false
  const settings = pooler ? common(options) : { ...common(options), ...timeouts(options), ...readOnly(options) }
  const pool = new Pool({ endpoint, settings, signal, statementTimeoutMs }, options.poolSize)
  const first = await patiently(() => pool.acquire(), options)
  const { serverVersion } = first
  pool.release(first)
  const sessions = new Set<Link>()

  async function inPool<T>(work: (link: Link) => Promise<T>): Promise<T> {
    if (signal?.aborted) throw interruption(signal)
    const link = await pool.acquire()
    try {
      return await work(link)
    } finally {
      pool.release(link)
    }
  }

  function transaction<T>(work: (tx: Transaction) => Promise<T>, asked: TransactionOptions = {}): Promise<T> {
    return inPool((link) => inTransaction(link, work, pooler ? withDefaults(asked, options) : asked, signal))
  }

  async function session<T>(
    work: (session: Session) => Promise<T>,
    asked: { readonly direct?: boolean; readonly statementTimeoutMs?: number; readonly lockTimeoutMs?: number } = {},
  ): Promise<T> {
    const limits = { ...options, ...asked }
    const link = await dial({
      endpoint: sessionEndpoint(endpoint, options, asked.direct ?? false),
      settings: { ...common(options), ...timeouts(limits), ...readOnly(options), idle_session_timeout: '0' },
      // A session opened after the stop request is there to tidy up.
      signal: signal?.aborted ? undefined : signal,
      statementTimeoutMs: limits.statementTimeoutMs,
    })
    sessions.add(link)
    try {
      return await work({
        ...queryable((statement) => link.query(statement)),
        pid: link.pid,
        onNotice: (listener) => link.onNotice(listener),
      })
    } finally {
      sessions.delete(link)
      await link.end()
    }
  }

  const run = (statement: Sql) => {
    if (!pooler) return inPool((link) => link.query(statement))
    // The timeouts need a transaction to be local to.
    return inPool((link) => inTransaction(link, () => link.query(statement), withDefaults({}, options), signal))
  }

  return {
    ...queryable(run),
    database: endpoint.database,
    user: endpoint.user,
    serverVersion,
    transaction,
    session,
    separate(asked) {
      const { signal: _, ...lasting } = options
      return connect(endpoint, { ...lasting, ...asked })
    },
    async close() {
      const open = [...sessions]
      await Promise.all([pool.close(), ...open.map((link) => link.cancel().then(() => link.end()))])
    },
  }
}

/** Settings that PgBouncer tracks per client, so that they are safe through it (pgbouncer.ini, track_extra_parameters). */
function common({ applicationName }: ConnectOptions): StartupSettings {
  return {
    application_name: applicationName.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, APPLICATION_NAME_BYTES),
    TimeZone: 'UTC',
    DateStyle: 'ISO, YMD',
  }
}

function timeouts(limits: { readonly statementTimeoutMs: number; readonly lockTimeoutMs?: number }): StartupSettings {
  return {
    statement_timeout: String(Math.round(limits.statementTimeoutMs)),
    ...(limits.lockTimeoutMs === undefined ? {} : { lock_timeout: String(Math.round(limits.lockTimeoutMs)) }),
  }
}

function readOnly(options: ConnectOptions): StartupSettings {
  return options.readOnly ? { default_transaction_read_only: 'on' } : {}
}

/** Through a pooler each transaction carries what the session would have. */
function withDefaults(asked: TransactionOptions, options: ConnectOptions): TransactionOptions {
  return {
    statementTimeoutMs: options.statementTimeoutMs,
    ...(options.lockTimeoutMs === undefined ? {} : { lockTimeoutMs: options.lockTimeoutMs }),
    ...(options.readOnly ? { readOnly: true } : {}),
    ...asked,
  }
}

/** A pinned connection through a transaction pooler is none, so that needs the direct endpoint. */
function sessionEndpoint(endpoint: Endpoint, options: ConnectOptions, direct: boolean): Endpoint {
  if (options.direct !== undefined && (direct || options.pooler)) return options.direct
  if (!options.pooler) return endpoint
  throw new UsageError({
    code: 'direct-connection-needed',
    message: 'This needs a connection of its own, and the profile only has one through a transaction pooler',
    hint: 'Set directUrl in the profile to the address of the server behind the pooler',
  })
}

/** Waits out a server that is starting up, for a short while. */
async function patiently<T>(attempt: () => Promise<T>, options: ConnectOptions): Promise<T> {
  const until = Date.now() + (options.startupPatienceMs ?? 5000)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const startingUp = error instanceof ConnectionError && error.code === 'starting-up'
      if (!startingUp || Date.now() >= until) throw error
    }
    await delay(STARTUP_PAUSE)
    if (options.signal?.aborted) throw interruption(options.signal)
  }
}
