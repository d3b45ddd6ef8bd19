/** What `main` needs of the machine besides its streams and environment; tests hand in their own. */
import { homedir, hostname, userInfo } from 'node:os'
import process from 'node:process'

export interface Streams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
}

export type Env = Readonly<Record<string, string | undefined>>

export interface Host {
  readonly cwd: string
  readonly homeDirectory: string
  /** How this program was started, in absolute paths: the interpreter and its script. */
  readonly program?: readonly string[]
  readonly platform: NodeJS.Platform
  readonly now: () => Date
  readonly osUser: string
  readonly hostname: string
  /** Calls back on a signal. @returns a function that stops listening */
  readonly onSignal: (signal: 'SIGINT' | 'SIGTERM', listener: () => void) => () => void
  /** Ends the process at once, when a second signal says that the first was not enough. */
  readonly exitNow: (code: number) => void
}

/** The process that this is. */
export function processHost(): Host {
  // The AWS SDK would tell every user of Node 20 on stderr which Node its versions after 2026 need; this is its own
  // switch for that, and the dependency of a build is what it is.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  return {
    cwd: workingDirectory(),
    homeDirectory: homedir(),
    program: [process.execPath, ...process.argv.slice(1, 2)],
    platform: process.platform,
    now: () => new Date(),
    osUser: userName(),
    hostname: hostname(),
    onSignal(signal, listener) {
      process.on(signal, listener)
      return () => process.off(signal, listener)
    },
    exitNow: (code) => process.exit(code),
  }
}

/** The folder we are in; one that was deleted meanwhile goes by the name that the shell has for it. */
function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    return process.env.PWD ?? '/'
  }
}

/** The user's name; the numeric id where the account has none (containers with an arbitrary uid). */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
