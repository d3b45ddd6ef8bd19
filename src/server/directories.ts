/** The directories of a server, with the modes and the owner that PostgreSQL insists on. */
import { chmod, chown, lstat, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { errorCode, OperationError } from '../errors.ts'
import type { ServerPaths } from './paths.ts'
import { canUse, type ServerUser } from './unprivileged.ts'

/**
 * Makes what is missing in `paths.home` and the socket's directory. For the holder of the lock.
 *
 * @throws OperationError `server-home-unreachable` when the server's user cannot work there
 * @throws OperationError `socket-directory-taken` when another user made the socket's directory
 */
export async function makeDirectories(paths: ServerPaths, user: ServerUser | undefined): Promise<void> {
  await mkdir(paths.home, { recursive: true })
  await chmod(paths.home, 0o700)
  if (user !== undefined) await chown(paths.home, user.uid, user.gid)
  if (process.platform !== 'win32' && !(await canUse(paths.home, user))) {
    throw new OperationError({
      code: 'server-home-unreachable',
      message: `The server's user${user === undefined ? '' : ` ${user.name}`} cannot work in ${paths.home}`,
      hint: 'Set STEWARD_DATA_HOME to a directory that this user can enter',
    })
  }
  await makePrivate(paths.run, user)
}

/** Makes a directory and its parents so that every user can pass, whatever the umask; existing ones stay as they are. */
export async function makeReachable(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true })
  if (first === undefined || process.platform === 'win32') return
  for (let made = directory; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755)
}

/**
 * Makes the socket's directory. Whoever owns it decides who answers there, and below the temporary directory its name
 * can be taken in advance.
 */
async function makePrivate(directory: string, user: ServerUser | undefined): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 })
    if (user !== undefined) await chown(directory, user.uid, user.gid)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    const found = await lstat(directory)
    const owner = user?.uid ?? process.getuid?.()
    if (!found.isDirectory() || (owner !== undefined && found.uid !== owner)) {
      throw new OperationError({
        code: 'socket-directory-taken',
        message: `${directory}, where the server's socket belongs, was made by another user`,
        hint: 'Delete it, or set STEWARD_DATA_HOME to a shorter path so that the socket fits beside the data',
      })
    }
    await chmod(directory, 0o700)
  }
}
