/** Runs a system's migrations in a schema of any name, without the runner and its bookkeeping. */
import knex, { type Knex } from 'knex'
import skyvernMigrations from '../../../migrations/skyvern/index.ts'
import type { Endpoint } from '../../../src/config/config.ts'
import type { Migration } from '../../../src/model/migration.ts'
import { quoteIdentifier } from '../../../src/model/sql.ts'

type Direction = 'up' | 'down'

/** Applies Skyvern's migrations one way; `only` chooses some by name. The schema is created when it is missing. */
export async function migrateSkyvern(
  endpoint: Endpoint,
  schemaName: string,
  direction: Direction,
  only: (name: string) => boolean = () => true,
): Promise<void> {
  const { host, port, user, password, database } = endpoint
  const connection = { host, port, user, database, ...(password === undefined ? {} : { password }) }
  const runner = knex({ client: 'pg', compileSqlOnError: false, connection, pool: { min: 0, max: 1 } })
  const context = { schema: quoteIdentifier(schemaName), schemaName }
  try {
    await runner.raw('CREATE SCHEMA IF NOT EXISTS ??', [schemaName])
    for (const migration of inOrder(direction).filter(({ name }) => only(name))) {
      const apply = (on: Knex) => migration[direction](on, context)
      await (migration.transaction ? runner.transaction(apply) : apply(runner))
    }
  } finally {
    await runner.destroy()
  }
}

function inOrder(direction: Direction): readonly Migration[] {
  return direction === 'up' ? skyvernMigrations : [...skyvernMigrations].reverse()
}
