/** Directories for servers under test, which an unprivileged server user can reach, and what was started in them. */
import { mkdtempSync, realpathSync } from 'node:fs'
import { chmod, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type EmbeddedServer, serverIn } from '../../src/server/embedded.ts'

/** A directory that is deleted after the file's tests; servers made with `scratchServer` are stopped before. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'steward-server-test-'))
  afterAll(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A server, stopped and deleted after the file's tests; one that need not survive a crash does not wait for the disk. */
export function scratchServer(home: string, { durable = false } = {}): EmbeddedServer {
  const server = serverIn(home, { durable, settings: { shared_buffers: '16MB', io_method: 'sync' } })
  afterAll(() => server.destroy())
  return server
}

/** Lets every user pass, as a directory below /var/lib does; mkdtemp makes it private. */
export async function openDirectory(directory: string): Promise<string> {
  await chmod(directory, 0o755)
  return directory
}
