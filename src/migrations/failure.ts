/** What a failed migration left behind, and what to do about it, in two sentences. */
import type { Session } from '../db/database.ts'
import { serverError } from '../db/sqlstate.ts'
import { type Json, LockedError, OperationError, RefusedError, StewardError } from '../errors.ts'
import type { Migration } from '../model/migration.ts'
import { quoteIdentifier, sql } from '../model/sql.ts'
import type { Direction, SystemMigrations } from './source.ts'

export interface FailedStep {
  readonly system: SystemMigrations
  readonly migration: Migration
  readonly direction: Direction | 'redo'
}

/**
 * The error to report for a migration.
 *
 * @param error what stopped it, as `db/` mapped it or as the migration's own code threw it
 */
export async function migrationFailure(session: Session, step: FailedStep, error: unknown): Promise<StewardError> {
  const name = `${step.system.system} ${step.migration.name}`
  const doing = { up: `Migration ${name}`, down: `Rolling back ${name}`, redo: `Redoing ${name}` }[step.direction]
  const code = error instanceof StewardError ? error.code : 'migration-failed'
  const details = { ...facts(error), system: step.system.system, migration: step.migration.name }
  const common = { code, cause: error, details }

  if (error instanceof Error && error.name === 'MigrationLocked') {
    // We hold the advisory lock and the row was free: it was taken since, by a Knex that is not Steward's.
    return new LockedError({
      ...common,
      code: 'migration-locked',
      message: `${doing} was not started: another Knex is migrating schema ${step.system.schema}`,
      hint: 'Wait for it to finish and run the same command again',
    })
  }

  // A refusal of ours, or a stop request: already the whole story, and its transaction is rolled back.
  if (error instanceof StewardError && !(error instanceof OperationError || isFromServer(error))) return error
  if (code === 'connection-lost' || code === 'commit-unknown') {
    return new OperationError({
      ...common,
      message: `${doing} was interrupted: the connection to the server was lost`,
      hint: step.migration.transaction
        ? 'steward migrate status shows whether it is applied; it is never applied in part, so run the command again'
        : 'It runs outside a transaction: look for invalid indexes before you run the command again',
    })
  }
  if (code === 'lock-timeout') {
    const holders = await holdersIn(session, step.system.schema)
    return new LockedError({
      ...common,
      message: `${doing} did not get its locks and was rolled back${holders === '' ? '' : `: ${holders}`}`,
      hint: 'Let that session finish, then run the command again',
    })
  }
  const why = reason(error)
  if (step.migration.transaction) {
    return new OperationError({
      ...common,
      message: `${doing} failed and was rolled back: ${why}`,
      hint: hintFor(error) ?? 'Correct the cause and run the command again; it goes on from here',
    })
  }
  const invalid = await invalidIndexesIn(session, step.system.schema)
  return new OperationError({
    ...common,
    message: `${doing} failed half way, outside a transaction, and what it did so far stays: ${why}`,
    hint:
      invalid.length > 0
        ? `Undo what is left first: ${invalid.map((index) => `DROP INDEX CONCURRENTLY ${index}`).join('; ')}`
        : `Look at what it did (steward migrate plan shows its SQL), undo that, then run the command again`,
    details: { ...details, invalidIndexes: invalid },
  })
}

function isFromServer(error: StewardError): boolean {
  return serverError(error.cause) !== undefined
}

/** The server's own sentence, except where it may quote values of rows (classes 22 and 23). */
function reason(error: unknown): string {
  if (!(error instanceof StewardError)) return firstLine(error instanceof Error ? error.message : String(error))
  if (error instanceof RefusedError) return error.message
  return serverError(error.cause)?.message ?? error.message
}

/** Hints about running migrations would lead in a circle. */
function hintFor(error: unknown): string | undefined {
  const hint = error instanceof StewardError ? error.hint : undefined
  return hint?.includes('steward migrate') ? undefined : hint
}

function facts(error: unknown): Readonly<Record<string, Json>> {
  return error instanceof StewardError ? error.details : {}
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

async function invalidIndexesIn(session: Session, schema: string): Promise<string[]> {
  try {
    const found = await session.rows<{ name: string }>(sql`
      SELECT c.relname::text AS name
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = ${schema}
        AND NOT i.indisvalid
      ORDER BY c.relname`)
    return found.map(({ name }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)
  } catch {
    // The failure itself matters more than this look around after it.
    return []
  }
}

/** Who holds what on the tables of the schema: `pid 123 (psql) holds AccessShareLock on tasks`. */
async function holdersIn(session: Session, schema: string): Promise<string> {
  try {
    const holders = await session.rows<{
      pid: number
      application: string | null
      mode: string
      relation: string
    }>(sql`
      SELECT l.pid, a.application_name AS application, max(l.mode) AS mode, min(c.relname)::text AS relation
      FROM pg_catalog.pg_locks AS l
      JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm', 'v')
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
      WHERE n.nspname = ${schema}
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND l.granted
        AND l.pid <> pg_backend_pid()
      GROUP BY l.pid, a.application_name
      ORDER BY l.pid
      LIMIT 3`)
    return holders
      .map(({ pid, application, mode, relation }) => {
        const who = application ? `pid ${pid} (${application})` : `pid ${pid}`
        return `${who} holds ${mode} on ${relation}`
      })
      .join(', ')
  } catch {
    return ''
  }
}
