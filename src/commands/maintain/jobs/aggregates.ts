/** Jobs that take whole aggregates: `archive` rules move them to the archive tables, `delete` and `purge` rules do not. */
import type { JobKind } from '../../../model/job.ts'
import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

export const archiveJobs = jobsFor('archive')
export const deleteJobs = jobsFor('delete')
export const purgeJobs = jobsFor('purge')

function jobsFor(kind: Extract<JobKind, 'archive' | 'delete' | 'purge'>): JobSource {
  return async (config, systems) => {
    const [{ backlogOf }, { runArchive }, { selectionOfRule }] = await Promise.all([
      import('../../../db/backlog.ts'),
      import('../../../archive/run.ts'),
      import('../../../archive/selection.ts'),
    ])
    return rulesInForce(config, systems, kind).map((rule) => ({
      name: jobNameOf(rule),
      kind,
      schema: rule.schema,
      summary: rule.applied.rule.summary,
      olderThan: rule.applied.olderThan,
      backlog: (db) => backlogOf(db, rule),
      apply: (db, run) => runArchive(db, selectionOfRule(rule), run),
    }))
  }
}
