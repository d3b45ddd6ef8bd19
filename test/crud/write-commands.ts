/** What the tests of the writing commands share: a command line in, two streams and an exit code out. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { organization } from './write-support.ts'

export interface Commands {
  readonly database: TestDatabase
  /** Where the commands run. */
  readonly folder: string
  /** Id of an organization, Acme. */
  readonly org: string
  readonly run: (argv: readonly string[], options?: CliOptions) => ReturnType<typeof runCli>
}

/** Gives the tests of one file a database and a folder of their own. */
export function useCommands(take: (commands: Commands) => void): void {
  let made: Commands | undefined
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'steward-write-'))
    const database = await createTestDatabase()
    const org = await organization(database.db, {
      organization_name: 'Acme',
      settings: { max_concurrent_tasks: 1000 },
    })
    made = {
      database,
      folder,
      org,
      run: (argv, options = {}) =>
        runCli(['skyvern', ...argv], { env: { DATABASE_URL: database.url }, cwd: folder, ...options }),
    }
    take(made)
  })
  afterAll(async () => {
    if (!made) return
    await made.database.drop()
    await rm(made.folder, { recursive: true, force: true })
  })
}
