/** Gives the server up: stops it and deletes its data, log and copies of binaries. */
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { withLock } from './lock.ts'
import { onFiles } from './on-files.ts'
import type { ServerPaths } from './paths.ts'
import { readIfThere } from './postmaster.ts'
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
  if ((await stat(paths.home).catch(() => undefined)) === undefined) return { stopped: false, freedBytes: 0 }
  return onFiles(paths.home, () => withLock(paths.lockFile, () => stopAndDelete(paths)))
}

async function stopAndDelete(paths: ServerPaths): Promise<Destroyed> {
  const stopped = (await shutDown(paths)) !== undefined
  const freedBytes = await diskUsage(paths.data)
  // Out of the way in one step, so that an interrupted deletion leaves no half data directory to start from.
  const doomed = join(paths.home, `.destroyed-${process.pid}`)
  if (await readIfThere(join(paths.data, 'PG_VERSION'))) await rename(paths.data, doomed)
  const { logFile, versionFile, passwordFile, binaries, run } = paths
  const leftovers = (await readdir(paths.home)).filter((name) => /^\.(initdb|destroyed)-/.test(name))
  const files = [logFile, `${logFile}.1`, versionFile, passwordFile, binaries, run]
  for (const path of [...files, ...leftovers.map((name) => join(paths.home, name))]) {
    await rm(path, { recursive: true, force: true })
  }
  return { stopped, freedBytes }
}
