/** A throwaway embedded server with seeded data, and ways to time commands against it side by side. */
import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const STEWARD = new URL('../bin/steward.js', import.meta.url).pathname

/**
 * Starts the server, migrates and seeds it.
 *
 * @param kept data home of a server that is seeded already and stays: for sizes that take long to load
 */
export async function openBench({ tasks, kept }) {
  const bench = await openOwn(kept)
  if (kept === undefined) {
    await bench.steward('migrate', 'up')
    console.error(`seeding ${tasks} tasks …`)
    await bench.steward('seed', 'run', 'skyvern', '--rows', String(tasks))
  }
  const url = (await bench.steward('server', 'url')).stdout.trim()
  return { ...bench, tasks, url }
}

/** A home of its own with commands that run in it; the server starts with the first of them, and is empty. */
export async function openOwn(kept) {
  const home = await mkdtemp(join(tmpdir(), 'steward-bench-'))
  // Root's server runs as another user, who has to reach its data.
  await chmod(home, 0o755)
  const env = { ...process.env, HOME: home, STEWARD_DATA_HOME: kept ?? join(home, 'data'), NO_COLOR: '1' }
  for (const name of ['DATABASE_URL', 'STEWARD_URL', 'STEWARD_PROFILE']) delete env[name]
  const steward = (...args) => run(process.execPath, [STEWARD, ...args], { env, cwd: home, maxBuffer: 1 << 30 })
  return {
    home,
    env,
    steward,
    /** Runs SQL in psql. @returns its unaligned output, trimmed */
    async psql(sql) {
      const url = (await steward('server', 'url')).stdout.trim()
      const { stdout } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', url, '-c', sql], {
        env,
        maxBuffer: 1 << 30,
      })
      return stdout.trim()
    },
    async close() {
      if (kept === undefined) await steward('server', 'stop').catch(() => {})
      await rm(home, { recursive: true, force: true })
    },
  }
}

/**
 * Times commands in turns, so that noise hits all alike.
 *
 * @param commands name → { command, args, env, cwd }
 * @returns name → median of `rounds` runs in milliseconds
 */
export async function timeInTurns(commands, rounds) {
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, command] of Object.entries(commands)) times[name].push(await timeOf(command))
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]))
}

/** Milliseconds that a command takes, its output thrown away. */
export async function timeOf({ command, args, env, cwd, shell = false }) {
  const began = performance.now()
  await exitOf(spawn(command, args, { env, cwd, shell, stdio: ['ignore', 'ignore', 'pipe'] }))
  return performance.now() - began
}

/** Largest resident memory of a command in MiB, as the kernel counted it. */
export async function peakMemoryOf({ args, env, cwd }) {
  const probe = `process.on('exit', () => process.stderr.write('peak ' + process.resourceUsage().maxRSS + '\\n'))`
  const preload = `data:text/javascript,${encodeURIComponent(probe)}`
  const child = spawn(process.execPath, ['--import', preload, STEWARD, ...args], {
    env,
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const stderr = await exitOf(child)
  return Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024
}

export const bareNode = { command: process.execPath, args: ['-e', '0'], env: process.env }

export function stewardCommand(bench, ...args) {
  return { command: process.execPath, args: [STEWARD, ...args], env: bench.env, cwd: bench.home }
}

function exitOf(child) {
  return new Promise((resolve, reject) => {
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(stderr) : reject(new Error(`exit ${code}: ${stderr}`))))
  })
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
}

/** A TypeScript module of bench/, bundled on the spot. */
export async function bundled(file, folder) {
  const { rolldown } = await import('rolldown')
  const target = join(folder, file.replace('.ts', '.mjs'))
  const bundle = await rolldown({ input: new URL(file, import.meta.url).pathname, platform: 'node' })
  await bundle.write({ file: target, format: 'esm', codeSplitting: false })
  return import(target)
}
