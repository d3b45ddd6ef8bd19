/**
 * Which migrations a database has, lacks, or has without our knowing them. Reads only; needs no Knex.
 */
import { checkSystems, type SystemMigrations } from './source.ts'
import { type MigrationsState, type Reader, readState } from './state.ts'

/**
 * - `applied`: recorded.
 * - `pending`: `up` will run it.
 * - `out of order`: pending although a later one is applied; `up` will run it, after what was built on top of it.
 * - `missing file`: recorded, but this Steward does not contain it (it is older than the database).
 */
export type MigrationCondition = 'applied' | 'pending' | 'out of order' | 'missing file'

export interface MigrationStatus {
  readonly system: string
  readonly schema: string
  readonly name: string
  readonly condition: MigrationCondition
  /** ISO 8601, UTC; null when it has not run. */
  readonly appliedAt: string | null
  /** False for a migration that runs outside a transaction; null when its file is missing. */
  readonly transactional: boolean | null
}

/**
 * The status of every migration, by system in the given order and by name.
 *
 * @throws StewardError when the bookkeeping tables may not be read
 */
export async function migrationStatus(db: Reader, systems: readonly SystemMigrations[]): Promise<MigrationStatus[]> {
  checkSystems(systems)
  const all: MigrationStatus[] = []
  for (const system of systems) all.push(...conditions(system, await readState(db, system)))
  return all
}

function conditions(system: SystemMigrations, state: MigrationsState): MigrationStatus[] {
  const { system: name, schema } = system
  const recorded = new Map(state.applied.map((row) => [row.name, row.appliedAt]))
  const known = new Set(system.migrations.map((migration) => migration.name))
  const latest = system.migrations.findLastIndex((migration) => recorded.has(migration.name))
  const ours = system.migrations.map((migration, index): MigrationStatus => {
    const pending = index < latest ? 'out of order' : 'pending'
    return {
      system: name,
      schema,
      name: migration.name,
      condition: recorded.has(migration.name) ? 'applied' : pending,
      appliedAt: recorded.get(migration.name) ?? null,
      transactional: migration.transaction,
    }
  })
  const foreign = state.applied
    .filter((row) => !known.has(row.name))
    .map((row): MigrationStatus => {
      const { appliedAt } = row
      return { system: name, schema, name: row.name, condition: 'missing file', appliedAt, transactional: null }
    })
  return [...ours, ...foreign].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
