/** `steward status`: what is connected, what is in it, what is due. */

import { isForPeople } from '../output/view.ts'
import { defineCommand } from './command.ts'
import { toggle } from './flags.ts'
import { gatherOverview } from './overview.ts'
import { overviewView } from './overview-view.ts'

export const status = defineCommand({
  name: 'status',
  summary: 'Connection, versions, migrations, sizes, what retention waits for, and what to do next',
  examples: [
    { command: 'status', does: 'Look at the database of the default profile' },
    { command: '--profile production status --json', does: 'The same for another, for a script' },
  ],
  effect: 'read',
  flags: {
    full: toggle('every table, outcome and retention rule, also where several systems would fill more than a screen'),
  },
  run: gatherOverview,
  view: (overview, { full }, { format }) => overviewView(overview, full || !isForPeople(format)),
})
