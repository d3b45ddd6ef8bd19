/**
 * Leases: who may move or delete data of a schema at the moment. A row in `steward.leases` with a heartbeat and a
 * fencing token. Time is the server's alone.
 *
 * The token is what makes it safe: each transaction that writes asks `guard` first, which locks the lease row FOR KEY
 * SHARE and compares the token. A successor takes the row FOR UPDATE, so it waits for a batch in flight and refuses
 * every later one of a holder that was thought dead (M. Kleppmann's fencing, with the row as the fence).
 */
import type { Transaction } from './database.ts'

/** What a holder may do with its lease. */
export interface Lease {
  readonly names: readonly string[]
  /** Fencing token of a name, greater than that of any earlier holder. @throws RangeError for a name not held */
  token(name: string): bigint
  /**
   * To be called first in every transaction that writes under the lease.
   *
   * @throws LockedError (exit 8) naming the successor when the lease was lost: nothing may be written
   */
  guard(transaction: Transaction): Promise<void>
}

/** The lease on the data of a schema: `skyvern`. */
export function leaseName(schema: string): string {
  return schema
}
