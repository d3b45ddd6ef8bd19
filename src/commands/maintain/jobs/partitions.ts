/** Jobs that make the months of partitioned tables ahead of time, one a schema. */
import type { Backlog } from '../../../model/job.ts'
import type { JobSource } from '../job.ts'
import { partitionedTablesOf } from '../partitioned.ts'

/** A look at the rows of default partitions is to hold nobody up, nor wait for long. */
const QUESTION = { readOnly: true, statementTimeoutMs: 10_000, lockTimeoutMs: 200 } as const

export const partitionsJobs: JobSource = async (config, systems) => {
  const [{ applyPartitions, planPartitions }, { asJob }] = await Promise.all([
    import('../../../maintenance/partitions.ts'),
    import('../../../maintenance/as-job.ts'),
  ])
  return systems.flatMap((placed) => {
    const tables = partitionedTablesOf(placed)
    if (tables.length === 0) return []
    return [
      {
        name: `${placed.schema}/partitions`,
        kind: 'partitions' as const,
        schema: placed.schema,
        summary: 'Partitions of this month and the next ones, and those of rows in the default partition',
        /** Months that are missing; their rows are those that lie in the default partition. */
        async backlog(db): Promise<Backlog> {
          const plan = await db.transaction((tx) => planPartitions(tx, tables), QUESTION)
          const due = plan.filter(({ action }) => action !== 'keep')
          const bytes = due.reduce((sum, item) => sum + item.bytes, 0n)
          return { rows: BigInt(due.length), atLeast: false, oldest: null, bytes, arrivedInADay: null }
        },
        apply: async (db, run) =>
          asJob(
            await planPartitions(db, tables),
            run,
            { label: 'partition', lockTimeoutMs: config.lockTimeoutMs },
            (some, options) => applyPartitions(db, some, options),
          ),
      },
    ]
  })
}
