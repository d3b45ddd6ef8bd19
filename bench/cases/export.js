/** Export against psql's \copy, its memory, and paging by cursor. */
import { peakMemoryOf, stewardCommand, timeInTurns } from '../harness.js'

const COLUMNS =
  'action_id, step_id, action_type, confidence_float, element_id, text, option, file_url, coordinate, reasoning, created_at'

export async function measure(bench) {
  const rows = Number(await bench.psql('SELECT count(*) FROM skyvern.actions'))
  const times = await timeInTurns(
    {
      csv: stewardCommand(bench, 'skyvern', 'action', 'export', '--out', 'ours.csv', '--format', 'csv'),
      ndjson: stewardCommand(bench, 'skyvern', 'action', 'export', '--out', 'ours.ndjson', '--format', 'ndjson'),
      copyCsv: psqlCommand(
        bench,
        `\\copy (SELECT ${COLUMNS} FROM skyvern.actions) TO 'theirs.csv' (FORMAT csv, HEADER)`,
      ),
      copyJson: psqlCommand(
        bench,
        `\\copy (SELECT row_to_json(a) FROM (SELECT ${COLUMNS} FROM skyvern.actions) a) TO 'theirs.ndjson'`,
      ),
    },
    3,
  )
  const speed = (milliseconds) => rows / milliseconds
  const memory = await peakMemoryOf({
    args: ['skyvern', 'action', 'export', '--out', 'memory.ndjson', '--format', 'ndjson'],
    env: bench.env,
    cwd: bench.home,
  })
  return [
    {
      what: `export ${rows} actions as CSV : \\copy to`,
      ours: speed(times.csv),
      theirs: speed(times.copyCsv),
      unit: 'rows/ms',
      budget: { atLeast: 0.7 },
    },
    {
      what: `export ${rows} actions as NDJSON : \\copy to`,
      ours: speed(times.ndjson),
      theirs: speed(times.copyJson),
      unit: 'rows/ms',
      budget: { atLeast: 0.7 },
    },
    { what: `memory while exporting ${rows} rows, MiB`, value: memory, budget: { atMost: 150 } },
  ]
}

function psqlCommand(bench, command) {
  return {
    command: 'psql',
    args: ['-Xq', '-v', 'ON_ERROR_STOP=1', bench.url, '-c', command],
    env: bench.env,
    cwd: bench.home,
  }
}
