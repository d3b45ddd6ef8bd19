/** Runs a command line in-process, as `bin/steward.js` would, on streams that a test can read. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import type { Host } from '../../src/cli/host.ts'
import { main } from '../../src/cli/main.ts'

export interface CliOptions {
  /** Added to an otherwise empty environment (PATH, HOME and STEWARD_DATA_HOME are throwaway folders). */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Which streams are terminals; none by default. */
  readonly tty?: {
    readonly stdin?: boolean
    readonly stdout?: boolean
    readonly stderr?: boolean
    readonly columns?: number
  }
  /** What arrives on stdin. */
  readonly stdin?: string | Readable
  readonly cwd?: string
  readonly now?: () => Date
  /** Called with a function that delivers a signal to the run. */
  readonly signals?: (send: (signal: 'SIGINT' | 'SIGTERM') => void) => void
}

export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

let home: string | undefined

export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  home ??= temporaryHome()
  const stdout = sink(options.tty?.stdout ?? false, options.tty?.columns)
  const stderr = sink(options.tty?.stderr ?? false, options.tty?.columns)
  const source =
    typeof options.stdin === 'object'
      ? options.stdin
      : Readable.from(options.stdin === undefined ? [] : [options.stdin])
  const stdin = Object.assign(source, { isTTY: options.tty?.stdin ?? false })
  const listeners = new Map<string, Set<() => void>>()
  options.signals?.((signal) => {
    for (const listener of listeners.get(signal) ?? []) listener()
  })
  const host: Host = {
    cwd: options.cwd ?? home,
    homeDirectory: home,
    platform: process.platform,
    now: options.now ?? (() => new Date()),
    osUser: 'tester',
    hostname: 'test-host',
    onSignal(signal, listener) {
      const set = listeners.get(signal) ?? new Set()
      listeners.set(signal, set.add(listener))
      return () => set.delete(listener)
    },
    exitNow: (code) => {
      throw new Error(`exit ${code} at once`)
    },
  }
  const env = { PATH: process.env.PATH, HOME: home, STEWARD_DATA_HOME: join(home, 'data'), ...options.env }
  const exitCode = await main(argv, { stdin, stdout: stdout.stream, stderr: stderr.stream }, env, host)
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() }
}

/** What spinners ask of a terminal; where its cursor is does not matter to a test. */
const CURSOR = { cursorTo: () => true, moveCursor: () => true, clearLine: () => true }

function sink(isTTY: boolean, columns = 80) {
  const chunks: Buffer[] = []
  const stream = Object.assign(new PassThrough(), isTTY ? { isTTY, columns, rows: 40, ...CURSOR } : { isTTY })
  stream.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)))
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') }
}

/** A home for this test process, readable by the user that runs an embedded server for root; gone at the end. */
function temporaryHome(): string {
  const folder = mkdtempSync(join(tmpdir(), 'steward-home-'))
  chmodSync(folder, 0o755)
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
