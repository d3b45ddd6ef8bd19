/** Start-up against bare Node. */
import { bareNode, stewardCommand, timeInTurns } from '../harness.js'

export async function measure(bench) {
  const times = await timeInTurns(
    {
      bare: bareNode,
      help: stewardCommand(bench, '--help'),
      verbHelp: stewardCommand(bench, 'skyvern', 'task', 'list', '--help'),
      version: stewardCommand(bench, '--version'),
      complete: stewardCommand(bench, '__complete', 'skyvern', 'ta'),
      list: stewardCommand(bench, 'skyvern', 'task', 'list', '--limit', '20'),
    },
    21,
  )
  const against = (what, ours, atMost) => ({ what, ours, theirs: times.bare, unit: 'ms', budget: { atMost } })
  return [
    against('--help : node -e 0', times.help, 1.5),
    against('skyvern task list --help : node -e 0', times.verbHelp, 1.5),
    against('--version : node -e 0', times.version, 1.5),
    against('completion : node -e 0', times.complete, 1.5),
    against('skyvern task list --limit 20 : node -e 0', times.list, 3),
  ]
}
