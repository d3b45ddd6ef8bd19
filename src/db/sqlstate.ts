/**
 * SQLSTATE to error, once, at the driver's edge (PostgreSQL manual, appendix A). PostgreSQL's `detail` quotes the
 * values of the row, and messages of classes 22 and 23 may: none of that text is ever passed on.
 */
import { type ErrorOptions, type Json, LockedError, OperationError, RefusedError, StewardError } from '../errors.ts'

export interface StatementContext {
  readonly user?: string
  readonly database?: string
  /** Milliseconds, for the message when the server ended the statement for it. */
  readonly statementTimeoutMs?: number
  /** True while COMMIT is on its way: a lost connection leaves its outcome unknown. */
  readonly committing?: boolean
}

/** What the server said, values left out. */
export interface ServerError {
  readonly sqlstate: string
  /** The primary message, one line. Quotes values in classes 22 and 23. */
  readonly message: string
  readonly severity: string
  readonly schema: string | undefined
  readonly table: string | undefined
  readonly constraint: string | undefined
  /** Named by the server (NOT NULL), else read from the key that `detail` names. */
  readonly columns: readonly string[]
  /** `missing` parent or `referenced` by children; for foreign keys only. */
  readonly foreignKey: 'missing' | 'referenced' | undefined
  /** Function in the server's source that raised it. */
  readonly routine: string | undefined
}

/** The server's refusal in an error of the driver (or of Knex around it); undefined when it is something else. */
export function serverError(error: unknown): ServerError | undefined {
  if (!(error instanceof Error)) return undefined
  const sqlstate = field(error, 'code')
  const severity = field(error, 'severity')
  if (sqlstate === undefined || severity === undefined || !/^[0-9A-Z]{5}$/.test(sqlstate)) return undefined
  const detail = field(error, 'detail') ?? ''
  const column = field(error, 'column')
  // Only these states have the form `Key (columns)=(values) …`; that of a CHECK lists the values of the whole row.
  const key = /^(23505|23503|23001|23P01)$/.test(sqlstate) ? /^[^(]*\(([^=]*?)\)=\(/.exec(detail)?.[1] : undefined
  return {
    sqlstate,
    severity,
    message: primaryMessage(error.message),
    schema: field(error, 'schema'),
    table: field(error, 'table'),
    constraint: field(error, 'constraint'),
    columns: column === undefined ? (key?.split(', ').map(unquoted) ?? []) : [column],
    foreignKey: /is still referenced/.test(detail)
      ? 'referenced'
      : /is not present/.test(detail)
        ? 'missing'
        : undefined,
    routine: field(error, 'routine'),
  }
}

/**
 * The error as one of Steward's. What neither the server nor the connection caused is returned unchanged.
 *
 * @param error whatever the driver or Knex threw
 */
export function fromPostgres(error: unknown, context: StatementContext = {}): unknown {
  if (error instanceof StewardError) return error
  const refusal = serverError(error)
  if (refusal === undefined) return isLoss(error) ? lost(error, context) : error
  const facts = (options: ErrorOptions): ErrorOptions => ({ ...options, details: detailsOf(refusal), cause: error })
  if (refusal.sqlstate.startsWith('23')) return new RefusedError(facts(constraintViolation(refusal)))
  if (refusal.sqlstate.startsWith('22') || refusal.sqlstate === '54000') {
    return new RefusedError(facts(invalidValue(refusal)))
  }
  if (endsConnection(refusal)) return lost(error, context, refusal)
  if (refusal.sqlstate === '55P03') {
    return new LockedError(
      facts({
        code: 'lock-timeout',
        message: 'Another session holds a lock that this needs, and it was not released in time',
        hint: 'Try again later; pg_locks and pg_blocking_pids(pid) show who holds what',
      }),
    )
  }
  return new OperationError(facts(operationFailure(refusal, context)))
}

/** Class 23, in words that hold no value. */
function constraintViolation(refusal: ServerError): ErrorOptions {
  const table = tableOf(refusal)
  const columns = refusal.columns.join(', ')
  const by = refusal.constraint === undefined ? '' : ` (constraint ${refusal.constraint})`
  switch (refusal.sqlstate) {
    case '23502':
      return {
        code: 'not-null-violation',
        message: `${columns === '' ? 'A required column' : columns} of ${table} must not be null`,
        hint: `Give a value for ${columns === '' ? 'it' : columns}`,
      }
    case '23505':
      return {
        code: 'unique-violation',
        message: `${table} already has a row with the same ${columns === '' ? 'key' : columns}${by}`,
        hint: 'Choose another value, or change the row that is there',
      }
    case '23503':
    case '23001':
      return refusal.foreignKey === 'referenced' || refusal.sqlstate === '23001'
        ? {
            code: 'still-referenced',
            message: `Rows of ${table} still refer to this row${by}`,
            hint: `Delete or change the rows of ${table} first`,
          }
        : {
            code: 'foreign-key-violation',
            message: `${columns === '' ? 'A reference' : columns} of ${table} leads to no existing row${by}`,
            hint: 'Create what it refers to first, or correct the reference',
          }
    case '23514':
      return {
        code: 'check-violation',
        message: `The row does not satisfy ${refusal.constraint ?? 'a check'} of ${table}`,
        hint: 'Correct the values that the constraint is about',
      }
    case '23P01':
      return {
        code: 'exclusion-violation',
        message: `The row conflicts with another row of ${table}${by}`,
        hint: 'Choose values that do not overlap, or change the row that is there',
      }
    default:
      return {
        code: 'integrity-violation',
        message: `${table} refused the row${by}`,
        hint: 'Correct the values that the constraint is about',
      }
  }
}

/** Class 22, by what the state means; and 54000, which a text meets that is too long for a B-tree. */
function invalidValue(refusal: ServerError): ErrorOptions {
  const says: Readonly<Record<string, string>> = {
    '22001': 'A text is longer than its column allows',
    '22003': 'A number is out of the range of its type',
    '22007': 'A text is not a date or time',
    '22008': 'A date or time is out of range',
    '22012': 'Division by zero',
    '22021': 'A text holds a character that the database cannot store',
    '22P02': 'A text is not a value of its type',
    '22P05': 'A text holds a character that the database cannot store',
    '22P04': 'The rows do not have the form that COPY expects',
    '2201B': 'A regular expression is not valid',
    '22030': 'A JSON object repeats a key',
    '22032': 'A text is not valid JSON',
    '54000': 'A value is larger than PostgreSQL stores or indexes',
  }
  return {
    code: 'invalid-value',
    message: `${says[refusal.sqlstate] ?? 'A value was refused'}${refusal.columns.length > 0 ? ` (${refusal.columns.join(', ')})` : ''}`,
    hint: 'Correct the value',
  }
}

function operationFailure(refusal: ServerError, context: StatementContext): ErrorOptions {
  const { message } = refusal
  switch (refusal.sqlstate) {
    case '42501':
      return {
        code: 'permission-denied',
        message: `User ${context.user ?? 'of this connection'} lacks a privilege: ${message}`,
        hint: 'Have it granted, or connect as a role that has it (steward config check lists what is missing)',
      }
    case '25006':
      return {
        code: 'read-only',
        message: 'The server refused a change: this session, or the server itself, is read-only',
        hint: 'Connect to the primary; a standby and a read-only role cannot change anything',
      }
    case '57014':
      return canceled(message, context)
    case '40001':
      return {
        code: 'serialization-failure',
        message: 'Another session changed the same rows at the same time; nothing was changed here',
        hint: 'Run the command again',
      }
    case '40P01':
      return {
        code: 'deadlock',
        message:
          'This and another session waited for each other; the server ended this one, nothing was changed here',
        hint: 'Run the command again',
      }
    case '53100':
      return {
        code: 'disk-full',
        message: 'The disk of the server is full',
        hint: 'Free space on the server first; steward status shows what takes it',
      }
    case '53200':
      return {
        code: 'out-of-memory',
        message: `The server ran out of memory: ${message}`,
        hint: 'Lower work_mem or max_connections, or narrow what is asked for',
      }
    case '42P01':
    case '3F000':
      return {
        code: 'table-missing',
        message: `The database does not have what the command needs: ${message}`,
        hint: 'Run steward migrate up; if the tables are in another schema, set schemas in the profile',
      }
    case '42703':
    case '42704':
    case '42883':
      return {
        code: 'schema-outdated',
        message: `The tables are not as this version of Steward expects them: ${message}`,
        hint: 'Run steward migrate status, then steward migrate up',
      }
    case '25P02':
      return {
        code: 'transaction-failed',
        message: 'An earlier statement of the transaction failed; it was rolled back',
      }
    default:
      return { code: 'statement-failed', message: `PostgreSQL: ${message} (SQLSTATE ${refusal.sqlstate})` }
  }
}

/** 57014 has several causes that only the message tells apart. */
function canceled(message: string, { statementTimeoutMs }: StatementContext): ErrorOptions {
  if (/statement timeout/.test(message)) {
    const after = statementTimeoutMs ? ` after ${statementTimeoutMs / 1000} s` : ''
    return {
      code: 'statement-timeout',
      message: `The server ended the statement${after} (statement timeout)`,
      hint: 'Narrow what is asked for, or raise statementTimeout in the profile or STEWARD_STATEMENT_TIMEOUT',
    }
  }
  if (/COPY/i.test(message)) return { code: 'copy-stopped', message: 'Loading was stopped before it was complete' }
  return {
    code: 'statement-cancelled',
    message: 'Someone cancelled the statement at the server',
    hint: 'Run the command again; the server log says who',
  }
}

/** The connection ended while it was in use. */
function lost(error: unknown, context: StatementContext, refusal?: ServerError): OperationError {
  const why = refusal === undefined ? '' : ` (${refusal.message})`
  return context.committing
    ? new OperationError({
        code: 'commit-unknown',
        message: `The connection was lost while the transaction was being committed${why}: it may or may not have taken effect`,
        hint: 'Look at the data before you run the command again',
        cause: error,
      })
    : new OperationError({
        code: 'connection-lost',
        message: `The connection to the server was lost${why}; what was not committed is rolled back`,
        hint: 'Check that the server is up (steward status), then run the command again',
        cause: error,
      })
}

/** 08P01 of the server itself is a wrong message, of a pooler the loss of its server. */
function endsConnection({ sqlstate, severity }: ServerError): boolean {
  return /^(08(?!P01)|57P0[12345]|25P03)/.test(sqlstate) || (sqlstate === '08P01' && severity === 'FATAL')
}

/** Errors of the socket and of the driver that mean the connection is gone. */
function isLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = field(error, 'code')
  if (code !== undefined) return /^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETDOWN|ENETUNREACH)$/.test(code)
  return /^(Connection terminated|Client has encountered a connection error|Client was closed)/.test(error.message)
}

function detailsOf(refusal: ServerError): Readonly<Record<string, Json>> {
  const { sqlstate, schema, table, constraint, columns } = refusal
  return {
    sqlstate,
    ...(schema === undefined ? {} : { schema }),
    ...(table === undefined ? {} : { table }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(columns.length === 0 ? {} : { columns }),
  }
}

function tableOf({ schema, table }: ServerError): string {
  if (table === undefined) return 'The table'
  return schema === undefined ? table : `${schema}.${table}`
}

/** Knex puts the whole statement in front of the server's message; messages are one line. */
function primaryMessage(message: string): string {
  const statement = /^\s*(alter|begin|comment|create|delete|do|drop|grant|insert|select|set|truncate|update|with)\b/i
  const end = statement.test(message) ? message.lastIndexOf(' - ') : -1
  return (end < 0 ? message : message.slice(end + 3)).split('\n', 1)[0] ?? ''
}

function unquoted(name: string): string {
  return name.startsWith('"') && name.endsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}

function field(error: object, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' && value !== '' ? value : undefined
}
