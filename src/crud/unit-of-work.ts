/**
 * The transaction of a change to rows: whole or not at all, rehearsed where asked, and tried again when the server
 * ended it because it collided with another one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Transaction, TransactionOptions } from '../db/database.ts'
import { StewardError } from '../errors.ts'
import { rollingBack } from './rehearsal.ts'

/** Tries in all. The server ends one of those that collided, so at least one other gets on with each of them. */
const MOST_TRIES = 6
/** Milliseconds of the first pause at most; each further one may be twice as long. */
const FIRST_PAUSE_MS = 20

/** SQLSTATE 40P01 and 40001, as `db/sqlstate.ts` names them. */
const CONFLICTS = ['deadlock', 'serialization-failure']

/**
 * Runs `work` in one transaction, again from its beginning after a deadlock or a serialization failure (PostgreSQL
 * manual, 13.5). The server rolled everything back by then, so nothing is done twice; a connection lost while
 * committing, whose outcome nobody knows, is not tried again.
 *
 * @param work may be run several times: it must change nothing but the database
 * @param dryRun roll back at the end
 */
export async function unitOfWork<T>(
  db: Database,
  dryRun: boolean,
  work: (transaction: Transaction) => Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await rollingBack(db, dryRun, work, options)
    } catch (error) {
      if (tried === MOST_TRIES || !(error instanceof StewardError) || !CONFLICTS.includes(error.code)) throw error
      // At random, so that those who collided do not collide again.
      await sleep(Math.random() * FIRST_PAUSE_MS * 2 ** tried)
    }
  }
}
