/** Which failures end a whole run, and not just the item that met them. */
import { ConnectionError, LockedError } from '../errors.ts'

/** There is no server any more, or nobody knows whether the last transaction was committed. */
const NO_SERVER: readonly string[] = ['connection-lost', 'commit-unknown']

/** True for an error after which no further item may be tried: no connection, or the lease is another's. */
export function endsRun(error: unknown): boolean {
  if (error instanceof ConnectionError) return true
  // A lock that was not had in time is the item's own trouble.
  if (error instanceof LockedError) return error.code !== 'lock-timeout'
  return error instanceof Error && 'code' in error && NO_SERVER.includes(String(error.code))
}
