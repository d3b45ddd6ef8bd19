import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { notOfExtension } from './scope.ts'

export interface CatalogRelation {
  readonly name: string
  readonly kind:
    | 'table'
    | 'partitioned table'
    | 'partitioned index'
    | 'view'
    | 'materialized view'
    | 'foreign table'
    | 'composite type'
    | 'sequence'
}

/** Everything of a schema that has a row in pg_class, by name; ordinary indexes and TOAST tables are their table's. */
export function relations(db: Queryable, schema: string): Promise<CatalogRelation[]> {
  return db.rows<CatalogRelation>(sql`
    SELECT c.relname AS name,
           CASE c.relkind
             WHEN 'r' THEN 'table'
             WHEN 'p' THEN 'partitioned table'
             WHEN 'I' THEN 'partitioned index'
             WHEN 'v' THEN 'view'
             WHEN 'm' THEN 'materialized view'
             WHEN 'f' THEN 'foreign table'
             WHEN 'c' THEN 'composite type'
             WHEN 'S' THEN 'sequence'
             ELSE c.relkind::text
           END AS kind
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND c.relkind NOT IN ('i', 't')
      AND ${notOfExtension('pg_class', sql`c.oid`)}
    ORDER BY c.relname
  `)
}
