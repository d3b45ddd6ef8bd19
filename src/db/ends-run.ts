/** Which failures end a whole run, and not just the item that met them. */
import { ConnectionError, errorCode, LockedError, StoreConnectionError } from '../errors.ts'

/** There is no server any more, or nobody knows whether the last transaction was committed. */
const NO_SERVER: readonly string[] = ['connection-lost', 'commit-unknown']

const ITEMS_OWN: readonly string[] = ['lock-timeout', 'gave-way']

/** True for an error after which no further item may be tried: no connection, or the lease is another's. */
export function endsRun(error: unknown): boolean {
  if (error instanceof ConnectionError) return !(error instanceof StoreConnectionError)
  // A lock that was not had in time, or was let go of for others, is the item's own trouble.
  if (error instanceof LockedError) return !ITEMS_OWN.includes(error.code)
  return NO_SERVER.includes(errorCode(error) ?? '')
}
