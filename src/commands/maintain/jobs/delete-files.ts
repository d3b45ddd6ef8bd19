/** Jobs of `delete-files` rules, and of files whose rows are gone already. */

import type { Config } from '../../../config/config.ts'
import type { CleanJob } from '../../artifacts/clean-jobs.ts'
import type { Job, JobSource, PlacedSystem } from '../job.ts'

export const deleteFilesJobs: JobSource = (config, systems) => jobsOn(config, systems, 'delete-files')

export const tombstonesJobs: JobSource = (config, systems) => jobsOn(config, systems, 'tombstones')

async function jobsOn(
  config: Config,
  systems: readonly PlacedSystem[],
  kind: 'delete-files' | 'tombstones',
): Promise<readonly Job[]> {
  const [{ cleanJobs, TOMBSTONES }, { backlogOf }, { tombstoneBacklog }, { openStores }] = await Promise.all([
    import('../../artifacts/clean-jobs.ts'),
    import('../../../db/backlog.ts'),
    import('../../../artifacts/backlog.ts'),
    import('../../../storage/open.ts'),
  ])
  const wanted = cleanJobs(config, systems).filter(({ rule }) => (rule === undefined) === (kind === 'tombstones'))
  return wanted.map(({ rule, system: { schema, system }, apply }: CleanJob): Job => {
    const common = {
      kind,
      schema,
      async apply(_db, run) {
        // A batch in flight is finished, so a stop request does not end its requests.
        const stores = openStores(config.stores)
        try {
          return await apply(run, stores)
        } finally {
          await stores.close()
        }
      },
    } as const satisfies Partial<Job>
    if (rule === undefined) {
      return {
        ...common,
        name: `${schema}/${TOMBSTONES}`,
        summary: 'Files of rows that are gone',
        backlog: (db) => tombstoneBacklog(db, system.name, schema),
      }
    }
    return {
      ...common,
      name: `${schema}/${rule.applied.rule.name}`,
      summary: rule.applied.rule.summary,
      olderThan: rule.applied.olderThan,
      backlog: (db) => backlogOf(db, rule),
    }
  })
}
