/** Each report against the same SQL in psql. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundled, stewardCommand, timeInTurns } from '../harness.js'

export async function measure(bench) {
  const { reportStatements } = await bundled('report-sql.ts', bench.home)
  const [organization, workflow, task] = (
    await bench.psql(`
      SELECT (SELECT organization_id FROM skyvern.tasks GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
        || ' ' || (SELECT workflow_id FROM skyvern.workflow_runs GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
        || ' ' || (SELECT max(task_id) FROM skyvern.tasks)`)
  ).split(' ')
  const reports = [
    ['task-summary', task],
    ['workflow-analytics', workflow],
    ['step-metrics', organization],
    ['organization-usage', organization],
    ['organization-performance', organization],
    ['workflow-bottlenecks', workflow],
  ]
  const psqlCommand = (...args) => ({
    command: 'psql',
    args: ['-Xq', '-v', 'ON_ERROR_STOP=1', bench.url, ...args],
    env: bench.env,
    cwd: bench.home,
  })
  const results = []
  for (const [name, argument] of reports) {
    const period = name === 'task-summary' ? [] : ['--since', '120d']
    const file = join(bench.home, `${name}.sql`)
    const statements = await reportStatements('skyvern', name, argument, 120)
    await writeFile(
      file,
      `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;\n${statements.join(';\n')};\nCOMMIT;\n`,
    )
    const times = await timeInTurns(
      {
        ours: stewardCommand(bench, 'skyvern', 'report', name, argument, '--json', ...period),
        theirs: psqlCommand('-f', file),
        ourStart: stewardCommand(bench, 'skyvern', 'organization', 'list', '--limit', '1', '--json'),
        theirStart: psqlCommand('-c', 'SELECT 1'),
      },
      7,
    )
    // What is compared is the work. Starting, connecting and a first query take Node longer than psql whatever the
    // report; what psql does in less than that leaves nothing to compare.
    results.push({
      what: `${name} : the same SQL in psql, start-up apart`,
      ours: times.ours - times.ourStart,
      theirs: times.theirs - times.theirStart,
      unit: 'ms',
      budget: { atMost: 1.2, comparableFrom: 50 },
    })
  }
  return results
}
