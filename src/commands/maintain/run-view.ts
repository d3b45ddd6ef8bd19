/** How the plan and the results of `maintain run` are shown: a line a job. */
import type { Column } from '../../model/column.ts'
import { type Section, silent, type View } from '../../output/view.ts'
import { JOB_TONES } from '../job-tones.ts'
import { mayBeDue } from './job.ts'
import type { MaintenancePlan, MaintenanceRun } from './run.ts'

const JOB: Column = { key: 'job', kind: 'text' }
const REASON: Column = { key: 'reason', kind: 'text' }

/** What is due, job by job. @param everything with the jobs that have nothing to do, as machines get it */
export function planView({ jobs: planned, unattended }: MaintenancePlan, everything: boolean): View {
  const shown = everything ? planned : planned.filter(({ backlog }) => mayBeDue(backlog))
  // Without --yes it was said already.
  if (shown.length === 0 && !everything && !unattended) return silent
  const rows = shown.map(({ job, backlog, unknown }) => ({
    job: job.name,
    kind: job.kind,
    rows: backlog?.rows ?? null,
    atLeast: backlog?.atLeast ?? false,
    bytes: backlog?.bytes ?? null,
    oldest: backlog?.oldest?.toISOString() ?? null,
    olderThan: job.olderThan ?? null,
    summary: job.summary,
    unknown: unknown ?? null,
  }))
  return {
    shape: 'table',
    columns: [
      JOB,
      { key: 'kind', kind: 'text' },
      { key: 'rows', label: 'due', kind: 'bigint', unit: 'count' },
      { key: 'atLeast', label: 'at least', kind: 'boolean' },
      { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      { key: 'oldest', label: 'since', kind: 'timestamp' },
      { key: 'olderThan', label: 'older than', kind: 'text' },
      { key: 'summary', kind: 'text' },
      { key: 'unknown', label: 'cannot be told', kind: 'text' },
    ],
    shown: [
      'job',
      'kind',
      'rows',
      ...(rows.some(({ atLeast }) => atLeast) ? ['atLeast'] : []),
      'bytes',
      'oldest',
      'olderThan',
      ...(rows.some(({ unknown }) => unknown !== null) ? ['unknown'] : []),
    ],
    rows,
    empty: 'Nothing is due.',
  }
}

/**
 * A line a job, then what was kept back and what failed.
 *
 * @param everything with the jobs that had nothing to do, as machines get it
 */
export function runView({ jobs: all, metrics }: MaintenanceRun, everything: boolean): View {
  // One that moved nothing since all that is due is kept back has something to say.
  const jobs = everything ? all : all.filter(({ outcome, kept }) => outcome !== 'nothing' || kept.length > 0)
  const kept = jobs.flatMap(({ job, kept: stayed }) => stayed.map((each) => ({ job, ...each })))
  const failures = [
    ...jobs.flatMap(({ job, failures: failed }) => failed.map((reason) => ({ job, reason }))),
    ...(metrics === undefined ? [] : [{ job: 'metrics', reason: metrics }]),
  ]
  const freed = jobs.some((job) => job.freedBytes !== undefined || job.returnedBytes !== undefined)
  const sections: Section[] = [
    {
      kind: 'table',
      key: 'jobs',
      columns: [
        JOB,
        { key: 'outcome', kind: 'text', tones: JOB_TONES },
        { key: 'rows', kind: 'bigint', unit: 'count' },
        { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
        { key: 'batches', kind: 'integer', unit: 'count' },
        { key: 'seconds', label: 'took', kind: 'float', unit: 'seconds' },
        { key: 'freedBytes', label: 'free for reuse', kind: 'bigint', unit: 'bytes' },
        { key: 'returnedBytes', label: 'given back', kind: 'bigint', unit: 'bytes' },
        { key: 'why', label: 'ended because', kind: 'text' },
      ],
      shown: ['job', 'outcome', 'rows', 'bytes', 'seconds', ...(freed ? ['freedBytes', 'returnedBytes'] : []), 'why'],
      rows: jobs.map(({ kept: _kept, failures: _failures, ...job }) => ({
        freedBytes: null,
        returnedBytes: null,
        ...job,
      })),
      empty: 'Nothing was due.',
    },
    ...(kept.length === 0
      ? []
      : [
          {
            kind: 'table',
            key: 'kept',
            title: 'Kept back',
            columns: [JOB, { key: 'rows', kind: 'bigint', unit: 'count' }, REASON],
            rows: kept,
          } as const,
        ]),
    ...(failures.length === 0
      ? []
      : [{ kind: 'table', key: 'failures', title: 'Failed', columns: [JOB, REASON], rows: failures } as const]),
  ]
  return { shape: 'sections', sections }
}
