/**
 * Removing files below a root, folder by folder: each is opened and checked once for all its files. Nothing is flushed:
 * a removal that a power failure undoes is done again by the next run, for the mark of the file is still there.
 */
import { lstat, type Stats, unlink } from 'node:fs'
import { RefusedError, throwIfStopped } from '../errors.ts'
import { codeOf, isMissing, reasonOf } from './file-errors.ts'
import { refuseOther } from './file-read.ts'
import { type Folder, nameOf, parentOf, type Root } from './folder.ts'
import type { Removal } from './store.ts'

/**
 * Files in the air at a time: enough to keep the threads of Node's pool (4) busy. With callbacks, which cost half of
 * what promises do; 100,000 of them are what this is measured by.
 */
const AT_ONCE = 16

const FOLDERS_AT_ONCE = 4

const REMOVED: Removal = { outcome: 'removed' }
const MISSING: Removal = { outcome: 'missing' }

/** @param pathOf the path below the root, or a RefusedError */
export async function removeFiles(
  root: Root,
  uris: readonly string[],
  pathOf: (uri: string) => string,
  signal: AbortSignal | undefined,
): Promise<Removal[]> {
  await root.real()
  const answers: Removal[] = uris.map(() => MISSING)
  const folders = new Map<string, Named[]>()
  for (const [index, uri] of uris.entries()) {
    try {
      const path = pathOf(uri)
      const one = { index, name: nameOf(path) }
      const files = folders.get(parentOf(path))
      if (files === undefined) folders.set(parentOf(path), [one])
      else files.push(one)
    } catch (error) {
      answers[index] = answerOf(error)
    }
  }
  await eachAtOnce(folders, FOLDERS_AT_ONCE, async ([path, files]) => {
    if (signal !== undefined) throwIfStopped(signal)
    try {
      const folder = await root.open(path)
      if (folder !== undefined) {
        try {
          await removeIn(folder, files, answers)
        } finally {
          await folder.close()
        }
      }
      await root.prune(path)
    } catch (error) {
      for (const { index } of files) answers[index] = answerOf(error)
    }
  })
  return answers
}

interface Named {
  readonly index: number
  readonly name: string
}

function removeIn(folder: Folder, files: readonly Named[], answers: Removal[]): Promise<void> {
  return new Promise((resolve) => {
    let next = 0
    let done = 0
    const start = () => {
      const file = files[next]
      next += 1
      if (file === undefined) return
      removeOne(folder.at(file.name), (answer) => {
        answers[file.index] = answer
        done += 1
        if (done === files.length) resolve()
        else start()
      })
    }
    for (let index = 0; index < AT_ONCE; index += 1) start()
  })
}

/** What is no file is refused; `unlink` removes a link that is put in its place meanwhile, never its target. */
function removeOne(path: string, answer: (removal: Removal) => void): void {
  lstat(path, (error, found) => {
    if (error !== null) return answer(answerOf(error))
    const refused = refusedBy(found)
    if (refused !== undefined) return answer(refused)
    unlink(path, (failure) => answer(failure === null ? REMOVED : answerOf(failure)))
  })
}

function refusedBy(found: Stats): Removal | undefined {
  if (found.isFile()) return undefined
  try {
    refuseOther(found)
  } catch (error) {
    return answerOf(error)
  }
  return undefined
}

function answerOf(error: unknown): Removal {
  if (isMissing(error)) return MISSING
  const isRefused = error instanceof RefusedError || codeOf(error) === 'EISDIR'
  return { outcome: isRefused ? 'refused' : 'failed', reason: reasonOf(error) }
}

async function eachAtOnce<T>(items: Iterable<T>, count: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: count }, worker))
}
