/** Part of a transaction that may fail by itself (PostgreSQL manual, SAVEPOINT). */
import type { Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import { raw } from '../model/sql.ts'

/**
 * Runs `work` under a savepoint. When the database refuses it, what it did is undone and the transaction lives on.
 *
 * @throws what `work` threw; only after a RefusedError is the transaction still usable
 */
export async function underSavepoint<T>(transaction: Transaction, work: () => Promise<T>): Promise<T> {
  await transaction.execute(raw('SAVEPOINT steward_part'))
  try {
    const result = await work()
    await transaction.execute(raw('RELEASE SAVEPOINT steward_part'))
    return result
  } catch (error) {
    // Other failures (a lost connection, a deadlock) end the whole transaction; it must not be spoken to any more.
    if (error instanceof RefusedError) {
      await transaction.execute(raw('ROLLBACK TO SAVEPOINT steward_part'))
      await transaction.execute(raw('RELEASE SAVEPOINT steward_part'))
    }
    throw error
  }
}
