/** As root this file's own worker process becomes an unprivileged user for good; every test file has its own worker. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { expect, inject, test } from 'vitest'
import { serverIn } from '../../src/server/embedded.ts'
import { runProgram } from '../../src/server/program.ts'
import { withClient } from '../support/cluster.ts'
import { scratchDirectory, scratchServer } from './scratch.ts'

const NOBODY = { name: 'nobody', uid: 65_534, gid: 65_534 }

const root = process.getuid?.() === 0
// Below root's home nobody can read this checkout, and there is nothing to run.
const readable = await runProgram('/bin/sh', ['-c', 'test -r "$1"', 'sh', import.meta.filename], {
  user: root ? NOBODY : undefined,
})
const possible = readable.status === 0
if (root && possible) {
  process.setgroups?.([])
  process.setgid?.(NOBODY.gid)
  process.setuid?.(NOBODY.uid)
}

test.runIf(possible)('an ordinary user gets a server of their own, run as themselves', async () => {
  const server = scratchServer(join(scratchDirectory(), 'data home', 'server'))
  const endpoint = await server.ensureRunning()
  const { pid } = await server.status()
  expect(Number((await runProgram('ps', ['-o', 'uid=', '-p', String(pid)])).stdout)).toBe(process.getuid?.())
  expect((await stat(server.paths.data)).uid).toBe(process.getuid?.())
  await withClient(endpoint, 'steward', async (client) => {
    expect((await client.query('SELECT current_user AS me')).rows).toEqual([{ me: 'steward' }])
  })
  await server.stop()
  expect((await server.start()).started).toBe(true)
  expect(await server.destroy()).toMatchObject({ stopped: true })
})

test.runIf(root && possible)("another user's server is an error that says so", async () => {
  // The test run's own cluster: its home was closed to others before this process changed its user.
  const server = serverIn(inject('clusterHome'))
  await expect(server.status()).rejects.toMatchObject({ code: 'server-forbidden', exitCode: 6 })
  await expect(server.ensureRunning()).rejects.toMatchObject({ code: 'server-forbidden' })
})
