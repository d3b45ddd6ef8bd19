/**
 * The queries of AutoPR's document against the times that it expects. BENCH_EXECUTIONS sets the size: 1,000,000 for the
 * document's own row estimates (10,000 workflows, ten million log lines, a million events), a tenth unless set.
 */
import { bundled, openOwn } from '../harness.js'

/** This case has a server of its own. */
export const own = true

const ROUNDS = 15

export async function measure() {
  const executions = Number(process.env.BENCH_EXECUTIONS ?? 100_000)
  const bench = await openOwn()
  try {
    const { LONG_LOG, LONG_QUEUE, QUERIES, indexesOf, parentIndex } = await bundled('autopr-queries.ts', bench.home)
    await bench.steward('migrate', 'up', '--system', 'autopr')
    console.error(`seeding ${executions} executions …`)
    await bench.steward('seed', 'run', 'autopr', '--rows', String(executions))
    await bench.psql(LONG_LOG)
    await bench.psql(LONG_QUEUE)
    await bench.psql('VACUUM ANALYZE')
    const results = []
    for (const { name, milliseconds, index, rows, subject, sql } of QUERIES) {
      const value = await bench.psql(subject)
      const query = sql(`'${value.replaceAll("'", "''")}'`)
      const found = Number(await bench.psql(`SELECT count(*) FROM (${query}) AS q`))
      const plans = []
      for (let round = 0; round <= ROUNDS; round++) {
        plans.push(await bench.psql(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${query}`))
      }
      const used = new Set()
      for (const each of new Set(indexesOf(plans[0]))) used.add(await bench.psql(parentIndex(each)))
      const ways = [...used].join(', ') || 'no index'
      if (ways !== (index ?? 'no index')) throw new Error(`${name}: ${ways}, not ${index ?? 'the table'}`)
      if (found < rows[0] || found > rows[1]) console.error(`${name} finds ${found} rows, not ${rows.join(' to ')}`)
      // The first run finds cold caches; what is compared is the time of the server.
      const times = plans.slice(1).map((plan) => Number(/"Execution Time": ([\d.]+)/.exec(plan)[1]))
      results.push({
        what: `${name} (${found} rows by ${ways}) : expected`,
        ours: times.sort((a, b) => a - b)[Math.floor(times.length / 2)],
        theirs: milliseconds,
        unit: 'ms',
        budget: { atMost: 1 },
      })
    }
    return results
  } finally {
    await bench.close()
  }
}
