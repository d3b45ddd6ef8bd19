/** `steward maintain history`. */
import { InvalidValue, NotFoundError, UsageError } from '../../errors.ts'
import type { PastJob, PastRun } from '../../maintenance/history.ts'
import type { Column } from '../../model/column.ts'
import { nearest } from '../../model/nearest.ts'
import { shellWord } from '../../output/shell-word.ts'
import type { View } from '../../output/view.ts'
import { type Context, defineCommand } from '../command.ts'
import { type Argument, integerOr, moment, text, toggle } from '../flags.ts'
import { JOB_TONES } from '../job-tones.ts'
import { ruleNames } from './rule-names.ts'

type Found =
  | { readonly kind: 'runs'; readonly runs: readonly PastRun[] }
  | { readonly kind: 'run'; readonly run: PastRun; readonly jobs: readonly PastJob[] }
  | { readonly kind: 'jobs'; readonly jobs: readonly PastJob[] }

interface Input {
  readonly run: bigint | undefined
  readonly job: string | undefined
  readonly since: Parameters<typeof import('../../maintenance/history.ts')['pastRuns']>[2]['since']
  readonly limit: number
  readonly failed: boolean
}

const runNumber: Argument<bigint | undefined> = {
  summary: 'number of a run, to see all of it with its jobs',
  required: false,
  variadic: false,
  parse(raw) {
    if (!/^[1-9]\d{0,17}$/.test(raw.trim()))
      throw new InvalidValue('must be the number of a run, as the list shows it')
    return BigInt(raw)
  },
}

export const history = defineCommand({
  name: 'history',
  summary: 'What changed something when: who, with which arguments, what it did, why it ended',
  description:
    'Reads the journal, in which every run of steward that changes something stands, whoever started it. A run that was killed is shown as lost. With --job, the runs of one job of maintenance; with a number, one run with all its jobs.',
  examples: [
    { command: 'maintain history', does: 'The last 20 runs' },
    { command: 'maintain history --failed --since 7d', does: 'What did not end well in the last week' },
    { command: 'maintain history --job skyvern/finished-tasks', does: 'How one job fared' },
    { command: 'maintain history 42', does: 'One run: plan, counts, and each of its jobs' },
  ],
  effect: 'read',
  args: { run: runNumber },
  flags: {
    job: text('<job>', 'runs of this job only, e.g. skyvern/finished-tasks', { suggest: () => ruleNames() }),
    since: moment('<time>', 'started since then: 7d (ago) or 2026-11-01'),
    limit: integerOr(20, '<n>', 'at most this many, the newest', { min: 1, max: 10_000 }),
    failed: toggle('only those that failed, in part or whole, or were killed'),
  },
  run: find,
  view: viewOf,
})

async function find(context: Context, { run, job, ...window }: Input): Promise<Found> {
  const [records, { hasOwnTable }, db] = await Promise.all([
    import('../../maintenance/history.ts'),
    import('../../db/own-schema.ts'),
    context.db(),
  ])
  const { host } = context.actor
  if (run !== undefined && job !== undefined) {
    throw new UsageError({
      code: 'one-or-the-other',
      message: 'A run shows all of its jobs, and --job all runs of one',
      hint: `steward maintain history ${run}, or steward maintain history --job ${job}`,
    })
  }
  if (run !== undefined) {
    const found = (await hasOwnTable(db, 'journal')) ? await records.pastRun(db, host, run) : undefined
    if (found === undefined) {
      throw new NotFoundError({
        code: 'no-such-run',
        message: `The journal has no run ${run}`,
        hint: 'steward maintain history lists the last ones',
      })
    }
    return {
      kind: 'run',
      run: found,
      jobs: (await hasOwnTable(db, 'job_runs')) ? await records.jobsOfRun(db, run) : [],
    }
  }
  if (job === undefined) {
    return { kind: 'runs', runs: (await hasOwnTable(db, 'journal')) ? await records.pastRuns(db, host, window) : [] }
  }
  const known = (await hasOwnTable(db, 'job_runs')) ? await records.knownJobs(db) : []
  if (!known.includes(job)) {
    const near = nearest(job, known)
    throw new NotFoundError({
      code: 'no-such-job',
      message: `No job ${job} ever ran here${near === undefined ? '' : ` (did you mean ${near}?)`}`,
      hint:
        known.length === 0 ? 'steward maintain run --dry-run shows what is due' : `There were ${known.join(', ')}`,
    })
  }
  return { kind: 'jobs', jobs: await records.pastRunsOfJob(db, job, window) }
}

const RUN_COLUMNS: readonly Column[] = [
  { key: 'run', kind: 'bigint' },
  { key: 'started', kind: 'timestamp' },
  { key: 'ended', kind: 'timestamp' },
  { key: 'seconds', label: 'took', kind: 'float', unit: 'seconds' },
  { key: 'who', kind: 'text' },
  { key: 'typed', label: 'command', kind: 'text' },
  { key: 'outcome', kind: 'text', tones: { ...JOB_TONES, running: 'active' } },
  { key: 'exitCode', label: 'exit', kind: 'integer' },
  { key: 'reason', label: 'ended because', kind: 'text' },
  { key: 'command', label: 'words', kind: 'text' },
  { key: 'arguments', kind: 'json' },
  { key: 'databaseUser', label: 'database user', kind: 'text' },
  { key: 'pid', kind: 'integer' },
  { key: 'plan', kind: 'json' },
  { key: 'counts', kind: 'json' },
]

function runRow(run: PastRun) {
  return {
    run: run.run_id,
    started: run.started_at,
    ended: run.ended_at,
    seconds: run.seconds,
    who: `${run.os_user}@${run.host}`,
    typed: ['steward', ...run.arguments].map(shellWord).join(' '),
    outcome: run.outcome,
    exitCode: run.exit_code,
    reason: run.reason,
    command: run.command,
    arguments: run.arguments,
    databaseUser: run.db_user,
    pid: run.pid,
    plan: run.plan,
    counts: run.counts,
  }
}

const JOB_COLUMNS: readonly Column[] = [
  { key: 'run', kind: 'bigint' },
  { key: 'job', kind: 'text' },
  { key: 'started', kind: 'timestamp' },
  { key: 'ended', kind: 'timestamp' },
  { key: 'seconds', label: 'took', kind: 'float', unit: 'seconds' },
  { key: 'outcome', kind: 'text', tones: { ...JOB_TONES, running: 'active' } },
  { key: 'rows', kind: 'bigint', unit: 'count' },
  { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
  { key: 'batches', kind: 'bigint', unit: 'count' },
  { key: 'kept', label: 'kept back', kind: 'json' },
  { key: 'reason', label: 'ended because', kind: 'text' },
]

function jobRow({ run_id, started_at, ended_at, ...job }: PastJob) {
  return { run: run_id, started: started_at, ended: ended_at, ...job }
}

function viewOf(found: Found): View {
  if (found.kind === 'runs') {
    return {
      shape: 'table',
      columns: RUN_COLUMNS,
      shown: ['run', 'started', 'seconds', 'who', 'typed', 'outcome', 'reason'],
      rows: found.runs.map(runRow),
      empty: 'The journal has no such run.',
    }
  }
  if (found.kind === 'jobs') {
    return {
      shape: 'table',
      columns: JOB_COLUMNS,
      shown: ['run', 'started', 'seconds', 'outcome', 'rows', 'bytes', 'reason'],
      rows: found.jobs.map(jobRow),
      empty: 'No such run of this job.',
    }
  }
  return {
    shape: 'record',
    columns: RUN_COLUMNS,
    row: runRow(found.run),
    related: [
      {
        key: 'jobs',
        columns: JOB_COLUMNS,
        rows: found.jobs.map(jobRow),
        shown: ['job', 'outcome', 'seconds', 'rows', 'bytes', 'batches', 'kept', 'reason'],
      },
    ],
  }
}
