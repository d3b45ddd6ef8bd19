/** Where Steward keeps things on this machine: its data, the user's configuration. */
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'

export type Env = Readonly<Record<string, string | undefined>>

/** What the places depend on; tests hand in their own. */
export interface Machine {
  readonly env: Env
  readonly homeDirectory: string
  readonly platform: NodeJS.Platform
  /** True when this is the superuser; asked of the system when absent. */
  readonly root?: boolean
}

/** Name of the configuration file in a project. */
export const PROJECT_FILE = 'steward.yaml'

/** A variable's value; empty means unset, as in libpq. */
export function variable(env: Env, name: string): string | undefined {
  const value = env[name]
  return value === '' ? undefined : value
}

/**
 * The data directory of Steward: `STEWARD_DATA_HOME`, else for root `/var/lib/steward` (other users cannot enter
 * root's home), else the platform's place for application data (XDG base directory specification,
 * `~/Library/Application Support`, `%LOCALAPPDATA%`).
 */
export function dataHome(machine: Machine): string {
  const { env, homeDirectory, platform } = machine
  const own = variable(env, 'STEWARD_DATA_HOME')
  if (own !== undefined) return resolve(own)
  if (platform === 'win32') {
    return join(variable(env, 'LOCALAPPDATA') ?? join(homeDirectory, 'AppData', 'Local'), 'steward')
  }
  if (machine.root ?? isRoot()) return '/var/lib/steward'
  if (platform === 'darwin') return join(homeDirectory, 'Library', 'Application Support', 'steward')
  return join(xdg(env, 'XDG_DATA_HOME') ?? join(homeDirectory, '.local', 'share'), 'steward')
}

/** The user's configuration file: `$XDG_CONFIG_HOME/steward/config.yaml` or the platform's place for settings. */
export function userFile({ env, homeDirectory, platform }: Machine): string {
  const base =
    platform === 'win32'
      ? (variable(env, 'APPDATA') ?? join(homeDirectory, 'AppData', 'Roaming'))
      : (xdg(env, 'XDG_CONFIG_HOME') ?? join(homeDirectory, '.config'))
  return join(base, 'steward', 'config.yaml')
}

/** A path as a person wrote it: `~/` is the home directory, the rest is relative to `base`. */
export function expandPath(path: string, base: string, homeDirectory: string): string {
  if (path === '~') return homeDirectory
  return path.startsWith('~/') ? join(homeDirectory, path.slice(2)) : resolve(base, path)
}

/** The operating system's name for the user: libpq's default for the role. */
export function osUserName(env: Env): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under an id without an entry in the password database.
    return variable(env, 'USER') ?? variable(env, 'USERNAME') ?? 'postgres'
  }
}

/** The specification says that a relative path there is to be ignored. */
function xdg(env: Env, name: string): string | undefined {
  const value = variable(env, name)
  return value?.startsWith('/') ? value : undefined
}

function isRoot(): boolean {
  try {
    return userInfo().uid === 0
  } catch {
    return false
  }
}
