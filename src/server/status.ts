/** What can be known of the server without connecting to it. */
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataVersion } from './initdb.ts'
import type { ServerPaths } from './paths.ts'
import { livePostmaster } from './postmaster.ts'

export interface ServerStatus {
  /** `absent`: there is no data directory; `starting` includes recovery after a crash. */
  readonly state: 'absent' | 'stopped' | 'starting' | 'running' | 'stopping'
  readonly pid?: number
  /** When it was started. */
  readonly since?: Date
  /** Full version of the running server, else the major version of its data. */
  readonly version?: string
  readonly dataDirectory: string
  /** Bytes that the data directory takes on disk. */
  readonly sizeBytes: number
  readonly logFile: string
}

export async function serverStatus(paths: ServerPaths): Promise<ServerStatus> {
  const [made, postmaster, sizeBytes, lastVersion] = await Promise.all([
    dataVersion(paths.data),
    livePostmaster(paths.data),
    diskUsage(paths.data),
    readFile(paths.versionFile, 'utf8').catch(() => ''),
  ])
  const common = { dataDirectory: paths.data, sizeBytes, logFile: paths.logFile }
  if (postmaster === undefined) {
    return made === undefined ? { ...common, state: 'absent' } : { ...common, state: 'stopped', version: made }
  }
  const version = lastVersion.trim() || made
  return {
    ...common,
    state: postmaster.state === 'ready' ? 'running' : postmaster.state,
    pid: postmaster.pid,
    since: postmaster.since,
    ...(version === undefined ? {} : { version }),
  }
}

/** Bytes allocated on disk below a directory; files that vanish meanwhile do not count. */
export async function diskUsage(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return diskUsage(path)
      const info = await lstat(path).catch(() => undefined)
      // Where the file system reports no blocks (Windows) the length has to do.
      return info === undefined ? 0 : (info.blocks ?? 0) > 0 ? info.blocks * 512 : info.size
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
