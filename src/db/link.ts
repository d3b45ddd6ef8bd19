/**
 * One connection to the server: opening it as the endpoint says, one statement at a time, cancelling, closing. The
 * driver's own defaults (PG* variables, ~/.pgpass, ambient TLS) play no part; `config/` has resolved all of that.
 */
import { Client, type QueryResult, type Submittable } from 'pg'
import type { Endpoint } from '../config/config.ts'
import { ConnectionError, InterruptedError, StewardError } from '../errors.ts'
import type { Sql } from '../model/sql.ts'
import { requestCancel } from './cancel.ts'
import { fromConnecting, NO_PASSWORD } from './connecting.ts'
import { parserOf } from './parsers.ts'
import { fromPostgres } from './sqlstate.ts'
import { type Attempt, attemptsFor } from './tls.ts'
import { bindable } from './values.ts'

/** Settings sent with the startup packet, by their names in PostgreSQL. */
export type StartupSettings = Readonly<Record<string, string>>

export interface LinkOptions {
  readonly endpoint: Endpoint
  readonly settings: StartupSettings
  /** Aborting it cancels what runs. */
  readonly signal: AbortSignal | undefined
  /** Milliseconds; only for the message when the server ends a statement for it. */
  readonly statementTimeoutMs: number
}

/** Milliseconds to wait for a polite end before the socket is destroyed. */
const FAREWELL = 1000

class PgClient extends Client {
  // Kept by the driver, missing from its types.
  declare readonly processID: number | null
  declare readonly secretKey: number | null
  serverVersion = 0
  #endpoint: Endpoint
  #settings: StartupSettings

  constructor(endpoint: Endpoint, settings: StartupSettings, attempt: Attempt) {
    super({
      host: endpoint.host,
      port: endpoint.port,
      user: endpoint.user,
      database: endpoint.database,
      // A function keeps the driver from looking for a password in its own places.
      password: () => endpoint.password ?? Promise.reject(new Error(NO_PASSWORD)),
      ssl: attempt.tls ?? false,
      sslnegotiation: 'postgres',
      connectionTimeoutMillis: endpoint.connectTimeout * 1000,
      keepAlive: true,
      types: { getTypeParser: parserOf },
    })
    this.#endpoint = endpoint
    this.#settings = settings
    // Without a listener an error between two statements would end the process; the next statement reports it.
    this.on('error', () => {})
    this.connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
      if (status.parameterName === 'server_version') this.serverVersion = versionNumber(status.parameterValue)
    })
  }

  /** Called by the driver for the parameters of the startup packet (PostgreSQL manual, 54.7, StartupMessage). */
  getStartupConf(): Record<string, string> {
    return {
      user: this.#endpoint.user,
      database: this.#endpoint.database,
      ...this.#settings,
      ...(this.#endpoint.options === undefined ? {} : { options: this.#endpoint.options }),
    }
  }
}

/** A connection in use or idle. Statements queue: the protocol has one at a time. */
export class Link {
  readonly #client: PgClient
  readonly #options: LinkOptions
  readonly #attempt: Attempt
  #tail: Promise<unknown> = Promise.resolve()
  #running = false
  #cancelling: Promise<void> | undefined
  #ended = false
  /** Set when the protocol state is unknown: the connection is closed instead of reused. */
  broken = false
  /** Milliseconds that hold at the moment; only for the message when the server ends a statement for it. */
  statementTimeoutMs: number

  constructor(client: PgClient, options: LinkOptions, attempt: Attempt) {
    this.#client = client
    this.#options = options
    this.#attempt = attempt
    this.statementTimeoutMs = options.statementTimeoutMs
    client.once('end', () => {
      this.#ended = true
    })
    client.on('error', () => {
      this.broken = true
    })
  }

  /** Process id of the backend; behind a pooler, the pooler's own number. */
  get pid(): number {
    return this.#client.processID ?? 0
  }

  /** e.g. 180004. */
  get serverVersion(): number {
    return this.#client.serverVersion
  }

  get usable(): boolean {
    return !this.broken && !this.#ended
  }

  onNotice(listener: (message: string, routine: string) => void): () => void {
    const relay = (notice: { message?: string | undefined; routine?: string | undefined }) =>
      listener(notice.message ?? '', notice.routine ?? '')
    this.#client.on('notice', relay)
    return () => this.#client.off('notice', relay)
  }

  /** Runs one statement with its values bound. */
  query(statement: Sql): Promise<QueryResult> {
    return this.text(statement.text, statement.values.map(bindable))
  }

  /** Runs SQL text; without values it may hold several statements. */
  text(text: string, values: unknown[] = []): Promise<QueryResult> {
    return this.#exclusive(() => this.#client.query({ text, values }), { cancellable: true })
  }

  /** COMMIT or ROLLBACK: never cancelled, since the outcome must be known. */
  finish(text: 'COMMIT' | 'ROLLBACK'): Promise<QueryResult> {
    return this.#exclusive(() => this.#client.query({ text }), {
      cancellable: false,
      committing: text === 'COMMIT',
    })
  }

  /**
   * Hands the connection to a COPY until `ended` resolves.
   *
   * @param submit the query object of the driver
   */
  async copy(submit: Submittable, ended: Promise<void>): Promise<void> {
    await this.#exclusive(
      async () => {
        this.#client.query(submit)
        await ended
      },
      { cancellable: true },
    )
  }

  /** The error as Steward's, knowing whether it was a cancellation that was asked for. */
  mapped(error: unknown, committing = false): unknown {
    const { endpoint, signal } = this.#options
    if (this.#cancelling && signal?.aborted && !(error instanceof StewardError)) return interruption(signal)
    const { user, database } = endpoint
    return fromPostgres(error, { user, database, committing, statementTimeoutMs: this.statementTimeoutMs })
  }

  /** Cancels the statement in flight; nothing happens when there is none. */
  async cancel(): Promise<void> {
    const { processID, secretKey } = this.#client
    if (!this.#running || processID === null || secretKey === null) return
    const backend = { processId: processID, secretKey }
    this.#cancelling ??= requestCancel(this.#options.endpoint, backend, this.#attempt.tls)
    await this.#cancelling
  }

  /** Closes the connection; does not wait for a statement in flight. */
  async end(): Promise<void> {
    if (this.#ended) return
    const timer = setTimeout(() => this.#client.connection.stream.destroy(), this.broken ? 0 : FAREWELL)
    await this.#client.end().catch(() => {})
    clearTimeout(timer)
  }

  async #exclusive<T>(
    work: () => Promise<T>,
    { cancellable, committing = false }: { readonly cancellable: boolean; readonly committing?: boolean },
  ): Promise<T> {
    const before = this.#tail
    let release = () => {}
    this.#tail = new Promise<void>((resolve) => {
      release = resolve
    })
    await before
    const { signal } = this.#options
    const onAbort = () => void this.cancel()
    this.#running = true
    if (cancellable) signal?.addEventListener('abort', onAbort, { once: true })
    try {
      if (!this.usable) throw new Error('Connection terminated')
      return await work()
    } catch (error) {
      const mapped = this.mapped(error, committing)
      if (mapped instanceof StewardError && LOST.has(mapped.code)) this.broken = true
      throw mapped
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#running = false
      // A request that is still on its way would hit the next statement.
      await this.#cancelling
      this.#cancelling = undefined
      release()
    }
  }
}

/** The end of the socket comes after the last word of the server; nobody may get the connection in between. */
const LOST = new Set(['connection-lost', 'commit-unknown'])

/** The error a stop request ends the run with. */
export function interruption(signal: AbortSignal): StewardError {
  return signal.reason instanceof StewardError ? signal.reason : new InterruptedError('SIGINT')
}

/**
 * Opens a connection, trying TLS and plain as sslmode says.
 *
 * @throws ConnectionError, or the reason of the signal when it stops the attempt
 */
export async function dial(options: LinkOptions): Promise<Link> {
  const attempts = await attemptsFor(options.endpoint)
  let failure: unknown
  for (const attempt of attempts) {
    try {
      return await open(options, attempt)
    } catch (error) {
      const noTls = error instanceof ConnectionError && error.code === 'tls-unsupported'
      // `allow`: the refusal in the clear says more than "no TLS here".
      if (!(failure !== undefined && noTls)) failure = error
      if (!(error instanceof ConnectionError && WORTH_ANOTHER_WAY.has(error.code))) break
    }
  }
  throw failure
}

/** Refusals that the other of TLS and plain may not meet. */
const WORTH_ANOTHER_WAY = new Set(['tls-unsupported', 'tls-failed', 'not-admitted'])

async function open(options: LinkOptions, attempt: Attempt): Promise<Link> {
  const { endpoint, settings, signal } = options
  if (signal?.aborted) throw interruption(signal)
  const client = new PgClient(endpoint, settings, attempt)
  const onAbort = () => client.connection.stream.destroy(new Error('stopped'))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await client.connect()
  } catch (error) {
    client.connection.stream.destroy()
    throw signal?.aborted ? interruption(signal) : fromConnecting(error, endpoint)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  return new Link(client, options, attempt)
}

/** `18.4 (Debian 18.4-1)` is 180004, `17beta1` is 170000. */
function versionNumber(text: string): number {
  const [, major = '0', minor = '0'] = /^(\d+)(?:\.(\d+))?/.exec(text) ?? []
  return Number(major) * 10_000 + Number(minor)
}
