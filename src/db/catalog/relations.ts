import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { notOfExtension } from './scope.ts'

export interface CatalogRelation {
  readonly name: string
  readonly kind: 'table' | 'view' | 'materialized view' | 'foreign table' | 'composite type' | 'sequence'
  /** Partition key of a partitioned table as `pg_get_partkeydef` prints it: `RANGE (created_at)`. */
  readonly partitionedBy: string | null
}

/**
 * Everything of a schema that has a row in pg_class, by name. Indexes, TOAST tables, partitions and the sequences of
 * identity columns belong to a table: a partitioned one is one table.
 */
export function relations(db: Queryable, schema: string): Promise<CatalogRelation[]> {
  return db.rows<CatalogRelation>(sql`
    SELECT c.relname AS name,
           CASE c.relkind
             WHEN 'r' THEN 'table'
             WHEN 'p' THEN 'table'
             WHEN 'v' THEN 'view'
             WHEN 'm' THEN 'materialized view'
             WHEN 'f' THEN 'foreign table'
             WHEN 'c' THEN 'composite type'
             WHEN 'S' THEN 'sequence'
             ELSE c.relkind::text
           END AS kind,
           pg_get_partkeydef(c.oid) AS "partitionedBy"
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND c.relkind NOT IN ('i', 'I', 't')
      AND NOT c.relispartition
      -- An identity column owns its sequence as a part of itself; that of a serial column is a thing of its own.
      AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS d
        WHERE c.relkind = 'S'
          AND d.classid = 'pg_catalog.pg_class'::regclass
          AND d.objid = c.oid
          AND d.deptype = 'i'
      )
      AND ${notOfExtension('pg_class', sql`c.oid`)}
    ORDER BY c.relname
  `)
}
