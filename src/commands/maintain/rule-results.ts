/** What came of the rules of a run, one line each, and what failed or stayed by name. */
import { endsRun } from '../../db/ends-run.ts'
import { StewardError } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import { type JobResult, NO_WORK } from '../../model/job.ts'
import type { Section } from '../../output/view.ts'
import { JOB_TONES } from '../job-tones.ts'

export interface RuleResult extends JobResult {
  /** `agensium/hung-tasks`. */
  readonly rule: string
}

const RULE: Column = { key: 'rule', kind: 'text' }
const REASON: Column = { key: 'reason', kind: 'text' }

/**
 * Does the work of one rule; a failure of it is its result, so that it does not keep the others back.
 *
 * @throws what ends the whole run: a lost lease or connection, and bugs
 */
export async function worked(work: () => Promise<JobResult>): Promise<JobResult> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StewardError) || endsRun(error)) throw error
    return { ...NO_WORK, outcome: 'failed', failures: [error.message], why: 'it failed' }
  }
}

/** @param rows what the rows that a rule dealt with are called: `rows moved` */
export function resultSections(results: readonly RuleResult[], rows: string): Section[] {
  const failures = results.flatMap(({ rule, failures: failed }) => failed.map((reason) => ({ rule, reason })))
  const kept = results.flatMap(({ rule, kept: stayed }) => stayed.map((one) => ({ rule, ...one })))
  const sections: Section[] = [
    {
      kind: 'table',
      key: 'rules',
      columns: [
        { key: 'rule', kind: 'text' },
        { key: 'outcome', kind: 'text', tones: JOB_TONES },
        { key: 'rows', label: rows, kind: 'bigint', unit: 'count' },
        { key: 'batches', kind: 'integer', unit: 'count' },
        { key: 'why', label: 'ended because', kind: 'text' },
      ],
      rows: results.map(({ rule, outcome, rows: count, batches, why }) => ({
        rule,
        outcome,
        rows: count,
        batches,
        why,
      })),
      empty: 'Nothing was done.',
    },
  ]
  if (kept.length > 0) {
    const columns: Column[] = [RULE, { key: 'rows', kind: 'bigint', unit: 'count' }, REASON]
    sections.push({ kind: 'table', key: 'kept', title: 'Kept back', columns, rows: kept })
  }
  if (failures.length > 0) {
    sections.push({ kind: 'table', key: 'failures', title: 'Failed', columns: [RULE, REASON], rows: failures })
  }
  return sections
}
