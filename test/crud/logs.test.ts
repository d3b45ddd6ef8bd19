import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { followLines } from '../../src/crud/logs.ts'
import type { Database } from '../../src/db/database.ts'
import type { LogsOperation } from '../../src/model/operation.ts'
import { raw, type Sql, sql } from '../../src/model/sql.ts'
import { bundleProgram, type Program } from '../support/bundle.ts'
import { scopeFor } from './garden.ts'
import { createGarden, type Garden, plant } from './garden-support.ts'
import { organization, scopeFor as skyvern, task } from './write-support.ts'

/** For a machine that has much else to do. */
const PATIENCE = { timeout: 10_000 }

vi.mock('../../src/systems/registry.ts', async () => (await import('./garden.ts')).gardenRegistry)

let garden: Garden
beforeAll(async () => {
  garden = await createGarden()
})
afterAll(() => garden.database.drop())
beforeEach(() => plant(garden, [{ title: 'Dig', status: 'running' }]))

interface Line {
  readonly message: string
  readonly level?: string
  readonly place?: string | null
  /** SQL of the time. */
  readonly at?: string
}

async function log(...lines: readonly Line[]): Promise<void> {
  for (const { message, level = 'INFO', place = null, at = 'clock_timestamp()' } of lines) {
    await garden.db.execute(sql`
      INSERT INTO garden.job_logs (job_id, level, place, message, logged_at)
      VALUES (1, ${level}, ${place}, ${message}, ${raw(at)})`)
  }
}

const logs = (...argv: string[]) => garden.run(['job', 'logs', '1', ...argv])
const messages = (ndjson: string) =>
  ndjson
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).message)

describe('logs', () => {
  const at = (second: number) => `'2026-11-01T08:00:0${second}.25Z'::timestamptz`

  test('shows lines oldest first, aligned, further lines below the message, nothing raw', async () => {
    await log(
      { message: 'begun', at: at(1), place: 'setup' },
      { message: 'odd\ttab\r\nsecond \x1b[31mline\u202e\n', level: 'WARNING', at: at(2), place: 'dig' },
      { message: 'broken', level: 'ERROR', at: at(3) },
    )
    const { exitCode, stdout } = await logs()
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      [
        '2026-11-01 08:00:01.250 INFO    setup begun',
        '2026-11-01 08:00:02.250 WARNING dig   odd  tab',
        '                                      second \\e[31mline\\u202e',
        '2026-11-01 08:00:03.250 ERROR         broken',
        '',
      ].join('\n'),
    )
    const coloured = await garden.run(['job', 'logs', '1'], {
      tty: { stdout: true },
      env: { DATABASE_URL: garden.database.url, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    })
    expect(coloured.stdout).toContain('\x1b[31mERROR')
    expect(coloured.stdout).not.toContain('\u202e')
    expect(messages((await logs('-o', 'ndjson')).stdout)).toEqual([
      'begun',
      'odd\ttab\r\nsecond \x1b[31mline\u202e\n',
      'broken',
    ])
    expect((await logs('--fields', 'level,message', '--level', 'error')).stdout).toMatch(
      /LEVEL +MESSAGE\nERROR +broken/,
    )
  })

  test('takes the level as a minimum, a period, and text in the message', async () => {
    await log(
      { message: 'one', level: 'DEBUG', at: at(1) },
      { message: 'two', level: 'WARNING', at: at(2) },
      { message: 'three%', level: 'ERROR', at: at(3) },
      { message: 'four', at: at(4) },
    )
    const ask = async (...argv: string[]) => messages((await logs('-o', 'ndjson', ...argv)).stdout)
    expect(await ask('--level', 'warning')).toEqual(['two', 'three%'])
    expect(await ask('--since', '2026-11-01T08:00:02.250Z', '--until', '2026-11-01T08:00:04.250Z')).toEqual([
      'two',
      'three%',
    ])
    expect(await ask('--search', 'E%')).toEqual(['three%'])
    expect(await logs('--search', 'nowhere')).toMatchObject({ exitCode: 0, stdout: '', stderr: 'No lines match\n' })
    expect(await logs('--level', 'loud')).toMatchObject({ exitCode: 2 })
    expect(await garden.run(['job', 'logs', '77'])).toMatchObject({ exitCode: 4 })
    expect((await garden.run(['job', 'logs', 'job-1', '--search', 'two'])).stdout).toContain('two')
  })

  test('shows the last lines and says that there are more', async () => {
    await garden.db.execute(
      raw(`INSERT INTO garden.job_logs (job_id, level, message, logged_at)
           SELECT 1, 'INFO', 'line ' || n, timestamptz '2026-11-01Z' + n * interval '1 ms' FROM generate_series(1, 250) AS n`),
    )
    const usual = await logs('-o', 'ndjson')
    expect(messages(usual.stdout)).toHaveLength(200)
    expect(messages(usual.stdout).at(-1)).toBe('line 250')
    expect(usual.stderr).toBe('Only the last 200 lines are shown; --limit 2000 shows more\n')
    const few = await logs('--limit', '2')
    expect(
      few.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(24)),
    ).toEqual(['INFO    line 249', 'INFO    line 250'])
    expect((await logs('--limit', '250')).stderr).toBe('')
    expect((await logs('--limit', '1')).stderr).toBe('Only the last line is shown; --limit 10 shows more\n')
  })

  test('refuses what contradicts following', async () => {
    expect(await logs('--follow', '--until', '1h')).toMatchObject({ exitCode: 2 })
    expect(await logs('--follow', '--fields', 'message')).toMatchObject({ exitCode: 2 })
  })
})

describe('following', () => {
  const operation = scopeFor('job').entity.operations.find((one): one is LogsOperation => one.kind === 'logs')

  /** Collects what is followed until the job ends. */
  function follow(limit = 100, signal = new AbortController().signal, db = garden.db) {
    if (!operation) throw new Error('no logs')
    const seen: unknown[] = []
    const options = { id: '1', limit, fields: ['message'], signal, intervalMs: 30 }
    const ended = (async () => {
      for await (const batch of followLines(db, scopeFor('job'), operation, options)) {
        seen.push(...batch.map(({ message }) => message))
      }
    })()
    return { seen, ended }
  }
  const finish = () => garden.db.execute(raw("UPDATE garden.jobs SET status = 'done'"))

  test('neither loses nor repeats lines of a transaction that commits late', async () => {
    await log({ message: 'first' })
    const { seen, ended } = follow()
    await vi.waitFor(() => expect(seen).toEqual(['first']), PATIENCE)
    await garden.db.transaction(async (transaction) => {
      // Its time is that of this transaction, which ends after a later line was seen.
      await transaction.execute(
        raw("INSERT INTO garden.job_logs (job_id, level, message) VALUES (1, 'INFO', 'late')"),
      )
      await log({ message: 'second' })
      await vi.waitFor(() => expect(seen).toEqual(['first', 'second']), PATIENCE)
    })
    await vi.waitFor(() => expect(seen).toEqual(['first', 'second', 'late']), PATIENCE)
    await log({ message: 'third' }, { message: 'same time', at: '(SELECT max(logged_at) FROM garden.job_logs)' })
    await finish()
    await ended
    expect(seen).toEqual(['first', 'second', 'late', 'third', 'same time'])
  })

  test('does not take lines left out by the limit for late ones', async () => {
    await log({ message: 'one' }, { message: 'two' }, { message: 'three' })
    const { seen, ended } = follow(1)
    await vi.waitFor(() => expect(seen).toEqual(['three']), PATIENCE)
    await log({ message: 'four' }, { message: 'late', at: "clock_timestamp() - interval '5 s'" })
    await finish()
    await ended
    expect(seen.toSorted()).toEqual(['four', 'late', 'three'])
  })

  test('reads on after a line whose clock was ahead', async () => {
    await log({ message: 'tomorrow', at: "now() + interval '1 day'" })
    const { seen, ended } = follow()
    await vi.waitFor(() => expect(seen).toEqual(['tomorrow']), PATIENCE)
    await log({ message: 'today' })
    await finish()
    await ended
    expect(seen).toEqual(['tomorrow', 'today'])
  })

  test('passes thousands of lines between two looks, each once', async () => {
    const { seen, ended } = follow()
    await garden.db.execute(
      raw(`INSERT INTO garden.job_logs (job_id, level, message)
           SELECT 1, 'INFO', n::text FROM generate_series(1, 3500) AS n`),
    )
    await finish()
    await ended
    expect(seen).toEqual(Array.from({ length: 3500 }, (_, index) => String(index + 1)))
  })

  test('reads nothing again while nothing comes, however much came before', async () => {
    const calls: number[] = []
    const watched: Database = {
      ...garden.db,
      async rows<T extends object>(query: Sql) {
        const rows = await garden.db.rows<T>(query)
        calls.push(rows.length)
        return rows
      },
    }
    const { seen, ended } = follow(100, undefined, watched)
    await garden.db.execute(
      raw(`INSERT INTO garden.job_logs (job_id, level, message)
           SELECT 1, 'INFO', n::text FROM generate_series(1, 1500) AS n`),
    )
    await vi.waitFor(() => expect(seen).toHaveLength(1500), PATIENCE)
    calls.length = 0
    await sleep(300)
    expect(calls).toEqual([])
    await log({ message: 'late', at: "clock_timestamp() - interval '5 s'" }, { message: 'last' })
    await finish()
    await ended
    expect(seen.slice(1500).toSorted()).toEqual(['last', 'late'])
  })

  test('ends with the row, also when it is gone', async () => {
    const { seen, ended } = follow()
    await garden.db.execute(raw('DELETE FROM garden.jobs'))
    await ended
    expect(seen).toEqual([])
  })
})

describe('--follow in a process of its own', () => {
  let program: Program
  let id: string
  beforeAll(async () => {
    program = await bundleProgram(new URL('run-main.ts', import.meta.url).pathname)
    id = await task(garden.db, await organization(garden.db))
    await write('first')
  })
  afterAll(() => program.remove())

  const write = (message: string) =>
    garden.db.execute(sql`
      INSERT INTO skyvern.task_logs (task_id, level, message, created_at)
      VALUES (${id}, 'info', ${message}, clock_timestamp())`)
  const follow = (...argv: string[]) => {
    const child = spawn(process.execPath, [program.path, 'skyvern', 'task', 'logs', id, '--follow', ...argv], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', DATABASE_URL: garden.database.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { child, out: textOf(child.stdout), err: textOf(child.stderr) }
  }

  test('passes each line on at once in a pipe, and ends with 130 on Ctrl-C', async () => {
    const { child, out, err } = follow('-o', 'ndjson')
    await vi.waitFor(() => expect(messages(out())).toEqual(['first']), { timeout: 15_000 })
    await write('second')
    await vi.waitFor(() => expect(messages(out())).toEqual(['first', 'second']), { timeout: 5000 })
    child.kill('SIGINT')
    expect(await codeOf(child)).toBe(130)
    expect(err()).not.toContain('at ')
  }, 30_000)

  test('closes quietly when its reader goes away', async () => {
    const { child, out, err } = follow()
    await vi.waitFor(() => expect(out()).toContain('first'), { timeout: 15_000 })
    child.stdout.destroy()
    await sleep(50)
    await write('third')
    expect(await codeOf(child)).toBe(0)
    expect(err()).toBe('')
  }, 30_000)

  test('ends with 0 when the row has ended', async () => {
    const { child, out } = follow('-o', 'csv', '--fields', 'message')
    await vi.waitFor(() => expect(out()).toContain('first'), { timeout: 15_000 })
    await garden.db.execute(sql`
      UPDATE skyvern.tasks SET status = 'completed', completed_at = now() WHERE task_id = ${id}`)
    await write('last words')
    expect(await codeOf(child)).toBe(0)
    expect(out().trimEnd().split('\n').at(-1)).toBe('last words')
  }, 30_000)

  test('is there for steps and workflow runs too', () => {
    for (const name of ['task', 'step', 'workflow-run']) {
      expect(skyvern(name).entity.operations.map(({ kind }) => kind)).toContain('logs')
    }
  })
})

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit')
  return child.exitCode
}
