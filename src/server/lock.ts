/** One Steward at a time creates, starts, stops or destroys a server. */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, LockedError } from '../errors.ts'
import { isAlive } from './postmaster.ts'

/** Milliseconds: longer than anything that is done under the lock, so that an older one was left by a reused pid. */
const STALE_AFTER = 300_000

/**
 * Runs `work` while holding the lock file; waits for another holder.
 *
 * @param timeoutMs milliseconds to wait
 * @throws LockedError `server-locked` when another Steward holds it that long
 */
export async function withLock<T>(file: string, work: () => Promise<T>, timeoutMs = 90_000): Promise<T> {
  const mine = `${process.pid} ${randomUUID()}\n`
  const deadline = Date.now() + timeoutMs
  await mkdir(dirname(file), { recursive: true, mode: 0o755 })
  while (!(await take(file, mine))) {
    await breakStale(file)
    if (Date.now() > deadline) {
      const holder = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10)
      throw new LockedError({
        code: 'server-locked',
        message: `Another steward${Number.isNaN(holder) ? '' : ` (process ${holder})`} is starting or stopping the server`,
        hint: `Try again when it is done; if there is none, delete ${file}`,
      })
    }
    await sleep(20)
  }
  try {
    return await work()
  } finally {
    // `work` may have deleted the directory, and someone else may hold a new lock there.
    if ((await readFile(file, 'utf8').catch(() => '')) === mine) await rm(file, { force: true })
  }
}

async function take(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(content)
    } finally {
      await handle.close()
    }
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    if (errorCode(error) !== 'ENOENT') throw error
    // `destroy` removed the directory between our mkdir and now.
    await mkdir(dirname(file), { recursive: true, mode: 0o755 })
    return false
  }
}

/** Removes a lock whose holder is dead. */
async function breakStale(file: string): Promise<void> {
  const seen = await readFile(file, 'utf8').catch(() => undefined)
  const info = await stat(file).catch(() => undefined)
  if (seen === undefined || info === undefined) return
  const age = Date.now() - info.mtimeMs
  const holder = Number.parseInt(seen, 10)
  // Between its creation and the write of the holder's id the file is empty for a moment.
  const dead = Number.isNaN(holder) ? age > 5_000 : !isAlive(holder)
  if (!dead && age < STALE_AFTER) return
  // Of several that see the same dead lock one wins the rename; whoever finds that it took away a newer lock than
  // the one it judged puts it back.
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
    if ((await readFile(aside, 'utf8')) !== seen) await link(aside, file)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}
