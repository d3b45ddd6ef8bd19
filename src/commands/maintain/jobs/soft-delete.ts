/** Jobs of `soft-delete` rules: rows that are marked as deleted and stay. */

import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

export const softDeleteJobs: JobSource = async (config, systems) => {
  const [{ backlogOf }, { applyRetirement }] = await Promise.all([
    import('../../../db/backlog.ts'),
    import('../../../crud/retire.ts'),
  ])
  return rulesInForce(config, systems, 'soft-delete').map((rule) => ({
    name: jobNameOf(rule),
    kind: 'soft-delete',
    schema: rule.schema,
    summary: rule.applied.rule.summary,
    olderThan: rule.applied.olderThan,
    backlog: (db) => backlogOf(db, rule),
    apply: (db, run) => applyRetirement(db, rule, run),
  }))
}
