/**
 * Steward's migrations as Knex wants them: a MigrationSource over the registry's arrays, with the schema that the
 * profile gives the system.
 */
import type { Knex } from 'knex'
import { refuseSchemaName } from '../config/values.ts'
import { UsageError } from '../errors.ts'
import type { Migration } from '../model/migration.ts'
import { quoteIdentifier } from '../model/sql.ts'

/** Knex's bookkeeping table in every system's schema; Knex derives the lock table's name from it. */
export const MIGRATIONS_TABLE = 'steward_migrations'
export const LOCK_TABLE = `${MIGRATIONS_TABLE}_lock`

/** One system's migrations and where they go. */
export interface SystemMigrations {
  readonly system: string
  /** Bare name of the schema. */
  readonly schema: string
  readonly migrations: readonly Migration[]
}

export type Direction = 'up' | 'down'

/** Called around the migration's own statements, so that a listener can tell them from Knex's bookkeeping. */
export type Around = (migration: Migration, run: () => Promise<void>) => Promise<void>

/**
 * The migrator's configuration for one system.
 *
 * Knex keeps `is_locked`, the list and the record; which migration runs, and in which order, is named by the caller
 * through `name`.
 */
export function migratorConfig(
  system: SystemMigrations,
  name: string,
  around: Around = (_migration, run) => run(),
): Knex.MigratorConfig {
  const context = { schema: quoteIdentifier(system.schema), schemaName: system.schema }
  const source: Knex.MigrationSource<Migration> = {
    getMigrations: async () => [...system.migrations],
    getMigrationName: (migration) => migration.name,
    getMigration: async (migration) => {
      // `config` is read by Knex (Migrator._useTransaction) though its type does not say so.
      const shaped: Knex.Migration & { readonly config: { readonly transaction: boolean } } = {
        config: { transaction: migration.transaction },
        up: (knex) => around(migration, () => migration.up(knex, context)),
        down: (knex) => around(migration, () => migration.down(knex, context)),
      }
      return shaped
    },
  }
  return { schemaName: system.schema, tableName: MIGRATIONS_TABLE, migrationSource: source, name }
}

/**
 * Refuses what would be recorded wrongly: schema names that Knex reads as something else, two systems in one schema,
 * and names out of order.
 *
 * @throws UsageError naming every problem of the schemas
 * @throws RangeError when a registry's names are not in ascending order (a bug)
 */
export function checkSystems(systems: readonly SystemMigrations[]): void {
  const problems = systems.flatMap(({ system, schema }, index) => {
    const where = `schemas.${system}`
    const reason = refuseSchemaName(schema)
    if (reason !== undefined) return [{ where, reason: `${JSON.stringify(schema)} ${reason}` }]
    const sharer = systems.slice(0, index).find((other) => other.schema === schema)
    return sharer ? [{ where, reason: `schema ${schema} already belongs to ${sharer.system}` }] : []
  })
  if (problems.length > 0) {
    throw new UsageError({
      code: 'schema-unusable',
      message: 'The schemas of the profile cannot be migrated',
      hint: 'Give each system a schema of its own, named with letters, digits and underscores',
      problems,
    })
  }
  for (const { system, migrations } of systems) {
    migrations.forEach((migration, index) => {
      const previous = migrations[index - 1]
      if (previous && previous.name >= migration.name) {
        throw new RangeError(`migration ${migration.name} of ${system} does not come after ${previous.name}`)
      }
    })
  }
}
