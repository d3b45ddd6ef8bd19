/** Transactions on one connection: begin with its settings, cursors, COPY, and an end whose outcome is known. */
import { OperationError } from '../errors.ts'
import type { Sql } from '../model/sql.ts'
import { quoteIdentifier, quoteLiteral, raw, sql } from '../model/sql.ts'
import { type OpenCopies, openCopyIn, openCopyOut } from './copy.ts'
import type { Transaction, TransactionOptions } from './database.ts'
import { interruption, type Link } from './link.ts'
import { queryable } from './queries.ts'

const DEFAULT_BATCH = 1000

/**
 * Runs `work` in a transaction on the connection: committed when it returns, rolled back when it throws. Marks the
 * connection broken where its state is in doubt.
 *
 * @param signal once aborted, no further statement of the transaction is sent
 */
export async function inTransaction<T>(
  link: Link,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions,
  signal: AbortSignal | undefined,
): Promise<T> {
  const usual = link.statementTimeoutMs
  link.statementTimeoutMs = options.statementTimeoutMs ?? usual
  const copies: OpenCopies = new Set()
  try {
    await link.text(begin(options))
    try {
      const result = await work(transactionOn(link, copies, signal))
      if (copies.size > 0) throw new Error('the transaction returned before its COPY had ended')
      const { command } = await link.finish('COMMIT')
      if (command !== 'COMMIT') throw rolledBack()
      return result
    } catch (error) {
      await abandon(link, copies)
      throw error
    }
  } finally {
    link.statementTimeoutMs = usual
  }
}

/** BEGIN and the settings in one round trip. */
function begin(options: TransactionOptions): string {
  const { isolation, readOnly, lockTimeoutMs, statementTimeoutMs, settings = {} } = options
  const modes = [
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${isolation.toUpperCase()}`]),
    ...(readOnly === undefined ? [] : [readOnly ? 'READ ONLY' : 'READ WRITE']),
  ]
  return [
    `BEGIN ${modes.join(', ')}`,
    ...(lockTimeoutMs === undefined ? [] : [`SET LOCAL lock_timeout = ${Math.round(lockTimeoutMs)}`]),
    ...(statementTimeoutMs === undefined ? [] : [`SET LOCAL statement_timeout = ${Math.round(statementTimeoutMs)}`]),
    ...Object.entries(settings).map(([name, value]) => {
      const parts = name.split('.').map(quoteIdentifier)
      return `SET LOCAL ${parts.join('.')} = ${quoteLiteral(value)}`
    }),
  ].join(';\n')
}

/** Rolls back; where a COPY hangs or the rollback fails, closing the connection does it. */
async function abandon(link: Link, copies: OpenCopies): Promise<void> {
  if (copies.size > 0) {
    link.broken = true
    await link.cancel()
    for (const copy of copies) copy.destroy()
    return
  }
  if (!link.usable) return
  try {
    await link.finish('ROLLBACK')
  } catch {
    link.broken = true
  }
}

/** PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error. */
function rolledBack(): OperationError {
  return new OperationError({
    code: 'transaction-failed',
    message: 'A statement of the transaction had failed, so it was rolled back',
  })
}

function transactionOn(link: Link, copies: OpenCopies, signal: AbortSignal | undefined): Transaction {
  let cursors = 0
  const run = (statement: Sql) => {
    if (signal?.aborted) return Promise.reject(interruption(signal))
    return link.query(statement)
  }

  // DECLARE and FETCH rather than one open portal: each FETCH has the statement timeout for itself, however long the
  // reader takes, and other statements of the transaction can run in between.
  async function* stream<R extends object>(statement: Sql, batch = DEFAULT_BATCH): AsyncGenerator<R> {
    const name = `steward_${++cursors}`
    // Every row is going to be read, so the plan must not favour the first ones.
    await run(raw('SET LOCAL cursor_tuple_fraction = 1'))
    await run(sql`DECLARE ${raw(name)} NO SCROLL CURSOR FOR ${statement}`)
    const fetch = async (): Promise<R[]> => (await run(raw(`FETCH ${batch} FROM ${name}`))).rows
    let pending: Promise<R[]> | undefined
    let whole = false
    try {
      pending = fetch()
      for (let more = true; more; ) {
        const rows: R[] = (await pending) ?? []
        more = rows.length === batch
        // The next batch travels while this one is worked on.
        pending = more ? fetch() : undefined
        pending?.catch(() => {})
        yield* rows
      }
      whole = true
    } finally {
      await pending?.catch(() => {})
      // After an error the transaction is over anyway; when the reader just stopped, the cursor is given back.
      if (whole || !signal?.aborted) await link.query(raw(`CLOSE ${name}`)).catch(() => {})
    }
  }

  return {
    ...queryable(run),
    stream,
    copyOut: (query, options) => openCopyOut(link, copies, `COPY (${query}) TO STDOUT WITH (${options})`),
    copyIn: (target, options) => openCopyIn(link, copies, `COPY ${target} FROM STDIN WITH (${options})`, signal),
  }
}
