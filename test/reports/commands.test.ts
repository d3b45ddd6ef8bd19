/** The report commands from end to end, over rows few enough to check by hand. */
import stringWidth from 'string-width'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systems } from '../../src/systems/registry.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { insertByHand } from './by-hand.ts'
import { insertFixture } from './fixture.ts'

let database: TestDatabase
let large: TestDatabase
beforeAll(async () => {
  ;[database, large] = [await createTestDatabase(), await createTestDatabase()]
  await insertFixture(large.db)
  await insertByHand(database.db)
})
afterAll(async () => {
  await database?.drop()
  await large?.drop()
})

const MARCH = ['--since', '2026-03-01', '--until', '2026-03-05']
/** Progress would go to stderr; on a slow machine it would be there. */
const TERMINAL = { stdout: true, columns: 80 }

function report(argv: readonly string[], options: CliOptions = {}, url = database.url) {
  return runCli(['skyvern', 'report', ...argv], {
    now: () => new Date('2026-03-05T00:00:00Z'),
    ...options,
    env: { DATABASE_URL: url, NO_COLOR: '1', LANG: 'C.UTF-8', TERM: 'xterm', ...options.env },
  })
}

describe('on a terminal of 80 columns', () => {
  it('says how one task went and why', async () => {
    const { exitCode, stdout, stderr } = await report(['task-summary', 'tsk_2'], { tty: TERMINAL })
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatchInlineSnapshot(`
      "Task
      task id            tsk_2
      status             failed
      failure reason     Element not found: the button "Continue to payment" did not
                         appear within 30 seconds
      created at         2026-03-01 12:00:00 (3 d ago)
      completed at       2026-03-01 12:00:30 (3 d ago)
      execution time     30 s
      total steps        3
      completed steps    2
      failed steps       1
      step success rate  66.7%
      total artifacts    4
      last activity      2026-03-01 12:00:07 (3 d ago)

      Steps
      ORDER  TYPE        STATUS     RETRIES  ACTIONS  DURATION  FAILURE REASON
          1  navigation  completed        0        0     3.5 s  –
          2  action      completed        1        2       1 s  –
          3  action      failed           2        0      23 s  Gave up after two ret…
      "
    `)
  })

  it('draws the days', async () => {
    const { stdout } = await report(['organization-performance', 'o_1', ...MARCH], { tty: TERMINAL })
    expect(stdout).toMatchInlineSnapshot(`
      "Organization performance
      organization id  o_1
      organization     Northwind
      since            2026-03-01 00:00:00 (4 d ago)
      until            2026-03-05 00:00:00 (just now)

      Tasks by day (UTC)
      DATE        TASKS  COMPLETED  FAILED  AVERAGE DURATION  COMPLETED STEPS EACH
      2026-03-01      2          1       1            1m 00s                     1
      2026-03-02      0          0       0                 –                     –
      2026-03-03      1          1       0            2m 00s                     0
      2026-03-04      0          0       0                 –                     –

      tasks
      2 ┤███
        ┤███
        ┤███
        ┤███   ███
        ┤███   ███
      0 ┤███   ███
        └────────────
         2026-03-01 - 2026-03-04

      failed
      1 ┤███
        ┤███
        ┤███
        ┤███
        ┤███
      0 ┤███
        └────────────
         2026-03-01 - 2026-03-04

      Most frequent reasons of failure
      FAILURE REASON                                            TASKS  OF ALL FAILURES
      Element not found: the button "Continue to payment" did…      1             100%

      Element not found: the button "…  ████████████████████████████████████████████ 1

      Artifacts by type
      TYPE             ARTIFACTS  TOTAL SIZE  AVERAGE SIZE
      recording                2    38.1 MiB      38.1 MiB
      screenshot_step          2     2.4 MiB       1.2 MiB
      "
    `)
  })

  it('recommends', async () => {
    const { stdout } = await report(['workflow-bottlenecks', 'w_1', ...MARCH], { tty: TERMINAL })
    expect(stdout).toMatchInlineSnapshot(`
      "Workflow bottlenecks
      workflow id  w_1
      workflow     Invoices
      since        2026-03-01 00:00:00 (4 d ago)
      until        2026-03-05 00:00:00 (just now)

      Blocks, slowest first
      BLOCK  TYPE      STARTED  AVERAGE  MEDIAN     P95  FAILED  FAILURE RATE
          1  download        2   1m 13s  1m 13s  1m 45s       1           50%
          0  login           2     15 s    15 s  19.5 s       0            0%

      Time between blocks, slowest first
      FROM  TO  COUNT  AVERAGE
         0   1      2    1.5 s

      Recommendations
      • Block 1 (download) takes 73.0 s on average, the longest of all: look there
        first for time.
      • Block 1 (download) fails in 50.0 % of its executions: look at its error
        handling and retries.
      "
    `)
  })

  it('has room for every column of every report', async () => {
    const asked = [
      ['task-summary', 'tsk_5'],
      ['workflow-analytics', 'w_0'],
      ['workflow-bottlenecks', 'w_0'],
      ...['step-metrics', 'organization-usage', 'organization-performance'].flatMap((name) => [
        [name],
        [name, 'o_large'],
      ]),
    ]
    expect(new Set(asked.map(([name]) => name))).toEqual(new Set(skyvern.reports.map(({ name }) => name)))
    for (const words of asked) {
      const period = words[0] === 'task-summary' ? [] : ['--since', '2026-03-25', '--until', '2026-04-09']
      const { stdout, stderr } = await report([...words, ...period], { tty: TERMINAL }, large.url)
      expect(stderr, words.join(' ')).toBe('')
      expect(stdout.split('\n').filter((line) => stringWidth(line) > 80)).toEqual([])
    }
  })
})

describe('formats', () => {
  it('carry the same figures', async () => {
    const ask = async (...format: string[]) => {
      const { exitCode, stdout } = await report(['organization-performance', ...MARCH, ...format])
      expect(exitCode).toBe(0)
      return stdout
    }
    const json = JSON.parse(await ask('--json'))
    expect(json).toEqual({
      about: {
        organization_id: null,
        organization_name: null,
        since: '2026-03-01T00:00:00.000000Z',
        until: '2026-03-05T00:00:00.000000Z',
      },
      daily: [
        day('2026-03-01', 2, 1, 1, 60, 1),
        day('2026-03-02', 0, 0, 0, null, null),
        day('2026-03-03', 1, 1, 0, 120, 0),
        day('2026-03-04', 0, 0, 0, null, null),
      ],
      errors: [
        {
          failure_reason: 'Element not found: the button "Continue to payment" did not appear within 30 seconds',
          error_count: 1,
          error_percentage: 100,
        },
      ],
      resources: [
        { artifact_type: 'recording', artifact_count: 2, total_size_bytes: 40_000_000, avg_size_bytes: 40_000_000 },
        {
          artifact_type: 'screenshot_step',
          artifact_count: 2,
          total_size_bytes: 2_501_500,
          avg_size_bytes: 1_250_750,
        },
      ],
    })
    expect(await ask('-o', 'csv', '--section', 'daily')).toBe(
      [
        'date,tasks,completed,failed,avg_duration_seconds,avg_steps_per_task',
        '2026-03-01,2,1,1,60,1',
        '2026-03-02,0,0,0,,',
        '2026-03-03,1,1,0,120,0',
        '2026-03-04,0,0,0,,',
        '',
      ].join('\n'),
    )
    expect(await ask('-o', 'csv', '--section', 'resources')).toContain('\nscreenshot_step,2,2501500,1250750\n')
    expect(await ask('-o', 'csv', '--section', 'errors')).toContain(
      '\n"Element not found: the button ""Continue to payment"" did not appear within 30 seconds",1,100\n',
    )
    const markdown = await ask('-o', 'md')
    expect(markdown).toContain('## Organization performance, all organizations\n')
    expect(markdown).toContain('\n| 2026-03-01 | 2 | 1 | 1 | 1m 00s | 1 |\n| 2026-03-02 | 0 | 0 | 0 | – | – |\n')
    expect(markdown).toContain('\n| screenshot_step | 2 | 2.4 MiB | 1.2 MiB |\n')
    const table = await ask()
    expect(table).toMatch(/\n2026-03-01 +2 +1 +1 +1m 00s +1\n2026-03-02 +0 +0 +0 +– +–\n/)
    expect(table).toMatch(/\nscreenshot_step +2 +2\.4 MiB +1\.2 MiB\n/)
  })

  it('give machines what people have no room for', async () => {
    const { stdout } = await report(['task-summary', 'tsk_2', '-o', 'csv', '--section', 'steps'])
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'order,step_id,step_type,status,retry_index,actions,duration_seconds,failure_reason',
      '1,stp_1,navigation,completed,0,0,3.5,',
    ])
    const { stdout: analytics } = await report(['workflow-analytics', 'w_1', ...MARCH, '--json'])
    expect(JSON.parse(analytics)).toMatchObject({
      about: { workflow_id: 'w_1', title: 'Invoices' },
      summary: { workflow_id: 'w_1', total_runs: 2, success_rate: 50, avg_execution_time_seconds: 90 },
      failures: [{ failure_reason: null, runs: 1 }],
    })
  })

  it('keep every digit of a sum beyond 64 bits', async () => {
    const { stdout } = await report(
      ['organization-usage', '--json', '--since', '2026-01-01', '--until', '2026-06-01'],
      {},
      large.url,
    )
    const [, digits = ''] = /"storage_bytes": (\d+)/.exec(stdout) ?? []
    expect(BigInt(digits)).toBeGreaterThan(2n ** 63n)
    expect(digits).not.toMatch(/000000$/)
  })

  it('have recommendations as a list, empty when nothing stands out', async () => {
    const { stdout } = await report(['workflow-bottlenecks', 'w_1', '--until', '2020-01-01', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ blocks: [], transitions: [], recommendations: [] })
    const { stdout: people } = await report(['workflow-bottlenecks', 'w_1', '--until', '2020-01-01'])
    expect(people).toContain('\nNo block was started in this period.\n')
    expect(people).toMatch(/\nRecommendations\nNothing stands out\.\n$/)
    const { stdout: markdown } = await report(['workflow-bottlenecks', 'w_1', '--until', '2020-01-01', '-o', 'md'])
    expect(markdown).toMatch(/\n## Recommendations\n\nNothing stands out\.\n$/)
  })

  it('that know one table only ask which', async () => {
    const { exitCode, stderr } = await report(['organization-usage', '-o', 'csv'])
    expect(exitCode).toBe(2)
    expect(JSON.parse(stderr).error.hint).toBe('Choose one with --section: about, tasks, workflows, resources')
    const unknown = await report(['organization-usage', '--json', '--section', 'task'])
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' })
    expect(JSON.parse(unknown.stderr).error.message).toBe('There is no section task; did you mean tasks?')
    const only = await report(['step-metrics', ...MARCH, '-o', 'csv'])
    expect(only.stdout).toMatch(
      /^step_type,total_steps,[^\n]+\naction,2,1,1,50,12,1\.5\nnavigation,1,1,0,100,3\.5,0\n$/,
    )
  })
})

function day(
  date: string,
  tasks: number,
  completed: number,
  failed: number,
  avg_duration_seconds: number | null,
  avg_steps_per_task: number | null,
) {
  return { date, tasks, completed, failed, avg_duration_seconds, avg_steps_per_task }
}

describe('refusals', () => {
  it.each([
    ['task-summary tsk_9', 4, 'There is no task tsk_9', 'steward skyvern task list'],
    ['organization-usage o_9', 4, 'There is no organization o_9', 'steward skyvern organization list'],
    ['workflow-bottlenecks w_9', 4, 'There is no workflow w_9', 'steward skyvern workflow list'],
    ['task-summary', 2, '<task-id> is required', '--help'],
    ['workflow-analytics', 2, '<workflow-id> is required', '--help'],
    ['step-metrics --since 1d --until 2d', 2, '--since does not lie before --until', '7d'],
    ['step-metrics --since 2999-01-01', 2, 'The period is empty', '7d'],
    ['step-metrics --since 99999999w', 2, '--since must not lie more than 6000 years back', '--help'],
    ['step-metrics --since 0000-01-01', 2, 'outside the calendar', '7d'],
    ['step-metrics --since 2026-02-30', 2, '--since must be a time', '--help'],
    ['task-summary tsk_1 --since 7d', 2, 'since', '--help'],
    ['step-metric', 2, "no command 'step-metric'", 'Did you mean: steward skyvern report step-metrics'],
  ])('%s: exit %i', async (line, exitCode, message, hint) => {
    const result = await report(line.split(' '))
    expect(result).toMatchObject({ exitCode, stdout: '' })
    const [first, second] = result.stderr.split('\n')
    expect(first).toContain(message)
    expect(second).toMatch(/^hint: /)
    expect(second).toContain(hint)
  })
})

describe('report list', () => {
  it('names every report with its parameters, without a database', async () => {
    const { exitCode, stdout } = await runCli(['report', 'list'], {
      tty: { stdout: true, columns: 160 },
      env: { NO_COLOR: '1' },
    })
    expect(exitCode).toBe(0)
    const lines = stdout.split('\n').map((line) => line.split(/ {2,}/))
    expect(lines[0]).toEqual(['REPORT', 'SYSTEM', 'PARAMETERS', 'ANSWERS'])
    const loaded = await Promise.all(systems.map(({ load }) => load()))
    const declared = loaded.flatMap(({ name, reports }) => reports.map((report) => [report.name, name]))
    expect(lines.slice(1, -1).map(([report, system]) => [report, system])).toEqual(declared)
    expect(lines.filter(([, system]) => system === 'skyvern')).toEqual([
      ['task-summary', 'skyvern', '<task-id>', 'How one task went, and why'],
      ['workflow-analytics', 'skyvern', '<workflow-id>', 'Runs of one workflow'],
      ['step-metrics', 'skyvern', '[organization-id]', 'Steps by type'],
      ['organization-usage', 'skyvern', '[organization-id]', 'Tasks, runs, storage used'],
      ['organization-performance', 'skyvern', '[organization-id]', 'Daily tasks, errors, files'],
      ['workflow-bottlenecks', 'skyvern', '<workflow-id>', 'Slow and failing blocks'],
    ])
  })

  it('tells machines the default period too', async () => {
    const { stdout } = await runCli(['report', 'list', '--json'])
    expect(JSON.parse(stdout).find((row: { report: string }) => row.report === 'step-metrics')).toEqual({
      system: 'skyvern',
      report: 'step-metrics',
      parameters: '[organization-id]',
      days: 7,
      answers: 'Steps by type',
    })
  })
})
