/**
 * The server's settings: a file that Steward writes at every start, so that a newer Steward brings its own, and that
 * `postgresql.conf` includes. What ALTER SYSTEM sets (`postgresql.auto.conf`) is read later and wins.
 */
import { chown, rename, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { type ServerPaths, SOCKET_PORT } from './paths.ts'
import type { ServerUser } from './unprivileged.ts'

export type Settings = Readonly<Record<string, string>>

/** Name of the file in the data directory. */
export const SETTINGS_FILE = 'steward.conf'

/** A machine's shared memory file system that is smaller than this makes parallel queries fail. */
const ENOUGH_SHARED_MEMORY = 512 * 1024 * 1024

/**
 * Settings for a developer's machine or a small operator host: modest memory, statement statistics, UTC.
 *
 * @param tcpPort port on the loopback interface where the platform has no Unix sockets
 */
export async function serverSettings(paths: ServerPaths, tcpPort?: number): Promise<Settings> {
  return {
    ...(tcpPort === undefined
      ? {
          listen_addresses: '',
          // A list, so a name with a comma or space in it stands in double quotes.
          unix_socket_directories: `"${paths.run.replaceAll('"', '""')}"`,
          unix_socket_permissions: '0700',
          port: String(SOCKET_PORT),
        }
      : { listen_addresses: '127.0.0.1', port: String(tcpPort) }),
    max_connections: '100',
    shared_buffers: '256MB',
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    effective_cache_size: '1GB',
    max_wal_size: '2GB',
    wal_compression: 'on',
    // Nobody replicates from this server, and less is written without.
    wal_level: 'minimal',
    max_wal_senders: '0',
    random_page_cost: '1.1',
    shared_preload_libraries: 'pg_stat_statements',
    track_io_timing: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %q%u@%d %a ',
    log_lock_waits: 'on',
    log_checkpoints: 'off',
    ...(await dynamicSharedMemory()),
  }
}

/** Writes the settings file, whole or not at all. */
export async function writeSettings(data: string, settings: Settings, user: ServerUser | undefined): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
  const text = ['# Written by steward at every start; ALTER SYSTEM overrides it.', ...lines, ''].join('\n')
  const unfinished = join(data, `${SETTINGS_FILE}.${process.pid}`)
  await writeFile(unfinished, text, { mode: 0o600 })
  if (user !== undefined) await chown(unfinished, user.uid, user.gid)
  await rename(unfinished, join(data, SETTINGS_FILE))
}

/** Containers often have 64 MB of /dev/shm, too little for a parallel hash join; System V segments do not live there. */
export async function dynamicSharedMemory(): Promise<Settings> {
  if (process.platform !== 'linux') return {}
  const shm = await statfs('/dev/shm').catch(() => undefined)
  const bytes = shm === undefined ? 0 : shm.bsize * shm.blocks
  return bytes < ENOUGH_SHARED_MEMORY ? { dynamic_shared_memory_type: 'sysv' } : {}
}
