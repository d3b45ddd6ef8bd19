/** Jobs that write archived batches to cold files, one for each schema, where the profile says so. */
import { filedTables, isToBeMade, makeRoot } from '../../archive/cold-store.ts'
import type { JobSource } from '../job.ts'

export const exportJobs: JobSource = async (config, systems) => {
  const { cold } = config
  if (cold === undefined) return []
  const [{ dueBatches, exportBacklog }, { filesOf }] = await Promise.all([
    import('../../../archive/cold/due.ts'),
    import('../../../archive/selection.ts'),
  ])
  return systems.map(({ system, schema }) => {
    const due = { schemas: [schema], olderThan: cold.after }
    return {
      name: `${schema}/cold`,
      kind: 'export',
      schema,
      summary: `Archived batches to files in ${cold.store}`,
      olderThan: cold.after,
      backlog: (db) => exportBacklog(db, due),
      async apply(db, run) {
        const [{ exportBatches }, { openStores }] = await Promise.all([
          import('../../../archive/cold/export.ts'),
          import('../../../storage/open.ts'),
        ])
        const stores = openStores(config.stores, { signal: run.signal })
        try {
          const batches = (await dueBatches(db, due)).map(({ id }) => id)
          const filed = filedTables(config, [system], filesOf)
          const options = { formats: cold.formats, keepRows: false, filed }
          const store = stores.named(cold.store)
          if (await isToBeMade(config, store)) await makeRoot(store)
          return await exportBatches(db, batches, store, run, options)
        } finally {
          await stores.close()
        }
      },
    }
  })
}
