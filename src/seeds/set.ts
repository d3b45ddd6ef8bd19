/** The record of what was seeded (`steward.seed_sets`), read and changed in the transactions that it is about. */

import type { Queryable, Transaction } from '../db/database.ts'
import { hasOwnTable } from '../db/own-schema.ts'
import { LockedError, OperationError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { SeedParameters } from './definition.ts'

/** `loading` and `clearing` outlive a run that was killed. */
export type SeedState = 'loading' | 'loaded' | 'clearing'

export interface SeedSet {
  readonly system: string
  readonly schema: string
  /** A scale's name, or `custom`. */
  readonly scale: string
  readonly parameters: SeedParameters
  readonly state: SeedState
  readonly parts: number
  readonly partsDone: number
  readonly startedAt: string
  readonly loadedAt: string | null
}

interface SetRow {
  readonly parameters: unknown
  readonly state: SeedState
  readonly parts: number
  readonly parts_done: number
  readonly started_at: string
  readonly loaded_at: string | null
}

/** What was seeded into the schema; undefined when nothing was, or Steward's tables are not there. */
export async function readSeedSet(db: Queryable, system: string, schema: string): Promise<SeedSet | undefined> {
  if (!(await hasOwnTable(db, 'seed_sets'))) return undefined
  const row = await db.maybeOne<SetRow>(sql`
    SELECT parameters, state, parts, parts_done, started_at, loaded_at
    FROM steward.seed_sets
    WHERE system = ${system} AND schema_name = ${schema}
  `)
  if (row === undefined) return undefined
  return {
    system,
    schema,
    ...readParameters(row.parameters),
    state: row.state,
    parts: row.parts,
    partsDone: row.parts_done,
    startedAt: row.started_at,
    loadedAt: row.loaded_at,
  }
}

/** Writes the record of a load that begins; one that is there is replaced. */
export async function insertSeedSet(
  tx: Transaction,
  set: Pick<SeedSet, 'system' | 'schema' | 'scale' | 'parameters' | 'parts'>,
): Promise<void> {
  const { size, seed, until, artifactRoot } = set.parameters
  const parameters = JSON.stringify({
    scale: set.scale,
    size,
    seed,
    until: isoText(until),
    artifact_root: artifactRoot,
  })
  await tx.execute(sql`
    INSERT INTO steward.seed_sets (system, schema_name, parameters, state, parts, parts_done)
    VALUES (${set.system}, ${set.schema}, ${parameters}::jsonb, 'loading', ${set.parts}, 0)
    ON CONFLICT (system, schema_name) DO UPDATE
    SET parameters = excluded.parameters, state = excluded.state, parts = excluded.parts, parts_done = 0,
        started_at = excluded.started_at, loaded_at = NULL
  `)
}

/** Records that the parts before `partsDone` are in, in the transaction that brings the last of them. */
export async function advanceSeedSet(
  tx: Transaction,
  system: string,
  schema: string,
  partsDone: number,
): Promise<void> {
  await tx.execute(sql`
    UPDATE steward.seed_sets
    SET parts_done = ${partsDone},
        state = CASE WHEN ${partsDone} = parts THEN 'loaded' ELSE 'loading' END,
        loaded_at = CASE WHEN ${partsDone} = parts THEN now() END
    WHERE system = ${system} AND schema_name = ${schema}
  `)
}

export async function markClearing(tx: Transaction, system: string, schema: string): Promise<void> {
  await tx.execute(sql`
    UPDATE steward.seed_sets SET state = 'clearing' WHERE system = ${system} AND schema_name = ${schema}
  `)
}

export async function deleteSeedSet(tx: Transaction, system: string, schema: string): Promise<void> {
  await tx.execute(sql`DELETE FROM steward.seed_sets WHERE system = ${system} AND schema_name = ${schema}`)
}

/** First key of the advisory lock on a schema's seed set. */
const LOCK_CLASS = 0x53_74_77_64

/**
 * Keeps other runs off the schema's seed set until the transaction ends.
 *
 * @throws LockedError when another run has it
 */
export async function lockSeedSet(tx: Transaction, schema: string): Promise<void> {
  const { locked } = await tx.one<{ locked: boolean }>(
    sql`SELECT pg_try_advisory_xact_lock(${LOCK_CLASS}::integer, hashtext(${schema})) AS locked`,
  )
  if (locked) return
  throw new LockedError({
    code: 'seeding',
    message: `Another run is seeding or clearing schema ${schema}`,
    hint: 'Wait for it to end; pg_stat_activity shows who runs it (application_name steward:…)',
  })
}

/** `2026-11-22T00:00:00.000Z`. */
export function isoText(micros: number): string {
  return new Date(micros / 1000).toISOString()
}

/** The JSON that `insertSeedSet` wrote. @throws OperationError when someone changed it into something else */
function readParameters(json: unknown): { scale: string; parameters: SeedParameters } {
  const facts = typeof json === 'object' && json !== null ? new Map<string, unknown>(Object.entries(json)) : new Map()
  const [scale, size, seed, until, artifactRoot] = ['scale', 'size', 'seed', 'until', 'artifact_root'].map((key) =>
    facts.get(key),
  )
  const untilMicros = typeof until === 'string' ? Date.parse(until) * 1000 : Number.NaN
  if (
    typeof scale !== 'string' ||
    typeof size !== 'number' ||
    typeof seed !== 'number' ||
    typeof artifactRoot !== 'string' ||
    Number.isNaN(untilMicros)
  ) {
    throw new OperationError({
      code: 'seed-record-damaged',
      message: 'The record of what was seeded (steward.seed_sets) was changed by hand and cannot be read',
      hint: 'Restore the row, or delete it and the seeded rows',
    })
  }
  return { scale, parameters: { size, seed, until: untilMicros, artifactRoot } }
}
