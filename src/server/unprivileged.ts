/** PostgreSQL refuses to run as root: which user runs the server when Steward is root. */
import { stat } from 'node:fs/promises'
import { OperationError } from '../errors.ts'
import { isRoot } from './paths.ts'
import { runProgram } from './program.ts'

export interface ServerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Accounts that may run the server, the better one first. */
const ACCOUNTS = ['postgres', '_postgres', 'nobody']

/**
 * The user that the server runs as, undefined where that is simply Steward's own. An existing data directory
 * decides by its owner; a new one gets `postgres` where there is such an account, else `nobody`.
 *
 * @throws OperationError `no-server-user` when the machine has no account to use
 */
export async function serverUser(dataDirectory: string): Promise<ServerUser | undefined> {
  if (!isRoot()) return undefined
  const owner = await stat(dataDirectory).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) {
    return { name: (await nameOf(owner.uid)) ?? String(owner.uid), uid: owner.uid, gid: owner.gid }
  }
  for (const name of ACCOUNTS) {
    const user = await account(name)
    if (user !== undefined) return user
  }
  throw new OperationError({
    code: 'no-server-user',
    message: 'PostgreSQL does not run as root, and this machine has no user postgres or nobody to run it as',
    hint: 'Create a user postgres, run steward as an ordinary user, or name a server with --url',
  })
}

/**
 * True when `user` can enter the directory and create files in it.
 *
 * @throws OperationError `server-user-refused` when Steward may not run anything as that user
 */
export async function canUse(directory: string, user: ServerUser | undefined): Promise<boolean> {
  // Asked of the operating system as that user: modes, access lists and mounts all have a say.
  const { status, stderr } = await runProgram('/bin/sh', ['-c', 'cd "$1" && test -w .', 'sh', directory], { user })
  if (status === undefined && user !== undefined) {
    throw new OperationError({
      code: 'server-user-refused',
      message: `PostgreSQL does not run as root, and steward may not run it as ${user.name}: ${stderr}`,
      hint: 'Run steward as an ordinary user, give the container the capabilities SETUID and SETGID, or use --url',
    })
  }
  return status === 0
}

async function account(name: string): Promise<ServerUser | undefined> {
  const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)])
  return uid === undefined || gid === undefined || uid === 0 ? undefined : { name, uid, gid }
}

async function idOf(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  const { status, stdout } = await runProgram('id', [flag, name])
  const id = Number(stdout.trim())
  return status === 0 && stdout.trim() !== '' && Number.isSafeInteger(id) ? id : undefined
}

async function nameOf(uid: number): Promise<string | undefined> {
  const { status, stdout } = await runProgram('id', ['-nu', String(uid)])
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
}
