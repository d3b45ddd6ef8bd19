/** `steward maintain reindex`. */
import { defineCommand } from '../command.ts'
import { duration, integerOr } from '../flags.ts'
import { maintenanceExit, maintenanceView, planAndApply, selectionArguments, selectionFlags } from './selection.ts'

/** A concurrent rebuild waits for older transactions and nobody waits behind it, so it may wait longer than DDL. */
const LOCK_TIMEOUT_MS = 60_000

export const reindex = defineCommand({
  name: 'reindex',
  summary: 'Rebuild bloated and invalid indexes concurrently',
  description:
    'Rebuilds indexes that a fresh build would make much smaller (estimated from statistics), and those that an interrupted build left invalid. Always CONCURRENTLY: reads and writes go on. Leftovers of interrupted rebuilds are dropped.',
  examples: [
    { command: 'maintain reindex --dry-run', does: 'See the estimated bloat of every index' },
    { command: 'maintain reindex artifacts', does: 'Rebuild every index of one table' },
  ],
  effect: 'write',
  args: selectionArguments,
  flags: {
    ...selectionFlags,
    bloatPercent: integerOr(40, '<n>', 'estimated bloat in percent from which an index is rebuilt', {
      min: 0,
      max: 100,
    }),
    minMegabytes: integerOr(1, '<n>', 'smaller indexes are left alone, in MiB', { min: 0 }),
    lockTimeout: duration('<time>', 'wait this long for older transactions (default 60s)'),
  },
  async run(context, input) {
    const { applyReindex, planReindex } = await import('../../maintenance/reindex.ts')
    const need = { bloatPercent: input.bloatPercent, minimumBytes: BigInt(input.minMegabytes) * 1_048_576n }
    return planAndApply(context, input, {
      label: 'reindex',
      plan: (db, selection) => planReindex(db, selection, need),
      apply: applyReindex,
      lockTimeoutMs: input.lockTimeout ?? LOCK_TIMEOUT_MS,
    })
  },
  view: (outcome) => maintenanceView(outcome, { indexes: true }),
  exitCode: maintenanceExit,
})
