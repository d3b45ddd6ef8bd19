/** Start-up is a feature: what is asked before any work loads none of the libraries that do the work. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'steward-startup-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const packages: Record<string, string[]> = JSON.parse(readFileSync(join(root, 'dist/packages.json'), 'utf8'))
const HEAVY = [
  'knex',
  'pg',
  'pg-cursor',
  'pg-copy-streams',
  '@inquirer/prompts',
  '@inquirer/core',
  'ora',
  'zod',
  'ajv',
  'yaml',
]

test.each([
  [['--help']],
  [['--version']],
  [['skyvern', 'task', '--help']],
  [['skyvern', 'task', 'list', '--help']],
  [['migrate', 'up', '--help']],
  [['seed', 'run', '--help']],
  [['__complete', 'skyvern', 'task', 'list', '--sta']],
])('steward %j loads no driver, migrator, prompt or spinner', (argv) => {
  const loaded = packagesLoadedBy(argv)
  expect(loaded).toContain('commander')
  expect(loaded.filter((name) => HEAVY.includes(name))).toEqual([])
})

test('a list loads the driver and neither Knex nor prompts', () => {
  // There is no server: the driver is loaded, the connection refused.
  const loaded = packagesLoadedBy(['--url', 'postgresql://nobody@127.0.0.1:1/none', 'skyvern', 'task', 'list'])
  expect(loaded).toContain('pg')
  expect(loaded.filter((name) => ['knex', '@inquirer/prompts', 'ora', 'ajv'].includes(name))).toEqual([])
})

test('a working directory that was deleted stops nothing that does not need it', () => {
  const gone = mkdtempSync(join(folder, 'gone-'))
  const script = 'rmdir "$PWD" && exec "$0" "$1" --version'
  const answer = execFileSync('/bin/sh', ['-c', script, process.execPath, join(root, 'bin/steward.js')], {
    cwd: gone,
  })
  expect(answer.toString()).toMatch(/^\d+\.\d+\.\d+\n$/)
})

/** The packages in every file that the built program has loaded when it ends. */
function packagesLoadedBy(argv: readonly string[]): string[] {
  const report = join(folder, 'loaded.json')
  const hook = join(folder, 'hook.cjs')
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify(Object.keys(require.cache))))`,
  )
  try {
    execFileSync(process.execPath, ['--require', hook, join(root, 'bin/steward.js'), ...argv], {
      stdio: 'pipe',
      cwd: folder,
    })
  } catch {
    // The exit code is not what this is about.
  }
  const files: string[] = JSON.parse(readFileSync(report, 'utf8'))
  const outside = files.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [])
  const bundled = files.flatMap((file) => packages[`chunks/${basename(file)}`] ?? packages[basename(file)] ?? [])
  return [...new Set([...outside, ...bundled])]
}
