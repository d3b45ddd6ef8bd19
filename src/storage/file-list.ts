/**
 * Walking the files below a root in the order of their paths, in constant memory: of a folder, so many names at a time
 * as are held below, least first; where it has more, it is read again for the next ones.
 *
 * The order of whole paths is not that of a naive walk: `a-b` comes before `a/b`, since `-` comes before `/`. A folder
 * is sorted as its name with a slash, which is what the paths below it go on with.
 */
import { lstat, opendir } from 'node:fs/promises'
import { throwIfStopped } from '../errors.ts'
import { isMissing } from './file-errors.ts'
import { type Folder, nameOf, type Root } from './folder.ts'
import { compareBytes, isTemporary, refusePath } from './path.ts'
import { outside } from './refusals.ts'
import { QUARANTINE, type Skipped } from './store.ts'

export interface FoundFile {
  readonly path: string
  readonly bytes: number
  readonly modifiedAt: Date
}

export interface Walk {
  readonly prefix: string
  readonly after: string | undefined
  readonly onSkipped: ((skipped: Skipped) => void) | undefined
  readonly signal: AbortSignal | undefined
  /** Names of a folder held at a time; tests make it small. */
  readonly names?: number
}

const NAMES = 50_000

/** Files asked for their size at a time. */
const AT_ONCE = 64

/** Files that come and go meanwhile may be listed or not. @throws RefusedError when the prefix leads out of the root */
export async function* listFiles(root: Root, walk: Walk): AsyncGenerator<FoundFile> {
  const folder = walk.prefix.slice(0, walk.prefix.lastIndexOf('/') + 1)
  const refused = folder === '' ? undefined : refusePath(folder.slice(0, -1))
  if (refused !== undefined) throw outside(refused)
  yield* filesIn(root, folder, walk)
}

async function* filesIn(root: Root, path: string, walk: Walk): AsyncGenerator<FoundFile> {
  const folder = await root.open(path.slice(0, -1))
  if (folder === undefined) return
  try {
    for (let floor: string | undefined = ''; floor !== undefined; ) {
      const entries = await entriesOf(folder, path, walk, floor)
      for (let next = 0; next < entries.length; ) {
        const first = entries[next]
        if (first?.path.endsWith('/')) {
          yield* filesIn(root, first.path, walk)
          next += 1
        } else {
          const files = filesFrom(entries, next)
          yield* filesOf(folder, files, walk)
          next += files.length
        }
      }
      floor = entries.length < (walk.names ?? NAMES) ? undefined : entries.at(-1)?.path
    }
  } finally {
    await folder.close()
  }
}

interface Entry {
  /** Below the root; a folder's ends with a slash. */
  readonly path: string
  readonly skipped: Skipped['why'] | undefined
}

/** The least entries behind `floor` that the walk asks for, in order; at most `names`. */
async function entriesOf(folder: Folder, path: string, walk: Walk, floor: string): Promise<Entry[]> {
  const { prefix, after = '', names = NAMES } = walk
  const least = (found: Entry[]) => found.toSorted((one, other) => compareBytes(one.path, other.path)).slice(0, names)
  let found: Entry[] = []
  let bound: string | undefined
  for await (const dirent of await opendir(folder.at('.'), { bufferSize: 512 })) {
    const isFolder = dirent.isDirectory()
    const full = `${path}${dirent.name}${isFolder ? '/' : ''}`
    if (!full.startsWith(prefix) || full === `${QUARANTINE}/` || compareBytes(full, floor) <= 0) continue
    if (compareBytes(full, after) <= 0 && !(isFolder && after.startsWith(full))) continue
    if (bound !== undefined && compareBytes(full, bound) > 0) continue
    found.push({ path: full, skipped: isFolder || dirent.isFile() ? undefined : whyNot(dirent.isSymbolicLink()) })
    if (found.length < 2 * names) continue
    found = least(found)
    bound = found.at(-1)?.path
    if (walk.signal !== undefined) throwIfStopped(walk.signal)
  }
  return least(found)
}

function whyNot(isLink: boolean): Skipped['why'] {
  return isLink ? 'symbolic link' : 'no regular file'
}

/** So many files as are asked for at a time, up to the next folder. */
function filesFrom(entries: readonly Entry[], start: number): Entry[] {
  const few = entries.slice(start, start + AT_ONCE)
  const end = few.findIndex(({ path }) => path.endsWith('/'))
  return end === -1 ? few : few.slice(0, end)
}

async function* filesOf(folder: Folder, entries: readonly Entry[], walk: Walk): AsyncGenerator<FoundFile> {
  if (walk.signal !== undefined) throwIfStopped(walk.signal)
  const looked = await Promise.all(entries.map((entry) => look(folder, entry)))
  for (const one of looked) {
    if (one === undefined) continue
    if ('why' in one) walk.onSkipped?.(one)
    else yield one
  }
}

/** Undefined when it is gone by now. */
async function look(folder: Folder, { path, skipped }: Entry): Promise<FoundFile | Skipped | undefined> {
  if (skipped !== undefined) return { path, why: skipped }
  if (isTemporary(path)) return { path, why: 'temporary' }
  try {
    const found = await lstat(folder.at(nameOf(path)))
    if (!found.isFile()) return { path, why: whyNot(found.isSymbolicLink()) }
    return { path, bytes: found.size, modifiedAt: found.mtime }
  } catch (error) {
    if (!isMissing(error)) throw error
    // Node shows bytes that are no UTF-8 as U+FFFD, and no file has that name.
    return path.includes('\uFFFD') ? { path, why: 'name is refused' } : undefined
  }
}
