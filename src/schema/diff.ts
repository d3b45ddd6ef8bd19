/** `schema diff`: what a system declares against what its schema holds. */
import type { Database } from '../db/database.ts'
import { sql } from '../model/sql.ts'
import type { System } from '../model/system.ts'
import { type Difference, differences, PRESENT } from './compare.ts'
import { describeDeclarations } from './declared.ts'
import { describeLive } from './live.ts'

export interface SystemDiff {
  readonly system: string
  readonly schema: string
  readonly tables: number
  readonly differences: readonly Difference[]
}

/**
 * Compares one system with the database. Only reads the catalog.
 *
 * @param schema that the profile gives the system, unquoted
 */
export async function diffSystem(db: Database, system: System, schema: string): Promise<SystemDiff> {
  const { quoted, present } = await db.one<{ quoted: string; present: boolean }>(sql`
    SELECT quote_ident(${schema}::text) AS quoted,
           EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${schema}) AS present`)
  const found = present
    ? differences(describeDeclarations(system, quoted), await describeLive(db, schema))
    : [{ object: schema, kind: 'schema', expected: PRESENT, found: null }]
  return { system: system.name, schema, tables: system.entities.length, differences: found }
}
