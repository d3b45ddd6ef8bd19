/** A store that a test looks on. */
import type { Store } from '../../../src/storage/store.ts'

export type StoreCall = 'read' | 'write' | 'stat'

/**
 * A store through which a test looks on: `before` is told of each call, and may do something or throw in its place.
 *
 * @param before the call, its URI, and how many calls there were before
 */
export function watched(store: Store, before: (call: StoreCall, uri: string, calls: number) => Promise<void>): Store {
  let calls = 0
  const told = (call: StoreCall, uri: string) => before(call, uri, calls++)
  return {
    name: store.name,
    url: store.url,
    contains: (uri) => store.contains(uri),
    uriOf: (path) => store.uriOf(path),
    pathOf: (uri) => store.pathOf(uri),
    async stat(uri) {
      await told('stat', uri)
      return store.stat(uri)
    },
    async read(uri) {
      await told('read', uri)
      return store.read(uri)
    },
    async write(uri, content) {
      await told('write', uri)
      return store.write(uri, content)
    },
    remove: (uris) => store.remove(uris),
    list: (prefix, after, onSkipped) => store.list(prefix, after, onSkipped),
    move: (from, to) => store.move(from, to),
    close: () => store.close(),
  }
}
