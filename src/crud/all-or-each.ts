/** Changes of many rows in one transaction, and of each by itself where that is refused. */
import { RefusedError } from '../errors.ts'
import type { Failure } from './changes.ts'
import { reasonsOf } from './transition.ts'

export interface BatchResult {
  readonly changed: number
  /** Rows that were refused, by id. */
  readonly failures: readonly Failure[]
}

/**
 * Changes the rows together; when the database or an effect refuses it, each row by itself, so that the ones at fault
 * are named and keep no other back.
 *
 * @param change opens a transaction of its own
 */
export async function allOrEach(
  ids: readonly string[],
  change: (some: readonly string[]) => Promise<BatchResult>,
): Promise<BatchResult> {
  try {
    return await change(ids)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
  }
  let changed = 0
  const failures: Failure[] = []
  for (const id of ids) {
    try {
      const result = await change([id])
      changed += result.changed
      failures.push(...result.failures)
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      failures.push({ id, reason: reasonsOf(error) })
    }
  }
  return { changed, failures }
}
