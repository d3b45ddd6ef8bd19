/** Jobs of `drop-partitions` rules: logs that go by whole months. */

import type { JobSource } from '../job.ts'
import { jobNameOf, rulesInForce } from '../rules.ts'

/** Attempts to have a table for a moment, in some ten seconds, before its partition is left for the next run. */
const ATTEMPTS = 6

export const dropPartitionsJobs: JobSource = async (config, systems) => {
  const [{ backlogOf }, { planDrops }, { pauseUnless }, { lockWait }, { dropDue }] = await Promise.all([
    import('../../../db/backlog.ts'),
    import('../../../maintenance/drop-partitions.ts'),
    import('../../../maintenance/job.ts'),
    import('../../../maintenance/as-job.ts'),
    import('../drop.ts'),
  ])
  return rulesInForce(config, systems, 'drop-partitions').map((rule) => ({
    name: jobNameOf(rule),
    kind: 'drop-partitions',
    schema: rule.schema,
    summary: rule.applied.rule.summary,
    olderThan: rule.applied.olderThan,
    backlog: (db) => backlogOf(db, rule),
    async apply(db, run) {
      const waits = {
        lockTimeoutMs: lockWait(config.lockTimeoutMs),
        attempts: ATTEMPTS,
        pause: pauseUnless(run.signal),
      }
      return (await dropDue(db, rule, await planDrops(db, rule), run, waits)).job
    },
  }))
}
