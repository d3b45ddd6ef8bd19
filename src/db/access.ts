/** What this connection is and may do: facts for `config check`, read from the server without touching a table. */
import { type Sql, sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'

export interface ServerFacts {
  readonly version: string
  readonly user: string
  readonly superuser: boolean
  readonly may_create_schema: boolean
  /** A standby refuses every change. */
  readonly standby: boolean
  /** TLS version of this connection as the server sees it (the pooler's, where one stands between); null in the clear. */
  readonly tls: string | null
  /** Tells one running server from another. */
  readonly started_at: string
}

export function serverFacts(db: Queryable): Promise<ServerFacts> {
  return db.one<ServerFacts>(sql`
    SELECT current_setting('server_version') AS version,
           current_user AS "user",
           r.rolsuper AS superuser,
           has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
           pg_is_in_recovery() AS standby,
           (SELECT CASE WHEN s.ssl THEN s.version END FROM pg_catalog.pg_stat_ssl AS s WHERE s.pid = pg_backend_pid()) AS tls,
           pg_postmaster_start_time() AS started_at
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname = current_user
  `)
}

export interface SchemaAccess {
  readonly schema: string
  readonly tables: number
  /** What the role cannot do: `USAGE on the schema`, `SELECT on 3 tables`. */
  readonly missing: readonly string[]
}

/** Privileges on the schema's tables; undefined when there is no such schema. */
export async function schemaAccess(db: Queryable, schema: string): Promise<SchemaAccess | undefined> {
  const denied = (privilege: string): Sql => sql`
    count(c.oid) FILTER (WHERE NOT has_table_privilege(c.oid, ${privilege}))::integer`
  const row = await db.maybeOne<{ usage: boolean; tables: number; denied: number[] }>(sql`
    SELECT has_schema_privilege(n.oid, 'USAGE') AS usage,
           count(c.oid)::integer AS tables,
           ARRAY[${denied('SELECT')}, ${denied('INSERT')}, ${denied('UPDATE')}, ${denied('DELETE')}] AS denied
    FROM pg_catalog.pg_namespace AS n
    LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
    WHERE n.nspname = ${schema}
    GROUP BY n.oid
  `)
  if (row === undefined) return undefined
  const privileges = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'].flatMap((privilege, index) => {
    const count = row.denied[index] ?? 0
    return count === 0 ? [] : [`${privilege} on ${count === row.tables ? 'all' : count} of ${row.tables} tables`]
  })
  return { schema, tables: row.tables, missing: [...(row.usage ? [] : ['USAGE on the schema']), ...privileges] }
}
