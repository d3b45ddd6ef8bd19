/**
 * `npm run bench [name …]`: budgets as ratios against bare Node and psql, measured side by side in one run, since
 * machines differ and are noisy. BENCH_TASKS sets the size of the database (default 100,000 tasks with their
 * children; 1,000,000 for the figures of the reports) and BENCH_EXECUTIONS that of `autopr-queries`; BENCH_DATA_HOME
 * names the data home of a server that is seeded already and stays as it is. Needs psql on the path for the comparisons
 * with it.
 */
import { readdir } from 'node:fs/promises'
import process from 'node:process'
import { openBench } from './harness.js'

const wanted = process.argv.slice(2)
const files = (await readdir(new URL('./cases/', import.meta.url))).filter((file) => file.endsWith('.js')).sort()
/** The server that most cases share; those with one of their own (`own`) do not wait for it. */
let bench
const shared = async () => {
  bench ??= await openBench({
    tasks: Number(process.env.BENCH_TASKS ?? 100_000),
    kept: process.env.BENCH_DATA_HOME,
  })
  return bench
}
let missed = 0
try {
  for (const file of files) {
    const name = file.replace('.js', '')
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const { measure, own = false } = await import(`./cases/${file}`)
    for (const result of await measure(own ? undefined : await shared())) missed += print(name, result)
  }
} finally {
  await bench?.close()
}
process.exitCode = missed > 0 ? 1 : 0

/** One line: what was compared, both figures, the ratio and its budget. Returns 1 when the budget was missed. */
function print(name, { what, ours, theirs, unit, value, budget }) {
  const ratio = value ?? ours / theirs
  const comparable = budget.comparableFrom === undefined || theirs >= budget.comparableFrom
  const met = budget.atMost === undefined ? ratio >= budget.atLeast : ratio <= budget.atMost
  const verdict = comparable ? (met ? 'ok' : 'MISS') : 'short'
  const bound = budget.atMost === undefined ? `≥ ${budget.atLeast}` : `≤ ${budget.atMost}`
  const figures = theirs === undefined ? '' : `${round(ours)} ${unit} : ${round(theirs)} ${unit}`
  const shown = comparable ? round(ratio) : '–'
  console.log(
    `${verdict.padEnd(5)} ${name.padEnd(14)} ${what.padEnd(62)} ${shown.padStart(7)} (${bound})  ${figures}`,
  )
  return verdict === 'MISS' ? 1 : 0
}

function round(figure) {
  return figure >= 100 ? figure.toFixed(0) : figure >= 10 ? figure.toFixed(1) : figure.toFixed(2)
}
