/** Settings that a definition wants while its rows come or go. */
import type { Transaction } from '../db/database.ts'
import { sql } from '../model/sql.ts'
import type { SeedDefinition } from './definition.ts'

/** Sets them until the transaction ends (PostgreSQL manual, 9.28.1, `set_config`). */
export async function applySettings(tx: Transaction, { settings = {} }: SeedDefinition): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    await tx.rows(sql`SELECT set_config(${name}::text, ${value}::text, true)`)
  }
}
