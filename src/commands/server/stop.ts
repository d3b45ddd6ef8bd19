import { silent } from '../../output/view.ts'
import { defineCommand } from '../command.ts'
import { ownServer, shownStatus, statusView } from './view.ts'

export const stop = defineCommand({
  name: 'stop',
  summary: 'Stop the embedded server',
  description:
    'Open transactions are rolled back and their clients disconnected. The data stays; the next command that needs ' +
    'the server starts it again. Stopping a server that is down changes nothing.',
  examples: [{ command: 'server stop', does: 'Stop the server' }],
  effect: 'write',
  async run(context) {
    const stopped = await (await ownServer(context)).stop()
    context.ui.note(
      stopped === undefined ? 'The embedded server is not running.' : `Stopped the server (process ${stopped.pid}).`,
    )
    return shownStatus(context)
  },
  // People have read the note; a program gets the state.
  view: (shown, _, { format }) => (format === 'table' ? silent : statusView(shown)),
})
