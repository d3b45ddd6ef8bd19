/**
 * Archiving aggregates: against the same rows moved by one statement written by hand, what the platform's own sessions
 * feel of it, and memory at two sizes. BENCH_ARCHIVE_TASKS is the number of tasks (default 20,000 with their children,
 * about 25 rows each), BENCH_ARCHIVE_ROWS the smaller of the two backlogs for the memory (default 300,000, from where on
 * Node's heap has the size that it keeps; the other is four times that).
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { openOwn, peakMemoryOf, stewardCommand, timeOf } from '../harness.js'
import { percentile, startLoad } from '../latency.js'

/** A server of its own: what is archived is gone from it. */
export const own = true

const TASKS = Number(process.env.BENCH_ARCHIVE_TASKS ?? 20_000)
const ROWS = Number(process.env.BENCH_ARCHIVE_ROWS ?? 300_000)

/** The closure of a task: table → its primary key. */
const CLOSURE = {
  tasks: 'task_id',
  task_logs: 'task_log_id',
  steps: 'step_id',
  step_logs: 'step_log_id',
  actions: 'action_id',
  artifacts: 'artifact_id',
  screenshots: 'screenshot_id',
}

/** Archive tables as Steward makes them, and the whole closure moved by one statement. */
const byHand = `
  CREATE SCHEMA skyvern_archive;
  ${Object.entries(CLOSURE)
    .map(
      ([table, key]) => `
  CREATE TABLE skyvern_archive.${table} AS SELECT *, 0::bigint AS steward_batch_id FROM skyvern.${table} WHERE false;
  CREATE INDEX ON skyvern_archive.${table} (steward_batch_id);
  CREATE INDEX ON skyvern_archive.${table} (${key});`,
    )
    .join('')}`

const moved = (table, condition) => `
  d_${table} AS (DELETE FROM skyvern.${table} WHERE ${condition} RETURNING *),
  i_${table} AS (INSERT INTO skyvern_archive.${table} SELECT *, 1 FROM d_${table})`

const statement = `
  WITH due AS MATERIALIZED (
    SELECT task_id
    FROM skyvern.tasks
    WHERE completed_at < now() - '180 days'::interval
      AND status IN ('completed', 'failed', 'cancelled', 'terminated')
  ),
  due_steps AS MATERIALIZED (SELECT step_id FROM skyvern.steps WHERE task_id IN (SELECT task_id FROM due)),
  due_artifacts AS MATERIALIZED (
    SELECT artifact_id FROM skyvern.artifacts WHERE task_id IN (SELECT task_id FROM due)
    UNION
    SELECT artifact_id FROM skyvern.artifacts WHERE step_id IN (SELECT step_id FROM due_steps)
  ),
  ${[
    moved('tasks', 'task_id IN (SELECT task_id FROM due)'),
    moved('task_logs', 'task_id IN (SELECT task_id FROM due)'),
    moved('steps', 'step_id IN (SELECT step_id FROM due_steps)'),
    moved('step_logs', 'step_id IN (SELECT step_id FROM due_steps)'),
    moved('actions', 'step_id IN (SELECT step_id FROM due_steps)'),
    moved('artifacts', 'artifact_id IN (SELECT artifact_id FROM due_artifacts)'),
    moved(
      'screenshots',
      'step_id IN (SELECT step_id FROM due_steps) OR artifact_id IN (SELECT artifact_id FROM due_artifacts)',
    ),
  ].join(',')}
  SELECT count(*) FROM due`

const allRows = (schema) =>
  Object.keys(CLOSURE)
    .map((table) => `(SELECT count(*) FROM ${schema}.${table})`)
    .join(' + ')

export async function measure() {
  const bench = await openOwn()
  try {
    await bench.steward('migrate', 'up')
    console.error(`seeding ${TASKS} tasks …`)
    // All of it is long over; what had not ended by then stays.
    await bench.steward('seed', 'run', 'skyvern', '--rows', String(TASKS), '--until', '2025-01-01')
    return [...(await speed(bench)), ...(await latency(bench)), ...(await memory(bench))]
  } finally {
    await bench.close()
  }
}

/** A database of its own with the same rows, in which nothing was done yet. */
async function copy(bench, name) {
  const url = (await bench.steward('server', 'url')).stdout.trim()
  await bench.psql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'steward' AND pid <> pg_backend_pid()`,
  )
  const elsewhere = at(url, 'postgres')
  const made = await timeOf({
    command: 'psql',
    args: [
      '-Xq',
      '-v',
      'ON_ERROR_STOP=1',
      elsewhere,
      '-c',
      `CREATE DATABASE ${name} TEMPLATE steward STRATEGY file_copy`,
    ],
    env: bench.env,
    cwd: bench.home,
  })
  console.error(`copied ${name} in ${Math.round(made)} ms`)
  await psqlIn(bench, at(url, name), 'CHECKPOINT')
  return at(url, name)
}

const at = (url, database) => url.replace(/\/[^/?]*(\?|$)/, `/${database}$1`)

async function psqlIn(bench, url, sql) {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  const { stdout } = await promisify(execFile)('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', url, '-c', sql], {
    env: bench.env,
    maxBuffer: 1 << 28,
  })
  return stdout.trim()
}

const archiving = (bench, url) =>
  stewardCommand(bench, 'archive', 'run', 'skyvern/finished-tasks', '--yes', '--url', url)

async function speed(bench) {
  const theirs = await copy(bench, 'theirs')
  await psqlIn(bench, theirs, byHand)
  const began = performance.now()
  await psqlIn(bench, theirs, statement)
  const statementMs = performance.now() - began
  const ours = await copy(bench, 'ours')
  const oursMs = await timeOf(archiving(bench, ours))
  const [rows, same] = await Promise.all(
    [theirs, ours].map((url) => psqlIn(bench, url, `SELECT ${allRows('skyvern_archive')}`)),
  )
  if (rows !== same) throw new Error(`the statement moved ${rows} rows, Steward ${same}`)
  const perSecond = { ours: Number(rows) / (oursMs / 1000), theirs: Number(rows) / (statementMs / 1000) }
  return [
    {
      what: `archive ${rows} rows of aggregates : one statement by hand`,
      ...perSecond,
      unit: 'rows/s',
      budget: { atLeast: 0.5 },
    },
    {
      what: 'archive, rows a second where the statement does 20,000',
      ...perSecond,
      unit: 'rows/s',
      value: perSecond.ours,
      budget: { atLeast: 10_000, comparableFrom: 20_000 },
    },
  ]
}

/** Tasks that stay are read and written while the others go. */
async function latency(bench) {
  const url = await copy(bench, 'busy')
  const organization = await psqlIn(bench, url, 'SELECT min(organization_id) FROM skyvern.organizations')
  const tasks = (
    await psqlIn(bench, url, 'SELECT task_id FROM skyvern.tasks WHERE completed_at IS NULL LIMIT 500')
  ).split('\n')
  const kinds = {
    async readers(client, number) {
      await client.query(
        `SELECT t.task_id, t.status, count(s.step_id) FROM skyvern.tasks AS t LEFT JOIN skyvern.steps AS s USING (task_id)
         WHERE t.task_id = $1 GROUP BY t.task_id`,
        [tasks[number % tasks.length]],
      )
    },
    async writers(client, number) {
      await client.query(
        `WITH t AS (
           INSERT INTO skyvern.tasks (organization_id, url, navigation_goal) VALUES ($1, 'https://example.test', 'bench')
           RETURNING task_id
         ), s AS (INSERT INTO skyvern.steps (task_id, "order", step_type) SELECT task_id, 1, 'action' FROM t)
         UPDATE skyvern.tasks SET navigation_goal = navigation_goal || '.' WHERE task_id = $2`,
        [organization, tasks[number % tasks.length]],
      )
    },
  }
  const during = async (work) => {
    const load = await startLoad({ url, kinds })
    await work()
    return load.end()
  }
  const calm = async () => during(() => sleep(10_000))
  const before = await calm()
  const busy = await during(() => timeOf(archiving(bench, url)))
  const after = await calm()
  return Object.keys(kinds).map((name) => {
    // The machine's own noise is in both: the quiet minutes before and after count together.
    const quiet = [...before[name], ...after[name]].toSorted((a, b) => a - b)
    return {
      what: `p99 of ${name} beside the archive (${busy[name].length} of them) : without it`,
      ours: percentile(busy[name], 0.99),
      theirs: percentile(quiet, 0.99),
      unit: 'ms',
      budget: { atMost: 1.5 },
    }
  })
}

/** Aggregates of one parent and nine children. */
const backlog = (schema, rows) => `
  CREATE SCHEMA ${schema};
  CREATE TABLE ${schema}.orders (order_id bigint PRIMARY KEY, closed_at timestamptz, note text);
  CREATE TABLE ${schema}.lines (
    line_id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES ${schema}.orders ON DELETE CASCADE,
    payload jsonb
  );
  INSERT INTO ${schema}.orders
    SELECT n, '2020-01-01'::timestamptz + n * '1 second'::interval, repeat('note ', 20) FROM generate_series(1, ${rows / 10}) AS n;
  INSERT INTO ${schema}.lines
    SELECT n, 1 + n % ${rows / 10}, jsonb_build_object('n', n, 'text', repeat('x', 100)) FROM generate_series(1, ${(rows / 10) * 9}) AS n;
  CREATE INDEX ON ${schema}.lines (order_id);
  CREATE INDEX ON ${schema}.orders (closed_at);
  ANALYZE ${schema}.orders, ${schema}.lines`

async function memory(bench) {
  const peak = {}
  for (const [schema, rows] of [
    ['small', ROWS],
    ['large', ROWS * 4],
  ]) {
    await bench.psql(backlog(schema, rows))
    const table = ['--table', `${schema}.orders`, '--age-of', 'closed_at', '--older-than', '90 days']
    peak[schema] = await peakMemoryOf({
      args: ['archive', 'run', ...table, '--yes'],
      env: bench.env,
      cwd: bench.home,
    })
    const left = await bench.psql(`SELECT count(*) FROM ${schema}.lines`)
    if (left !== '0') throw new Error(`${left} rows of ${schema} were not archived`)
  }
  return [
    {
      what: `peak memory, backlog of ${ROWS * 4} rows : ${ROWS} rows`,
      ours: peak.large,
      theirs: peak.small,
      unit: 'MiB',
      budget: { atMost: 1.2 },
    },
  ]
}
