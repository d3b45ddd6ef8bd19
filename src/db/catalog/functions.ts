import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { ofItsOwn } from './scope.ts'

/** Functions and procedures of a schema as `name(types of arguments)`, in the order of that text. */
export async function functions(db: Queryable, schema: string): Promise<string[]> {
  const rows = await db.rows<{ signature: string }>(sql`
    SELECT p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS signature
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = ${schema}
      AND ${ofItsOwn('pg_proc', sql`p.oid`)}
    ORDER BY signature
  `)
  return rows.map(({ signature }) => signature)
}
