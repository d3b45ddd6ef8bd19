import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { ofItsOwn } from './scope.ts'

export interface CatalogType {
  readonly name: string
  readonly kind: 'enum' | 'domain' | 'range' | 'multirange' | 'pseudo-type'
  /** Of an enum, in their order; empty for other kinds. */
  readonly labels: readonly string[]
}

/** Types of a schema, by name, without those that come with a table, and without base types and arrays. */
export function types(db: Queryable, schema: string): Promise<CatalogType[]> {
  return db.rows<CatalogType>(sql`
    SELECT t.typname AS name,
           CASE t.typtype
             WHEN 'e' THEN 'enum'
             WHEN 'd' THEN 'domain'
             WHEN 'r' THEN 'range'
             WHEN 'm' THEN 'multirange'
             ELSE 'pseudo-type'
           END AS kind,
           ARRAY(
             SELECT e.enumlabel::text
             FROM pg_catalog.pg_enum AS e
             WHERE e.enumtypid = t.oid
             ORDER BY e.enumsortorder
           ) AS labels
    FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname = ${schema}
      AND t.typtype NOT IN ('b', 'c')
      AND ${ofItsOwn('pg_type', sql`t.oid`)}
    ORDER BY t.typname
  `)
}
