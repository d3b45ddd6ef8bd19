import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { afterAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { runCli } from '../support/run-cli.ts'

describe('help', () => {
  test('of the root lists the branches and the global options', async () => {
    const { exitCode, stdout, stderr } = await runCli(['--help'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('Global options:')
    expect(stdout).toMatch(/quickstart +Bring up a local database/)
  })

  test('is what a pipe gets without a command; a terminal gets the status', async () => {
    const piped = await runCli([])
    expect(piped.exitCode).toBe(0)
    expect(piped.stdout).toMatch(/^Usage: steward/)

    const terminal = await runCli([], { tty: { stdin: true, stdout: true, stderr: true } })
    expect(terminal).toMatchObject({ exitCode: 0, stderr: '' })
    expect(terminal.stdout).toContain('steward quickstart    a local server')

    const asked = await runCli(['status'], { tty: { stdin: true, stdout: true, stderr: true } })
    expect(asked.exitCode).toBe(3)
    expect(asked.stderr).toContain('steward quickstart makes a local one')
    const named = await runCli(['--profile', 'embedded'], { tty: { stdin: true, stdout: true, stderr: true } })
    expect(named).toEqual(terminal)
  })

  test('is what `help` asks for, with or without a command', async () => {
    expect(await runCli(['help'])).toEqual(await runCli(['--help']))
    expect(await runCli(['help', 'migrate', 'up'])).toEqual(await runCli(['migrate', 'up', '--help']))
  })

  test('of a group is what an unknown verb leads to, whatever options were meant for it', async () => {
    for (const argv of [
      ['skyvern', 'task', 'crate', '--url', 'https://example.com'],
      ['migrate', 'upp', '--to', 'x'],
    ]) {
      const { exitCode, stderr } = await runCli([...argv, '--json'])
      expect({ exitCode, ...JSON.parse(stderr).error }).toMatchObject({ exitCode: 2, code: 'unknown-command' })
    }
    const { exitCode, stderr } = await runCli(['migrate', '--bogus=1', '--json'])
    expect({ exitCode, ...JSON.parse(stderr).error }).toMatchObject({ exitCode: 2, code: 'unknown-option' })
    expect(stderr).not.toContain('=1')
  })

  test('stays away from a program that reads JSON: one object on stderr', async () => {
    for (const argv of [['--json'], ['migrate', '--json']]) {
      const { exitCode, stdout, stderr } = await runCli(argv)
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'command-missing' } })
    }
  })

  test('that cannot be written is an error, one whose reader went away is none', async () => {
    for (const [code, exitCode] of [
      ['ENOSPC', 6],
      ['EPIPE', 0],
    ] as const) {
      for (const argv of [['--help'], ['--version'], ['__complete', 'mig']]) {
        const stdout = new Writable({
          write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
        })
        expect(await main(argv, { stdin: process.stdin, stdout, stderr: new PassThrough() }, {})).toBe(exitCode)
      }
    }
  })

  test('of a group without a verb goes to stderr, since nothing was done', async () => {
    const { exitCode, stdout, stderr } = await runCli(['migrate'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain('Usage: steward migrate')
  })

  test('of every command has an example', async () => {
    const { commandTable, reference } = await import('../../src/cli/reference.ts')
    const text = Object.values(await reference()).join('\n')
    const commands = text.match(/<details><summary>/g)?.length ?? 0
    expect(commands).toBeGreaterThan(80)
    expect(text.match(/```sh\n# .+\nsteward .+/g)?.length).toBe(commands)
    expect(await commandTable()).toContain('steward skyvern organization')
  })
})

describe('mistakes on the command line', () => {
  test.each([
    [['skyvrn'], "steward has no command 'skyvrn'", 'Did you mean: steward skyvern'],
    [['skyvern', 'tsk'], "steward skyvern has no command 'tsk'", 'Did you mean: steward skyvern task'],
    [
      ['skyvern', 'task', 'lst'],
      "steward skyvern task has no command 'lst'",
      'Did you mean: steward skyvern task list',
    ],
    [['skyvern', 'step', 'delete'], "steward skyvern step has no command 'delete'", '--help lists the commands'],
  ])('%j names what was meant', async (argv, message, hint) => {
    const { exitCode, stdout, stderr } = await runCli(argv)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })

  test('an unknown flag is refused with the one that was meant', async () => {
    const { exitCode, stderr } = await runCli(['skyvern', 'task', 'list', '--stats', 'failed'])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/unknown option '--stats' \(Did you mean --status\?\)/i)
  })

  test('the hint names the command, not its arguments, and the code is in kebab-case', async () => {
    const { stderr } = await runCli(['status', 'extra', '--nosuch', '--json'])
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'unknown-option', hint: 'steward status --help shows what it takes' },
    })
  })

  test('all problems of one command line are reported together', async () => {
    const { exitCode, stderr } = await runCli([
      'skyvern',
      'task',
      'list',
      '--limit',
      'many',
      '--since',
      'soon',
      '--status',
      'lost',
    ])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('3 problems')
    for (const flag of ['--limit', '--since', '--status']) expect(stderr).toContain(flag)
  })

  test('in a machine format the error is one JSON object on stderr', async () => {
    const { exitCode, stdout, stderr } = await runCli(['skyvern', 'task', 'get', '--json'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { exitCode: 2, message: expect.stringContaining('is required') },
    })
  })

  test('--json and another format contradict each other', async () => {
    const { exitCode, stderr } = await runCli(['report', 'list', '--json', '-o', 'csv'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('contradict')
  })
})

describe('an entity without its system', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'steward-shorthand-'))
  writeFileSync(
    join(cwd, 'steward.yaml'),
    `profiles:
  task: { url: 'postgresql://ada@127.0.0.1:1/app', system: skyvern }
  other: { url: 'postgresql://ada@127.0.0.1:2/app', system: skyvern }
`,
  )
  afterAll(() => rmSync(cwd, { recursive: true }))

  test.each([[['--profile', 'task']], [['--profile=task']]])('is of the system of profile %j', async (profile) => {
    const { exitCode, stderr } = await runCli([...profile, 'task', 'list'], { cwd })
    expect(stderr).toContain('Nothing listens on 127.0.0.1:1\n')
    expect(exitCode).toBe(3)
  })
})

describe('global flags', () => {
  test('stand before and after the command', async () => {
    const before = await runCli(['--json', 'report', 'list'])
    const after = await runCli(['report', 'list', '--json'])
    expect(before.exitCode).toBe(0)
    expect(after.stdout).toBe(before.stdout)
    expect(JSON.parse(after.stdout)[0]).toMatchObject({ system: 'skyvern' })
  })

  test('give way to a flag of the command with the same name', async () => {
    // --url after `create` is the task's; the connection's would be refused as a URL of another scheme.
    const { stderr } = await runCli(['skyvern', 'task', 'create', '--url', 'https://example.com/'])
    expect(stderr).toContain('No database is configured')
  })

  test('--no-color, NO_COLOR and a pipe print no escape sequence, FORCE_COLOR does', async () => {
    const csi = '\u001b['
    const terminal = { stdin: true, stdout: true, stderr: true }
    const run = async (argv: string[], env: Record<string, string> = {}) =>
      (await runCli(['report', 'list', ...argv], { tty: terminal, env: { TERM: 'xterm-256color', ...env } })).stdout
    expect(await run([])).toContain(csi)
    expect(await run(['--no-color'])).not.toContain(csi)
    expect(await run([], { NO_COLOR: '1' })).not.toContain(csi)
    expect((await runCli(['report', 'list'])).stdout).not.toContain(csi)
    expect((await runCli(['report', 'list'], { env: { FORCE_COLOR: '1' } })).stdout).toContain(csi)
  })
})

describe('completion', () => {
  const words = async (...argv: string[]) =>
    (await runCli(['__complete', ...argv])).stdout.split('\n').flatMap((line) => line.split('\t')[0] || [])

  test('knows branches, entities, verbs, flags and the values of flags', async () => {
    expect(await words('sk')).toEqual(['skyvern'])
    expect(await words('skyvern', 'workflow-')).toEqual(['workflow-run', 'workflow-block', 'workflow-run-log'])
    expect(await words('skyvern', 'task', 're')).toEqual(['retry'])
    expect(await words('skyvern', 'tasks', 'list', '--sta')).toEqual(['--status'])
    expect(await words('skyvern', 'task', 'list', '--status', 'c')).toEqual(['created', 'completed', 'cancelled'])
    expect(await words('skyvern', 'report', 'organization-')).toEqual([
      'organization-usage',
      'organization-performance',
    ])
    expect(await words('-o', 'n')).toEqual(['ndjson'])
  })

  test('knows retention rules and jobs of maintenance', async () => {
    expect(await words('archive', 'run', 'skyvern')).toEqual(['skyvern/finished-tasks', 'skyvern'])
    expect(await words('maintain', 'expire', 'agensium/')).toContain('agensium/hung-tasks')
    expect(await words('maintain', 'run', '--only', 'drop')).toEqual(['drop-partitions'])
    expect(await words('maintain', 'run', '--skip', 'skyvern/')).toContain('skyvern/old-artifacts')
    expect(await words('artifacts', 'clean', 'skyvern/')).toEqual(['skyvern/old-artifacts', 'skyvern/tombstones'])
    expect(await words('archive', 'list', '--rule', 'skyvern/')).toEqual(['skyvern/finished-tasks'])
    expect(await words('archive', 'list', '--state', 'a')).toEqual(['archived'])
  })

  test('has a script for each shell that asks Steward itself', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { exitCode, stdout } = await runCli(['completion', shell])
      expect(exitCode).toBe(0)
      expect(stdout).toContain('steward __complete')
    }
  })
})
