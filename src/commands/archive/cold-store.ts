/** What exporting needs of the profile: the store, the formats, and which rows stand for files. */
import type { FiledTable } from '../../archive/cold/release.ts'
import { type ColdFormat, type Config, schemaOf } from '../../config/config.ts'
import { UsageError } from '../../errors.ts'
import type { System } from '../../model/system.ts'
import type { Store } from '../../storage/store.ts'

/** Written where neither the command line nor the profile names formats. */
const FORMATS: readonly ColdFormat[] = ['copy', 'parquet']

export interface ColdTarget {
  /** Name of a store of the profile. */
  readonly store: string
  readonly formats: readonly ColdFormat[]
  /** PostgreSQL interval; absent when every batch is due. */
  readonly olderThan?: string
}

/**
 * Where to, as the command line says, else the profile's `archive.cold`, else its only store.
 *
 * @throws UsageError when there is none, or several and no word which
 */
export function coldTarget(
  { cold, stores }: Config,
  given: {
    readonly store?: string | undefined
    readonly formats: readonly string[]
    readonly olderThan?: string | undefined
  },
): ColdTarget {
  const store = given.store ?? cold?.store ?? (stores.length === 1 ? stores[0]?.name : undefined)
  if (store === undefined) throw whichStore(stores.map(({ name }) => name))
  const chosen = FORMATS.filter((format) => given.formats.includes(format))
  const olderThan = given.olderThan ?? cold?.after
  return {
    store,
    formats: chosen.length > 0 ? chosen : (cold?.formats ?? FORMATS),
    ...(olderThan === undefined ? {} : { olderThan }),
  }
}

/** Tables of these systems whose rows stand for files, in the schemas of the profile. */
export function filedTables(
  config: Config,
  systems: readonly System[],
  filesOf: (system: System) => readonly Omit<FiledTable, 'schema'>[],
): FiledTable[] {
  return systems.flatMap((system) =>
    filesOf(system).map((one) => ({ ...one, schema: schemaOf(config, system.name) })),
  )
}

/**
 * Whether a store is the one that the data home has where the profile names none, and has no folder yet. One that the
 * profile names has to be there: written to in place of a disk that is not mounted, cold files would be on another one.
 */
export async function isToBeMade(config: Config, store: Store): Promise<boolean> {
  if (config.origins.get(`stores.${store.name}`) !== 'default') return false
  const { FileStore } = await import('../../storage/file-store.ts')
  return store instanceof FileStore && !(await store.exists())
}

/** Makes the folder of such a store. @throws OperationError when the file system does not let it be made */
export async function makeRoot(store: Store): Promise<void> {
  const { FileStore } = await import('../../storage/file-store.ts')
  if (store instanceof FileStore) await store.make()
}

function whichStore(names: readonly string[]): UsageError {
  return new UsageError({
    code: 'which-store',
    message: names.length === 0 ? 'The profile has no store for cold files' : 'The profile has several stores',
    hint:
      names.length === 0
        ? 'Name one under stores, e.g. cold: file:///srv/archive, and under archive.cold'
        : `Say which with --store, or in the profile under archive.cold.store: ${names.join(', ')}`,
  })
}
