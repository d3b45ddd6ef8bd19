/**
 * Removing files below a root, folder by folder: each is opened and checked once for all its files. Nothing is flushed:
 * a removal that a power failure undoes is done again by the next run, for the mark of the file is still there.
 */
import { lstat, lstatSync, type Stats, unlink, unlinkSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { errorCode, RefusedError, throwIfStopped } from '../errors.ts'
import { eachAtOnce } from '../model/several.ts'
import { isMissing, reasonOf } from './file-errors.ts'
import { refuseOther } from './file-read.ts'
import { type Folder, nameOf, parentOf, type Root } from './folder.ts'
import type { Removal } from './store.ts'

/**
 * Files in the air at a time: enough to keep the threads of Node's pool (4) busy. With callbacks, which cost half of
 * what promises do.
 */
const AT_ONCE = 16

/**
 * A removal that is quicker than this is done at once, on this thread: a turn through the pool would take longer. Slower
 * ones (a disk that is busy, a network) wait side by side in the pool.
 */
const QUICK_MS = 0.03

/** So long others wait for this thread, and so many files go through the pool before it is tried again. */
const SLICE_MS = 4
const SLOW_FILES = 400

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
  const checked: string[] = []
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
      checked.push(path)
    } catch (error) {
      for (const { index } of files) answers[index] = answerOf(error)
    }
  })
  await root.prune(checked)
  return answers
}

interface Named {
  readonly index: number
  readonly name: string
}

async function removeIn(folder: Folder, files: readonly Named[], answers: Removal[]): Promise<void> {
  for (let next = 0; next < files.length; ) {
    const began = performance.now()
    const first = next
    for (let file = files[next]; file !== undefined && performance.now() - began < SLICE_MS; file = files[next]) {
      answers[file.index] = removeNow(folder.at(file.name))
      next += 1
    }
    const isSlow = (performance.now() - began) / (next - first) > QUICK_MS
    if (isSlow) await removeTogether(folder, files.slice(next, next + SLOW_FILES), answers)
    else if (next < files.length) await setImmediate()
    if (isSlow) next = Math.min(next + SLOW_FILES, files.length)
  }
}

function removeNow(path: string): Removal {
  try {
    // An exception for each missing file would cost more than the rest.
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return MISSING
    const refused = refusedBy(found)
    if (refused === undefined) unlinkSync(path)
    return refused ?? REMOVED
  } catch (error) {
    return answerOf(error)
  }
}

function removeTogether(folder: Folder, files: readonly Named[], answers: Removal[]): Promise<void> {
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
    if (files.length === 0) resolve()
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
  const isRefused = error instanceof RefusedError || errorCode(error) === 'EISDIR'
  return { outcome: isRefused ? 'refused' : 'failed', reason: reasonOf(error) }
}
