/** The stores of a profile. Opening them touches nothing: an S3 client is made when the first object is asked for. */
import type { StoreConfig } from '../config/config.ts'
import { NotFoundError } from '../errors.ts'
import { FileStore } from './file-store.ts'
import { S3Store } from './s3-store.ts'
import type { Store } from './store.ts'

export interface Stores {
  /** In the order of the profile. */
  readonly all: readonly Store[]
  /** @throws NotFoundError naming those that there are */
  named(name: string): Store
  /** The store that a URI lies in; the innermost, where one's root is below another's. */
  holding(uri: string): Store | undefined
  close(): Promise<void>
}

export interface OpenOptions {
  /** Ends requests in flight and listings, which then throw its reason. */
  readonly signal?: AbortSignal
}

/** @throws UsageError when a URL is no store's (the configuration has checked it before) */
export function openStores(configs: readonly StoreConfig[], options: OpenOptions = {}): Stores {
  const all = configs.map((config) =>
    config.url.startsWith('s3:') ? new S3Store(config, options) : new FileStore(config, options),
  )
  const innermost = all.toSorted((one, other) => other.url.length - one.url.length)
  return {
    all,
    named(name) {
      const store = all.find((one) => one.name === name)
      if (store !== undefined) return store
      throw new NotFoundError({
        code: 'no-such-store',
        message: `The profile has no store of the name ${name}`,
        hint: all.length === 0 ? 'Name one under stores' : `It has ${all.map((one) => one.name).join(', ')}`,
      })
    },
    holding: (uri) => innermost.find((store) => store.contains(uri)),
    async close() {
      await Promise.allSettled(all.map((store) => store.close()))
    },
  }
}
