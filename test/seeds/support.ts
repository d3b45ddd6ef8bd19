/** What the seed tests share. */
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import type { Database } from '../../src/db/database.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { ignoreProgress } from '../../src/progress.ts'
import type { SeedDefinition } from '../../src/seeds/definition.ts'
import { type Asked, seedRequest } from '../../src/seeds/request.ts'
import { runSeeds, type SeedOutcome } from '../../src/seeds/run.ts'

/** Skyvern's seed data with a part for each table, so that a small set has many. */
export const inManyParts: SeedDefinition = {
  ...skyvernSeeds,
  plan(parameters) {
    const whole = skyvernSeeds.plan(parameters)
    const loads = Array.from({ length: whole.parts }, (_, index) => whole.part(index).loads).flat()
    return {
      parts: loads.length,
      part: (index) => ({ loads: loads.slice(index, index + 1) }),
      files: whole.files,
    }
  },
}

export const UNTIL = '2026-10-01T00:00:00Z'
export const NOW = new Date('2026-10-05T12:34:56Z')

export const quiet = { onProgress: ignoreProgress, signal: new AbortController().signal }

export function request(asked: Partial<Asked> = {}, definition = skyvernSeeds) {
  return seedRequest(definition, {
    schema: 'skyvern',
    scale: undefined,
    rows: undefined,
    seed: 1,
    until: UNTIL,
    now: NOW,
    append: false,
    stores: [],
    ...asked,
  })
}

export async function seed(
  db: Database,
  asked: Partial<Asked> = {},
  definition = skyvernSeeds,
): Promise<SeedOutcome> {
  return runSeeds(db, request(asked, definition), quiet)
}

/** A digest of every table's contents, whatever the order of its rows. */
export async function digests(db: Database, schema = 'skyvern'): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { table, columns } of skyvernSeeds.tables) {
    const [key = ''] = columns
    const { digest } = await db.one<{ digest: string }>(sql`
      SELECT count(*) || ':' || md5(coalesce(string_agg(md5(r::text), '' ORDER BY ${identifier('r', key)} COLLATE "C"), ''))
             AS digest
      FROM ${identifier(schema, table)} AS r`)
    found[table] = digest
  }
  return found
}

/** The counts of every table together. */
export async function rowCount(db: Database): Promise<number> {
  let rows = 0
  for (const { table } of skyvernSeeds.tables) {
    const { count } = await db.one<{ count: bigint }>(
      sql`SELECT count(*) AS count FROM ${identifier('skyvern', table)}`,
    )
    rows += Number(count)
  }
  return rows
}
