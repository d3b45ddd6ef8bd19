/** Databases for tests: clones of one template that has every migration, or empty ones. */
import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { inject } from 'vitest'
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { quoteIdentifier } from '../../src/model/sql.ts'
import { connectionUrl } from '../../src/server/url.ts'
import { clusterIn, withClient } from './cluster.ts'
import { migrateTemplate } from './template.ts'

export interface TestDatabase {
  readonly endpoint: Endpoint
  /** The endpoint for `--url`. */
  readonly url: string
  readonly db: Database
  /** Closes `db` and drops the database, whoever is still connected. */
  drop(): Promise<void>
}

const TEMPLATE = 'test_template'

/** Any number that no code under test locks; advisory locks are per database, and this is taken in `postgres`. */
const TEMPLATE_LOCK = 7_346_112

/** A database of its own with all migrations applied (steward, then every system) and no rows. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const cluster = await clusterEndpoint()
  await ensureTemplate(cluster)
  return create(cluster, TEMPLATE)
}

/** A database of its own with nothing in it. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return create(await clusterEndpoint(), 'template1')
}

/** The cluster's endpoint (database `steward`, superuser); it is started when nobody has yet. */
export async function clusterEndpoint(): Promise<Endpoint> {
  return clusterIn(inject('clusterHome')).ensureRunning()
}

async function create(cluster: Endpoint, template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const administer = <T>(work: (client: Client) => Promise<T>) => withClient(cluster, 'postgres', work)
  await administer((client) =>
    client.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(template)} STRATEGY file_copy`),
  )
  const endpoint: Endpoint = { ...cluster, database: name }
  const db = await connect(endpoint, { applicationName: 'steward:test', statementTimeoutMs: 60_000, poolSize: 4 })
  return {
    endpoint,
    url: connectionUrl(endpoint),
    db,
    async drop() {
      await db.close()
      await administer((client) => client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`))
    },
  }
}

/** Makes the template once a run: under its final name it exists only when it is complete. */
async function ensureTemplate(cluster: Endpoint): Promise<void> {
  await withClient(cluster, 'postgres', async (client) => {
    const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [TEMPLATE])
    if (rows.length > 0) return
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
    const { rows: again } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [TEMPLATE])
    if (again.length > 0) return
    const unfinished = `${TEMPLATE}_unfinished`
    await client.query(`DROP DATABASE IF EXISTS ${unfinished}`)
    await client.query(`CREATE DATABASE ${unfinished} STRATEGY file_copy`)
    await migrateTemplate({ ...cluster, database: unfinished })
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${TEMPLATE}`)
  })
}
