/** Brings the template database to the newest version of every schema, as `steward migrate up` does. */
import { migrations } from '../../migrations/registry.ts'
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { throwFailure } from '../../src/migrations/outcomes.ts'

/** Applies every migration of the registry, each system in the schema of its name. */
export async function migrateTemplate(endpoint: Endpoint): Promise<void> {
  const systems = await Promise.all(
    Object.entries(migrations).map(async ([system, load]) => ({ system, schema: system, migrations: await load() })),
  )
  const db = await connect(endpoint, { applicationName: 'steward:test', statementTimeoutMs: 60_000, poolSize: 1 })
  try {
    throwFailure(await applyPending({ db, systems }))
  } finally {
    await db.close()
  }
}
