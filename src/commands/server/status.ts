import { defineCommand } from '../command.ts'
import { shownStatus, statusView } from './view.ts'

export const status = defineCommand({
  name: 'status',
  summary: 'Show whether the embedded server runs, and where it keeps what',
  description: 'A server that is stopped, or was never made, is no trouble: the exit code is 0 and `state` says it.',
  examples: [
    { command: 'server status', does: 'Process, version, data directory, size, log' },
    { command: 'server status --json', does: 'The same for a script; .state is running, stopped, absent, …' },
  ],
  effect: 'read',
  async run(context) {
    const shown = await shownStatus(context)
    if (shown.status.state === 'absent') context.ui.note('There is no embedded server yet: steward server start')
    return shown
  },
  view: statusView,
})
