/** `steward maintain partitions`. */
import { type Config, schemaOf } from '../../config/config.ts'
import type { PartitionedTable } from '../../maintenance/partitions.ts'
import { systems } from '../../systems/registry.ts'
import { defineCommand } from '../command.ts'
import { integer } from '../flags.ts'
import { maintenanceExit, NOT_PARTITIONED, partitionsView, planAndApply, selectionFlags } from './selection.ts'

export const partitions = defineCommand({
  name: 'partitions',
  summary: 'Make the monthly partitions of logs ahead of time',
  description:
    'Makes the partitions of this month and the next ones, and moves rows that lie in the default partition into partitions of their own. Each month is one transaction that waits for locks only briefly; a run that is stopped leaves whole months. Run it once a month at least.',
  examples: [
    {
      command: 'maintain partitions --dry-run',
      does: 'See which months are missing, and what lies in the default partition',
    },
    { command: 'maintain partitions --ahead 12', does: 'A year ahead' },
  ],
  effect: 'write',
  flags: {
    system: selectionFlags.system,
    ahead: integer('<n>', 'months ahead of the current one (default: as each table declares, 3)', {
      min: 0,
      max: 120,
    }),
    dryRun: selectionFlags.dryRun,
    lockAttempts: selectionFlags.lockAttempts,
  },
  async run(context, input) {
    const tables = await partitionedTables(await context.config(), input)
    const { applyPartitions, planPartitions } = await import('../../maintenance/partitions.ts')
    return planAndApply(
      context,
      { ...input, tables: [], all: false },
      {
        label: 'partitions',
        async plan(db) {
          const plan = await planPartitions(db, tables)
          // What nobody asked for and is not there is no news.
          return input.system.length > 0 ? plan : plan.filter(({ month }) => month !== undefined)
        },
        apply: applyPartitions,
        nothing: (items) =>
          items.length === 0 ? NOT_PARTITIONED : 'No partition is missing; --dry-run shows those that are there.',
      },
    )
  },
  view: partitionsView,
  exitCode: maintenanceExit,
})

/** The tables of the systems, of those that were named or of all, that are partitioned by month. */
async function partitionedTables(
  config: Config,
  { system, ahead }: { readonly system: readonly string[]; readonly ahead: number | undefined },
): Promise<PartitionedTable[]> {
  const wanted = systems.filter(({ name }) => system.length === 0 || system.includes(name))
  const loaded = await Promise.all(wanted.map((entry) => entry.load()))
  return loaded.flatMap(({ name, entities }) =>
    entities.flatMap(({ table, partitionedBy }) =>
      partitionedBy === undefined
        ? []
        : [
            {
              schema: schemaOf(config, name),
              table,
              field: partitionedBy.field,
              ahead: ahead ?? partitionedBy.ahead,
            },
          ],
    ),
  )
}
