/** The last page by cursor against the first. */
import { stewardCommand, timeInTurns } from '../harness.js'

const LIMIT = 20

export async function measure(bench) {
  const page = Math.min(10_000, Math.floor((bench.tasks * 0.95) / LIMIT))
  const cursor = await cursorAfter(bench, page * LIMIT)
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

/** A cursor for so many rows into the list, had by walking there in the largest steps that a page allows. */
async function cursorAfter(bench, rows) {
  let cursor
  for (let done = 0; done < rows; ) {
    const limit = Math.min(10_000, rows - done)
    const after = cursor === undefined ? [] : ['--after', cursor]
    const page = ['skyvern', 'task', 'list', '--limit', String(limit), '--fields', 'task_id', '-o', 'csv', ...after]
    const { stderr } = await bench.steward(...page)
    cursor = /--after (\S+)/.exec(stderr)?.[1]
    if (cursor === undefined) throw new Error(`no cursor in: ${stderr}`)
    done += limit
  }
  return cursor
}
