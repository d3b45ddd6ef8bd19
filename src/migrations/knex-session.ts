/**
 * Knex on one pinned session of Steward's: TLS, sockets, UTC, application_name, cancellation and errors are what
 * `db/` makes of them, and what the session holds (the advisory lock, its settings) cannot be lost by Knex opening
 * another connection behind our back.
 */
import type { Knex } from 'knex'
import type { Session } from '../db/database.ts'
import { OperationError, throwIfStopped } from '../errors.ts'
import { raw } from '../model/sql.ts'
import { type PositionalQuery, toSql } from './parameters.ts'
import { PinnedPool } from './pinned-pool.ts'

export interface KnexSession {
  readonly knex: Knex
  /** The first error since the last call: Knex hides it behind that of its ROLLBACK, or rewrites its message. */
  takeError(): { readonly error: unknown; readonly statement: string } | undefined
}

interface Response {
  readonly command: string
  readonly rowCount: number
  readonly rows: readonly object[]
}

/**
 * @param session outside any transaction, and nobody else's while Knex uses it
 * @param signal once aborted, no further statement of a migration is sent: a request to cancel that comes between two
 * statements meets none, and nothing would stop the next one
 */
export async function knexOn(session: Session, signal: AbortSignal): Promise<KnexSession> {
  const { default: createKnex } = await import('knex')
  let first: { readonly error: unknown; readonly statement: string } | undefined

  const connection = {
    query(query: PositionalQuery, done: (error: unknown, response?: Response) => void): void {
      send(session, query, signal).then(
        (response) => done(null, response),
        (error: unknown) => {
          first ??= { error, statement: query.text }
          // Knex writes the statement into the message of what it is given; ours stays as it is.
          done(new Error(error instanceof Error ? error.message : String(error), { cause: error }))
        },
      )
    },
  }
  const knex = createKnex({
    client: 'pg',
    // Knex reads the version to choose syntax; every supported server is past its switches.
    version: '14',
    connectionPool: new PinnedPool(connection),
    compileSqlOnError: false,
    // What Knex would print comes back as an error; advice about its own commands would mislead.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
  })
  return {
    knex,
    takeError() {
      const taken = first
      first = undefined
      return taken
    },
  }
}

/** What ends a transaction, and what gives Knex's own lock back. */
const ENDS = /^\s*(commit|rollback|release)\b|"steward_migrations_lock"/i

async function send(session: Session, query: PositionalQuery, signal: AbortSignal): Promise<Response> {
  if (!ENDS.test(query.text)) throwIfStopped(signal)
  const command = /^\s*(\w+)/.exec(query.text)?.[1]?.toUpperCase() ?? ''
  if (command === 'COMMIT') return { command, rowCount: await commit(session), rows: [] }
  const statement = toSql(query)
  const counts = /^(INSERT|UPDATE|DELETE|MERGE)$/.test(command) && !/\breturning\b/i.test(query.text)
  if (counts) return { command, rowCount: await session.execute(statement), rows: [] }
  // A text of several statements has no rows of its own.
  const rows: readonly object[] | undefined = await session.rows(statement)
  return { command, rowCount: rows?.length ?? 0, rows: rows ?? [] }
}

async function commit(session: Session): Promise<number> {
  try {
    return await session.execute(raw('COMMIT'))
  } catch (cause) {
    if (!(cause instanceof OperationError && cause.code === 'connection-lost')) throw cause
    throw new OperationError({
      code: 'commit-unknown',
      message: 'The connection was lost while the migration was being committed: it may or may not have taken effect',
      hint: 'Run steward migrate status to see whether it is applied',
      cause,
    })
  }
}
