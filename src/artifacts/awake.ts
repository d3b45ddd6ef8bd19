/** Transactions that wait for a store. */
import type { Transaction } from '../db/database.ts'
import { sql } from '../model/sql.ts'

/** Milliseconds between two signs; the server ends a transaction under a lease that stands idle for a minute. */
const SIGN_EVERY = 20_000

/**
 * Works on something else than the database for as long as it takes. The server hears of the transaction meanwhile, so
 * that a slow store is not taken for a process that was suspended.
 *
 * @param every milliseconds between two signs
 */
export async function awake<T>(tx: Transaction, work: () => Promise<T>, every = SIGN_EVERY): Promise<T> {
  const timer = setInterval(() => {
    // Should the connection be lost, the next statement says so.
    tx.execute(sql`SELECT 1`).catch(() => {})
  }, every)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
