/** `steward maintain analyze`. */
import { defineCommand } from '../command.ts'
import { integerOr } from '../flags.ts'
import { maintenanceExit, maintenanceView, planAndApply, selectionArguments, selectionFlags } from './selection.ts'

export const analyze = defineCommand({
  name: 'analyze',
  summary: "Renew the planner's statistics where they are stale",
  description:
    'Gathers statistics for the tables whose rows changed much since the last time, so that the planner chooses well.',
  examples: [
    { command: 'maintain analyze --dry-run', does: 'See which tables need it, and why' },
    { command: 'maintain analyze --all', does: 'Every table, after a large import' },
  ],
  effect: 'write',
  args: selectionArguments,
  flags: {
    ...selectionFlags,
    changedPercent: integerOr(10, '<n>', 'changed rows in percent from which a table is analysed', { min: 0 }),
    changedRows: integerOr(50, '<n>', 'fewer changed rows than this are left alone', { min: 0 }),
    days: integerOr(7, '<n>', 'days after which a changed table is analysed', { min: 0 }),
  },
  async run(context, input) {
    const { applyAnalyze, planAnalyze } = await import('../../maintenance/analyze.ts')
    return planAndApply(context, input, {
      label: 'analyze',
      plan: (db, selection) => planAnalyze(db, selection, input),
      apply: applyAnalyze,
    })
  },
  view: (outcome) => maintenanceView(outcome, { indexes: false }),
  exitCode: maintenanceExit,
})
