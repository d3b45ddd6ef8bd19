import { defineCommand } from '../command.ts'
import { ownServer, shownStatus, statusView } from './view.ts'

export const start = defineCommand({
  name: 'start',
  summary: 'Start the embedded server, creating it the first time',
  description: 'It goes on running when steward ends. Starting a server that runs changes nothing.',
  examples: [{ command: 'server start', does: 'Start the server and show where it is' }],
  effect: 'write',
  async run(context) {
    const server = await ownServer(context)
    const { postmaster, started, created } = await server.start(context.ui.progress)
    context.ui.endProgress()
    const shown = await shownStatus(context)
    const what = `PostgreSQL ${shown.status.version ?? ''}`.trim()
    if (created) context.ui.note(`Created and started ${what} (process ${postmaster.pid}).`)
    else if (started) context.ui.note(`Started ${what} (process ${postmaster.pid}).`)
    else context.ui.note(`${what} is already running (process ${postmaster.pid}).`)
    return shown
  },
  view: statusView,
})
