/** The last page by cursor against the first. */
import { stewardCommand, timeInTurns } from '../harness.js'

const LIMIT = 20

export async function measure(bench) {
  const page = Math.min(10_000, Math.floor(bench.tasks / LIMIT) - 1)
  // A cursor for deep in the list, had by listing one very long page before it.
  const { stderr } = await bench.steward(
    'skyvern',
    'task',
    'list',
    '--limit',
    String(page * LIMIT),
    '--fields',
    'task_id',
    '-o',
    'csv',
  )
  const cursor = /--after (\S+)/.exec(stderr)?.[1]
  if (cursor === undefined) throw new Error(`no cursor in: ${stderr}`)
  const list = ['skyvern', 'task', 'list', '--limit', String(LIMIT)]
  const times = await timeInTurns(
    { first: stewardCommand(bench, ...list), deep: stewardCommand(bench, ...list, '--after', cursor) },
    11,
  )
  return [
    {
      what: `page ${page} by cursor : page 1`,
      ours: times.deep,
      theirs: times.first,
      unit: 'ms',
      budget: { atMost: 1.2 },
    },
  ]
}
