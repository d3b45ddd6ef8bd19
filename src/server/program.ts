/** Runs one of PostgreSQL's programs, as the server's user and with nothing of Steward's environment. */
import { spawn } from 'node:child_process'
import process from 'node:process'
import type { ServerUser } from './unprivileged.ts'

export interface ProgramOptions {
  /** The user to run as; Steward's own when absent. */
  readonly user?: ServerUser | undefined
  /** A directory that the user can enter. */
  readonly cwd?: string
  readonly stdin?: string
}

export interface ProgramResult {
  /** Exit status; undefined when the program could not be started or a signal ended it. */
  readonly status: number | undefined
  readonly stdout: string
  /** What it said, or why it could not be started. */
  readonly stderr: string
}

/** Runs a program to its end. Never throws: what went wrong is in the result. */
export async function runProgram(
  file: string,
  args: readonly string[],
  { user, cwd = '/', stdin }: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise<ProgramResult>((resolve) => {
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    const child = spawnAs(file, args, { user, cwd: process.platform === 'win32' ? undefined : cwd })
    const finish = (status: number | undefined, reason?: string) =>
      resolve({
        status,
        stdout: Buffer.concat(stdout).toString(),
        stderr: (reason ?? Buffer.concat(stderr).toString()).trim(),
      })
    child.on('error', (error) => finish(undefined, error.message))
    child.on('close', (code, signal) => finish(code ?? undefined, signal === null ? undefined : `ended by ${signal}`))
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    // A program that ends without reading its input is judged by its status, not by the broken pipe.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin ?? '')
    // Some refusals (of the other user) are thrown at once, others arrive as events.
  }).catch((error: Error) => ({ status: undefined, stdout: '', stderr: error.message }))
}

function spawnAs(
  file: string,
  args: readonly string[],
  { user, cwd }: { readonly user: ServerUser | undefined; readonly cwd: string | undefined },
) {
  return spawn(file, args, {
    env: programEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    // The terminal's Ctrl-C is for Steward, which ends when the program has.
    detached: process.platform !== 'win32',
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  })
}

/**
 * The environment of PostgreSQL's programs: no `PG*` variable of the user's may redirect them, messages are English
 * (Steward reads them), and secrets of Steward's environment stay out of a process that lives long.
 */
export function programEnvironment(): Record<string, string> {
  const kept = ['PATH', 'SYSTEMROOT', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR']
  const passed = kept.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(passed), LC_ALL: 'C', TZ: 'UTC' }
}
