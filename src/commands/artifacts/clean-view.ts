/** How the plan and the results of cleaning are shown. */
import type { Moves, QuarantinedRun } from '../../artifacts/quarantine.ts'
import type { Column } from '../../model/column.ts'
import type { Section } from '../../output/view.ts'
import { JOB_TONES } from '../job-tones.ts'
import type { DoneJob, PlannedJob } from './clean.ts'

const RULE: Column = { key: 'rule', kind: 'text' }
const ROWS: Column = { key: 'rows', kind: 'bigint', unit: 'count' }
const FILES: Column = { key: 'files', kind: 'bigint', unit: 'count' }
const BYTES: Column = { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' }
const REASON: Column = { key: 'reason', kind: 'text' }

export function planSections(jobs: readonly PlannedJob[], quarantine: readonly QuarantinedRun[]): Section[] {
  const byRows = jobs.flatMap(({ job, plan }) => (plan.by === 'rows' ? [{ rule: job.name, job, plan }] : []))
  const byPrefix = jobs.flatMap(({ job, plan }) => (plan.by === 'prefix' ? [{ rule: job.name, job, plan }] : []))
  const sections: Section[] = [
    {
      kind: 'table',
      key: 'rules',
      title: 'Files with their rows',
      columns: [
        RULE,
        { key: 'olderThan', label: 'older than', kind: 'text' },
        ROWS,
        FILES,
        BYTES,
        { key: 'shared', label: 'shared, stay', kind: 'bigint', unit: 'count' },
        { key: 'refused', kind: 'bigint', unit: 'count' },
        { key: 'kept', label: 'kept back', kind: 'bigint', unit: 'count' },
        { key: 'oldest', label: 'since', kind: 'timestamp' },
        { key: 'marked', label: 'marked before', kind: 'bigint', unit: 'count' },
        { key: 'failedBefore', label: 'failed before', kind: 'bigint', unit: 'count' },
      ],
      shown: ['rule', 'olderThan', 'rows', 'files', 'bytes', 'shared', 'refused', 'kept', 'oldest'],
      rows: byRows.map(({ rule, job, plan }) => ({
        rule,
        olderThan: job.rule?.applied.olderThan ?? null,
        rows: plan.rows,
        files: plan.files,
        bytes: plan.bytes,
        shared: plan.shared,
        refused: total(plan.refused),
        kept: total(plan.kept),
        oldest: plan.oldest,
        marked: plan.marked,
        failedBefore: plan.failedBefore,
      })),
      empty: 'No system of this database has files by their rows.',
    },
  ]
  if (byPrefix.length > 0) {
    sections.push({
      kind: 'table',
      key: 'prefixes',
      title: 'Files by the prefix of their task',
      columns: [
        RULE,
        { key: 'olderThan', label: 'older than', kind: 'text' },
        { key: 'rows', label: 'tasks', kind: 'bigint', unit: 'count' },
        { key: 'listed', label: 'of them listed', kind: 'integer', unit: 'count' },
        { key: 'files', label: 'their files', kind: 'bigint', unit: 'count' },
        BYTES,
        { key: 'refused', kind: 'integer', unit: 'count' },
      ],
      rows: byPrefix.map(({ rule, job, plan }) => ({
        rule,
        olderThan: job.rule?.applied.olderThan ?? null,
        rows: plan.rows,
        listed: plan.listed,
        files: plan.files,
        bytes: plan.bytes,
        refused: plan.refused.length,
      })),
    })
  }
  const along = byRows.flatMap(({ rule, plan }) => plan.along.map((one) => ({ rule, ...one })))
  const kept = [...byRows, ...byPrefix].flatMap(({ rule, plan }) => plan.kept.map((one) => ({ rule, ...one })))
  const refused = [
    ...byRows.flatMap(({ rule, plan }) => plan.refused.map((one) => ({ rule, ...one }))),
    ...byPrefix.flatMap(({ rule, plan }) =>
      plan.refused.map(({ id, reason }) => ({ rule, rows: 1n, reason: `${id}: ${reason}` })),
    ),
  ]
  const suggestions = [...new Set(byRows.flatMap(({ plan }) => plan.suggestions))]
  if (along.length > 0) {
    const columns = [RULE, { key: 'table', kind: 'text' } as const, ROWS]
    sections.push({ kind: 'table', key: 'along', title: 'Rows that go along', columns, rows: along })
  }
  if (kept.length > 0) {
    sections.push({ kind: 'table', key: 'kept', title: 'Kept back', columns: [RULE, ROWS, REASON], rows: kept })
  }
  if (refused.length > 0) {
    sections.push({ kind: 'table', key: 'refused', title: 'Refused', columns: [RULE, ROWS, REASON], rows: refused })
  }
  if (quarantine.length > 0) {
    sections.push({
      kind: 'table',
      key: 'quarantine',
      title: 'Of the quarantine, for good',
      columns: [
        { key: 'run', kind: 'text' },
        { key: 'store', kind: 'text' },
        { key: 'files', kind: 'integer', unit: 'count' },
        { key: 'bytes', label: 'size', kind: 'integer', unit: 'bytes' },
      ],
      rows: quarantine.map(({ run, store, files, bytes }) => ({ run, store, files, bytes })),
    })
  }
  if (suggestions.length > 0) {
    const title = 'Statements that would help'
    sections.push({ kind: 'notes', key: 'suggestions', title, lines: suggestions })
  }
  return sections
}

export function doneSections(results: readonly DoneJob[], quarantine: Moves | undefined): Section[] {
  const kept = results.flatMap(({ rule, kept: stayed }) => stayed.map((one) => ({ rule, ...one })))
  const failures = [
    ...results.flatMap(({ rule, failures: failed }) => failed.map((reason) => ({ rule, reason }))),
    ...(quarantine?.failures ?? []).map((reason) => ({ rule: 'quarantine', reason })),
  ]
  const sections: Section[] = [
    {
      kind: 'table',
      key: 'rules',
      columns: [
        RULE,
        { key: 'outcome', kind: 'text', tones: JOB_TONES },
        FILES,
        BYTES,
        { key: 'missing', label: 'were gone', kind: 'bigint', unit: 'count' },
        { key: 'shared', label: 'shared, stay', kind: 'bigint', unit: 'count' },
        ROWS,
        { key: 'failed', kind: 'bigint', unit: 'count' },
        { key: 'lifted', label: 'marks taken back', kind: 'bigint', unit: 'count' },
        { key: 'batches', kind: 'integer', unit: 'count' },
        { key: 'why', label: 'ended because', kind: 'text' },
      ],
      shown: ['rule', 'outcome', 'files', 'bytes', 'missing', 'shared', 'rows', 'failed', 'why'],
      rows: results.map((one) => ({
        rule: one.rule,
        outcome: one.outcome,
        files: one.filesRemoved ?? 0n,
        bytes: one.bytes,
        missing: one.filesMissing ?? 0n,
        shared: one.filesShared ?? 0n,
        rows: one.rowsDeleted ?? 0n,
        failed: one.failed ?? BigInt(one.failures.length),
        lifted: one.marksLifted ?? 0n,
        batches: one.batches,
        why: one.why,
      })),
      empty: 'Nothing was done.',
    },
  ]
  if (quarantine !== undefined) {
    sections.push({
      kind: 'record',
      key: 'quarantine',
      title: 'Quarantine',
      columns: [
        { key: 'files', label: 'files deleted', kind: 'integer', unit: 'count' },
        { key: 'bytes', label: 'size', kind: 'integer', unit: 'bytes' },
        { key: 'failed', kind: 'integer', unit: 'count' },
        { key: 'why', label: 'ended because', kind: 'text' },
      ],
      row: { files: quarantine.files, bytes: quarantine.bytes, failed: quarantine.failed, why: quarantine.why },
    })
  }
  if (kept.length > 0) {
    sections.push({ kind: 'table', key: 'kept', title: 'Kept back', columns: [RULE, ROWS, REASON], rows: kept })
  }
  if (failures.length > 0) {
    sections.push({ kind: 'table', key: 'failures', title: 'Failed', columns: [RULE, REASON], rows: failures })
  }
  return sections
}

function total(of: readonly { readonly rows: bigint }[]): bigint {
  return of.reduce((sum, { rows }) => sum + rows, 0n)
}
