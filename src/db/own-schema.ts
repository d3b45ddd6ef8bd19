/** Whether Steward's own tables are there. Reading commands cope without them; writing ones say what to run. */
import { STEWARD_SCHEMA } from '../config/config.ts'
import { sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'

/** A table of migrations/steward. */
export type OwnTable =
  | 'environment'
  | 'journal'
  | 'audit_log'
  | 'artifact_tombstones'
  | 'seed_sets'
  | 'leases'
  | 'archive_batches'
  | 'retention_cursors'
  | 'job_runs'
  | 'archived_files'

/** True when the table exists, whether or not this role may read it. */
export async function hasOwnTable(db: Queryable, table: OwnTable): Promise<boolean> {
  // The catalog rather than to_regclass, which fails for a role without USAGE on the schema.
  const found = await db.maybeOne(sql`
    SELECT
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${STEWARD_SCHEMA}
      AND c.relname = ${table}
  `)
  return found !== undefined
}
