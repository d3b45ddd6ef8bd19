/** What the embedded server holds, asked before it is given up. */
import type { Endpoint, Environment } from '../config/config.ts'
import { connect } from '../db/connect.ts'
import type { Database } from '../db/database.ts'
import { readEnvironment } from '../db/environment.ts'
import { sql } from '../model/sql.ts'
import type { EmbeddedServer } from './embedded.ts'

export interface ServerContents {
  readonly databases: readonly { readonly name: string; readonly sizeBytes: bigint }[]
  /** The strictest marker of any of its databases; undefined when none has one. */
  readonly environment?: Environment
}

/** The strictest first. */
const BY_STRICTNESS: readonly Environment[] = ['production', 'staging', 'development']

/**
 * Reads sizes and environment markers of every database. A server that is down is started for it, and stopped again.
 *
 * @throws StewardError when it cannot be started or read
 */
export async function serverContents(server: EmbeddedServer): Promise<ServerContents> {
  const { state } = await server.status()
  const endpoint = await server.ensureRunning()
  try {
    return await contents(endpoint)
  } finally {
    if (state === 'stopped') await server.stop()
  }
}

async function contents(endpoint: Endpoint): Promise<ServerContents> {
  const databases = await reading(endpoint, endpoint.database, (db) =>
    db.rows<{ name: string; sizeBytes: bigint }>(sql`
      SELECT datname::text AS name, pg_database_size(oid) AS "sizeBytes"
      FROM pg_catalog.pg_database
      WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres'
      ORDER BY datname
    `),
  )
  const markers: (Environment | undefined)[] = []
  for (const { name } of databases) markers.push(await reading(endpoint, name, readEnvironment))
  const environment = BY_STRICTNESS.find((candidate) => markers.includes(candidate))
  return { databases, ...(environment === undefined ? {} : { environment }) }
}

async function reading<T>(endpoint: Endpoint, database: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await connect(
    { ...endpoint, database },
    { applicationName: 'steward:server destroy', readOnly: true, statementTimeoutMs: 30_000, poolSize: 1 },
  )
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}
