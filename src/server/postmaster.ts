/**
 * The running server as its `postmaster.pid` and the operating system know it (PostgreSQL's `pidfile.h`: process id,
 * data directory, start time, port, socket directory, listen address, shared memory key, status; one a line).
 */
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { errorCode, OperationError } from '../errors.ts'
import { runProgram } from './program.ts'

export interface Postmaster {
  readonly pid: number
  readonly since: Date
  readonly port: number
  /** Directory of the Unix socket; empty where there is none. */
  readonly socketDirectory: string
  /** First address it listens on; empty for none. */
  readonly address: string
  readonly state: 'starting' | 'ready' | 'stopping'
}

/** The server of a data directory that is alive, undefined when there is none (or only a file that one left behind). */
export async function livePostmaster(data: string): Promise<Postmaster | undefined> {
  const postmaster = await readPidFile(data)
  return postmaster !== undefined && (await isServerOf(postmaster.pid, data)) ? postmaster : undefined
}

/** What `postmaster.pid` says, whether or not that process still lives. */
export async function readPidFile(data: string): Promise<Postmaster | undefined> {
  const text = (await readIfThere(pidFile(data))) ?? ''
  const lines = text.split('\n').map((line) => line.trim())
  // A standalone backend writes its process id negated; only initialisation runs one, under our lock.
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const status = lines[7] ?? ''
  return {
    pid,
    since: new Date(Number(lines[2] ?? 0) * 1000),
    port: Number(lines[3] ?? 0),
    socketDirectory: lines[4] ?? '',
    address: lines[5] ?? '',
    state: status === 'ready' ? 'ready' : status === 'stopping' ? 'stopping' : 'starting',
  }
}

/**
 * A file's text, undefined when it does not exist.
 *
 * @throws OperationError `server-forbidden` when it belongs to another user
 */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    throw new OperationError({
      code: 'server-forbidden',
      message: `The embedded server in ${dirname(file)} belongs to another user`,
      hint: 'Run steward as that user or as root, or set STEWARD_DATA_HOME to a directory of your own',
      cause: error,
    })
  }
}

export function pidFile(data: string): string {
  return join(data, 'postmaster.pid')
}

/**
 * Whether the process is the server of this data directory: after a crash of the machine the number may belong to
 * anything. A process that has ended and was not yet collected by its parent does not count.
 */
export async function isServerOf(pid: number, data: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform === 'win32') return true
  const words = await commandLine(pid)
  if (words === undefined) return false
  if (process.platform !== 'linux') return words.some((word) => basename(word) === 'postgres')
  const at = words.indexOf('-D')
  const served = words[at + 1]
  if (basename(words[0] ?? '') !== 'postgres' || at === -1 || served === undefined) return false
  return served === data || (await real(served)) === (await real(data))
}

/** True when a process with this id exists, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/** The process's arguments; undefined for one that has ended. */
async function commandLine(pid: number): Promise<readonly string[] | undefined> {
  if (process.platform === 'linux') {
    // Readable for every user, unlike /proc/<pid>/cwd, which a container's root may not follow.
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return text === '' ? undefined : text.split('\0')
  }
  const { status, stdout } = await runProgram('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  return status === 0 ? stdout.trim().split(/\s+/) : undefined
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}
