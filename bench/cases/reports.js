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
  const results = []
  for (const [name, argument] of reports) {
    const file = join(bench.home, `${name}.sql`)
    const statements = await reportStatements('skyvern', name, argument, 3650)
    await writeFile(
      file,
      `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;\n${statements.join(';\n')};\nCOMMIT;\n`,
    )
    const times = await timeInTurns(
      {
        ours: stewardCommand(
          bench,
          'skyvern',
          'report',
          name,
          argument,
          '--json',
          ...(name === 'task-summary' ? [] : ['--since', '3650d']),
        ),
        theirs: {
          command: 'psql',
          args: ['-Xq', '-v', 'ON_ERROR_STOP=1', bench.url, '-f', file],
          env: bench.env,
          cwd: bench.home,
        },
        start: stewardCommand(bench, '--version'),
      },
      5,
    )
    // What is compared is the work: a process of Node takes longer to start than one of psql, whatever it then does.
    results.push({
      what: `${name} : the same SQL in psql, start-up of Node apart`,
      ours: times.ours - times.start,
      theirs: times.theirs,
      unit: 'ms',
      budget: { atMost: 1.2 },
    })
  }
  return results
}
