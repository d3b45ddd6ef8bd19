/** Deleting files, whichever stores they are in. */
import { StewardError } from '../errors.ts'
import { join, raw, type Sql, sql } from '../model/sql.ts'
import type { Removal, Store } from '../storage/store.ts'
import type { StoreSet } from './scope.ts'
import { isPlain, placeOf } from './uri.ts'

/** The store that a URI lies in. Plain ones, nearly all, are told by what they begin with; the store looks again. */
export function storeOf(stores: StoreSet, uri: string): Store | undefined {
  if (!isPlain(uri)) return stores.holding(uri)
  let innermost: Store | undefined
  for (const store of stores.all) {
    const { url } = store
    if (!uri.startsWith(url) || uri[url.length] !== '/') continue
    if (innermost === undefined || url.length > innermost.url.length) innermost = store
  }
  return innermost ?? stores.holding(uri)
}

/** Condition on plain URIs that `refusalOf` would say nothing of: they begin as those of a store do, and none is ours. */
export function withinSql({ all }: StoreSet, uri: Sql): Sql {
  if (all.length === 0) return raw('FALSE')
  const starts = all.map(({ url }) => sql`starts_with(${uri}, ${`${url}/`})`)
  const ours = OWN_PARTS.map((part) => sql`strpos(${uri}, ${part}) > 0`)
  return sql`((${join(starts, ' OR ')}) AND NOT (${join(ours, ' OR ')}))`
}

/** Why no file of this URI is touched; undefined when one may be. */
export function refusalOf(stores: StoreSet, uri: string): string | undefined {
  const store = storeOf(stores, uri)
  if (store !== undefined) return isOurs(store, uri) ? OURS : undefined
  const place = placeOf(uri)
  if (place === 'no URI') return 'refused: it is no URI of a store'
  if (place === 'file:') return `refused: it lies outside the stores (${namesOf(stores)})`
  if (place.startsWith('s3://')) return `refused: no store is configured for it in ${place} (${namesOf(stores)})`
  return `refused: ${place} is no store`
}

const OURS = "refused: it is a file of Steward's archive, or in its quarantine"

/** Below the root of a store, or of one in it: cold files (src/archive/cold/names.ts), and what waits to be let go. */
const OWN_FILES = /(?:^|\/)(?:archive\/[^/]+\/[^/]+\/[^/]+\/batch-\d+|\.steward-quarantine)\//

/** What the URI of such a file holds, if it is plain. */
const OWN_PARTS = ['/batch-', '/.steward-quarantine/']

/** Whether a row names a file that Steward has made: no platform does, and nobody would get it back. */
function isOurs(store: Store, uri: string): boolean {
  if (isPlain(uri)) return OWN_PARTS.some((part) => uri.includes(part)) && OWN_FILES.test(uri)
  try {
    return OWN_FILES.test(store.pathOf(uri))
  } catch {
    // The store will refuse it, with a reason of its own.
    return false
  }
}

function namesOf({ all }: StoreSet): string {
  return all.length === 0 ? 'none is configured' : all.map(({ name }) => name).join(', ')
}

export interface Removals {
  /** By the URIs that were given. */
  readonly of: ReadonlyMap<string, Removal>
  /** Stores that did not answer. */
  readonly silent: readonly { readonly store: string; readonly reason: string }[]
}

/** Deletes files; one answer for each. A store that does not answer is one for all that it holds. */
export async function removeFiles(stores: StoreSet, uris: readonly string[]): Promise<Removals> {
  const of = new Map<string, Removal>()
  const silent: { store: string; reason: string }[] = []
  const byStore = new Map<Store, string[]>()
  for (const uri of uris) {
    const store = storeOf(stores, uri)
    const refusal = refusalOf(stores, uri)
    if (store === undefined || refusal !== undefined) {
      of.set(uri, { outcome: 'refused', reason: refusal?.replace('refused: ', '') ?? 'no store holds it' })
      continue
    }
    const some = byStore.get(store)
    if (some === undefined) byStore.set(store, [uri])
    else some.push(uri)
  }
  for (const [store, some] of byStore) {
    try {
      const removals = await store.remove(some)
      for (const [index, uri] of some.entries()) {
        of.set(uri, removals[index] ?? { outcome: 'failed', reason: `store ${store.name} gave no answer` })
      }
    } catch (error) {
      if (!(error instanceof StewardError)) throw error
      silent.push({ store: store.name, reason: error.message })
      for (const uri of some) of.set(uri, { outcome: 'failed', reason: error.message })
    }
  }
  return { of, silent }
}
