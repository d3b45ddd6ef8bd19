import { sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'

export interface CatalogTrigger {
  readonly table: string
  readonly name: string
  /** Whether it fires in an ordinary session: not when it is disabled or for replicas only. */
  readonly enabled: boolean
}

/** Triggers that someone created, by table and name; those behind constraints and of partitions are left out. */
export function triggers(db: Queryable, schema: string): Promise<CatalogTrigger[]> {
  return db.rows<CatalogTrigger>(sql`
    SELECT c.relname AS "table", t.tgname AS name, t.tgenabled IN ('O', 'A') AS enabled
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND NOT t.tgisinternal
      AND NOT c.relispartition
    ORDER BY c.relname, t.tgname
  `)
}
