import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seeds } from '../../seeds/registry.ts'
import { runCli } from '../support/run-cli.ts'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'steward-quickstart-'))
  // Root's server runs as another user.
  await chmod(home, 0o755)
})
afterAll(async () => {
  await run('server', 'destroy', '--yes')
  await rm(home, { recursive: true, force: true })
})

const run = (...argv: string[]) => runCli(argv, { env: { STEWARD_DATA_HOME: home } })

test('two at once end with one server and one set of demo data, and both are content', async () => {
  const both = await Promise.all([run('quickstart'), run('quickstart')])
  expect(both.map(({ exitCode, stderr }) => ({ exitCode, stderr: exitCode === 0 ? '' : stderr }))).toEqual([
    { exitCode: 0, stderr: '' },
    { exitCode: 0, stderr: '' },
  ])
  const said = both.map(({ stderr }) => stderr).join('')
  expect(said.match(/\d+ migrations applied/g)).toHaveLength(1)
  const seeded = [...said.matchAll(/rows of demo data for (\w+)/g)].map(([, system]) => system)
  expect(seeded.toSorted()).toEqual(Object.keys(seeds).toSorted())
  expect(JSON.parse((await run('skyvern', 'task', 'count', '--json')).stdout)).toEqual({ count: 300 })
}, 60_000)
