/**
 * Retention of a table that is partitioned by month: dropping the month against deleting its rows.
 * BENCH_PARTITION_ROWS is how many rows the month has (default 1,000,000; what a drop takes does not depend on it).
 */
import process from 'node:process'
import { openOwn, stewardCommand, timeOf } from '../harness.js'

/** A server of its own: the rows go. */
export const own = true

const ROWS = Number(process.env.BENCH_PARTITION_ROWS ?? 1_000_000)

/** A month of log lines that is over long ago. */
const month = (name, from, until) => `
  CREATE TABLE IF NOT EXISTS autopr.execution_logs_${name} PARTITION OF autopr.execution_logs
    FOR VALUES FROM ('${from} 00:00:00+00') TO ('${until} 00:00:00+00');
  INSERT INTO autopr.execution_logs (execution_id, level, message, created_at)
    SELECT e.id, 'INFO', 'line ' || n, '${from} 00:00:00+00'::timestamptz + n * '1 second'::interval
    FROM generate_series(1, ${ROWS}) AS n, LATERAL (SELECT id FROM autopr.workflow_executions LIMIT 1) AS e;
  ANALYZE autopr.execution_logs`

export async function measure() {
  const bench = await openOwn()
  try {
    await bench.steward('migrate', 'up')
    await bench.steward('seed', 'run', 'autopr', '--rows', '10', '--until', '2024-06-01')
    await bench.psql(month('y2024m01', '2024-01-01', '2024-02-01'))
    await bench.psql('CHECKPOINT')
    const url = (await bench.steward('server', 'url')).stdout.trim()
    const theirs = await timeOf({
      command: 'psql',
      args: [
        '-Xq',
        '-v',
        'ON_ERROR_STOP=1',
        url,
        '-c',
        "DELETE FROM autopr.execution_logs WHERE created_at < '2024-02-01'",
      ],
      env: bench.env,
      cwd: bench.home,
    })
    await bench.psql('DROP TABLE autopr.execution_logs_y2024m01')
    await bench.psql(month('y2024m01', '2024-01-01', '2024-02-01'))
    await bench.psql('CHECKPOINT')
    const ours = await timeOf(
      stewardCommand(bench, 'maintain', 'partitions', '--system', 'autopr', '--drop', '--yes'),
    )
    const left = await bench.psql("SELECT count(*) FROM autopr.execution_logs WHERE created_at < '2024-02-01'")
    if (left !== '0') throw new Error(`${left} rows are left`)
    return [
      {
        what: `drop a month of ${ROWS} rows : DELETE them`,
        ours: ROWS / (ours / 1000),
        theirs: ROWS / (theirs / 1000),
        unit: 'rows/s',
        budget: { atLeast: 1 },
      },
    ]
  } finally {
    await bench.close()
  }
}
