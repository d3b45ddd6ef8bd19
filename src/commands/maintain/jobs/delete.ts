/** Jobs of `delete` rules: whole aggregates are removed, without archive. */

import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

export const deleteJobs: JobSource = async (config, systems) => {
  const [{ backlogOf }, { runArchive }, { selectionOfRule }] = await Promise.all([
    import('../../../db/backlog.ts'),
    import('../../../archive/run.ts'),
    import('../../../archive/selection.ts'),
  ])
  return rulesInForce(config, systems, 'delete').map((rule) => ({
    name: jobNameOf(rule),
    kind: 'delete',
    schema: rule.schema,
    summary: rule.applied.rule.summary,
    olderThan: rule.applied.olderThan,
    backlog: (db) => backlogOf(db, rule),
    apply: (db, run) => runArchive(db, selectionOfRule(rule), run),
  }))
}
