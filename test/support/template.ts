/** Brings the template database to the newest version of every schema. */
import knex from 'knex'
import { migrations } from '../../migrations/registry.ts'
import type { Endpoint } from '../../src/config/config.ts'
import { quoteIdentifier } from '../../src/model/sql.ts'

/** Runs every migration of the registry in order, each system in the schema of its name. */
export async function migrateTemplate({ host, port, user, password, database }: Endpoint): Promise<void> {
  const runner = knex({
    client: 'pg',
    connection: { host, port, user, database, ...(password === undefined ? {} : { password }) },
    pool: { min: 0, max: 1 },
  })
  try {
    for (const [system, load] of Object.entries(migrations)) {
      const context = { schema: quoteIdentifier(system), schemaName: system }
      await runner.raw(`CREATE SCHEMA IF NOT EXISTS ${context.schema}`)
      for (const migration of await load()) {
        if (migration.transaction) await runner.transaction((trx) => migration.up(trx, context))
        else await migration.up(runner, context)
      }
    }
  } finally {
    await runner.destroy()
  }
}
