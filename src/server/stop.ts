/** Ends the server. */

import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, OperationError } from '../errors.ts'
import { usableBinaries } from './binaries.ts'
import { withLock } from './lock.ts'
import { onFiles } from './on-files.ts'
import type { ServerPaths } from './paths.ts'
import { livePostmaster, type Postmaster } from './postmaster.ts'
import { runProgram } from './program.ts'

/** Milliseconds: the last checkpoint of a busy server takes its time. */
const STOP_TIMEOUT = 60_000

/**
 * Stops the server: PostgreSQL's fast shutdown, which rolls back open transactions, disconnects their clients and
 * writes a checkpoint (manual, 18.5).
 *
 * @returns the server that was stopped, undefined when none was running
 * @throws OperationError `server-stop-failed` when it is still there after a minute
 */
export async function stopServer(paths: ServerPaths): Promise<Postmaster | undefined> {
  if ((await livePostmaster(paths.data)) === undefined) return undefined
  return onFiles(paths.home, () => withLock(paths.lockFile, () => shutDown(paths)))
}

/** As `stopServer`, for those who hold the lock already. */
export async function shutDown(paths: ServerPaths): Promise<Postmaster | undefined> {
  const postmaster = await livePostmaster(paths.data)
  if (postmaster === undefined) return undefined
  await requestStop(paths, postmaster)
  const deadline = Date.now() + STOP_TIMEOUT
  while ((await livePostmaster(paths.data)) !== undefined) {
    if (Date.now() > deadline) {
      throw new OperationError({
        code: 'server-stop-failed',
        message: `The embedded PostgreSQL (process ${postmaster.pid}) has not stopped after ${STOP_TIMEOUT / 1000} s`,
        hint: `steward server logs shows what holds it (${paths.logFile})`,
      })
    }
    await sleep(10)
  }
  return postmaster
}

async function requestStop(paths: ServerPaths, postmaster: Postmaster): Promise<void> {
  if (process.platform === 'win32') {
    // Windows has no signals; pg_ctl talks to the server's own substitute for them.
    const { pgCtl } = await usableBinaries(paths.binaries, undefined)
    await runProgram(pgCtl, ['stop', '-W', '-m', 'fast', '-D', paths.data])
    return
  }
  try {
    process.kill(postmaster.pid, 'SIGINT')
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return
    throw new OperationError({
      code: 'server-stop-failed',
      message: `The embedded PostgreSQL (process ${postmaster.pid}) belongs to another user`,
      hint: 'Stop it as the user who started it, or as root',
      cause: error,
    })
  }
}
