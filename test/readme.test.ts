/** What the README and the examples of `--help` tell people to type is understood, and its configuration is legal. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { branches } from '../src/cli/branches.ts'
import { parseCommandLine } from '../src/cli/program.ts'
import { type Command, type Group, isGroup } from '../src/commands/command.ts'
import { resolveConfig } from '../src/config/resolve.ts'
import { ExitCode } from '../src/errors.ts'
import { systems } from '../src/systems/registry.ts'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

test('every example of every command is a command line that Steward understands', async () => {
  const roots = await Promise.all(branches.map((branch) => branch.load()))
  const examples = roots.flatMap(commandsOf).flatMap((command) => command.examples)
  expect(examples.length).toBeGreaterThan(150)
  const refused: string[] = []
  for (const { command } of examples) refused.push(...(await refusals(`steward ${command}`)))
  expect(refused).toEqual([])
})

test('every rule and entity that an example or the documentation names is there', async () => {
  const roots = await Promise.all(branches.map((branch) => branch.load()))
  const lines = roots.flatMap(commandsOf).flatMap((command) => command.examples.map((example) => example.command))
  const manual = await readFile(new URL('../docs/retention.md', import.meta.url), 'utf8')
  const loaded = await Promise.all(systems.map(({ load }) => load()))
  const known = loaded.flatMap(({ name, entities, retention }) =>
    [
      ...entities,
      ...retention,
      { name: 'tombstones' },
      { name: 'partitions' },
      { name: 'cold' },
      { name: 'vacuum' },
    ].map((one) => `${name}/${one.name}`),
  )
  const systemNames = systems.map(({ name }) => name).join('|')
  const mentioned = [
    ...`${readme}\n${manual}\n${lines.join('\n')}`.matchAll(
      new RegExp(`(?<![\\w/.:-])(?:${systemNames})/[a-z][a-z-]*(?![\\w/.])`, 'g'),
    ),
  ].map(([name]) => name)
  expect(mentioned.length).toBeGreaterThan(10)
  expect(mentioned.filter((name) => !known.includes(name))).toEqual([])
})

test('every command line of the README is one that Steward understands', async () => {
  const lines = readme.split('\n').flatMap((line) => /^\$ (steward .*)$/.exec(line)?.[1] ?? [])
  expect(lines.length).toBeGreaterThan(7)
  const refused: string[] = []
  for (const line of lines) refused.push(...(await refusals(line)))
  expect(refused).toEqual([])
})

test('the configuration in the README is legal, and means what it seems to', async () => {
  const home = await mkdtemp(join(tmpdir(), 'readme-'))
  try {
    await mkdir(join(home, '.secrets'))
    await writeFile(join(home, '.secrets/skyvern'), 'hush\n', { mode: 0o600 })
    await writeFile(join(home, 'steward.yaml'), /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? '')
    const resolved = (profile?: string) =>
      resolveConfig({
        flags: profile === undefined ? {} : { profile },
        env: {},
        cwd: home,
        homeDirectory: home,
        platform: process.platform,
      })
    expect(await resolved()).toMatchObject({
      profile: 'local',
      environment: 'development',
      target: { kind: 'embedded' },
    })
    expect(await resolved('production')).toMatchObject({
      environment: 'production',
      target: { kind: 'server', endpoint: { host: 'db.example.com', database: 'skyvern', user: 'steward' } },
      replica: { host: 'replica.example.com' },
      schemas: { skyvern: 'public' },
    })
  } finally {
    await rm(home, { recursive: true })
  }
})

test('the exit codes of the README are those there are', () => {
  const table = readme.slice(readme.indexOf('### Exit codes'), readme.indexOf('### What asks'))
  const listed = table
    .split('\n')
    .flatMap((line) => /^\| ([\d, ]+) \|/.exec(line)?.[1]?.split(', ').map(Number) ?? [])
  expect(listed).toEqual(Object.values(ExitCode))
})

function commandsOf(entry: Command | Group): Command[] {
  return isGroup(entry) ? entry.commands.flatMap(commandsOf) : [entry]
}

/** Why Steward does not understand a line of shell: each of its programs is Steward or one that people have. */
async function refusals(line: string): Promise<string[]> {
  const refused: string[] = []
  for (const words of programs(line)) {
    if (words[0] !== 'steward') {
      if (!['jq', 'psql', 'gunzip', 'gzip', 'head', 'less'].includes(words[0] ?? ''))
        refused.push(`${line}: ${words[0]}`)
      continue
    }
    const silent = { out: () => {}, err: () => {} }
    const problem = await parseCommandLine(words.slice(1), '', silent).catch((error: unknown) => error)
    if (problem instanceof Error) refused.push(`${line}: ${problem.message}`)
  }
  return refused
}

/** The words of each program of a pipeline, as a shell reads them; redirections and comments are left out. */
function programs(line: string): string[][] {
  const tokens = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []
  const words: string[][] = [[]]
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] ?? ''
    if (token.startsWith('#')) break
    if (token === '|') words.push([])
    else if (/^[<>]+$/.test(token)) index++
    else words.at(-1)?.push(token.replace(/'([^']*)'|"([^"]*)"/g, (_quoted, single, double) => single ?? double))
  }
  return words
}
