/**
 * Migrations as the registry holds them: a name, `up` and `down` over Knex. They are compiled in, never found by
 * scanning folders.
 */
import type { Knex } from 'knex'

export interface MigrationContext {
  /** The schema that the profile gives the system, as a quoted identifier ready for SQL text. */
  readonly schema: string
  /** The same, unquoted. */
  readonly schemaName: string
}

export interface Migration {
  /** `0001_initial_schema`; the order of names is the order of migrations. */
  readonly name: string
  /** False for what cannot run in a transaction (CREATE INDEX CONCURRENTLY); then one statement only (decision 15). */
  readonly transaction: boolean
  readonly up: (knex: Knex, context: MigrationContext) => Promise<void>
  readonly down: (knex: Knex, context: MigrationContext) => Promise<void>
}

/** Declares a migration; transactional unless it says otherwise. */
export function migration(declared: Omit<Migration, 'transaction'> & { readonly transaction?: boolean }): Migration {
  return { ...declared, transaction: declared.transaction ?? true }
}

/**
 * Runs SQL text as it stands, one statement after the other. Knex reads `?` in raw SQL as a placeholder, so it is
 * escaped here and the JSONB operators can be written plainly.
 */
export async function statements(knex: Knex, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await knex.raw(text.replaceAll('?', '\\?'))
}
