import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { columnNames, type Deferrability, deferrability, type Validity, validity } from './scope.ts'

export interface CatalogConstraint {
  readonly table: string
  readonly name: string
  readonly kind: 'primary key' | 'unique' | 'check' | 'exclusion'
  readonly columns: readonly string[]
  /** Condition of a check as `pg_get_expr` prints it. */
  readonly expression: string | null
  readonly deferrability: Deferrability
  readonly validity: Validity
}

/**
 * Constraints of a schema's tables, without foreign keys; partitions have those of their table. NOT NULL constraints
 * have rows of their own since PostgreSQL 18, but are a property of columns.
 */
export function constraints(db: Queryable, schema: string): Promise<CatalogConstraint[]> {
  return db.rows<CatalogConstraint>(sql`
    SELECT c.relname AS "table",
           k.conname AS name,
           CASE k.contype
             WHEN 'p' THEN 'primary key'
             WHEN 'u' THEN 'unique'
             WHEN 'c' THEN 'check'
             ELSE 'exclusion'
           END AS kind,
           ${columnNames(sql`k.conrelid`, sql`k.conkey`)} AS columns,
           pg_get_expr(k.conbin, k.conrelid) AS expression,
           ${deferrability} AS deferrability,
           ${validity} AS validity
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND k.contype IN ('p', 'u', 'c', 'x')
      AND NOT c.relispartition
    ORDER BY c.relname, k.conname
  `)
}
