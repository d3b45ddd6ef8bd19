/** Removing what earlier runs left in the folder of a batch. */
import { InterruptedError, StewardError } from '../../errors.ts'
import type { Store } from '../../storage/store.ts'
import type { Manifest } from './manifest.ts'
import { isTableFile } from './names.ts'

/**
 * Removes files that were being written when a run was killed, and files of tables that the manifest does not name: of an
 * earlier export in other formats, or before some of the rows were restored. Who reads `*.parquet` in the folder finds
 * what the manifest says. What Steward did not write is left alone.
 *
 * To be called under the lease of the batch's schema, when the files of the manifest were found right: nobody else writes
 * there, and nothing that is removed is needed.
 *
 * @param folder path of the batch's folder below the root of the store
 * @param say told when something could not be removed; it is in nobody's way
 * @throws the reason of a stop
 */
export async function tidy(
  store: Store,
  folder: string,
  manifest: Manifest,
  say: (message: string) => void,
): Promise<void> {
  const named = new Set(manifest.tables.flatMap(({ files }) => files.map(({ name }) => `${folder}/${name}`)))
  const left: string[] = []
  const isHere = (path: string) => !path.slice(folder.length + 1).includes('/')
  try {
    const listing = store.list(`${folder}/`, undefined, ({ path, why }) => {
      if (why === 'temporary' && isHere(path)) left.push(path)
    })
    for await (const { path } of listing) {
      if (isHere(path) && isTableFile(path.slice(folder.length + 1)) && !named.has(path)) left.push(path)
    }
    const removals = await store.remove(left.map((path) => store.uriOf(path)))
    for (const removal of removals) {
      if ('reason' in removal) say(`A file of an earlier export stays in ${store.uriOf(folder)}: ${removal.reason}`)
    }
  } catch (error) {
    if (!(error instanceof StewardError) || error instanceof InterruptedError) throw error
    say(`Files of earlier exports may be left in ${store.uriOf(folder)}: ${error.message}`)
  }
}
