/** The built program in a home of its own, with a profile of its own: started, killed, and asked how it ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const STEWARD = join(ROOT, 'bin/steward.js')

export interface Ran {
  /** 128 + 9 for a process that was killed. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly signal: NodeJS.Signals | null
  readonly milliseconds: number
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ran>
}

export interface Home {
  readonly folder: string
  /** Root of the store `files`. */
  readonly files: string
  /** Root of the store `cold`. */
  readonly cold: string
  /** Runs a command line against the home's database to its end. */
  run(...argv: readonly string[]): Promise<Ran>
  /** As `run`. @throws Error with all that it printed unless it exits with this code (0 when absent) */
  must(argv: readonly string[], exitCode?: number): Promise<Ran>
  start(...argv: readonly string[]): Started
  /** Writes the profile: YAML below `profiles.default`, indented by four. */
  configure(lines: readonly string[]): Promise<void>
  remove(): Promise<void>
}

/** Settings that every proof starts with: short leases, short batches, three stores. */
export const usual = (
  { folder, files, cold }: Pick<Home, 'folder' | 'files' | 'cold'>,
  { lease = '2s' }: { readonly lease?: string } = {},
): string[] => [
  '    stores:',
  `      files: file://${files}`,
  `      cold: file://${cold}`,
  `      agensium: file://${join(folder, 'agensium')}`,
  '    archive:',
  "      cold: { store: cold, after: '0 seconds' }",
  '    maintenance:',
  '      batchTime: 100ms',
  `      lease: ${lease}`,
]

export interface HomeOptions {
  /** Command that the program is started by: a shell with limits. */
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** @param url of the database that every command line is about */
export async function openHome(url: string, { command = [], env: added = {} }: HomeOptions = {}): Promise<Home> {
  if (!existsSync(join(ROOT, 'dist'))) throw new Error('the proofs run the built program: npm run build comes first')
  const folder = await mkdtemp(join(tmpdir(), 'steward-proof-'))
  await chmod(folder, 0o755)
  const [files, cold] = [join(folder, 'files'), join(folder, 'cold')]
  await Promise.all([files, cold, join(folder, 'agensium')].map((path) => mkdir(path)))
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    STEWARD_DATA_HOME: join(folder, 'data'),
    NO_COLOR: '1',
    ...added,
    TZ: 'UTC',
  }

  function start(...argv: readonly string[]): Started {
    const began = performance.now()
    const [program = process.execPath, ...before] = [...command, process.execPath, STEWARD]
    const child = spawn(program, [...before, ...argv], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    const ended = new Promise<Ran>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) =>
        resolve({ exitCode: code ?? 137, stdout, stderr, signal, milliseconds: performance.now() - began }),
      )
    })
    return { child, ended }
  }

  const home: Home = {
    folder,
    files,
    cold,
    start,
    run: (...argv) => start(...argv).ended,
    async must(argv, exitCode = 0) {
      const ran = await start(...argv).ended
      if (ran.exitCode === exitCode) return ran
      throw new Error(
        `steward ${argv.join(' ')}: exit ${ran.exitCode}, expected ${exitCode}\n${ran.stdout}\n${ran.stderr}`,
      )
    },
    // A URL on the command line would say that the profile is not meant; it holds a password.
    configure: (lines) =>
      writeFile(
        join(folder, 'steward.yaml'),
        ['profiles:', '  default:', `    url: ${JSON.stringify(url)}`, ...lines, ''].join('\n'),
        { mode: 0o600 },
      ),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
  await home.configure(usual(home))
  return home
}
