/** `steward press …` for a test file, which must put `registry` of `press.ts` in the place of the systems' own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type CliOptions, runCli } from '../support/run-cli.ts'
import { createPress } from './press.ts'

export interface Press {
  readonly db: Database
  readonly folder: string
  readonly run: (words: string, options?: CliOptions) => ReturnType<typeof runCli>
  /** Runs a command with JSON output that must succeed. */
  readonly json: <T = Record<string, unknown>>(words: string, options?: CliOptions) => Promise<T>
}

/** @param fill what is in the database before the first test */
export function usePress(fill: (db: Database) => Promise<void> = async () => {}): () => Press {
  let made: (Press & { readonly database: TestDatabase }) | undefined
  beforeAll(async () => {
    const database = await createTestDatabase()
    await createPress(database.db)
    await fill(database.db)
    const folder = await mkdtemp(join(tmpdir(), 'steward-press-'))
    const run: Press['run'] = (words, options = {}) =>
      runCli(['press', ...argumentsOf(words)], { env: { DATABASE_URL: database.url }, cwd: folder, ...options })
    made = {
      database,
      db: database.db,
      folder,
      run,
      async json(words, options) {
        const result = await run(`${words} -o json`, options)
        if (result.exitCode !== 0) throw new Error(`exit ${result.exitCode}: ${result.stderr}`)
        return JSON.parse(result.stdout)
      },
    }
  })
  afterAll(async () => {
    await made?.database.drop()
    if (made) await rm(made.folder, { recursive: true, force: true })
  })
  return () => {
    if (!made) throw new Error('the tests have not begun')
    return made
  }
}

/** Words apart at spaces; single quotes keep together what stands between them. */
function argumentsOf(words: string): string[] {
  return [...words.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''))
}
