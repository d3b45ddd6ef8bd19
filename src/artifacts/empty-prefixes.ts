/** Deleting all files below the prefixes of some rows. */
import { StewardError } from '../errors.ts'
import { eachAtOnce } from '../model/several.ts'
import type { Store } from '../storage/store.ts'
import { fillPrefix } from './prefix.ts'
import type { DueRow, PrefixRule } from './prefix-rows.ts'

/** Listings at the same time. */
export const PREFIXES_AT_ONCE = 8
/** Files of one request to delete. */
const TOGETHER = 1_000

export interface Emptied {
  /** Ids of rows that have no file left. */
  readonly clean: readonly string[]
  readonly failed: ReadonlyMap<string, string>
  readonly removed: number
  readonly missing: number
  readonly bytes: bigint
  readonly silent: boolean
}

export async function emptyPrefixes(rule: PrefixRule, store: Store, rows: readonly DueRow[]): Promise<Emptied> {
  const failed = new Map<string, string>()
  const fail = (id: string, reason: string) => void (failed.has(id) || failed.set(id, reason))
  let [removed, missing, bytes, silent] = [0, 0, 0n, false]
  let waiting: { readonly id: string; readonly uri: string; readonly bytes: number }[] = []

  async function flush(): Promise<void> {
    const some = waiting
    waiting = []
    if (some.length === 0) return
    try {
      const answers = await store.remove(some.map(({ uri }) => uri))
      for (const [index, { id, bytes: size }] of some.entries()) {
        const answer = answers[index] ?? { outcome: 'failed', reason: `store ${store.name} gave no answer` }
        if (answer.outcome === 'removed') {
          removed += 1
          bytes += BigInt(size)
        } else if (answer.outcome === 'missing') missing += 1
        else fail(id, answer.reason)
      }
    } catch (error) {
      if (!(error instanceof StewardError)) throw error
      silent = true
      for (const { id } of some) fail(id, error.message)
    }
  }

  await eachAtOnce(rows, PREFIXES_AT_ONCE, async ({ id, values }) => {
    const filled = fillPrefix(rule.prefix, values)
    if ('refused' in filled) return fail(id, filled.refused)
    const { prefix } = filled
    try {
      const listing = store.list(prefix, undefined, ({ path, why }) => {
        if (why !== 'temporary' && why !== 'folder marker') fail(id, `refused: ${why} at ${path}`)
      })
      for await (const file of listing) {
        if (!file.path.startsWith(prefix)) throw new RangeError('a listing went beyond its prefix')
        waiting.push({ id, uri: file.uri, bytes: file.bytes })
        if (waiting.length >= TOGETHER) await flush()
      }
    } catch (error) {
      if (!(error instanceof StewardError)) throw error
      fail(id, error.message)
    }
  })
  await flush()
  const clean = rows.filter(({ id }) => !failed.has(id)).map(({ id }) => id)
  return { clean, failed, removed, missing, bytes, silent }
}
