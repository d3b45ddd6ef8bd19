/** `maintain run` as cron and an operator meet it: its plan, its results, its exit codes, and runs that are killed. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exitCodeOfJobs } from '../../src/commands/governed.ts'
import { withLease } from '../../src/db/lease.ts'
import { InterruptedError } from '../../src/errors.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { parseExposition } from '../support/exposition.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
let folder: string
let program: Program

beforeAll(async () => {
  ;[database, folder, program] = await Promise.all([
    createTestDatabase(),
    mkdtemp(join(tmpdir(), 'steward-run-')),
    bundleProgram(join(import.meta.dirname, '../crud/run-main.ts')),
  ])
  await database.db.execute(sql`
    INSERT INTO agensium.users (email, full_name, hashed_password)
    VALUES ('ada@example.com', 'Ada', ${`$2b$12$${'a'.repeat(53)}`})`)
})
afterAll(() => Promise.all([database.drop(), rm(folder, { recursive: true }), program.remove()]))
beforeEach(async () => {
  const { db } = database
  await db.execute(sql`TRUNCATE agensium.tasks, steward.job_runs, steward.journal RESTART IDENTITY CASCADE`)
})

/** Tasks whose upload never began, created so many hours ago. */
const abandoned = (count: number) =>
  database.db.execute(sql`
    INSERT INTO agensium.tasks (user_id, tool_id, agents, status, created_at)
    SELECT id, 'profile-my-data', '["cleaner"]', 'CREATED', now() - make_interval(hours => n::integer)
    FROM agensium.users, generate_series(1, ${count}::integer) AS n`)

const maintain = (argv: readonly string[], options: CliOptions = {}) =>
  runCli(['maintain', ...argv], { ...options, env: { STEWARD_URL: database.url, ...options.env } })

const ONE = ['--only', 'agensium/abandoned-tasks']
const lastRun = () =>
  database.db.maybeOne(sql`
    SELECT command, outcome, exit_code, counts, reason FROM steward.journal ORDER BY run_id DESC LIMIT 1`)

describe('the plan', () => {
  test('names what is due, rule by rule, and changes nothing', async () => {
    await abandoned(3)
    const { exitCode, stdout, stderr } = await maintain(['run', '--dry-run', ...ONE])
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<time>')).toMatchInlineSnapshot(`
      "JOB                       KIND    DUE  SIZE  SINCE                OLDER THAN
      agensium/abandoned-tasks  expire    3     –  <time>  15 minutes
      "
    `)
    expect(await lastRun()).toBeUndefined()
    const all = JSON.parse((await maintain(['run', '--dry-run', '--system', 'agensium', '--json'])).stdout)
    expect(all).toContainEqual(expect.objectContaining({ job: 'agensium/hung-tasks', kind: 'expire', rows: 0 }))
    expect(all.every(({ job }: { job: string }) => job.startsWith('agensium/'))).toBe(true)
  })

  test('of a role that may not use a schema says what it cannot tell, and the rest', async () => {
    const { db, endpoint } = database
    await db.execute(raw('CREATE ROLE sky_only LOGIN'))
    await db.execute(raw('GRANT USAGE ON SCHEMA skyvern TO sky_only'))
    await db.execute(raw('GRANT SELECT ON ALL TABLES IN SCHEMA skyvern TO sky_only'))
    try {
      const url = `postgresql://sky_only@/${db.database}?host=${endpoint.host}&port=${endpoint.port}`
      const { exitCode, stdout } = await runCli(['maintain', 'run', '--dry-run', '--json', '--url', url])
      expect(exitCode).toBe(0)
      const jobs = JSON.parse(stdout)
      const named = (name: string) => jobs.find(({ job }: { job: string }) => job === name)
      expect(named('skyvern/finished-tasks')).toMatchObject({ rows: 0, unknown: null })
      expect(named('agensium/abandoned-tasks')).toMatchObject({
        rows: null,
        unknown: expect.stringContaining('permission denied for schema agensium'),
      })
    } finally {
      await db.execute(raw('DROP OWNED BY sky_only'))
      await db.execute(raw('DROP ROLE sky_only'))
    }
  })

  test('of nothing says so, with exit 0', async () => {
    const { exitCode, stdout, stderr } = await maintain(['run', '--dry-run', ...ONE])
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'Nothing is due; nothing to do.\n',
    })
  })

  test('of a job that there is not: every name, with what may have been meant', async () => {
    const { exitCode, stderr } = await maintain([
      'run',
      '--dry-run',
      '--only',
      'agensium/abandoned',
      '--skip',
      'expir',
    ])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--only  agensium/abandoned is no job here')
    expect(stderr).toContain('--skip  expir is no job here (did you mean expire?)')
  })

  test('with a rule of the profile that nobody has is refused', async () => {
    const text = `profiles: { default: { url: '${database.url}', retention: { agensium: { abandoned-task: off } } } }`
    await writeFile(join(folder, 'steward.yaml'), text)
    const { exitCode, stderr } = await runCli(['maintain', 'run', '--yes'], { cwd: folder })
    await rm(join(folder, 'steward.yaml'))
    expect(exitCode).toBe(2)
    expect(stderr).toContain('there is no rule of agensium called abandoned-task (did you mean abandoned-tasks?)')
  })
})

describe('a run', () => {
  test('does it, says so job by job, and is recorded', async () => {
    await abandoned(3)
    const { exitCode, stdout } = await maintain(['run', '--yes', ...ONE])
    expect(exitCode).toBe(0)
    expect(stdout.replaceAll(/[\d.]+ m?s\b/g, '<time>').replaceAll(/ +/g, ' ')).toMatchInlineSnapshot(`
      "JOB OUTCOME ROWS SIZE TOOK ENDED BECAUSE
      agensium/abandoned-tasks done 3 0 B <time> nothing more is due
      "
    `)
    expect(await lastRun()).toMatchObject({
      command: 'maintain run',
      outcome: 'done',
      counts: { 'agensium/abandoned-tasks': { outcome: 'done', rows: '3' } },
    })
  })

  test('that finds nothing is recorded as a success of its jobs', async () => {
    const { exitCode, stdout, stderr } = await maintain(['run', '--yes', ...ONE])
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: 'Nothing was due.\n',
      stderr: 'Nothing is due.\n',
    })
    expect(await database.db.rows(sql`SELECT job, outcome, reason FROM steward.job_runs`)).toEqual([
      { job: 'agensium/abandoned-tasks', outcome: 'nothing', reason: 'nothing was due' },
    ])
  })

  test('without a terminal needs --yes, and on production the name', async () => {
    await abandoned(1)
    expect((await maintain(['run', ...ONE])).exitCode).toBe(2)
    const env = { STEWARD_ENVIRONMENT: 'production' }
    const refused = await maintain(['run', '--yes', ...ONE], { env })
    expect([refused.exitCode, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`Add --confirm ${database.db.database}`),
    ])
    const confirmed = await maintain(['run', '--confirm', database.db.database, ...ONE], { env })
    expect(confirmed.exitCode).toBe(0)
  })

  test('drops months that are over without a row in them', async () => {
    await database.db.execute(
      raw(`CREATE TABLE agentvine.execution_logs_y2020m01 PARTITION OF agentvine.execution_logs
             FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-02-01 00:00:00+00')`),
    )
    const argv = ['run', '--only', 'agentvine/execution-logs']
    const planned = await maintain([...argv, '--dry-run'])
    expect(planned.stdout).toMatch(/^agentvine\/execution-logs +drop-partitions +0 /m)
    const { exitCode, stdout } = await maintain([...argv, '--yes'])
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^agentvine\/execution-logs +done /m)])
    expect(
      await database.db.one(sql`SELECT to_regclass('agentvine.execution_logs_y2020m01') IS NULL AS gone`),
    ).toEqual({ gone: true })
  })

  test('does not take a table that is locked for one with nothing due', async () => {
    await abandoned(2)
    const argv = ['run', '--only', 'agensium/abandoned-tasks,agentvine/stale-workers']
    await database.db.transaction(async (tx) => {
      await tx.execute(raw('LOCK TABLE agensium.tasks'))
      const [job] = JSON.parse((await maintain([...argv, '--dry-run', '--json'])).stdout)
      expect(job).toMatchObject({ rows: null, unknown: expect.stringContaining('could not be counted') })
      const status = JSON.parse((await runCli(['status', '--json', '--url', database.url])).stdout)
      const rule = status.backlog.find((each: { job: string }) => each.job === 'agensium/abandoned-tasks')
      expect(rule).toMatchObject({ rows: null, removal: null, unknown: expect.any(String) })
    })
    expect((await maintain([...argv, '--yes'])).exitCode).toBe(0)
    expect(await database.db.one(sql`SELECT count(*) AS n FROM agensium.tasks WHERE status = 'EXPIRED'`)).toEqual({
      n: 2n,
    })
  })

  test('that meets another one ends with 8, names it, and leaves no record', async () => {
    await abandoned(1)
    const holder = { command: 'archive run', osUser: 'bo', host: 'shelf' }
    const options = { leaseMs: 30_000, signal: new AbortController().signal }
    await withLease(database.db, ['agensium'], holder, options, async () => {
      const { exitCode, stderr } = await maintain(['run', '--yes', ...ONE, '--json'])
      expect(exitCode).toBe(8)
      expect(JSON.parse(stderr.slice(stderr.indexOf('{"error"')))).toMatchObject({
        error: { code: 'lease-held', details: { holder: { command: 'archive run', user: 'bo', pid: process.pid } } },
      })
    })
    expect(await lastRun()).toBeUndefined()
  })

  test('with a job that fails does the others, names it and ends with 7', async () => {
    await abandoned(2)
    const { db } = database
    await db.execute(sql`
      UPDATE agensium.tasks SET status = 'QUEUED', queued_at = now() - interval '3 days'
      WHERE task_id = (SELECT min(task_id) FROM agensium.tasks)`)
    await db.execute(
      raw(`
      CREATE FUNCTION agensium.broken() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF OLD.status = 'QUEUED' THEN RAISE EXCEPTION 'it is broken'; END IF; RETURN NEW; END$$;
      CREATE TRIGGER broken BEFORE UPDATE ON agensium.tasks FOR EACH ROW EXECUTE FUNCTION agensium.broken()`),
    )
    try {
      const expire = ['run', '--yes', '--json', '--only', 'agensium/abandoned-tasks,agensium/forgotten-tasks']
      const partly = await maintain(expire)
      expect(partly.exitCode).toBe(7)
      const { jobs, failures } = JSON.parse(partly.stdout)
      expect(jobs).toEqual([
        expect.objectContaining({ job: 'agensium/abandoned-tasks', outcome: 'done', rows: 1 }),
        expect.objectContaining({
          job: 'agensium/forgotten-tasks',
          outcome: expect.stringMatching(/partial|failed/),
        }),
      ])
      expect(failures[0]).toMatchObject({
        job: 'agensium/forgotten-tasks',
        reason: expect.stringContaining('it is broken'),
      })
      expect(await lastRun()).toMatchObject({ outcome: 'partial', reason: 'failed: agensium/forgotten-tasks' })
    } finally {
      await db.execute(raw('DROP TRIGGER broken ON agensium.tasks; DROP FUNCTION agensium.broken()'))
    }
  })
})

describe('the exit code', () => {
  const { signal } = new AbortController()
  test.each([
    [[], 0],
    [['nothing', 'done'], 0],
    [['failed', 'nothing'], 6],
    [['failed', 'unfinished'], 7],
    [['partial', 'done'], 7],
    [['unfinished', 'done'], 9],
    [['interrupted', 'unfinished'], 143],
  ] as const)('of %j is %d', (outcomes, code) => {
    const stopped = AbortSignal.abort(new InterruptedError('SIGTERM'))
    const results = outcomes.map((outcome) => ({ outcome }))
    expect(exitCodeOfJobs(results, code === 143 ? stopped : signal)).toBe(code)
  })

  test('is 7 where the time was over and something had failed by then', () => {
    expect(exitCodeOfJobs([{ outcome: 'unfinished', failures: ['a partition is in use'] }], signal)).toBe(7)
    expect(exitCodeOfJobs([{ outcome: 'unfinished', failures: [] }], signal)).toBe(9)
  })
})

describe('a run that waits', () => {
  const stop = () => join(folder, 'stop')
  const env = () => ({ STEWARD_MAINTENANCE_STOP_FILE: stop() })
  beforeEach(async () => {
    await abandoned(1)
    await writeFile(stop(), '')
  })

  test('ends with 9 when its time is over, says why, and the next one does the rest', async () => {
    const metrics = join(folder, 'waited.prom')
    const argv = ['run', '--yes', ...ONE, '--run-time', '1s', '--metrics-file', metrics]
    const { exitCode, stdout, stderr } = await maintain(argv, { env: env() })
    expect(exitCode).toBe(9)
    expect(stderr).toContain(`waits: the stop file ${stop()} is there`)
    expect(stdout).toContain(`--run-time of 1s is over, while it waited: the stop file`)
    expect(await lastRun()).toMatchObject({ outcome: 'unfinished', exit_code: 9 })
    const families = parseExposition(await readFile(metrics, 'utf8'))
    expect(families.get('steward_run_exit_code')?.samples[0]?.value).toBe(9)
    expect(families.get('steward_job_backlog_rows')?.samples[0]?.value).toBe(1)
    await rm(stop())
    expect((await maintain(['run', '--yes', ...ONE], { env: env() })).exitCode).toBe(0)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends on %s with %d, and the figures are written', async (signal, code) => {
    const metrics = join(folder, `${signal}.prom`)
    let send: (signal: 'SIGINT' | 'SIGTERM') => void = () => {}
    const running = maintain(['run', '--yes', ...ONE, '--metrics-file', metrics], {
      env: env(),
      signals: (deliver) => {
        send = deliver
      },
    })
    await until('it waits', async () => (await database.db.rows(sql`SELECT FROM steward.job_runs`)).length > 0)
    send(signal)
    const { exitCode, stdout } = await running
    expect(exitCode).toBe(code)
    expect(stdout).toContain(signal)
    expect(await lastRun()).toMatchObject({ outcome: 'interrupted', exit_code: code })
    const families = parseExposition(await readFile(metrics, 'utf8'))
    expect(families.get('steward_run_exit_code')?.samples[0]?.value).toBe(code)
  })

  test('and is killed is shown as lost at once, and settled by the next one, which takes it over', async () => {
    const child = spawn(process.execPath, [program.path, 'maintain', 'run', '--yes', ...ONE], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        STEWARD_URL: database.url,
        STEWARD_MAINTENANCE_LEASE: '1s',
        ...env(),
      },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await until('it waits', async () => (await database.db.rows(sql`SELECT FROM steward.job_runs`)).length > 0)
    const history = async (...argv: string[]) => JSON.parse((await maintain(['history', '--json', ...argv])).stdout)
    expect((await history())[0]).toMatchObject({ outcome: 'running', exitCode: null })
    child.kill('SIGKILL')
    await ended
    await until('its lock is gone', async () => (await history())[0].outcome === 'lost')
    expect(await history('1')).toMatchObject({
      outcome: 'lost',
      reason: 'the process was killed or lost its connection',
      jobs: [{ job: 'agensium/abandoned-tasks', outcome: 'lost' }],
    })
    await rm(stop())
    await until('its lease is over', async () => (await maintain(['run', '--yes', ...ONE])).exitCode === 0)
    expect(
      (await history('--job', 'agensium/abandoned-tasks')).map(({ outcome }: { outcome: string }) => outcome),
    ).toEqual(['done', 'lost'])
    expect(await history('--failed')).toEqual([expect.objectContaining({ run: 1, outcome: 'lost' })])
  })
})

describe('figures', () => {
  test('that cannot be written make the run exit with 7, but do not lose it', async () => {
    await abandoned(2)
    const { exitCode, stdout } = await maintain(['run', '--yes', ...ONE, '--metrics-file', join(folder, 'no/x.prom')])
    expect(exitCode).toBe(7)
    expect(stdout).toContain('cannot be written (ENOENT)')
    expect(await database.db.one(sql`SELECT count(*) AS n FROM agensium.tasks WHERE status = 'EXPIRED'`)).toEqual({
      n: 2n,
    })
  })
})

describe('history', () => {
  test('of nothing, of an unknown run and of an unknown job', async () => {
    const none = await maintain(['history'])
    expect([none.exitCode, none.stderr]).toEqual([0, 'The journal has no such run.\n'])
    const run = await maintain(['history', '99'])
    expect([run.exitCode, run.stderr]).toEqual([4, expect.stringContaining('The journal has no run 99')])
    await maintain(['run', '--yes', ...ONE])
    const job = await maintain(['history', '--job', 'agensium/abandoned-task'])
    expect([job.exitCode, job.stderr]).toEqual([4, expect.stringContaining('did you mean agensium/abandoned-tasks?')])
    const both = await maintain(['history', '1', '--job', 'agensium/abandoned-tasks'])
    expect([both.exitCode, both.stderr]).toEqual([2, expect.stringContaining('--job')])
  })

  test('shows who, what was typed, what it did and why it ended', async () => {
    await abandoned(2)
    await maintain(['run', '--yes', ...ONE])
    const { stdout } = await maintain(['history'])
    expect(
      stdout
        .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d+ s ago|just now|[\d.]+ m?s\b/g, '<time>')
        .replaceAll(/ +/g, ' '),
    ).toMatchInlineSnapshot(`
      "RUN STARTED TOOK WHO COMMAND OUTCOME ENDED BECAUSE
       1 <time> <time> tester@test-host steward maintain run --yes --only agensium/abandoned-tasks done –
      "
    `)
    const [row] = JSON.parse((await maintain(['history', '--json', '--since', '1h', '--limit', '1'])).stdout)
    expect(row).toMatchObject({
      run: 1,
      who: 'tester@test-host',
      arguments: ['maintain', 'run', '--yes', ...ONE],
      plan: { jobs: { 'agensium/abandoned-tasks': '2' } },
      counts: { 'agensium/abandoned-tasks': { outcome: 'done', rows: '2', bytes: '0' } },
      exitCode: 0,
    })
  })
})

describe('schedule', () => {
  test('prints what this installation and profile need', async () => {
    const text = `profiles: { prod: { url: '${database.url}', environment: production } }`
    await writeFile(join(folder, 'steward.yaml'), text)
    const { exitCode, stdout } = await runCli(['maintain', 'schedule', '--cron', '--at', '3:15,15:15'], {
      cwd: folder,
    })
    expect(exitCode).toBe(0)
    const lines = stdout.split('\n').filter((line) => /^[\d*]/.test(line))
    expect(lines.map((line) => line.split(' ').slice(0, 5).join(' '))).toEqual([
      '15 3 * * *',
      '15 15 * * *',
      '*/5 * * * *',
    ])
    expect(lines[0]).toMatch(`cd ${folder} && mkdir -p `)
    expect(lines[0]).toContain(' && STEWARD_DATA_HOME=')
    expect(lines[0]).toContain(
      ` steward --profile prod --confirm ${database.db.database} maintain run --run-time 2h >> `,
    )
    const env = {
      STEWARD_SCHEMA_SKYVERN: 'browser',
      STEWARD_MAINTENANCE_PAUSE: 'true',
      XDG_CONFIG_HOME: 'conf',
      AWS_PROFILE: 'shelf',
      AWS_SECRET_ACCESS_KEY: 'hush',
    }
    const told = await runCli(['maintain', 'schedule', '--cron'], { cwd: folder, env })
    const ofShell = `AWS_PROFILE=shelf STEWARD_DATA_HOME=[^ ]+ STEWARD_SCHEMA_SKYVERN=browser XDG_CONFIG_HOME=${folder}/conf`
    expect(told.stdout).toMatch(new RegExp(` ${ofShell} steward `))
    expect(`${told.stdout}${told.stderr}`).not.toMatch(/PAUSE|hush/)
    const units = JSON.parse((await runCli(['maintain', 'schedule', '--json'], { cwd: folder })).stdout)
    expect(units.units).toHaveLength(4)
    await rm(join(folder, 'steward.yaml'))
  })

  test('refuses a connection that cron would not have, and times that are none', async () => {
    const ambient = await maintain(['schedule'])
    expect([ambient.exitCode, ambient.stderr]).toEqual([
      2,
      expect.stringContaining('The connection comes from STEWARD_URL'),
    ])
    expect((await maintain(['schedule', '--at', '25:00'])).exitCode).toBe(2)
  })
})
