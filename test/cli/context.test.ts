import { PassThrough, Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openContext } from '../../src/cli/context.ts'
import type { Host } from '../../src/cli/host.ts'
import { defineCommand } from '../../src/commands/command.ts'
import { sql } from '../../src/model/sql.ts'
import { createOutput } from '../../src/output/output.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

const command = defineCommand({
  name: 'nothing',
  summary: 'Do nothing',
  examples: [{ command: 'nothing', does: 'Nothing' }],
  effect: 'read',
  run: async () => undefined,
  view: () => ({ shape: 'sections', sections: [] }),
})

function opened() {
  const streams = { stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() }
  const { signal } = new AbortController()
  const home = '/nonexistent'
  const env = { HOME: home, STEWARD_DATA_HOME: home }
  const host: Host = {
    cwd: '/',
    homeDirectory: home,
    platform: process.platform,
    now: () => new Date(),
    osUser: 'tester',
    hostname: 'test-host',
    onSignal: () => () => undefined,
    exitNow: (code) => {
      throw new Error(`exit ${code}`)
    },
  }
  const { ui } = createOutput({
    streams,
    env,
    now: host.now,
    format: 'table',
    noColor: true,
    noInput: true,
    signal,
    platform: host.platform,
    quiet: true,
    verbose: false,
    reveal: [],
  })
  return openContext({
    path: 'context-test',
    argv: [],
    command,
    streams,
    env,
    host,
    ui,
    format: 'table',
    globals: { yes: false, quiet: true, verbose: false, reveal: [] },
    target: { url: database.url },
    signal,
  })
}

test('closes a database that was still being opened when the command failed: nothing keeps the process alive', async () => {
  const { context, close } = opened()
  const opening = context.db()
  await close()
  const db = await opening
  await expect(db.rows(sql`SELECT 1`)).rejects.toThrow()
})
