/**
 * What maintenance does, as a file for Prometheus (the textfile collector of node_exporter reads `*.prom` of a folder).
 * Text exposition format 0.0.4; prom-client is loaded with this module only.
 */
import { chmod, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { Gauge, Registry } from 'prom-client'
import { OperationError } from '../errors.ts'
import type { Backlog, JobKind } from '../model/job.ts'
import type { JobSummary } from './job-record.ts'

export interface JobFigures {
  readonly job: string
  readonly kind: JobKind
  /** Of the journal's records; absent for a job that never ran. */
  readonly summary?: JobSummary | undefined
  /** What is left for it; absent where that is not known. */
  readonly backlog?: Backlog | undefined
}

export interface RunFigures {
  readonly profile: string
  readonly database: string
  /** Of the run that writes the file. */
  readonly endedAt: Date
  readonly seconds: number
  readonly exitCode: number
  readonly jobs: readonly JobFigures[]
}

const OUTCOMES = ['done', 'nothing', 'partial', 'unfinished', 'interrupted', 'failed', 'lost'] as const

/** The text of the file. A figure that is not known is left out: 0 would say that it is known. */
export async function metricsText({
  profile,
  database,
  endedAt,
  seconds,
  exitCode,
  jobs,
}: RunFigures): Promise<string> {
  const registry = new Registry()
  const of = { profile, database }
  const gauge = <const L extends string>(name: string, help: string, ...labels: readonly L[]) =>
    new Gauge({
      name: `steward_${name}`,
      help,
      labelNames: ['profile', 'database', ...labels],
      registers: [registry],
    })

  gauge('run_end_timestamp_seconds', 'When the last maintenance run ended.').set(of, endedAt.getTime() / 1000)
  gauge('run_duration_seconds', 'How long the last maintenance run took.').set(of, seconds)
  gauge('run_exit_code', 'Exit code of the last maintenance run: 0 done, 7 partly, 9 work left.').set(of, exitCode)

  const success = gauge('job_last_success_timestamp_seconds', 'When the job last left nothing undone.', 'job', 'kind')
  const start = gauge('job_last_start_timestamp_seconds', 'When the job was last begun.', 'job', 'kind')
  const duration = gauge('job_last_duration_seconds', 'How long the last run of the job took.', 'job', 'kind')
  const rows = gauge('job_last_rows', 'Rows that the last run of the job moved, changed or removed.', 'job', 'kind')
  const bytes = gauge('job_last_bytes', 'Their bytes, as far as they are known.', 'job', 'kind')
  const outcome = gauge(
    'job_last_outcome',
    'Outcome of the last run of the job: 1 for the one it had.',
    'job',
    'kind',
    'outcome',
  )
  const backlog = gauge(
    'job_backlog_rows',
    'Rows that are due and still there; a lower bound where there are many.',
    'job',
    'kind',
  )
  const age = gauge(
    'job_oldest_eligible_age_seconds',
    'Age of the oldest row that is due; 0 when none is.',
    'job',
    'kind',
  )

  for (const { job, kind, summary, backlog: left } of jobs) {
    const labels = { ...of, job, kind }
    if (summary !== undefined) {
      if (summary.succeeded_epoch !== null) success.set(labels, summary.succeeded_epoch)
      start.set(labels, summary.started_epoch)
      if (summary.seconds !== null) duration.set(labels, summary.seconds)
      rows.set(labels, Number(summary.rows))
      bytes.set(labels, Number(summary.bytes))
      for (const each of OUTCOMES) outcome.set({ ...labels, outcome: each }, summary.outcome === each ? 1 : 0)
    }
    if (left !== undefined) {
      backlog.set(labels, Number(left.rows))
      age.set(labels, left.oldest === null ? 0 : Math.max(0, (endedAt.getTime() - left.oldest.getTime()) / 1000))
    }
  }
  return registry.metrics()
}

/**
 * Writes the file so that a reader sees all of it or what was there before: another name in the same folder, one that
 * does not end in `.prom`, flushed, readable for all, renamed.
 *
 * @throws OperationError naming the file and why it cannot be written
 */
export async function writeMetrics(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`
  try {
    const file = await open(unfinished, 'w', 0o644)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    // Whatever the umask says: the collector is another user.
    await chmod(unfinished, 0o644)
    await rename(unfinished, path)
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {})
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new OperationError({
      code: 'metrics-not-written',
      message: `The metrics file ${path} cannot be written${why}`,
      hint: 'Give another --metrics-file, or let this user write into its folder',
      cause: error,
    })
  }
}
