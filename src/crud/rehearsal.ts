/** Dry runs against the database itself: everything is done, then rolled back. */
import type { Database, Transaction, TransactionOptions } from '../db/database.ts'
import { raw } from '../model/sql.ts'

/** Carries the result out of a transaction that must not commit. */
class Rehearsed<T> {
  readonly result: T
  constructor(result: T) {
    this.result = result
  }
}

/**
 * Runs `work` in a transaction.
 *
 * @param dryRun roll back at the end, whatever happened; constraints and triggers have had their say by then
 */
export async function rollingBack<T>(
  db: Database,
  dryRun: boolean,
  work: (transaction: Transaction) => Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  if (!dryRun) return db.transaction(work, options)
  try {
    return await db.transaction(async (transaction) => {
      const result = await work(transaction)
      // A deferred constraint would otherwise wait for the COMMIT that never comes.
      await transaction.execute(raw('SET CONSTRAINTS ALL IMMEDIATE'))
      throw new Rehearsed(result)
    }, options)
  } catch (thrown) {
    if (thrown instanceof Rehearsed) return thrown.result
    throw thrown
  }
}
