/** Loading seeds against psql's \copy of the same rows. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { stewardCommand, timeOf } from '../harness.js'

const TABLES = [
  'organizations',
  'users',
  'api_keys',
  'browser_sessions',
  'workflows',
  'workflow_runs',
  'workflow_blocks',
  'workflow_run_logs',
  'tasks',
  'task_logs',
  'steps',
  'step_logs',
  'actions',
  'artifacts',
  'screenshots',
]

export async function measure(bench) {
  const rows = Math.min(bench.tasks, 50_000)
  const folder = await mkdtemp(join(tmpdir(), 'steward-copy-'))
  await chmod(folder, 0o755)
  const env = { ...bench.env, STEWARD_DATA_HOME: join(folder, 'data') }
  const other = { ...bench, env, home: folder }
  const steward = (...args) => timeOf(stewardCommand(other, ...args))
  try {
    await steward('migrate', 'up')
    const ours = await steward('seed', 'run', 'skyvern', '--rows', String(rows))
    const url = await urlOf(other)
    const psql = (sql) =>
      timeOf({ command: 'psql', args: ['-Xq', '-v', 'ON_ERROR_STOP=1', url, '-c', sql], env, cwd: folder })
    for (const table of TABLES) await psql(`\\copy skyvern.${table} TO '${table}.copy'`)
    await psql(`TRUNCATE ${TABLES.map((table) => `skyvern.${table}`).join(', ')}`)
    await psql('CHECKPOINT')
    let theirs = 0
    for (const table of TABLES) theirs += await psql(`\\copy skyvern.${table} FROM '${table}.copy'`)
    theirs += await psql('ANALYZE')
    // The shorter time is the better one, so the ratio of speeds is theirs to ours.
    return [
      {
        what: `seed ${rows} tasks with children : \\copy of the same rows`,
        ours: 1000 / ours,
        theirs: 1000 / theirs,
        unit: '/s',
        budget: { atLeast: 0.6 },
      },
    ]
  } finally {
    await steward('server', 'stop').catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
}

async function urlOf(bench) {
  const { execFileSync } = await import('node:child_process')
  const { command, args, env, cwd } = stewardCommand(bench, 'server', 'url')
  return execFileSync(command === undefined ? process.execPath : command, args, { env, cwd, encoding: 'utf8' }).trim()
}
