import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { ofItsOwn } from './scope.ts'

export interface CatalogView {
  readonly name: string
  readonly materialized: boolean
  /** As `pg_get_viewdef` prints it, without the semicolon at its end. */
  readonly definition: string
}

/** Views of a schema by name. */
export function views(db: Queryable, schema: string): Promise<CatalogView[]> {
  return db.rows<CatalogView>(sql`
    SELECT c.relname AS name,
           c.relkind = 'm' AS materialized,
           rtrim(btrim(pg_get_viewdef(c.oid)), ';') AS definition
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('v', 'm')
      AND ${ofItsOwn('pg_class', sql`c.oid`)}
    ORDER BY c.relname
  `)
}
