/** Directories for servers under test, and the servers in them; all of it is gone after the file's tests. */
import { mkdtempSync, realpathSync } from 'node:fs'
import { chmod, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type EmbeddedServer, serverIn } from '../../src/server/embedded.ts'

const directories: string[] = []
const servers: EmbeddedServer[] = []

afterAll(async () => {
  await Promise.all(servers.map((server) => server.destroy()))
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
})

/** A directory of this user's own. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'steward-server-test-'))
  directories.push(directory)
  return directory
}

/** Lets every user pass, as /var/lib does: root's server runs as another user. */
export async function openDirectory(directory: string): Promise<string> {
  await chmod(directory, 0o755)
  return directory
}

/** A server that was not started yet. One that need not survive a crash does not wait for the disk. */
export function scratchServer(home: string, { durable = false } = {}): EmbeddedServer {
  const server = serverIn(home, { durable, settings: { shared_buffers: '16MB', io_method: 'sync' } })
  servers.push(server)
  return server
}
