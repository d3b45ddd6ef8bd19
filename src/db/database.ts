/**
 * What the features see of PostgreSQL. `db/connect.ts` makes one from an endpoint; every error that leaves it is
 * already a `StewardError` (see `db/sqlstate.ts`).
 */
import type { Readable, Writable } from 'node:stream'
import type { Sql } from '../model/sql.ts'

/** Runs statements: a pool, a transaction, or a pinned session. */
export interface Queryable {
  /**
   * Runs one statement and returns its rows, values parsed by type as `model/column.ts` describes.
   *
   * @typeParam T the row that the statement's SELECT list promises
   */
  rows<T extends object = Record<string, unknown>>(statement: Sql): Promise<T[]>
  /** The only row. @throws Error (a bug) when there is not exactly one */
  one<T extends object = Record<string, unknown>>(statement: Sql): Promise<T>
  /** The row or undefined. @throws Error (a bug) when there are several */
  maybeOne<T extends object = Record<string, unknown>>(statement: Sql): Promise<T | undefined>
  /** Runs one statement for its effect. @returns the number of rows it touched */
  execute(statement: Sql): Promise<number>
}

export interface TransactionOptions {
  readonly readOnly?: boolean
  /** `repeatable read` gives every statement the same snapshot. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** Milliseconds; bounds each wait for a lock in this transaction. */
  readonly lockTimeoutMs?: number
  /** Milliseconds; overrides the connection's statement timeout; 0 means none. */
  readonly statementTimeoutMs?: number
  /** Custom settings for the transaction alone, by their two-part name: what triggers of the database ask for. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface Transaction extends Queryable {
  /** Rows through a server-side cursor, `batch` at a time (default 1,000): memory stays flat. */
  stream<T extends object = Record<string, unknown>>(statement: Sql, batch?: number): AsyncIterable<T>
  /** `COPY (query) TO STDOUT` with the given options, e.g. `FORMAT csv, HEADER true`. The query takes no parameters. */
  copyOut(query: string, options: string): Readable
  /** `COPY target FROM STDIN`: `target` is `"schema"."table" (columns…)`. Ends when the writable finishes. */
  copyIn(target: string, options: string): Writable
}

/** One connection outside any transaction, for VACUUM, REINDEX CONCURRENTLY, advisory locks. */
export interface Session extends Queryable {
  /** Backend process id, to find it in pg_stat_activity. */
  readonly pid: number
  /**
   * Calls back with each notice (the detail of VACUUM VERBOSE arrives here). The message may be in any language; the
   * name of the server's function that sent it is the same in all.
   */
  onNotice(listener: (message: string, routine: string) => void): () => void
}

export interface SeparateOptions {
  /** Shown in pg_stat_activity; that of the database it is separated from when absent. */
  readonly applicationName?: string
  /** Connections at most; as many as the other database when absent. */
  readonly poolSize?: number
  /** Milliseconds; 0 means none; as the other database when absent. */
  readonly statementTimeoutMs?: number
}

export interface Database extends Queryable {
  readonly database: string
  readonly user: string
  /** e.g. 180004 for 18.4. */
  readonly serverVersion: number
  /** Runs `work` in a transaction: committed when it returns, rolled back when it throws. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Runs `work` on a pinned connection. `direct` asks for the endpoint behind a pooler. */
  session<T>(
    work: (session: Session) => Promise<T>,
    options?: { readonly direct?: boolean; readonly statementTimeoutMs?: number; readonly lockTimeoutMs?: number },
  ): Promise<T>
  /**
   * The same database through connections of their own, which a stop request neither cancels nor refuses: for work that
   * is finished before the run ends, and for what goes on beside it. Whoever asked for it closes it.
   */
  separate(options: SeparateOptions): Promise<Database>
  /** Cancels statements in flight and closes every connection. */
  close(): Promise<void>
}
