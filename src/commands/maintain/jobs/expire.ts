/** Jobs of `expire` rules: states that lasted too long. */

import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

export const expireJobs: JobSource = async (config, systems) => {
  const [{ backlogOf }, { applyExpiry }] = await Promise.all([
    import('../../../db/backlog.ts'),
    import('../../../crud/expire.ts'),
  ])
  return rulesInForce(config, systems, 'expire').map((rule) => ({
    name: jobNameOf(rule),
    kind: 'expire',
    schema: rule.schema,
    summary: rule.applied.rule.summary,
    olderThan: rule.applied.olderThan,
    backlog: (db) => backlogOf(db, rule),
    apply: (db, run) => applyExpiry(db, rule, run),
  }))
}
