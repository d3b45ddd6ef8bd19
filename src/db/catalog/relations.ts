import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { ofItsOwn } from './scope.ts'

export interface CatalogRelation {
  readonly name: string
  readonly kind: 'table' | 'view' | 'materialized view' | 'foreign table' | 'composite type' | 'sequence'
  /** Partition key of a partitioned table as `pg_get_partkeydef` prints it: `RANGE (created_at)`. */
  readonly partitionedBy: string | null
  /** Whether a partitioned table takes rows that no other partition is for. */
  readonly hasDefaultPartition: boolean
  /** An unlogged table is empty after a crash. */
  readonly persistence: 'permanent' | 'unlogged'
  /** Whether policies decide which rows a role sees. */
  readonly rowSecurity: boolean
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
           pg_get_partkeydef(c.oid) AS "partitionedBy",
           coalesce(p.partdefid <> 0, false) AS "hasDefaultPartition",
           CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END AS persistence,
           c.relrowsecurity AS "rowSecurity"
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
    WHERE n.nspname = ${schema}
      AND c.relkind NOT IN ('i', 'I', 't')
      AND NOT c.relispartition
      -- An identity column owns its sequence as a part of itself; that of a serial column is a thing of its own.
      AND ${ofItsOwn('pg_class', sql`c.oid`)}
    ORDER BY c.relname
  `)
}
