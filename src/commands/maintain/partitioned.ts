/** Tables of a system that are partitioned by month, as their entities declare it. */
import type { PartitionedTable } from '../../maintenance/partitions.ts'
import type { PlacedSystem } from './job.ts'

/** @param ahead months made ahead of the current one, in place of what each table declares */
export function partitionedTablesOf({ system, schema }: PlacedSystem, ahead?: number): PartitionedTable[] {
  return system.entities.flatMap(({ table, partitionedBy }) =>
    partitionedBy === undefined
      ? []
      : [{ schema, table, field: partitionedBy.field, ahead: ahead ?? partitionedBy.ahead }],
  )
}
