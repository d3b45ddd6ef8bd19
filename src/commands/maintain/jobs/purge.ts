/** Jobs of `purge` rules: what was marked as deleted goes, with all that depends on it. */

import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

export const purgeJobs: JobSource = async (config, systems) => {
  const [{ backlogOf }, { runArchive }, { selectionOfRule }] = await Promise.all([
    import('../../../db/backlog.ts'),
    import('../../../archive/run.ts'),
    import('../../../archive/selection.ts'),
  ])
  return rulesInForce(config, systems, 'purge').map((rule) => ({
    name: jobNameOf(rule),
    kind: 'purge',
    schema: rule.schema,
    summary: rule.applied.rule.summary,
    olderThan: rule.applied.olderThan,
    backlog: (db) => backlogOf(db, rule),
    apply: (db, run) => runArchive(db, selectionOfRule(rule), run),
  }))
}
