/** The files of seeded rows in the profile's store. */
import { OperationError } from '../errors.ts'
import { eachAtOnce } from '../model/several.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { SeedFile } from './definition.ts'

/** Files in the air at a time; more do not make a disk faster. */
const AT_ONCE = 16

/** Files removed at a time. */
const BATCH = 1000

/**
 * Writes the files; those that are there with the right size are left alone, so that it can be repeated.
 *
 * @returns how many were written
 */
export async function writeFiles(
  store: FileStore,
  files: Iterable<SeedFile>,
  onFile: (done: number) => void,
): Promise<number> {
  await store.make()
  let written = 0
  let done = 0
  await eachAtOnce(files, AT_ONCE, async ({ uri, content }) => {
    const bytes = content()
    if ((await store.stat(uri))?.bytes !== bytes.length) {
      await store.write(uri, bytes)
      written += 1
    }
    onFile(++done)
  })
  return written
}

/**
 * Removes files, and the folders that are left empty; what is already gone is fine, also the whole store.
 *
 * @returns how many were there. @throws OperationError when some could not be removed
 */
export async function removeFiles(
  store: FileStore,
  uris: readonly string[],
  onFile: (done: number) => void,
): Promise<number> {
  if (!(await store.exists())) return 0
  let removed = 0
  for (let start = 0; start < uris.length; start += BATCH) {
    const answers = await store.remove(uris.slice(start, start + BATCH))
    removed += answers.filter(({ outcome }) => outcome === 'removed').length
    const [left, ...more] = answers.flatMap((answer) => ('reason' in answer ? [answer] : []))
    if (left !== undefined) {
      throw new OperationError({
        code: 'files-not-removed',
        message: `${more.length + 1} of the seeded files could not be removed: ${left.reason}`,
        hint: 'See to the files in the store, then run the command again',
      })
    }
    onFile(start + answers.length)
  }
  return removed
}
