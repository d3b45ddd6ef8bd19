/** The PostgreSQL server that Steward runs itself when no other is configured (design, "The embedded server"). */
import { readFile } from 'node:fs/promises'
import type { Endpoint } from '../config/config.ts'
import type { OnProgress } from '../progress.ts'
import type { Destroyed } from './destroy.ts'
import { DATABASE, SUPERUSER } from './names.ts'
import { type PathOptions, pathsBelow, type ServerPaths, SOCKET_PORT, serverPaths } from './paths.ts'
import { livePostmaster, type Postmaster } from './postmaster.ts'
import type { Started, StartOptions } from './start.ts'
import type { ServerStatus } from './status.ts'

export type { Destroyed, Postmaster, ServerPaths, ServerStatus, Started }

export interface EmbeddedServer {
  readonly paths: ServerPaths
  readonly logFile: string
  /** True when it has been created, running or not. */
  exists(): Promise<boolean>
  status(): Promise<ServerStatus>
  /** How to connect to it; with nothing said about whether it runs. */
  endpoint(): Promise<Endpoint>
  /** Creates and starts it where needed; costs next to nothing when it runs. Throws what `startServer` throws. */
  ensureRunning(onProgress?: OnProgress): Promise<Endpoint>
  start(onProgress?: OnProgress): Promise<Started>
  /** @returns the server that was stopped, undefined when none was running */
  stop(): Promise<Postmaster | undefined>
  /** Stops it and deletes its data: asks nothing. */
  destroy(): Promise<Destroyed>
}

/** The user's embedded server, by environment and platform. */
export function embeddedServer(options: PathOptions): EmbeddedServer {
  return serverAt(serverPaths(options))
}

/** A server in a directory of its own, for tests and benchmarks. */
export function serverIn(home: string, options?: Omit<StartOptions, 'onProgress'>): EmbeddedServer {
  return serverAt(pathsBelow(home), options)
}

function serverAt(paths: ServerPaths, options: Omit<StartOptions, 'onProgress'> = {}): EmbeddedServer {
  // The parts are loaded when they are needed: a command on a server that runs needs none of them.
  const start = async (onProgress?: OnProgress): Promise<Started> => {
    const { startServer } = await import('./start.ts')
    return startServer(paths, { ...options, ...(onProgress === undefined ? {} : { onProgress }) })
  }
  return {
    paths,
    logFile: paths.logFile,
    async exists() {
      const { dataVersion } = await import('./initdb.ts')
      return (await dataVersion(paths.data)) !== undefined
    },
    async status() {
      const { serverStatus } = await import('./status.ts')
      return serverStatus(paths)
    },
    async endpoint() {
      return endpointOf(paths, await livePostmaster(paths.data))
    },
    async ensureRunning(onProgress) {
      const running = await livePostmaster(paths.data)
      return endpointOf(paths, running?.state === 'ready' ? running : (await start(onProgress)).postmaster)
    },
    start,
    async stop() {
      const { stopServer } = await import('./stop.ts')
      return stopServer(paths)
    },
    async destroy() {
      const { destroyServer } = await import('./destroy.ts')
      return destroyServer(paths)
    },
  }
}

/** A running server says itself where it listens; one that is down will listen where its paths say. */
async function endpointOf(paths: ServerPaths, running: Postmaster | undefined): Promise<Endpoint> {
  const password = await readFile(paths.passwordFile, 'utf8').catch(() => undefined)
  return {
    host: running?.socketDirectory || running?.address || paths.run,
    port: running?.port ?? SOCKET_PORT,
    database: DATABASE,
    user: SUPERUSER,
    ...(password === undefined ? {} : { password: password.trim() }),
    sslMode: 'disable',
    connectTimeout: 10,
  }
}
