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

/** Condition that a URI begins as those of a store do; `refusalOf` would say nothing of it if it is plain, too. */
export function withinSql({ all }: StoreSet, uri: Sql): Sql {
  if (all.length === 0) return raw('FALSE')
  const starts = all.map(({ url }) => sql`starts_with(${uri}, ${`${url}/`})`)
  return sql`(${join(starts, ' OR ')})`
}

/** Why no store would touch a file of this URI; undefined when one may. */
export function refusalOf(stores: StoreSet, uri: string): string | undefined {
  if (storeOf(stores, uri) !== undefined) return undefined
  const place = placeOf(uri)
  if (place === 'no URI') return 'refused: it is no URI of a store'
  if (place === 'file:') return `refused: it lies outside the stores (${namesOf(stores)})`
  if (place.startsWith('s3://')) return `refused: no store is configured for it in ${place} (${namesOf(stores)})`
  return `refused: ${place} is no store`
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
    if (store === undefined) {
      of.set(uri, { outcome: 'refused', reason: refusalOf(stores, uri) ?? 'refused' })
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
