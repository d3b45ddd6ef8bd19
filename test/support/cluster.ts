/** The one PostgreSQL cluster of a test run: throwaway, nothing waits for the disk, shared by all workers. */
import { Client } from 'pg'
import type { Endpoint } from '../../src/config/config.ts'
import { type EmbeddedServer, serverIn } from '../../src/server/embedded.ts'

/** The cluster in a directory; nothing is started yet. */
export function clusterIn(home: string): EmbeddedServer {
  return serverIn(home, {
    durable: false,
    settings: {
      // Few processes and quick checkpoints: each CREATE DATABASE asks for one.
      io_method: 'sync',
      max_worker_processes: '4',
      max_parallel_workers: '2',
      // Two files at once that let fifty sessions race, each with the connections of its tests beside them.
      max_connections: '250',
      checkpoint_timeout: '1h',
      max_wal_size: '4GB',
      // Tests decide themselves when a table is vacuumed or analysed.
      autovacuum: 'off',
      log_min_messages: 'fatal',
      log_min_error_statement: 'panic',
    },
  })
}

/** Runs `work` with a plain connection to one of the cluster's databases, closed again at the end. */
export async function withClient<T>(
  endpoint: Endpoint,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { host, port, user, password } = endpoint
  const client = new Client({ host, port, user, database, ...(password === undefined ? {} : { password }) })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
