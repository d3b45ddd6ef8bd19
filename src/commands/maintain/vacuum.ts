/** `steward maintain vacuum`. */
import { defineCommand } from '../command.ts'
import { integerOr } from '../flags.ts'
import { maintenanceExit, maintenanceView, planAndApply, selectionArguments, selectionFlags } from './selection.ts'

export const vacuum = defineCommand({
  name: 'vacuum',
  summary: 'Vacuum tables with many dead rows',
  description:
    'Removes dead row versions and renews the statistics of the tables that need it. The space becomes free for new rows; only pages at the end of a table go back to the operating system.',
  examples: [
    { command: 'maintain vacuum --dry-run', does: 'See which tables need it, and why' },
    { command: 'maintain vacuum tasks steps', does: 'Vacuum two tables, needed or not' },
    { command: 'maintain vacuum --dead-percent 5 --json', does: 'A lower threshold, results for another tool' },
  ],
  effect: 'write',
  args: selectionArguments,
  flags: {
    ...selectionFlags,
    deadPercent: integerOr(10, '<n>', 'dead rows in percent from which a table is vacuumed', { min: 0, max: 100 }),
    deadRows: integerOr(1000, '<n>', 'fewer dead rows than this are left alone', { min: 0 }),
    days: integerOr(7, '<n>', 'days after which a table with dead rows is vacuumed', { min: 0 }),
  },
  async run(context, input) {
    const { applyVacuum, planVacuum } = await import('../../maintenance/vacuum.ts')
    return planAndApply(context, input, {
      label: 'vacuum',
      plan: (db, selection) => planVacuum(db, selection, input),
      apply: applyVacuum,
    })
  },
  view: (outcome) => maintenanceView(outcome, { indexes: false }),
  exitCode: maintenanceExit,
})
