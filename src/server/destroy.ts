/** Gives the server up: stops it and deletes its data, log and copies of binaries. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { withLock } from './lock.ts'
import type { ServerPaths } from './paths.ts'
import { diskUsage } from './status.ts'
import { shutDown } from './stop.ts'

export interface Destroyed {
  /** True when the server was running. */
  readonly stopped: boolean
  /** Bytes that the data directory took. */
  readonly freedBytes: number
}

/** Deletes the server and everything in it; the caller has asked. Nothing else below the data home is touched. */
export async function destroyServer(paths: ServerPaths): Promise<Destroyed> {
  return withLock(paths.lockFile, async () => {
    const stopped = (await shutDown(paths)) !== undefined
    const freedBytes = await diskUsage(paths.data)
    // Out of the way in one step, so that an interrupted deletion leaves no half data directory to start from.
    const doomed = join(paths.home, `.destroyed-${process.pid}`)
    await rename(paths.data, doomed).catch(() => {})
    const { logFile, versionFile, passwordFile, binaries, run } = paths
    for (const path of [doomed, logFile, `${logFile}.1`, versionFile, passwordFile, binaries, run]) {
      await rm(path, { recursive: true, force: true })
    }
    return { stopped, freedBytes }
  })
}
