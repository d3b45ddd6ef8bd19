/** The files of seeded rows in the profile's store. */
import type { FileStore } from '../storage/file-store.ts'
import type { SeedFile } from './definition.ts'

/** Files in the air at a time; more do not make a disk faster. */
const AT_ONCE = 16

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
  let written = 0
  let done = 0
  await eachAtOnce(files, async ({ uri, content }) => {
    const bytes = content()
    if ((await store.size(uri)) !== bytes.length) {
      await store.put(uri, bytes)
      written += 1
    }
    onFile(++done)
  })
  return written
}

/**
 * Removes files, then the directories that are left empty; what is already gone is fine.
 *
 * @returns how many were there
 */
export async function removeFiles(
  store: FileStore,
  uris: Iterable<string>,
  onFile: (done: number) => void,
): Promise<number> {
  let removed = 0
  let done = 0
  await eachAtOnce(uris, async (uri) => {
    if (await store.remove(uri)) removed += 1
    await store.prune(uri)
    onFile(++done)
  })
  return removed
}

/** Several workers on one iterator; the first failure ends them all. */
async function eachAtOnce<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failed = false
  const worker = async () => {
    for (let next = iterator.next(); next.done !== true && !failed; next = iterator.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
