/** Runs a system's migrations in a schema of any name, without the runner and its bookkeeping. */
import knex, { type Knex } from 'knex'
import { migrations } from '../../../migrations/registry.ts'
import type { Endpoint } from '../../../src/config/config.ts'
import type { Migration } from '../../../src/model/migration.ts'
import { quoteIdentifier } from '../../../src/model/sql.ts'

type Direction = 'up' | 'down'

/** The compiled-in migrations of a system, in order. @throws RangeError when there are none */
export async function migrationsOf(system: string): Promise<readonly Migration[]> {
  const load = migrations[system]
  if (load === undefined) throw new RangeError(`${system} has no migrations`)
  return load()
}

/** Applies a system's migrations one way; `only` chooses some by name. The schema is created when it is missing. */
export async function migrateSystem(
  endpoint: Endpoint,
  system: string,
  direction: Direction,
  {
    schema = system,
    only = () => true,
  }: { readonly schema?: string; readonly only?: (name: string) => boolean } = {},
): Promise<void> {
  const { host, port, user, password, database } = endpoint
  const connection = { host, port, user, database, ...(password === undefined ? {} : { password }) }
  const runner = knex({ client: 'pg', compileSqlOnError: false, connection, pool: { min: 0, max: 1 } })
  const context = { schema: quoteIdentifier(schema), schemaName: schema }
  const chosen = (await migrationsOf(system)).filter(({ name }) => only(name))
  try {
    await runner.raw('CREATE SCHEMA IF NOT EXISTS ??', [schema])
    for (const migration of direction === 'up' ? chosen : chosen.toReversed()) {
      const apply = (on: Knex) => migration[direction](on, context)
      await (migration.transaction ? runner.transaction(apply) : apply(runner))
    }
  } finally {
    await runner.destroy()
  }
}

/** Applies Skyvern's migrations one way; `only` chooses some by name. */
export function migrateSkyvern(
  endpoint: Endpoint,
  schema: string,
  direction: Direction,
  only: (name: string) => boolean = () => true,
): Promise<void> {
  return migrateSystem(endpoint, 'skyvern', direction, { schema, only })
}
