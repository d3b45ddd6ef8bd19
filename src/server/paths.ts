/** Where the embedded server keeps what it owns. */
import { createHash } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { dataHome, type Env } from '../config/paths.ts'

/** Every path of one embedded server; all absolute, symbolic links resolved as far as they exist. */
export interface ServerPaths {
  /** Holds everything below except, when it is too long for a socket, `run`. */
  readonly home: string
  /** PGDATA. */
  readonly data: string
  /** Directory of the Unix socket, mode 0700. */
  readonly run: string
  readonly logFile: string
  /** Full version of the binaries that last started the server. */
  readonly versionFile: string
  /** The superuser's password, where the server listens on TCP (Windows). */
  readonly passwordFile: string
  /** Held while the server is created, started, stopped or destroyed. */
  readonly lockFile: string
  /** Copies of the binaries, for a server that cannot use them where npm put them. */
  readonly binaries: string
}

export interface PathOptions {
  readonly env: Env
  /** Home directory of the user; the operating system's answer when absent. */
  readonly homeDirectory?: string
  readonly platform?: NodeJS.Platform
}

/** Number in the socket's file name; no TCP port is opened where Unix sockets exist. */
export const SOCKET_PORT = 5432

/**
 * Bytes that fit into `sun_path` beside the terminating NUL: 107 on Linux, 103 on macOS and the BSDs; the smaller
 * one everywhere, less `/.s.PGSQL.5432`.
 */
const LONGEST_SOCKET_DIRECTORY = 103 - `/.s.PGSQL.${SOCKET_PORT}`.length

/** The paths of the user's embedded server. */
export function serverPaths({
  env,
  homeDirectory = homedir(),
  platform = process.platform,
}: PathOptions): ServerPaths {
  return pathsBelow(join(dataHome({ env, homeDirectory, platform, root: isRoot() }), 'server'))
}

/** The paths of a server that lives in `home`. */
export function pathsBelow(home: string): ServerPaths {
  const root = resolveLinks(resolve(home))
  return {
    home: root,
    data: join(root, 'data'),
    run: runDirectory(root),
    logFile: join(root, 'server.log'),
    versionFile: join(root, 'version'),
    passwordFile: join(root, 'password'),
    lockFile: join(root, 'lock'),
    binaries: join(root, 'binaries'),
  }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** `<home>/run`, or below the temporary directory where that is too long for a socket's address. */
function runDirectory(home: string): string {
  const beside = join(home, 'run')
  if (Buffer.byteLength(beside) <= LONGEST_SOCKET_DIRECTORY) return beside
  const name = `steward-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`
  const below = join(resolveLinks(tmpdir()), name)
  return Buffer.byteLength(below) <= LONGEST_SOCKET_DIRECTORY ? below : join('/tmp', name)
}

/** Resolves the links of the part that exists, so that two spellings of one directory mean one server. */
function resolveLinks(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const parent = dirname(path)
  return parent === path ? path : join(resolveLinks(parent), basename(path))
}
