/**
 * `npm run bench [name …]`: budgets as ratios against bare Node and psql, measured side by side in one run, since
 * machines differ and are noisy. BENCH_TASKS sets the size of the database (default 100,000 tasks with their
 * children; 1,000,000 for the figures of the reports). Needs psql on the path for the comparisons with it.
 */
import { readdir } from 'node:fs/promises'
import process from 'node:process'
import { openBench } from './harness.js'

const wanted = process.argv.slice(2)
const files = (await readdir(new URL('./cases/', import.meta.url))).filter((file) => file.endsWith('.js')).sort()
const bench = await openBench({ tasks: Number(process.env.BENCH_TASKS ?? 100_000) })
let missed = 0
try {
  for (const file of files) {
    const name = file.replace('.js', '')
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const { measure } = await import(`./cases/${file}`)
    for (const result of await measure(bench)) missed += print(name, result)
  }
} finally {
  await bench.close()
}
process.exitCode = missed > 0 ? 1 : 0

/** One line: what was compared, both figures, the ratio and its budget. Returns 1 when the budget was missed. */
function print(name, { what, ours, theirs, unit, value, budget }) {
  const ratio = value ?? ours / theirs
  const met = budget.atMost === undefined ? ratio >= budget.atLeast : ratio <= budget.atMost
  const bound = budget.atMost === undefined ? `≥ ${budget.atLeast}` : `≤ ${budget.atMost}`
  const figures = theirs === undefined ? '' : `${round(ours)} ${unit} : ${round(theirs)} ${unit}`
  console.log(
    `${met ? 'ok  ' : 'MISS'} ${name.padEnd(8)} ${what.padEnd(58)} ${round(ratio).padStart(8)} (${bound})  ${figures}`,
  )
  return met ? 0 : 1
}

function round(figure) {
  return figure >= 100 ? figure.toFixed(0) : figure >= 10 ? figure.toFixed(1) : figure.toFixed(2)
}
