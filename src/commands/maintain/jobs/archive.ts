/** Jobs of `archive` rules: whole aggregates move to the archive tables. */

import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

export const archiveJobs: JobSource = async (config, systems) => {
  const [{ backlogOf }, { runArchive }, { selectionOfRule }] = await Promise.all([
    import('../../../db/backlog.ts'),
    import('../../../archive/run.ts'),
    import('../../../archive/selection.ts'),
  ])
  return rulesInForce(config, systems, 'archive').map((rule) => ({
    name: jobNameOf(rule),
    kind: 'archive',
    schema: rule.schema,
    summary: rule.applied.rule.summary,
    olderThan: rule.applied.olderThan,
    backlog: (db) => backlogOf(db, rule),
    apply: (db, run) => runArchive(db, selectionOfRule(rule), run),
  }))
}
