/** Jobs that vacuum what retention, or the platform, left full of dead rows: a schema with its archive. */
import { archiveSchemaOf } from '../../../config/config.ts'
import type { Backlog } from '../../../model/job.ts'
import type { JobSource } from '../job.ts'

export const vacuumJobs: JobSource = async (config, systems) => {
  const [{ AFTER_DELETES, applyVacuum, planVacuum }, { asJob }] = await Promise.all([
    import('../../../maintenance/vacuum.ts'),
    import('../../../maintenance/as-job.ts'),
  ])
  return systems.map(({ schema }) => {
    const selection = { schemas: [schema, archiveSchemaOf(schema)], tables: [], all: false }
    return {
      name: `${schema}/vacuum`,
      kind: 'vacuum',
      schema,
      summary: 'Tables with many dead rows: their space is for new ones, or goes back to the system',
      /** Dead rows of the tables that need it; how much they take is known once they are gone. */
      async backlog(db): Promise<Backlog> {
        const due = (await planVacuum(db, selection, AFTER_DELETES)).filter(({ action }) => action !== 'keep')
        const rows = due.reduce((sum, item) => sum + item.deadRows, 0n)
        return { rows, atLeast: false, oldest: null, bytes: null, arrivedInADay: null }
      },
      apply: async (db, run) =>
        asJob(
          await planVacuum(db, selection, AFTER_DELETES),
          run,
          { label: 'vacuum', lockTimeoutMs: config.lockTimeoutMs },
          (some, options) => applyVacuum(db, some, options),
        ),
    }
  })
}
